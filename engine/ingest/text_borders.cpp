// Borders by white space and punctuation. Rules look at most a line ahead and a word behind, so an edit moves no distant
// border.
#include "engine/ingest/text_borders.h"

#include <algorithm>
#include <array>
#include <string>

#include "engine/ingest/utf8.h"

namespace engine {
namespace {

/// A longer first line of a section is text, not a heading.
constexpr std::size_t kMaxHeadingBytes = 200;

bool isAsciiLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool isAsciiDigit(char c) { return c >= '0' && c <= '9'; }

/// 。！？ and their half-width forms end a sentence with no space behind them.
bool endsSentenceAlone(char32_t value) {
    return value == 0x3002 || value == 0xFF01 || value == 0xFF1F || value == 0xFF0E || value == 0xFF61;
}

bool isClosing(char32_t value) {
    return value == ')' || value == ']' || value == '}' || value == '"' || value == '\'' || value == 0x2019 ||
           value == 0x201D || value == 0xBB || value == 0x300D || value == 0x300F || value == 0xFF09 || value == 0x3011;
}

/// The code point that ends at `end`, not going before `begin`.
CodePoint codePointBefore(std::string_view text, std::size_t begin, std::size_t end) {
    std::size_t at = end - 1;
    while (at > begin && end - at < 4 && (static_cast<std::uint8_t>(text[at]) & 0xC0) == 0x80)
        --at;
    const CodePoint point = codePointAt(text, at);
    return at + static_cast<std::size_t>(point.bytes) == end ? point : CodePoint();
}

bool isAbbreviation(std::string_view word) {
    static constexpr std::array<std::string_view, 30> kWords{
        "al", "approx", "cf", "ch",  "chap", "co", "dr",  "e.g", "ed", "eq",   "eqs", "fig", "figs", "i.e", "inc",
        "jr", "ltd",    "mr", "mrs", "ms",   "no", "nos", "p",   "pp", "prof", "sec", "sr",  "st",   "vol", "vs"};
    if (word.size() == 1)
        return isAsciiLetter(word[0]);
    std::string folded(word.substr(0, 7));
    for (char& c : folded)
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    return std::find(kWords.begin(), kWords.end(), folded) != kWords.end();
}

/// Whether the text of the piece from `begin` to `end` ends a sentence when `next` follows it behind white space.
bool endsSentence(std::string_view text, std::size_t begin, std::size_t end, char next) {
    while (end > begin) {
        const CodePoint point = codePointBefore(text, begin, end);
        if (!isClosing(point.value))
            break;
        end -= static_cast<std::size_t>(point.bytes);
    }
    if (end == begin)
        return false;
    const CodePoint last = codePointBefore(text, begin, end);
    if (endsSentenceAlone(last.value) || last.value == '!' || last.value == '?' || last.value == 0x2026)
        return !(next >= 'a' && next <= 'z');
    if (last.value != '.' || (next >= 'a' && next <= 'z'))
        return false;
    std::size_t word = end - 1;
    while (word > begin && text[word - 1] != ' ' && text[word - 1] != '\n' && text[word - 1] != '(' &&
           text[word - 1] != '\t')
        --word;
    const std::string_view body = text.substr(word, end - 1 - word);
    const bool listNumber = word == begin && std::all_of(body.begin(), body.end(), isAsciiDigit);
    return !listNumber && !isAbbreviation(body);
}

/// Cuts as it walks along the text.
class BorderFinder {
public:
    BorderFinder(std::string_view text, std::span<const std::size_t> sections) : m_text(text), m_sections(sections) {}

    std::vector<TextPiece> find() {
        for (std::size_t at = 0; at < m_text.size();) {
            const CodePoint point = codePointAt(m_text, at);
            const std::size_t next = at + static_cast<std::size_t>(point.bytes);
            if (isWhiteSpace(point.value)) {
                m_afterSpace = true;
                m_newlines += point.value == '\n';
            } else {
                if (m_afterSpace)
                    startWord(at);
                else if (m_sentenceOver && !isClosing(point.value) && !endsSentenceAlone(point.value))
                    cut(at, Border::Sentence);
                m_sentenceOver = endsSentenceAlone(point.value) || (m_sentenceOver && isClosing(point.value));
                m_afterSpace = false;
                m_newlines = 0;
                m_pieces.back().end = next;
            }
            at = next;
        }
        return std::move(m_pieces);
    }

private:
    /// The first character after white space stands at `at`.
    void startWord(std::size_t at) {
        bool section = false;
        while (m_section < m_sections.size() && m_sections[m_section] <= at) {
            section = true;
            ++m_section;
        }
        if (m_pieces.empty() && !section) {
            cut(at, Border::Section);
            return;
        }
        if (section) {
            m_headingEnd = at + std::min(m_text.size() - at, kMaxHeadingBytes);
            m_headingEnd = std::min(m_text.find('\n', at), m_headingEnd + 1);
            m_inHeading = m_headingEnd <= at + kMaxHeadingBytes;
            cut(at, Border::Section);
            return;
        }
        const TextPiece& piece = m_pieces.back();
        if (m_newlines >= 2)
            cut(at, Border::Paragraph);
        else if (endsSentence(m_text, piece.begin, piece.end, m_text[at]))
            cut(at, Border::Sentence);
        else if (m_newlines == 1)
            cut(at, startsListItem(m_text.substr(at, 8)) ? Border::Sentence : Border::Line);
    }

    void cut(std::size_t at, Border border) {
        if (m_inHeading && border != Border::Section) {
            m_inHeading = at < m_headingEnd;
            border = Border::Word;
        }
        m_pieces.push_back({at, at, border});
    }

    std::string_view m_text;
    std::span<const std::size_t> m_sections;
    std::vector<TextPiece> m_pieces;
    std::size_t m_section = 0;     // first of m_sections not passed
    std::size_t m_headingEnd = 0;  // newline behind the heading
    bool m_inHeading = false;
    bool m_sentenceOver = false;  // the last characters ended a sentence that needs no space
    bool m_afterSpace = true;
    int m_newlines = 0;  // in the white space just passed
};

}  // namespace

bool startsListItem(std::string_view line) {
    for (const std::string_view bullet : {"- ", "* ", "+ ", "• ", "– ", "◦ ", "▪ "})
        if (line.starts_with(bullet))
            return true;
    std::size_t digits = 0;
    while (digits < line.size() && digits < 4 && isAsciiDigit(line[digits]))
        ++digits;
    return digits > 0 && digits + 1 < line.size() && (line[digits] == '.' || line[digits] == ')') && line[digits + 1] == ' ';
}

std::vector<TextPiece> cutAtBorders(std::string_view text, std::span<const std::size_t> sections) {
    return BorderFinder(text, sections).find();
}

std::vector<TextPiece> cutAtWords(std::string_view text, const TextPiece& piece, int greatestCharacters) {
    std::vector<TextPiece> words;
    bool space = true;
    int characters = 0;
    for (std::size_t at = piece.begin; at < piece.end;) {
        const CodePoint point = codePointAt(text, at);
        const std::size_t next = std::min(piece.end, at + static_cast<std::size_t>(point.bytes));
        if (isWhiteSpace(point.value)) {
            space = true;
        } else {
            if (space || characters >= greatestCharacters) {
                words.push_back({at, at, words.empty() ? piece.before : Border::Word});
                characters = 0;
            }
            space = false;
            ++characters;
            words.back().end = next;
        }
        at = next;
    }
    return words;
}

}  // namespace engine
