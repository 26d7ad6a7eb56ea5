// Special pieces as a trie over bytes.
#include "engine/model/special_pieces.h"

namespace engine {

SpecialPieces::SpecialPieces(const std::vector<std::pair<std::string, TokenId>>& pieces) {
    for (const auto& [text, id] : pieces) {
        if (text.empty())
            continue;
        std::uint32_t node = 0;
        for (const char c : text) {
            const std::uint64_t edge = (static_cast<std::uint64_t>(node) << 8) | static_cast<unsigned char>(c);
            const auto [child, inserted] = m_children.try_emplace(edge, static_cast<std::uint32_t>(m_ids.size()));
            if (inserted)
                m_ids.push_back(kNone);
            node = child->second;
        }
        if (m_ids[node] == kNone)
            m_ids[node] = id;
    }
}

std::optional<SpecialPieces::Match> SpecialPieces::find(std::string_view text, std::size_t from) const {
    if (m_children.empty())
        return std::nullopt;
    for (std::size_t begin = from; begin < text.size(); ++begin) {
        std::optional<Match> longest;
        std::uint32_t node = 0;
        for (std::size_t i = begin; i < text.size(); ++i) {
            const std::uint64_t edge = (static_cast<std::uint64_t>(node) << 8) | static_cast<unsigned char>(text[i]);
            const auto child = m_children.find(edge);
            if (child == m_children.end())
                break;
            node = child->second;
            if (m_ids[node] != kNone)
                longest = Match{begin, i + 1 - begin, m_ids[node]};
        }
        if (longest)
            return longest;
    }
    return std::nullopt;
}

}  // namespace engine
