// Hyper-parameters from a config.json.
#pragma once

#include <string_view>
#include <vector>

#include "engine/model/model_config.h"
#include "engine/types.h"

namespace engine {

struct JsonConfig {
    ModelConfig model;
    std::vector<TokenId> endIds;  // `eos_token_id`, one or several; not yet checked against the vocabulary
};

/// Errors: Refused, Unsupported, with the field's name.
Result<JsonConfig> readJsonConfig(std::string_view text);

}  // namespace engine
