// The pieces that stand for themselves in a prompt, such as "<|im_end|>", and the search for them in text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/model/vocabulary.h"

namespace engine {

/// Constant after construction; thread-safe.
class SpecialPieces {
public:
    struct Match {
        std::size_t begin = 0;
        std::size_t bytes = 0;
        TokenId id = 0;
    };

    SpecialPieces() = default;
    /// Texts and ids; an empty text is never found, of equal texts the first is.
    explicit SpecialPieces(const std::vector<std::pair<std::string, TokenId>>& pieces);

    /// The leftmost piece at or after `from`; of those that start there the longest. At most kLongestBytes steps a byte of
    /// text.
    std::optional<Match> find(std::string_view text, std::size_t from) const;

    /// Longer special pieces are refused, so that a search stays linear.
    static constexpr std::size_t kLongestBytes = 512;

private:
    static constexpr TokenId kNone = -1;
    std::unordered_map<std::uint64_t, std::uint32_t> m_children;  // (node << 8 | byte) → node; node 0 is the root
    std::vector<TokenId> m_ids{kNone};                            // by node: the piece that ends there
};

}  // namespace engine
