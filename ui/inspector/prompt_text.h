// A prompt's tokens as one text: which characters belong to which token, word, sentence and chunk.
#pragma once

#include <QString>
#include <vector>

#include "engine/trace.h"

namespace ui {

enum class Granularity { Token, Word, Sentence, Chunk };

/// Constant after construction. A *cell* is the smallest run of tokens that holds whole characters: nearly always one token; where a
/// character's bytes are cut between tokens, all of them. Cells follow each other without gap, in text and in tokens.
class PromptText {
public:
    PromptText() = default;
    explicit PromptText(const engine::BlendTrace& trace);

    const QString& text() const { return m_text; }
    int tokens() const { return static_cast<int>(m_cellOfToken.size()); }
    int cells() const { return static_cast<int>(m_cellBegin.size()) - 1; }
    /// Characters (UTF-16 units) of text(): [cellBegin(c), cellBegin(c + 1)).
    int cellBegin(int cell) const { return m_cellBegin[static_cast<std::size_t>(cell)]; }
    int firstToken(int cell) const { return m_firstToken[static_cast<std::size_t>(cell)]; }
    int cellOfToken(int token) const { return m_cellOfToken[static_cast<std::size_t>(token)]; }
    /// The cell that holds a character.
    int cellAt(int character) const;
    QString cellText(int cell) const { return m_text.mid(cellBegin(cell), cellBegin(cell + 1) - cellBegin(cell)); }

    /// Segments in order, then the suffix. Segment s holds tokens [segmentToken(s), segmentToken(s + 1)).
    int segments() const { return static_cast<int>(m_segmentToken.size()) - 1; }
    int segmentToken(int segment) const { return m_segmentToken[static_cast<std::size_t>(segment)]; }
    int segmentOfToken(int token) const;

    /// [cells()]: consecutive numbers; cells with the same number make one word, sentence or chunk. No unit crosses a segment.
    const std::vector<int>& units(Granularity granularity) const { return m_units[static_cast<std::size_t>(granularity)]; }

private:
    void decode(const std::vector<std::string>& pieces);
    void findUnits();

    QString m_text;
    std::vector<int> m_cellBegin = {0};
    std::vector<int> m_firstToken = {0};
    std::vector<int> m_cellOfToken;
    std::vector<int> m_segmentToken = {0};
    std::vector<int> m_units[4];
};

/// One token's bytes for a list: line ends and other controls as visible signs, bytes that are no character as \xNN.
QString visiblePiece(const std::string& piece);

}  // namespace ui
