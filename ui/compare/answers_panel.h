// Answers side by side, aligned word by word: A against B, and each against the full prefill's.
#pragma once

#include <QWidget>
#include <memory>

#include "ui/compare/run_diff.h"

class QComboBox;
class QLabel;
class QPlainTextEdit;

namespace ui {

class Theme;

class AnswersPanel : public QWidget {
    Q_OBJECT

public:
    enum class Offer { BothRuns, AgainstFull };

    /// `AgainstFull` shows one run, B, against its full prefill only.
    AnswersPanel(Theme& theme, QWidget* parent = nullptr, Offer offer = Offer::BothRuns);

    void showDiff(std::shared_ptr<const RunDiff> diff);

private:
    void refresh();

    Theme& m_theme;
    Offer m_offer;
    std::shared_ptr<const RunDiff> m_diff;
    QComboBox* m_pair;
    QLabel* m_verdict;
    QLabel* m_names[2];
    QPlainTextEdit* m_texts[2];
};

}  // namespace ui
