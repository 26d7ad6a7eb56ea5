// Opens GGUF models, in one file or split into several.
#pragma once

#include <memory>
#include <string>

#include "engine/model/weight_file.h"

namespace engine {

/// `path`: the file, or the first of "NAME-00001-of-0000N.gguf". Errors as WeightFile::open.
Result<std::unique_ptr<WeightFile>> openGgufFile(const std::string& path);

}  // namespace engine
