// What a model file is, in words and numbers.
#pragma once

#include <string>

#include "engine/model/weight_file.h"
#include "engine/types.h"

namespace engine {

/// Fills everything that the file's header tells.
ModelInfo describeModel(const WeightFile& weights, const std::string& path, KvDtype kvDtype);

}  // namespace engine
