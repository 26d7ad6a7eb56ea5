// Byte-level BPE inside one word: the table of merges and the merging.
#pragma once

#include <array>
#include <cstdint>
#include <queue>
#include <string_view>
#include <vector>

#include "engine/types.h"

namespace engine {

/// Pairs of ids → rank and merged id. Open addressing; constant once filled.
class MergeTable {
public:
    struct Merge {
        std::int32_t rank = -1;  // −1: the pair does not merge
        TokenId merged = 0;
    };

    explicit MergeTable(std::size_t merges = 0);

    /// Of equal pairs the first stays.
    void add(TokenId left, TokenId right, Merge merge);
    Merge find(TokenId left, TokenId right) const;

private:
    struct Slot {
        std::uint64_t pair = 0;
        Merge merge;
    };
    std::size_t slotOf(std::uint64_t pair) const;

    std::vector<Slot> m_slots;  // a power of two, at most half full
};

/// Stands for the id of a byte that the vocabulary has no piece for.
constexpr TokenId kNoPiece = -1;

/// Merges one word after another; holds scratch memory, so one per call, not shared between threads.
class BpeMerger {
public:
    BpeMerger(const MergeTable& merges, const std::array<TokenId, 256>& byteIds) : m_merges(merges), m_byteIds(byteIds) {}

    /// Appends the word's ids: the lowest rank merges first, of equal ranks the leftmost. O(n log n) in the word's bytes.
    /// Bytes without a piece are left out, and their neighbours may merge, as in the reference tokenizer.
    void append(std::string_view word, TokenIds& ids);

private:
    /// A run of bytes that has become one piece, in a doubly linked list.
    struct Symbol {
        TokenId id = 0;  // kGone once merged into its left neighbour
        std::int32_t previous = 0;
        std::int32_t next = 0;  // −1 at the end
    };
    struct Candidate {
        std::int32_t rank = 0;
        std::int32_t position = 0;  // of the left symbol
        TokenId merged = 0;
        // std::priority_queue puts the greatest first.
        bool operator<(const Candidate& other) const {
            return rank != other.rank ? rank > other.rank : position > other.position;
        }
    };
    static constexpr TokenId kGone = -1;

    void consider(std::int32_t position);

    const MergeTable& m_merges;
    const std::array<TokenId, 256>& m_byteIds;
    std::vector<Symbol> m_symbols;
    std::priority_queue<Candidate> m_candidates;
};

}  // namespace engine
