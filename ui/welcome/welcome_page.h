// The first start: a model, documents, a question; three clicks to the first blended answer.
#pragma once

#include <QWidget>
#include <vector>

#include "ui/theme/theme.h"

class QLabel;
class QPushButton;

namespace ui {

class WelcomePage : public QWidget {
    Q_OBJECT
public:
    WelcomePage(Theme& theme, const QString& defaultModel, bool hasSamples, QWidget* parent = nullptr);

    enum class Step { Model, Documents, Question };
    /// What a person can do next; earlier steps are shown as done.
    void setStep(Step step);
    Step step() const { return m_step; }
    /// A sentence under the step: what is being done, or what went wrong.
    void say(Step step, const QString& sentence);
    void setWorking(bool working);
    static QStringList exampleQuestions();

signals:
    void defaultModelRequested();
    void modelFileRequested();
    void samplesRequested();
    void filesRequested();
    void folderRequested();
    void questionChosen(const QString& question);

protected:
    void showEvent(QShowEvent* event) override;

private:
    struct Row {
        QLabel* number = nullptr;
        QLabel* title = nullptr;
        QLabel* text = nullptr;
        QLabel* state = nullptr;
        std::vector<QPushButton*> buttons;
    };
    QPushButton* button(Row& row, const QString& name, const QString& words, bool primary);
    Row& row(Step step) { return m_rows[static_cast<std::size_t>(step)]; }
    void showStep();
    void dress();

    Theme& m_theme;
    Step m_step = Step::Model;
    bool m_working = false;
    bool m_hasDefaultModel;
    bool m_hasSamples;
    QLabel* m_title;
    QLabel* m_lead;
    std::vector<Row> m_rows;
};

}  // namespace ui
