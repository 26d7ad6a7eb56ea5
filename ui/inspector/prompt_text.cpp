// Joins token bytes to characters, and characters to words and sentences.
#include "ui/inspector/prompt_text.h"

#include <QStringConverter>
#include <QTextBoundaryFinder>
#include <algorithm>

namespace ui {

namespace {

using namespace Qt::StringLiterals;

/// Bytes of the UTF-8 character that starts at `at`; 1 for a byte that starts none.
std::size_t characterBytes(const std::string& bytes, std::size_t at) {
    const auto lead = static_cast<unsigned char>(bytes[at]);
    const std::size_t wanted = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 1;
    if (lead >= 0x80 && (lead < 0xc2 || lead > 0xf4)) {
        return 1;
    }
    for (std::size_t i = 1; i < wanted; ++i) {
        if (at + i >= bytes.size() || (static_cast<unsigned char>(bytes[at + i]) & 0xc0) != 0x80) {
            return 1;
        }
    }
    return wanted;
}

std::vector<int> numbersFrom(const std::vector<bool>& starts) {
    std::vector<int> numbers;
    int number = -1;
    for (const bool start : starts) {
        number += start || number < 0 ? 1 : 0;
        numbers.push_back(number);
    }
    return numbers;
}

}  // namespace

PromptText::PromptText(const engine::BlendTrace& trace) {
    m_segmentToken.clear();
    for (const engine::PlanSegment& segment : trace.segments) {
        m_segmentToken.push_back(segment.position);
    }
    m_segmentToken.push_back(trace.segments.empty() ? 0 : trace.segments.back().position + trace.segments.back().tokens());
    m_segmentToken.push_back(static_cast<int>(trace.pieces.size()));
    decode(trace.pieces);
    findUnits();
}

void PromptText::decode(const std::vector<std::string>& pieces) {
    std::string bytes;
    std::vector<std::size_t> pieceBegin;
    for (const std::string& piece : pieces) {
        pieceBegin.push_back(bytes.size());
        bytes += piece;
    }
    pieceBegin.push_back(bytes.size());

    std::vector<bool> startsCharacter(bytes.size() + 1, false);
    std::vector<int> textAt(bytes.size() + 1, 0);
    for (std::size_t at = 0; at < bytes.size();) {
        const std::size_t count = characterBytes(bytes, at);
        startsCharacter[at] = true;
        textAt[at] = static_cast<int>(m_text.size());
        const auto lead = static_cast<unsigned char>(bytes[at]);
        if (count == 1 && lead >= 0x80) {
            m_text += QChar(QChar::ReplacementCharacter);
        } else {
            m_text += QString::fromUtf8(bytes.data() + at, static_cast<qsizetype>(count));
        }
        at += count;
    }
    startsCharacter[bytes.size()] = true;
    textAt[bytes.size()] = static_cast<int>(m_text.size());

    m_cellBegin.clear();
    m_firstToken.clear();
    for (std::size_t token = 0; token < pieces.size(); ++token) {
        const std::size_t begin = pieceBegin[token];
        if (m_cellBegin.empty() || startsCharacter[begin]) {
            m_cellBegin.push_back(textAt[begin]);
            m_firstToken.push_back(static_cast<int>(token));
        }
        m_cellOfToken.push_back(static_cast<int>(m_cellBegin.size()) - 1);
    }
    m_cellBegin.push_back(static_cast<int>(m_text.size()));
    m_firstToken.push_back(static_cast<int>(pieces.size()));
}

void PromptText::findUnits() {
    const auto count = static_cast<std::size_t>(cells());
    std::vector<bool> word(count, false);
    std::vector<bool> sentence(count, false);
    std::vector<bool> chunk(count, false);
    for (int segment = 0; segment < segments(); ++segment) {
        if (segmentToken(segment) < tokens()) {
            chunk[static_cast<std::size_t>(cellOfToken(segmentToken(segment)))] = true;
        }
    }
    QTextBoundaryFinder sentences(QTextBoundaryFinder::Sentence, m_text);
    for (qsizetype at = 0; at >= 0 && at < m_text.size(); at = sentences.toNextBoundary()) {
        sentence[static_cast<std::size_t>(cellAt(static_cast<int>(at)))] = true;
    }
    for (std::size_t cell = 0; cell < count; ++cell) {
        const QString text = cellText(static_cast<int>(cell));
        const bool afterSpace = cell > 0 && m_cellBegin[cell] > 0 && m_text[m_cellBegin[cell] - 1].isSpace();
        word[cell] = chunk[cell] || afterSpace || (!text.isEmpty() && text.front().isSpace());
        sentence[cell] = sentence[cell] || chunk[cell] || (cell > 0 && m_text[m_cellBegin[cell - 1]] == u'\n');
    }
    auto& tokenUnits = m_units[static_cast<std::size_t>(Granularity::Token)];
    for (int cell = 0; cell < cells(); ++cell) {
        tokenUnits.push_back(cell);
    }
    m_units[static_cast<std::size_t>(Granularity::Word)] = numbersFrom(word);
    m_units[static_cast<std::size_t>(Granularity::Sentence)] = numbersFrom(sentence);
    m_units[static_cast<std::size_t>(Granularity::Chunk)] = numbersFrom(chunk);
}

int PromptText::cellAt(int character) const {
    // Cells without characters lie before the one that has them.
    const auto after = std::upper_bound(m_cellBegin.begin(), m_cellBegin.end() - 1, character);
    return std::max(0, static_cast<int>(after - m_cellBegin.begin()) - 1);
}

int PromptText::segmentOfToken(int token) const {
    const auto after = std::upper_bound(m_segmentToken.begin(), m_segmentToken.end() - 1, token);
    return std::max(0, static_cast<int>(after - m_segmentToken.begin()) - 1);
}

QString visiblePiece(const std::string& piece) {
    QString text;
    for (std::size_t at = 0; at < piece.size();) {
        const std::size_t count = characterBytes(piece, at);
        const auto lead = static_cast<unsigned char>(piece[at]);
        if (count == 1 && lead >= 0x80) {
            text += u"\\x"_s + QString::number(lead, 16);
        } else if (lead == '\n') {
            text += u'↵';
        } else if (lead == '\t') {
            text += u'⇥';
        } else if (lead == ' ') {
            text += u'␣';
        } else if (lead < 0x20) {
            text += QChar(0x2400 + lead);
        } else {
            text += QString::fromUtf8(piece.data() + at, static_cast<qsizetype>(count));
        }
        at += count;
    }
    return text;
}

}  // namespace ui
