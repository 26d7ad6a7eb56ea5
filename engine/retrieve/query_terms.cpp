// Words and CJK bigrams without a Unicode library: what is not punctuation, space or a symbol is part of a word.
#include "engine/retrieve/query_terms.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <unordered_set>

#include "engine/ingest/utf8.h"

namespace engine {
namespace {

constexpr std::size_t kMaxTerms = 32;
/// Longer "words" are encoded data; full text search could not match them usefully.
constexpr std::size_t kMaxTermBytes = 256;

struct Range {
    char32_t first;
    char32_t last;
};

template <std::size_t N>
bool isInside(const std::array<Range, N>& ranges, char32_t value) {
    return std::any_of(ranges.begin(), ranges.end(),
                       [&](const Range& range) { return value >= range.first && value <= range.last; });
}

/// Scripts written without spaces between words (and Hangul, whose particles are glued to words): cut into bigrams.
bool isCjk(char32_t value) {
    static constexpr std::array<Range, 16> kRanges{{{0x1100, 0x11FF},      // Hangul Jamo
                                                    {0x3005, 0x3007},      // iteration mark, closing mark, zero
                                                    {0x3041, 0x309F},      // Hiragana
                                                    {0x30A1, 0x30FA},      // Katakana
                                                    {0x30FC, 0x30FF},      // Katakana's length and iteration marks
                                                    {0x3130, 0x318F},      // Hangul compatibility Jamo
                                                    {0x31F0, 0x31FF},      // Katakana phonetic extensions
                                                    {0x3400, 0x4DBF},      // Han extension A
                                                    {0x4E00, 0x9FFF},      // Han
                                                    {0xA960, 0xA97F},      // Hangul Jamo extended A
                                                    {0xAC00, 0xD7FF},      // Hangul syllables, Jamo extended B
                                                    {0xF900, 0xFAFF},      // Han compatibility
                                                    {0xFF66, 0xFFDC},      // half-width Katakana and Hangul
                                                    {0x1B000, 0x1B16F},    // Kana supplements
                                                    {0x20000, 0x2FA1F},    // Han extensions B–F
                                                    {0x30000, 0x323AF}}};  // Han extensions G, H
    return value >= 0x1100 && isInside(kRanges, value);
}

/// Above ASCII: not a letter, digit or mark. Blocks of punctuation, space and symbols.
bool isSeparatorAboveAscii(char32_t value) {
    static constexpr std::array<Range, 21> kRanges{
        {{0x80, 0xA9},                                              // C1 controls, Latin-1 punctuation (ª stays)
         {0xAB, 0xB4},                                              // (µ stays)
         {0xB6, 0xB9},                                              // (º stays)
         {0xBB, 0xBF},     {0xD7, 0xD7},                            // ×
         {0xF7, 0xF7},                                              // ÷
         {0x1680, 0x1680},                                          // Ogham space
         {0x2000, 0x206F},                                          // general punctuation
         {0x20A0, 0x20CF},                                          // currency
         {0x2190, 0x2BFF},                                          // arrows, mathematics, boxes, symbols
         {0x2E00, 0x2E7F},                                          // supplemental punctuation
         {0x2FF0, 0x3004},                                          // CJK description characters, punctuation
         {0x3008, 0x3020}, {0x3030, 0x3030}, {0x30FB, 0x30FB},      // Katakana middle dot
         {0xFE10, 0xFE1F},                                          // vertical forms
         {0xFE30, 0xFE6F},                                          // compatibility and small forms
         {0xFEFF, 0xFF0F},                                          // byte order mark, full-width punctuation
         {0xFF1A, 0xFF20}, {0xFF3B, 0xFF40}, {0x1F000, 0x1FAFF}}};  // emoji and pictographs
    return isInside(kRanges, value) || (value >= 0xFF5B && value <= 0xFF65) || (value >= 0xE000 && value <= 0xF8FF) ||
           (value >= 0xFFF0 && value <= 0xFFFF);
}

bool isDigit(char32_t value) { return value >= '0' && value <= '9'; }

bool isWordCharacter(char32_t value) {
    if (value < 0x80)
        return isDigit(value) || (value >= 'a' && value <= 'z') || (value >= 'A' && value <= 'Z');
    return !isSeparatorAboveAscii(value);
}

/// Simple case folding of the scripts that have case and are common; full text search folds again by its own tables, so this
/// only decides what counts as the same term.
char32_t folded(char32_t value) {
    const auto within = [&](char32_t first, char32_t last) { return value >= first && value <= last; };
    if (within('A', 'Z') || (within(0xC0, 0xDE) && value != 0xD7) || (within(0x391, 0x3A9) && value != 0x3A2) ||
        within(0x410, 0x42F) || within(0xFF21, 0xFF3A))
        return value + 32;
    if (within(0x400, 0x40F))
        return value + 80;
    if (within(0x531, 0x556))
        return value + 48;
    if (within(0x388, 0x38A))
        return value + 37;
    switch (value) {
        case 0x178:
            return 0xFF;
        case 0x386:
            return 0x3AC;
        case 0x38C:
            return 0x3CC;
        case 0x38E:
            return 0x3CD;
        case 0x38F:
            return 0x3CE;
        case 0x3C2:
            return 0x3C3;  // final sigma
        default:
            break;
    }
    const bool evenIsUpper = (within(0x100, 0x137) && value != 0x130 && value != 0x131) || within(0x14A, 0x177) ||
                             within(0x460, 0x481) || within(0x48A, 0x4BF) || within(0x4D0, 0x52F) ||
                             within(0x1E00, 0x1E95) || within(0x1EA0, 0x1EFF);
    if (evenIsUpper)
        return value | 1;
    const bool oddIsUpper = within(0x139, 0x148) || within(0x179, 0x17E);
    return oddIsUpper && value % 2 == 1 ? value + 1 : value;
}

bool isStopWord(const std::string& word) {
    static constexpr std::array<std::string_view, 82> kWords{
        "a",    "about", "am",    "an",    "and",  "any",   "are",   "as",      "at",     "be",   "been",  "being",
        "by",   "can",   "could", "did",   "do",   "does",  "for",   "from",    "had",    "has",  "have",  "he",
        "her",  "his",   "how",   "i",     "if",   "in",    "into",  "is",      "it",     "its",  "me",    "my",
        "no",   "not",   "of",    "on",    "or",   "our",   "she",   "should",  "so",     "some", "such",  "tell",
        "than", "that",  "the",   "their", "them", "then",  "there", "these",   "they",   "this", "those", "to",
        "us",   "was",   "we",    "were",  "what", "when",  "where", "which",   "who",    "whom", "whose", "why",
        "will", "with",  "would", "you",   "your", "don't", "isn't", "doesn't", "didn't", "can't"};
    return std::find(kWords.begin(), kWords.end(), word) != kWords.end();
}

/// A cut of the text: a maximal run of CJK characters, or a word.
struct Piece {
    std::u32string characters;  // case-folded
    bool cjk = false;
};

/// Whether the mark at `value` joins its neighbours into one word: don't, 4.3.2, 10,000.
bool joinsWord(char32_t value, char32_t before, char32_t after) {
    if (value == '\'' || value == 0x2019)
        return isWordCharacter(before) && isWordCharacter(after) && !isCjk(before) && !isCjk(after);
    return (value == '.' || value == ',') && isDigit(before) && isDigit(after);
}

std::vector<Piece> piecesOf(std::string_view text) {
    std::vector<Piece> pieces;
    Piece piece;
    const auto close = [&] {
        if (!piece.characters.empty())
            pieces.push_back(std::move(piece));
        piece = Piece();
    };
    for (std::size_t at = 0; at < text.size();) {
        const CodePoint point = codePointAt(text, at);
        at += static_cast<std::size_t>(point.bytes);
        const char32_t value = point.value;
        if (point.valid && isWordCharacter(value)) {
            if (piece.cjk != isCjk(value))
                close();
            piece.cjk = isCjk(value);
            piece.characters.push_back(folded(value));
        } else if (!piece.characters.empty() && at < text.size() &&
                   joinsWord(value, piece.characters.back(), codePointAt(text, at).value)) {
            piece.characters.push_back(value == 0x2019 ? U'\'' : value);
        } else {
            close();
        }
    }
    close();
    return pieces;
}

std::string utf8(std::u32string_view characters) {
    std::string text;
    for (const char32_t character : characters)
        appendUtf8(text, character);
    return text;
}

/// "debian's" asks for "debian".
std::string withoutPossessive(std::string word) {
    if (word.size() > 2 && word.ends_with("'s"))
        word.resize(word.size() - 2);
    return word;
}

}  // namespace

std::string searchableText(std::string_view text) {
    std::string searchable;
    searchable.reserve(text.size());
    std::string previous;  // the CJK character before, in UTF-8; empty outside a run
    bool single = false;   // the run has one character so far, not written yet
    const auto closeRun = [&] {
        if (single)
            searchable += previous;
        if (!previous.empty())
            searchable.push_back(' ');
        previous.clear();
        single = false;
    };
    for (std::size_t at = 0; at < text.size();) {
        const CodePoint point = codePointAt(text, at);
        const std::string_view bytes = text.substr(at, static_cast<std::size_t>(point.bytes));
        at += bytes.size();
        if (point.valid && isCjk(point.value)) {
            if (previous.empty()) {
                if (!searchable.empty() && searchable.back() != ' ')
                    searchable.push_back(' ');
                single = true;
            } else {
                if (!single)
                    searchable.push_back(' ');
                searchable += previous;
                searchable += bytes;
                single = false;
            }
            previous = bytes;
            continue;
        }
        closeRun();
        if (point.valid && point.value != 0)
            searchable += bytes;
        else
            searchable.push_back(' ');
    }
    closeRun();
    return searchable;
}

std::vector<std::string> queryTerms(std::string_view question) {
    std::vector<std::string> words;
    std::vector<std::string> stopWords;
    std::unordered_set<std::string> seen;
    const auto add = [&](std::string term) {
        if (term.size() > kMaxTermBytes || !seen.insert(term).second)
            return;
        (isStopWord(term) ? stopWords : words).push_back(std::move(term));
    };
    for (const Piece& piece : piecesOf(question)) {
        if (words.size() >= kMaxTerms)
            break;
        if (!piece.cjk || piece.characters.size() == 1) {
            add(withoutPossessive(utf8(piece.characters)));
            continue;
        }
        for (std::size_t i = 0; i + 1 < piece.characters.size() && words.size() < kMaxTerms; ++i)
            add(utf8(std::u32string_view(piece.characters).substr(i, 2)));
    }
    std::vector<std::string>& terms = words.empty() ? stopWords : words;
    if (terms.size() > kMaxTerms)
        terms.resize(kMaxTerms);
    return std::move(terms);
}

}  // namespace engine
