// Opens folders with config.json, safetensors and a tokenizer, as Hugging Face's transformers saves them.
#pragma once

#include <memory>
#include <string>

#include "engine/model/weight_file.h"

namespace engine {

/// Errors as WeightFile::open.
Result<std::unique_ptr<WeightFile>> openSafetensorsFolder(const std::string& folder);

}  // namespace engine
