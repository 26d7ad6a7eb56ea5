// The head of a safetensors file: u64 length, that many bytes of JSON, then the tensors' data without gaps.
#pragma once

#include <vector>

#include "engine/model/read_only_file.h"
#include "engine/model/stored_tensor.h"
#include "engine/types.h"

namespace engine {

/// Reads and checks the header; the tensors get the index `fileIndex` and offsets from the file's beginning. Errors: IoError,
/// Refused (the rule that is broken, with the tensor), Unsupported (a dtype other than F32, F16, BF16).
Result<std::vector<StoredTensor>> readSafetensorsHeader(const ReadOnlyFile& file, int fileIndex);

}  // namespace engine
