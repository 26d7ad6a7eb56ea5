// Hyper-parameters from a GGUF header.
#pragma once

#include <string_view>
#include <vector>

#include "engine/model/gguf_fields.h"
#include "engine/model/model_config.h"

namespace engine {

/// `pairDivisors`: the values of rope_freqs.weight, empty when the file has none. Keys of the architecture that are not known to
/// leave the computation as it is are refused. Errors: IoError, Refused, Unsupported, each with the key.
Result<ModelConfig> readGgufConfig(GgufFields& fields, std::vector<float> pairDivisors);

}  // namespace engine
