// Two texts aligned word by word.
#pragma once

#include <QString>
#include <vector>

namespace ui {

enum class WordSide { Both, First, Second };

struct WordPiece {
    WordSide side = WordSide::Both;
    // Words with the space after them; equal words may differ in that space. Empty on the side that lacks them.
    QString first;
    QString second;
};

/// Longest common subsequence of words; texts too long for that (some 4 million pairs after common ends are cut) are told apart as a
/// whole between their common ends.
std::vector<WordPiece> diffWords(const QString& first, const QString& second);

}  // namespace ui
