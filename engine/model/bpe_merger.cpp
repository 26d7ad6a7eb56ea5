// Byte-level BPE inside one word, with a heap of candidate merges over a linked list of symbols.
#include "engine/model/bpe_merger.h"

#include <cassert>
#include <limits>

namespace engine {

namespace {

constexpr std::uint64_t kEmptyPair = std::numeric_limits<std::uint64_t>::max();

std::uint64_t pairOf(TokenId left, TokenId right) {
    return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32) | static_cast<std::uint32_t>(right);
}

}  // namespace

MergeTable::MergeTable(std::size_t merges) {
    std::size_t size = 16;
    while (size < 2 * merges)
        size *= 2;
    m_slots.assign(size, Slot{kEmptyPair, {}});
}

std::size_t MergeTable::slotOf(std::uint64_t pair) const {
    // Fibonacci hashing; the high half of the product is mixed best.
    std::size_t slot = static_cast<std::size_t>((pair * 0x9E3779B97F4A7C15ULL) >> 32) & (m_slots.size() - 1);
    while (m_slots[slot].pair != kEmptyPair && m_slots[slot].pair != pair)
        slot = (slot + 1) & (m_slots.size() - 1);
    return slot;
}

void MergeTable::add(TokenId left, TokenId right, Merge merge) {
    Slot& slot = m_slots[slotOf(pairOf(left, right))];
    if (slot.pair == kEmptyPair)
        slot = {pairOf(left, right), merge};
}

MergeTable::Merge MergeTable::find(TokenId left, TokenId right) const { return m_slots[slotOf(pairOf(left, right))].merge; }

void BpeMerger::consider(std::int32_t position) {
    const Symbol& left = m_symbols[static_cast<std::size_t>(position)];
    if (left.next < 0)
        return;
    const MergeTable::Merge merge = m_merges.find(left.id, m_symbols[static_cast<std::size_t>(left.next)].id);
    if (merge.rank >= 0)
        m_candidates.push({merge.rank, position, merge.merged});
}

void BpeMerger::append(std::string_view word, TokenIds& ids) {
    assert(word.size() <= static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()));
    m_symbols.clear();
    for (const char byte : word) {
        const TokenId id = m_byteIds[static_cast<unsigned char>(byte)];
        const auto position = static_cast<std::int32_t>(m_symbols.size());
        if (id != kNoPiece)
            m_symbols.push_back({id, position - 1, position + 1});
    }
    const auto size = static_cast<std::int32_t>(m_symbols.size());
    if (size == 0)
        return;
    m_symbols.back().next = -1;
    for (std::int32_t i = 0; i + 1 < size; ++i)
        consider(i);
    while (!m_candidates.empty()) {
        const Candidate candidate = m_candidates.top();
        m_candidates.pop();
        Symbol& left = m_symbols[static_cast<std::size_t>(candidate.position)];
        if (left.id == kGone || left.next < 0)
            continue;
        Symbol& right = m_symbols[static_cast<std::size_t>(left.next)];
        // A neighbour may have merged since this candidate was noted: then the pair is another one.
        const MergeTable::Merge merge = m_merges.find(left.id, right.id);
        if (merge.rank != candidate.rank)
            continue;
        left.id = candidate.merged;
        left.next = right.next;
        right.id = kGone;
        if (left.next >= 0)
            m_symbols[static_cast<std::size_t>(left.next)].previous = candidate.position;
        consider(candidate.position);
        if (left.previous >= 0)
            consider(left.previous);
    }
    for (std::int32_t i = 0; i >= 0; i = m_symbols[static_cast<std::size_t>(i)].next)
        ids.push_back(m_symbols[static_cast<std::size_t>(i)].id);
}

}  // namespace engine
