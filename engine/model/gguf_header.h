// The head of a GGUF file (version 2 or 3, little-endian): metadata and tensor infos, parsed within fixed bounds.
//
// magic "GGUF", u32 version, u64 tensors, u64 keys; per key: string, u32 type, value; per tensor: string, u32 dimensions, u64
// extents (columns first), u32 type, u64 offset into the data section, which begins at the next multiple of `general.alignment`.
// A string is u64 length and bytes; an array is u32 element type, u64 count and the elements.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/model/read_only_file.h"
#include "engine/model/stored_tensor.h"
#include "engine/types.h"

namespace engine {

/// Types of metadata values, by their number in the file.
enum class GgufType : std::uint32_t {
    Uint8,
    Int8,
    Uint16,
    Int16,
    Uint32,
    Int32,
    Float32,
    Bool,
    String,
    Array,
    Uint64,
    Int64,
    Float64
};

/// A value's place. Strings and arrays stay in the file until someone asks for them, so that a header costs little memory.
struct GgufValue {
    GgufType type = GgufType::Uint8;
    GgufType elementType = GgufType::Uint8;  // of an array
    std::uint64_t count = 0;                 // elements of an array, bytes of a string
    std::uint64_t offset = 0;                // of the first element or byte
    std::uint64_t end = 0;                   // behind the value
    std::uint64_t bits = 0;                  // a scalar's bytes, zero-extended
};

struct GgufHeader {
    std::uint32_t version = 0;
    std::uint64_t alignment = 32;
    std::uint64_t dataOffset = 0;
    std::unordered_map<std::string, GgufValue> values;  // by key
    std::vector<StoredTensor> tensors;                  // in file order; offsets from the file's beginning
};

/// What the headers of one model may still hold, counted down over its split files.
struct GgufBudget {
    std::uint64_t keys = 64 * 1024;
    std::uint64_t tensors = 64 * 1024;
};

/// Reads and checks the header of `file`; its tensors get the index `fileIndex`. Errors: IoError, Refused (the rule that is
/// broken, with the key or tensor), Unsupported (big-endian files, other versions, unknown tensor types).
Result<GgufHeader> readGgufHeader(const ReadOnlyFile& file, int fileIndex, GgufBudget& budget);

}  // namespace engine
