// What tokenizer_config.json says beside a tokenizer's own file.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model/vocabulary.h"

namespace engine {

/// A token added to a trained vocabulary: "<|im_end|>".
struct AddedToken {
    TokenId id = 0;
    std::string text;
    bool special = false;  // a control token; else a text that users may write
};

struct TokenizerConfig {
    std::optional<bool> addBos;
    std::optional<std::string> bos;
    std::optional<std::string> eos;
    std::string chatTemplate;
    std::vector<AddedToken> added;
};

/// An empty text gives an empty configuration. Errors: Refused (not JSON, a field of the wrong type).
Result<TokenizerConfig> readTokenizerConfig(std::string_view json);

/// Puts added tokens into pieces and types: over the piece of that id, or behind the last, without gaps. Errors: Refused (a
/// gap, or an id whose piece has another text).
Status addTokens(std::vector<AddedToken> added, Vocabulary& vocabulary);

/// Sets bos, eos, stopIds (EOS and the tokens known to end a turn) and the template text. Errors: Refused (a token that is
/// no piece).
Status applyTokenizerConfig(const TokenizerConfig& config, Vocabulary& vocabulary);

}  // namespace engine
