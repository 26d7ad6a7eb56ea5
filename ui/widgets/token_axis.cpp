// Keeps the shown stretch inside the prompt.
#include "ui/widgets/token_axis.h"

#include <algorithm>

namespace ui {

void TokenAxis::reset(int count) {
    m_count = count;
    m_begin = 0;
    m_end = count;
    emit changed();
}

void TokenAxis::show(double begin, double end) {
    const double span = std::clamp(end - begin, std::min<double>(kLeastSpan, m_count), static_cast<double>(m_count));
    begin = std::clamp(begin, 0.0, m_count - span);
    if (begin != m_begin || begin + span != m_end) {
        m_begin = begin;
        m_end = begin + span;
        emit changed();
    }
}

void TokenAxis::zoom(double factor, double around) {
    const double wanted = std::clamp(span() * factor, std::min<double>(kLeastSpan, m_count), static_cast<double>(m_count));
    const double share = span() > 0 ? (around - m_begin) / span() : 0.5;
    const double begin = around - share * wanted;
    show(begin, begin + wanted);
}

void TokenAxis::reveal(int token) {
    if (token < m_begin) {
        pan(token - m_begin - span() / 8);
    } else if (token + 1 > m_end) {
        pan(token + 1 - m_end + span() / 8);
    }
}

}  // namespace ui
