// Ask: the question, the plan as it would run, the passages as cards, and the answers.
#pragma once

#include <QWidget>
#include <vector>

#include "ui/query/question_session.h"
#include "ui/query/turn.h"

class QComboBox;
class QLabel;
class QListView;
class QPushButton;
class QScrollArea;
class QSlider;
class QSpinBox;
class QSplitter;
class QToolButton;
class QVBoxLayout;

namespace ui {

class CardList;
class PromptStrip;
class QuestionBox;
class TurnView;

class AskView : public QWidget {
    Q_OBJECT
public:
    AskView(Theme& theme, EngineBridge& bridge, QWidget* parent = nullptr);

    QuestionSession& session() { return m_session; }
    const std::vector<TurnView*>& turns() const { return m_turns; }
    void setQuestion(const QString& question);
    void focusQuestion();
    void newConversation();
    /// Names for the collection box; keeps the choice when it is still there.
    void setCollections(const QStringList& names);
    void chooseCollection(const QString& name);
    void setAnswerLength(int tokens);
    void chooseStrategy(engine::Strategy strategy);
    /// The trace to show elsewhere: the newest answer's.
    std::shared_ptr<const engine::BlendTrace> newestTrace() const;
    void measureNewest();
    void exportAnswers();

signals:
    void documentRequested(engine::DocumentId document, std::int64_t begin, std::int64_t end);
    /// A run has ended, or has been measured: its trace.
    void traceReady(std::shared_ptr<const engine::BlendTrace> trace);
    void inspectRequested();
    void compareRequested();
    void historyChanged();

protected:
    void showEvent(QShowEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

private:
    QWidget* makeQuestionRow();
    QWidget* makePlanRow();
    QWidget* makeAnswers();
    QWidget* makeSources();
    void connectSession();
    void showPlan();
    void showBusy();
    void showRatio();
    void addTurn(const engine::BlendPlan& plan);
    /// Its question again, in its place: of a follow-up, after the same answer.
    void takeBack(const TurnView& turn);
    TurnView* newest() const { return m_turns.empty() ? nullptr : m_turns.back(); }
    void openSegment(const engine::PlanSegment& segment);
    void dress();

    Theme& m_theme;
    EngineBridge& m_bridge;
    QuestionSession m_session;
    std::vector<TurnView*> m_turns;
    TurnView* m_measured = nullptr;  // whose plan is being measured

    QuestionBox* m_question = nullptr;
    QPushButton* m_ask = nullptr;
    QPushButton* m_stop = nullptr;
    QToolButton* m_new = nullptr;
    QComboBox* m_collection = nullptr;
    QComboBox* m_strategy = nullptr;
    QSlider* m_ratio = nullptr;
    QLabel* m_ratioText = nullptr;
    /// A button for a strategy with its ratio, checked while both are chosen.
    struct Preset {
        QToolButton* button;
        engine::Strategy strategy;
        int percent;
    };
    std::vector<Preset> m_presets;
    QSpinBox* m_topK = nullptr;
    QSpinBox* m_length = nullptr;
    QLabel* m_planText = nullptr;
    PromptStrip* m_strip = nullptr;
    QWidget* m_mode = nullptr;  // shown while the next question is a follow-up
    QScrollArea* m_scroll = nullptr;
    QVBoxLayout* m_column = nullptr;
    QLabel* m_empty = nullptr;
    CardList* m_cards = nullptr;
    QLabel* m_sourcesTitle = nullptr;
    QToolButton* m_restore = nullptr;
    QSplitter* m_splitter = nullptr;
};

}  // namespace ui
