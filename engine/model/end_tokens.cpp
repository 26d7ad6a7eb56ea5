// The known ends of text and of turns.
#include "engine/model/end_tokens.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace engine {

void addEndTokens(Vocabulary& vocabulary) {
    constexpr std::array<std::string_view, 5> kEnds = {"<|im_end|>", "<|eot_id|>", "<|end_of_text|>", "<|endoftext|>",
                                                       "</s>"};
    std::vector<TokenId>& stops = vocabulary.stopIds;
    if (vocabulary.eos)
        stops.push_back(*vocabulary.eos);
    for (std::size_t i = 0; i < vocabulary.types.size() && i < vocabulary.pieces.size(); ++i) {
        if (vocabulary.types[i] == PieceType::Control &&
            std::find(kEnds.begin(), kEnds.end(), vocabulary.pieces[i]) != kEnds.end())
            stops.push_back(static_cast<TokenId>(i));
    }
    std::sort(stops.begin(), stops.end());
    stops.erase(std::unique(stops.begin(), stops.end()), stops.end());
}

}  // namespace engine
