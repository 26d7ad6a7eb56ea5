// Where a text may be cut: sections, paragraphs, sentences, lines, words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace engine {

/// How good a place a border is; greater is better.
enum class Border : std::uint8_t { Word, Line, Sentence, Paragraph, Section };

/// A stretch of text without borders inside that matter to its finder; no white space at its edges.
struct TextPiece {
    std::size_t begin = 0;  // bytes, half-open
    std::size_t end = 0;
    Border before = Border::Section;  // the border at `begin`
};

/// Cuts the text at every border down to Line. `sections` = bytes where sections start, ascending. Borders inside a heading
/// and right behind it count as Word only, so that a heading stays with its text. Each border depends on the few bytes
/// around it alone.
std::vector<TextPiece> cutAtBorders(std::string_view text, std::span<const std::size_t> sections);

/// Whether a line starts like a list item: a bullet or a number.
bool startsListItem(std::string_view line);

/// Cuts one piece at its words, and words of more than `greatestCharacters` after that many code points.
std::vector<TextPiece> cutAtWords(std::string_view text, const TextPiece& piece, int greatestCharacters);

}  // namespace engine
