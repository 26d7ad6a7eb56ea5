// The stretch of the prompt that the plots over token positions show; they share one, so that they zoom and pan together.
#pragma once

#include <QObject>

namespace ui {

/// GUI thread only.
class TokenAxis : public QObject {
    Q_OBJECT

public:
    static constexpr double kLeastSpan = 8;  // tokens
    // Where plots over the axis leave room for labels, px.
    static constexpr int kLeftMargin = 64;
    static constexpr int kRightMargin = 80;

    explicit TokenAxis(QObject* parent = nullptr) : QObject(parent) {}

    int count() const { return m_count; }
    double begin() const { return m_begin; }
    double end() const { return m_end; }
    double span() const { return m_end - m_begin; }
    bool isWhole() const { return m_begin <= 0 && m_end >= m_count; }

    /// Shows all of `count` tokens.
    void reset(int count);
    void showAll() { show(0, m_count); }
    /// Shows [begin, end), moved and widened into the prompt.
    void show(double begin, double end);
    /// `factor` < 1 zooms in; the token `around` stays where it is.
    void zoom(double factor, double around);
    void pan(double tokens) { show(m_begin + tokens, m_end + tokens); }
    /// Moves as little as brings the token into sight.
    void reveal(int token);

signals:
    void changed();

private:
    int m_count = 0;
    double m_begin = 0;
    double m_end = 0;
};

}  // namespace ui
