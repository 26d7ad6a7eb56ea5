// Conversations: which caches stay.
#include "engine/session/conversations.h"

#include <algorithm>

namespace engine {
namespace {

auto turnOf(const Conversations::Conversation& conversation, std::uint64_t run) {
    return std::find_if(conversation.turns.begin(), conversation.turns.end(),
                        [&](const Conversations::Turn& turn) { return turn.run == run; });
}

}  // namespace

const Conversations::Turn* Conversations::find(std::uint64_t run) const {
    for (const Conversation& conversation : m_kept)
        if (const auto turn = turnOf(conversation, run); turn != conversation.turns.end())
            return &*turn;
    return nullptr;
}

std::optional<Conversations::Conversation> Conversations::take(std::uint64_t run) {
    for (auto kept = m_kept.begin(); kept != m_kept.end(); ++kept) {
        const auto turn = turnOf(*kept, run);
        if (turn == kept->turns.end())
            continue;
        const auto turns = static_cast<std::size_t>(turn - kept->turns.cbegin()) + 1;
        Conversation taken = std::move(*kept);
        m_kept.erase(kept);
        taken.turns.resize(turns);
        taken.ids.resize(static_cast<std::size_t>(taken.turns.back().cachedTokens));
        return taken;
    }
    return std::nullopt;
}

std::vector<KvCache> Conversations::keep(Conversation conversation) {
    std::vector<KvCache> dropped;
    m_kept.push_back(std::move(conversation));
    const auto bytes = [&] {
        std::uint64_t sum = 0;
        for (const Conversation& kept : m_kept)
            sum += kept.cache.bytes();
        return sum;
    };
    while (m_kept.size() > kMost || (!m_kept.empty() && bytes() > kMostBytes)) {
        dropped.push_back(std::move(m_kept.front().cache));
        m_kept.erase(m_kept.begin());
    }
    return dropped;
}

std::vector<KvCache> Conversations::makeRoom() {
    std::vector<KvCache> dropped;
    while (m_kept.size() >= kMost) {
        dropped.push_back(std::move(m_kept.front().cache));
        m_kept.erase(m_kept.begin());
    }
    return dropped;
}

}  // namespace engine
