// From merges to scores: checks that merges are all pairs, grouped by the piece they make.
#include "engine/model/merge_scores.h"

#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "engine/model/quoted_name.h"
#include "engine/model/unicode_classes.h"

namespace engine {

namespace {

using Ids = std::unordered_map<std::string_view, TokenId>;

/// Merges by ids.
struct IdMerge {
    TokenId left = 0;
    TokenId right = 0;
    TokenId made = 0;
};

std::uint64_t pairOf(TokenId left, TokenId right) {
    return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32) | static_cast<std::uint32_t>(right);
}

std::size_t characters(std::string_view piece) {
    std::size_t count = 0;
    for (std::size_t position = 0; position < piece.size(); ++count)
        position += static_cast<std::size_t>(utf8At(piece, position).bytes);
    return count;
}

/// Ids of the pieces that ordinary text can become.
Ids textPieces(const Vocabulary& vocabulary) {
    Ids ids;
    for (std::size_t i = 0; i < vocabulary.pieces.size(); ++i) {
        if (vocabulary.types[i] == PieceType::Normal)
            ids.try_emplace(vocabulary.pieces[i], static_cast<TokenId>(i));
    }
    return ids;
}

/// By id: single characters, and what merges make of reachable pieces.
std::vector<bool> reachablePieces(const Vocabulary& vocabulary, const std::vector<IdMerge>& merges) {
    std::vector<bool> reachable(vocabulary.pieces.size(), false);
    std::vector<std::vector<std::size_t>> uses(vocabulary.pieces.size());  // by id: merges that need the piece
    for (std::size_t i = 0; i < merges.size(); ++i) {
        uses[static_cast<std::size_t>(merges[i].left)].push_back(i);
        uses[static_cast<std::size_t>(merges[i].right)].push_back(i);
    }
    std::vector<std::size_t> fresh;
    for (std::size_t i = 0; i < vocabulary.pieces.size(); ++i) {
        if (vocabulary.types[i] == PieceType::Normal && characters(vocabulary.pieces[i]) == 1) {
            reachable[i] = true;
            fresh.push_back(i);
        }
    }
    while (!fresh.empty()) {
        const std::size_t piece = fresh.back();
        fresh.pop_back();
        for (const std::size_t index : uses[piece]) {
            const IdMerge& merge = merges[index];
            const auto made = static_cast<std::size_t>(merge.made);
            if (reachable[made] || !reachable[static_cast<std::size_t>(merge.left)] ||
                !reachable[static_cast<std::size_t>(merge.right)])
                continue;
            reachable[made] = true;
            fresh.push_back(made);
        }
    }
    return reachable;
}

/// Every two reachable pieces whose text together is a piece must be a merge.
Status checkComplete(const Vocabulary& vocabulary, const Ids& ids, const std::vector<IdMerge>& merges) {
    const std::vector<bool> reachable = reachablePieces(vocabulary, merges);
    std::unordered_set<std::uint64_t> pairs;
    for (const IdMerge& merge : merges)
        pairs.insert(pairOf(merge.left, merge.right));
    const auto reachableId = [&](std::string_view piece) {
        const auto found = ids.find(piece);
        return found != ids.end() && reachable[static_cast<std::size_t>(found->second)] ? found->second : TokenId{-1};
    };
    for (const auto& [piece, id] : ids) {
        for (std::size_t cut = 0; cut < piece.size();) {
            cut += static_cast<std::size_t>(utf8At(piece, cut).bytes);
            if (cut >= piece.size())
                break;
            const TokenId left = reachableId(piece.substr(0, cut));
            const TokenId right = reachableId(piece.substr(cut));
            if (left >= 0 && right >= 0 && !pairs.contains(pairOf(left, right)))
                return Status(StatusCode::Unsupported,
                              "piece " + quotedName(piece) + " is " + quotedName(piece.substr(0, cut)) + " and " +
                                  quotedName(piece.substr(cut)) +
                                  ", which is no merge; such a list of merges has no SentencePiece equal");
        }
    }
    return Status();
}

}  // namespace

Status scoreByMerges(Vocabulary& vocabulary) {
    const Ids ids = textPieces(vocabulary);
    std::vector<IdMerge> merges;
    merges.reserve(vocabulary.merges.size());
    // Pieces that no merge makes are never chosen for their score.
    std::vector<float> scores(vocabulary.pieces.size(), 0);
    std::vector<bool> scored(vocabulary.pieces.size(), false);
    int group = 0;
    for (std::size_t rank = 0; rank < vocabulary.merges.size(); ++rank) {
        const auto& [left, right] = vocabulary.merges[rank];
        const auto leftId = ids.find(left);
        const auto rightId = ids.find(right);
        const auto made = ids.find(left + right);
        if (leftId == ids.end() || rightId == ids.end() || made == ids.end())
            return Status(StatusCode::Refused, "merge " + std::to_string(rank) + " (" + quotedName(left) + " + " +
                                                   quotedName(right) + ") names a piece that the vocabulary lacks");
        const bool sameGroup = !merges.empty() && merges.back().made == made->second;
        const auto index = static_cast<std::size_t>(made->second);
        if (scored[index] && !sameGroup)
            return Status(StatusCode::Unsupported, "the merges that make " + quotedName(made->first) +
                                                       " do not follow each other; such a list has no SentencePiece equal");
        if (!scored[index]) {
            scored[index] = true;
            scores[index] = static_cast<float>(-++group);
        }
        merges.push_back({leftId->second, rightId->second, made->second});
    }
    if (Status status = checkComplete(vocabulary, ids, merges); !status.ok())
        return status;
    vocabulary.scores = std::move(scores);
    vocabulary.merges.clear();
    return Status();
}

}  // namespace engine
