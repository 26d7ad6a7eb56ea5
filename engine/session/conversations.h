// The KV of the last answers, so that a follow-up question computes only its own tokens.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/kv/kv_cache.h"
#include "engine/types.h"

namespace engine {

/// Bounded: the two last conversations, 512 MiB together. One thread.
class Conversations {
public:
    static constexpr std::size_t kMost = 2;
    static constexpr std::uint64_t kMostBytes = std::uint64_t{512} << 20;

    /// Where an answer ended.
    struct Turn {
        std::uint64_t run = 0;
        int cachedTokens = 0;  // rows of the cache that stand for the prompt and the answer up to here
        TokenIds pending;      // answer tokens whose KV was not computed: the last one, where the length ended the answer
    };
    struct Conversation {
        KvCache cache;
        TokenIds ids;  // of the cache's rows
        std::vector<Turn> turns;
    };

    /// The turn of that run; null when it is not kept (any more).
    const Turn* find(std::uint64_t run) const;
    /// Takes the conversation out, cut back to that turn: what was asked after it is forgotten.
    std::optional<Conversation> take(std::uint64_t run);
    /// Keeps it as the newest. What has to go for it is given back.
    std::vector<KvCache> keep(Conversation conversation);
    /// Makes room for one more: the caches of what had to go.
    std::vector<KvCache> makeRoom();

private:
    std::vector<Conversation> m_kept;  // oldest first
};

}  // namespace engine
