// Common ends are cut off first; answers mostly share their beginning.
#include "ui/compare/word_diff.h"

#include <QStringList>
#include <algorithm>
#include <cstdint>

namespace ui {

namespace {

constexpr std::size_t kMostPairs = 4'000'000;

std::vector<QString> wordsOf(const QString& text) {
    std::vector<QString> words;
    qsizetype begin = 0;
    for (qsizetype at = 0; at < text.size(); ++at) {
        const bool wordEnds = text[at].isSpace() && (at + 1 == text.size() || !text[at + 1].isSpace());
        if (wordEnds) {
            words.push_back(text.mid(begin, at + 1 - begin));
            begin = at + 1;
        }
    }
    if (begin < text.size()) {
        words.push_back(text.mid(begin));
    }
    return words;
}

bool alike(const QString& one, const QString& other) { return one.trimmed() == other.trimmed(); }

void append(std::vector<WordPiece>& pieces, WordSide side, const QString& first, const QString& second) {
    if (pieces.empty() || pieces.back().side != side) {
        pieces.push_back({side, {}, {}});
    }
    pieces.back().first += first;
    pieces.back().second += second;
}

}  // namespace

std::vector<WordPiece> diffWords(const QString& first, const QString& second) {
    const std::vector<QString> a = wordsOf(first);
    const std::vector<QString> b = wordsOf(second);
    std::size_t begin = 0;
    while (begin < a.size() && begin < b.size() && alike(a[begin], b[begin])) {
        ++begin;
    }
    std::size_t endA = a.size();
    std::size_t endB = b.size();
    while (endA > begin && endB > begin && alike(a[endA - 1], b[endB - 1])) {
        --endA;
        --endB;
    }
    std::vector<WordPiece> pieces;
    for (std::size_t i = 0; i < begin; ++i) {
        append(pieces, WordSide::Both, a[i], b[i]);
    }
    const std::size_t rows = endA - begin;
    const std::size_t columns = endB - begin;
    if (rows * columns <= kMostPairs) {
        // common[i][j] = words that a[i…] and b[j…] have in common, in order.
        std::vector<std::uint32_t> common((rows + 1) * (columns + 1), 0);
        const auto at = [&](std::size_t i, std::size_t j) -> std::uint32_t& { return common[i * (columns + 1) + j]; };
        for (std::size_t i = rows; i-- > 0;) {
            for (std::size_t j = columns; j-- > 0;) {
                at(i, j) = alike(a[begin + i], b[begin + j]) ? at(i + 1, j + 1) + 1 : std::max(at(i + 1, j), at(i, j + 1));
            }
        }
        std::size_t i = 0;
        std::size_t j = 0;
        while (i < rows || j < columns) {
            if (i < rows && j < columns && alike(a[begin + i], b[begin + j])) {
                append(pieces, WordSide::Both, a[begin + i], b[begin + j]);
                ++i;
                ++j;
            } else if (i < rows && (j == columns || at(i + 1, j) >= at(i, j + 1))) {
                append(pieces, WordSide::First, a[begin + i++], {});
            } else {
                append(pieces, WordSide::Second, {}, b[begin + j++]);
            }
        }
    } else {
        for (std::size_t i = begin; i < endA; ++i) {
            append(pieces, WordSide::First, a[i], {});
        }
        for (std::size_t j = begin; j < endB; ++j) {
            append(pieces, WordSide::Second, {}, b[j]);
        }
    }
    for (std::size_t i = endA; i < a.size(); ++i) {
        append(pieces, WordSide::Both, a[i], b[endB + i - endA]);
    }
    return pieces;
}

}  // namespace ui
