// Which reader a path needs.
#include "engine/model/weight_file.h"

#include <filesystem>

#include "engine/model/gguf_file.h"
#include "engine/model/safetensors_file.h"
#include "engine/model/synthetic_file.h"

namespace engine {

Result<std::unique_ptr<WeightFile>> WeightFile::open(const std::string& path) {
    if (path.starts_with(kSyntheticPrefix))
        return openSyntheticModel(std::string_view(path).substr(kSyntheticPrefix.size()));
    std::error_code error;
    if (std::filesystem::is_directory(path, error))
        return openSafetensorsFolder(path);
    if (std::filesystem::path(path).extension() == ".safetensors")
        return Status(StatusCode::Unsupported, path +
                                                   ": a safetensors file alone has no hyper-parameters and no tokenizer; "
                                                   "open the folder that holds config.json");
    return openGgufFile(path);
}

}  // namespace engine
