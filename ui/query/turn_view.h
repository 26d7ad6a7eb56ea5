// One question with its answer, its sources as chips, the clock and the counts.
#pragma once

#include <QTextEdit>
#include <QWidget>

#include "ui/query/turn.h"

class QLabel;
class QPushButton;
class QToolButton;

namespace ui {

class FlowLayout;

/// Plain text in the document's type, as high as its text.
class AnswerText : public QTextEdit {
    Q_OBJECT
public:
    explicit AnswerText(Theme& theme, QWidget* parent = nullptr);
    void setText(const QString& text);
    void append(const QString& piece);
    bool hasHeightForWidth() const override { return true; }
    int heightForWidth(int width) const override;
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return {120, sizeHint().height()}; }

protected:
    void resizeEvent(QResizeEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;

private:
    void dress();
    Theme& m_theme;
};

class TurnView : public QWidget {
    Q_OBJECT
public:
    TurnView(Theme& theme, const engine::BlendPlan& plan, QWidget* parent = nullptr);

    const TurnData& data() const { return m_data; }
    void appendText(const QString& piece);
    void showFirstToken(const engine::Timings& timings);
    void showAnswer(const engine::Answer& answer);
    void showFailure(const QString& why);
    /// A measured run of the same plan: the comparison and its trace are taken over.
    void showComparison(const engine::Answer& measured);
    void showMeasuring(bool measuring);
    /// Only the newest turn may be asked again, edited and followed.
    void setNewest(bool newest);

signals:
    void citationActivated(const engine::PlanSegment& segment);
    void againRequested();
    void editRequested();
    void followUpRequested(std::uint64_t run);
    void measureRequested();
    void inspectRequested();
    void compareRequested();
    void exportRequested();

private:
    QToolButton* action(const QString& name, const QString& iconName, const QString& text, const QString& tip);
    void dress();

    Theme& m_theme;
    TurnData m_data;
    QLabel* m_question;
    AnswerText* m_text;
    QLabel* m_state;
    QWidget* m_chips;
    ShareBar* m_clock;
    ShareBar* m_counts;
    QLabel* m_comparison;
    QLabel* m_notes;
    QWidget* m_actions;
    QToolButton* m_again;
    QToolButton* m_edit;
    QToolButton* m_follow;
    QToolButton* m_measure;
    QToolButton* m_inspect;
    QToolButton* m_compare;
    QToolButton* m_export;
    bool m_newest = true;
};

}  // namespace ui
