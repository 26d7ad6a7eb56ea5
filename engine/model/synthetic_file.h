// Models of well-known shapes with made-up weights, in memory: speed depends on shapes, not on what the weights say.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model/weight_file.h"

namespace engine {

/// A path that begins with this names a synthetic model: "synthetic:mistral-7b".
inline constexpr std::string_view kSyntheticPrefix = "synthetic:";

/// Weights in bf16, the same for every call; a token is a byte of text. Errors: NotFound, with the names that there are.
Result<std::unique_ptr<WeightFile>> openSyntheticModel(std::string_view name);

}  // namespace engine
