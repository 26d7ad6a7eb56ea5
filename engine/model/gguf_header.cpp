// The GGUF parser. Order of all checks: first that the bytes are there, then what they say.
#include "engine/model/gguf_header.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <optional>
#include <unordered_set>

#include "engine/model/byte_reader.h"
#include "engine/model/quoted_name.h"

namespace engine {

namespace {

constexpr std::uint64_t kMostStringBytes = 16 << 20;
constexpr std::uint64_t kMostArrayElements = 64 << 20;
constexpr std::uint64_t kMostKeyBytes = 65535;
constexpr std::uint64_t kMostTensorNameBytes = 64;  // the format's own limit
constexpr std::uint64_t kMostAlignment = 1 << 20;
constexpr std::uint32_t kMostDimensions = 4;
// Least bytes of an entry: a key of one byte and a one-byte value; a tensor with a name of one byte and one dimension.
constexpr std::uint64_t kLeastKeyBytes = 8 + 1 + 4 + 1;
constexpr std::uint64_t kLeastTensorBytes = 8 + 1 + 4 + 8 + 4 + 8;

/// Bytes of a scalar, 0 for strings and arrays.
std::uint64_t scalarBytes(GgufType type) {
    switch (type) {
        case GgufType::Uint8:
        case GgufType::Int8:
        case GgufType::Bool:
            return 1;
        case GgufType::Uint16:
        case GgufType::Int16:
            return 2;
        case GgufType::Uint32:
        case GgufType::Int32:
        case GgufType::Float32:
            return 4;
        case GgufType::Uint64:
        case GgufType::Int64:
        case GgufType::Float64:
            return 8;
        case GgufType::String:
        case GgufType::Array:
            return 0;
    }
    return 0;
}

std::optional<WeightType> weightTypeOf(std::uint32_t number) {
    switch (number) {
        case 0:
            return WeightType::F32;
        case 1:
            return WeightType::F16;
        case 2:
            return WeightType::Q4_0;
        case 3:
            return WeightType::Q4_1;
        case 6:
            return WeightType::Q5_0;
        case 7:
            return WeightType::Q5_1;
        case 8:
            return WeightType::Q8_0;
        case 10:
            return WeightType::Q2_K;
        case 11:
            return WeightType::Q3_K;
        case 12:
            return WeightType::Q4_K;
        case 13:
            return WeightType::Q5_K;
        case 14:
            return WeightType::Q6_K;
        case 30:
            return WeightType::Bf16;
        default:
            return std::nullopt;
    }
}

std::string unreadableTypeName(std::uint32_t number) {
    constexpr std::array<std::string_view, 40> kNames = {
        "F32",    "F16",      "Q4_0",     "Q4_1",     "Q4_2",  "Q4_3",  "Q5_0",    "Q5_1",   "Q8_0",    "Q8_1",
        "Q2_K",   "Q3_K",     "Q4_K",     "Q5_K",     "Q6_K",  "Q8_K",  "IQ2_XXS", "IQ2_XS", "IQ3_XXS", "IQ1_S",
        "IQ4_NL", "IQ3_S",    "IQ2_S",    "IQ4_XS",   "I8",    "I16",   "I32",     "I64",    "F64",     "IQ1_M",
        "BF16",   "Q4_0_4_4", "Q4_0_4_8", "Q4_0_8_8", "TQ1_0", "TQ2_0", "",        "",       "",        "MXFP4"};
    const std::string_view name = number < kNames.size() ? kNames[number] : std::string_view();
    return std::to_string(number) + (name.empty() ? "" : " (" + std::string(name) + ")");
}

std::optional<std::uint64_t> product(std::uint64_t a, std::uint64_t b) {
    if (a != 0 && b > std::numeric_limits<std::uint64_t>::max() / a)
        return std::nullopt;
    return a * b;
}

std::optional<std::uint64_t> paddedTo(std::uint64_t value, std::uint64_t alignment) {
    if (value > std::numeric_limits<std::uint64_t>::max() - (alignment - 1))
        return std::nullopt;
    return (value + alignment - 1) & ~(alignment - 1);
}

Status refused(const std::string& message) { return Status(StatusCode::Refused, message); }

class HeaderParser {
public:
    HeaderParser(const ReadOnlyFile& file, int fileIndex, GgufBudget& budget)
        : m_file(file), m_fileIndex(fileIndex), m_budget(budget), m_reader(file, 0, file.size()) {}

    Result<GgufHeader> parse();

private:
    Status parseStart();
    Status parseKey(std::uint64_t index);
    Status parseValue(const std::string& where, GgufValue& value);
    Status parseArray(const std::string& where, GgufValue& value);
    Status parseStrings(const std::string& where, std::uint64_t count);
    Status parseBools(const std::string& where, std::uint64_t count);
    Status checkAlignment();
    Status parseTensor(std::uint64_t index);
    Status parseShape(const std::string& where, StoredTensor& tensor);
    Status placeTensors();
    Status cutOff(const std::string& where) const;

    const ReadOnlyFile& m_file;
    const int m_fileIndex;
    GgufBudget& m_budget;
    ByteReader m_reader;
    GgufHeader m_header;
    std::uint64_t m_keyCount = 0;
    std::uint64_t m_tensorCount = 0;
    std::unordered_set<std::string> m_tensorNames;
};

Status HeaderParser::cutOff(const std::string& where) const {
    if (!m_reader.status().ok())
        return m_reader.status();
    return refused(where + ": the file ends inside it (" + std::to_string(m_file.size()) +
                   " bytes); it is incomplete, download it again");
}

Result<GgufHeader> HeaderParser::parse() {
    if (Status status = parseStart(); !status.ok())
        return status;
    for (std::uint64_t i = 0; i < m_keyCount; ++i) {
        if (Status status = parseKey(i); !status.ok())
            return status;
    }
    if (Status status = checkAlignment(); !status.ok())
        return status;
    m_header.tensors.reserve(static_cast<std::size_t>(m_tensorCount));
    for (std::uint64_t i = 0; i < m_tensorCount; ++i) {
        if (Status status = parseTensor(i); !status.ok())
            return status;
    }
    if (Status status = placeTensors(); !status.ok())
        return status;
    return std::move(m_header);
}

Status HeaderParser::parseStart() {
    std::array<char, 4> magic = {};
    if (!m_reader.number(magic))
        return cutOff("magic number");
    if (std::string_view(magic.data(), magic.size()) != "GGUF")
        return refused("magic number is not \"GGUF\"; this is not a GGUF file");
    if (!m_reader.number(m_header.version))
        return cutOff("version");
    if (m_header.version != 2 && m_header.version != 3) {
        if ((m_header.version & 0xffffU) == 0 && m_header.version != 0)
            return Status(StatusCode::Unsupported, "version is big-endian; only little-endian GGUF files are supported");
        return Status(StatusCode::Unsupported, "GGUF version " + std::to_string(m_header.version) +
                                                   " is not supported (2 and 3 are); convert the model again");
    }
    if (!m_reader.number(m_tensorCount) || !m_reader.number(m_keyCount))
        return cutOff("counts of tensors and keys");
    if (m_keyCount > m_budget.keys)
        return refused("declares " + std::to_string(m_keyCount) + " keys, more than the limit of 65536");
    if (m_tensorCount > m_budget.tensors)
        return refused("declares " + std::to_string(m_tensorCount) + " tensors, more than the limit of 65536");
    const std::uint64_t least = m_keyCount * kLeastKeyBytes + m_tensorCount * kLeastTensorBytes;
    if (least > m_reader.remaining())
        return refused("declares " + std::to_string(m_keyCount) + " keys and " + std::to_string(m_tensorCount) +
                       " tensors, more than its " + std::to_string(m_file.size()) + " bytes can hold");
    m_budget.keys -= m_keyCount;
    m_budget.tensors -= m_tensorCount;
    return {};
}

Status HeaderParser::parseKey(std::uint64_t index) {
    std::string where = "key " + std::to_string(index);
    std::uint64_t length = 0;
    if (!m_reader.number(length))
        return cutOff(where);
    if (length < 1 || length > kMostKeyBytes)
        return refused(where + ": its name has " + std::to_string(length) + " bytes, allowed are 1 to 65535");
    std::string name;
    if (!m_reader.text(length, name))
        return cutOff(where);
    where = "key " + quotedName(name);
    const auto [place, isNew] = m_header.values.try_emplace(std::move(name));
    if (!isNew)
        return refused(where + ": appears twice");
    std::uint32_t type = 0;
    if (!m_reader.number(type))
        return cutOff(where);
    if (type > static_cast<std::uint32_t>(GgufType::Float64))
        return refused(where + ": value type " + std::to_string(type) + " is unknown (0 to 12 exist)");
    place->second.type = static_cast<GgufType>(type);
    return parseValue(where, place->second);
}

Status HeaderParser::parseValue(const std::string& where, GgufValue& value) {
    if (value.type == GgufType::Array) {
        if (Status status = parseArray(where, value); !status.ok())
            return status;
    } else if (value.type == GgufType::String) {
        if (!m_reader.number(value.count))
            return cutOff(where);
        if (value.count > kMostStringBytes)
            return refused(where + ": string of " + std::to_string(value.count) + " bytes, the limit is 16 MiB");
        value.offset = m_reader.position();
        if (!m_reader.skip(value.count))
            return cutOff(where);
    } else {
        value.offset = m_reader.position();
        const auto bytes = static_cast<std::size_t>(scalarBytes(value.type));
        if (!m_reader.bytes(std::as_writable_bytes(std::span(&value.bits, 1)).first(bytes)))
            return cutOff(where);
        if (value.type == GgufType::Bool && value.bits > 1)
            return refused(where + ": boolean is " + std::to_string(value.bits) + ", neither 0 nor 1");
    }
    value.end = m_reader.position();
    return {};
}

Status HeaderParser::parseArray(const std::string& where, GgufValue& value) {
    std::uint32_t elementType = 0;
    if (!m_reader.number(elementType) || !m_reader.number(value.count))
        return cutOff(where);
    if (elementType > static_cast<std::uint32_t>(GgufType::Float64))
        return refused(where + ": array element type " + std::to_string(elementType) + " is unknown (0 to 12 exist)");
    value.elementType = static_cast<GgufType>(elementType);
    if (value.elementType == GgufType::Array)
        return refused(where + ": arrays of arrays are not allowed");
    if (value.count > kMostArrayElements)
        return refused(where + ": array of " + std::to_string(value.count) + " elements, the limit is 67108864");
    // A string has at least its length field. No overflow: the count is below 2^27.
    const std::uint64_t elementBytes = value.elementType == GgufType::String ? 8 : scalarBytes(value.elementType);
    if (value.count * elementBytes > m_reader.remaining())
        return refused(where + ": array of " + std::to_string(value.count) +
                       " elements is longer than the rest of the file");
    value.offset = m_reader.position();
    if (value.elementType == GgufType::String)
        return parseStrings(where, value.count);
    if (value.elementType == GgufType::Bool)
        return parseBools(where, value.count);
    return m_reader.skip(value.count * elementBytes) ? Status() : cutOff(where);
}

Status HeaderParser::parseStrings(const std::string& where, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
        std::uint64_t length = 0;
        if (!m_reader.number(length))
            return cutOff(where);
        if (length > kMostStringBytes)
            return refused(where + ": element " + std::to_string(i) + " is a string of " + std::to_string(length) +
                           " bytes, the limit is 16 MiB");
        if (!m_reader.skip(length))
            return cutOff(where);
    }
    return {};
}

Status HeaderParser::parseBools(const std::string& where, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
        std::uint8_t byte = 0;
        if (!m_reader.number(byte))
            return cutOff(where);
        if (byte > 1)
            return refused(where + ": element " + std::to_string(i) + ": boolean is " + std::to_string(byte) +
                           ", neither 0 nor 1");
    }
    return {};
}

Status HeaderParser::checkAlignment() {
    const auto found = m_header.values.find("general.alignment");
    if (found == m_header.values.end())
        return {};
    if (found->second.type != GgufType::Uint32)
        return refused("key 'general.alignment': must be of type uint32");
    m_header.alignment = found->second.bits;
    if (!std::has_single_bit(m_header.alignment) || m_header.alignment > kMostAlignment)
        return refused("key 'general.alignment': " + std::to_string(m_header.alignment) +
                       " is not a power of two of at most 1 MiB");
    return {};
}

Status HeaderParser::parseTensor(std::uint64_t index) {
    std::string where = "tensor " + std::to_string(index);
    StoredTensor tensor;
    tensor.file = m_fileIndex;
    std::uint64_t length = 0;
    if (!m_reader.number(length))
        return cutOff(where);
    if (length < 1 || length > kMostTensorNameBytes)
        return refused(where + ": its name has " + std::to_string(length) + " bytes, allowed are 1 to 64");
    if (!m_reader.text(length, tensor.name))
        return cutOff(where);
    where = "tensor " + quotedName(tensor.name);
    if (!m_tensorNames.insert(tensor.name).second)
        return refused(where + ": appears twice");
    if (Status status = parseShape(where, tensor); !status.ok())
        return status;
    if (!m_reader.number(tensor.offset))
        return cutOff(where);
    m_header.tensors.push_back(std::move(tensor));
    return {};
}

Status HeaderParser::parseShape(const std::string& where, StoredTensor& tensor) {
    std::uint32_t dimensions = 0;
    if (!m_reader.number(dimensions))
        return cutOff(where);
    if (dimensions < 1 || dimensions > kMostDimensions)
        return refused(where + ": has " + std::to_string(dimensions) + " dimensions, allowed are 1 to 4");
    std::uint64_t elements = 1;
    for (std::uint32_t i = 0; i < dimensions; ++i) {
        std::uint64_t extent = 0;
        if (!m_reader.number(extent))
            return cutOff(where);
        if (extent < 1 || extent > static_cast<std::uint64_t>(std::numeric_limits<int>::max()))
            return refused(where + ": dimension " + std::to_string(i) + " is " + std::to_string(extent) +
                           ", allowed are 1 to 2147483647");
        const std::optional<std::uint64_t> next = product(elements, extent);
        if (!next)
            return refused(where + ": the product of its dimensions overflows");
        elements = *next;
        tensor.shape.insert(tensor.shape.begin(), static_cast<std::int64_t>(extent));
    }
    std::uint32_t type = 0;
    if (!m_reader.number(type))
        return cutOff(where);
    const std::optional<WeightType> weightType = weightTypeOf(type);
    if (!weightType)
        return Status(StatusCode::Unsupported, where + ": tensor type " + unreadableTypeName(type) +
                                                   " is not supported; take another quantisation of the model (Q4_1, "
                                                   "Q4_K, Q5_K, Q6_K, Q8_0, F16, BF16, …)");
    tensor.type = *weightType;
    const auto blockElements = static_cast<std::uint64_t>(weightBlockElements(tensor.type));
    if (static_cast<std::uint64_t>(tensor.shape.back()) % blockElements != 0)
        return refused(where + ": row length " + std::to_string(tensor.shape.back()) + " is not a multiple of the " +
                       std::to_string(blockElements) + " elements of a " + std::string(weightTypeName(tensor.type)) +
                       " block");
    const std::optional<std::uint64_t> bytes =
        product(elements / blockElements, static_cast<std::uint64_t>(weightBlockBytes(tensor.type)));
    if (!bytes)
        return refused(where + ": its size in bytes overflows");
    tensor.bytes = *bytes;
    return {};
}

/// Turns offsets into the data section into offsets into the file.
Status HeaderParser::placeTensors() {
    const std::optional<std::uint64_t> begin = paddedTo(m_reader.position(), m_header.alignment);
    if (!begin || (*begin > m_file.size() && !m_header.tensors.empty()))
        return refused("the file ends before its data section; it is incomplete, download it again");
    m_header.dataOffset = *begin;
    const std::uint64_t dataBytes = m_header.tensors.empty() ? 0 : m_file.size() - *begin;
    std::uint64_t end = 0;
    for (StoredTensor& tensor : m_header.tensors) {
        const std::string where = "tensor " + quotedName(tensor.name);
        if (tensor.offset % m_header.alignment != 0)
            return refused(where + ": offset " + std::to_string(tensor.offset) + " is not a multiple of the alignment " +
                           std::to_string(m_header.alignment));
        if (tensor.offset < end)
            return refused(where + ": offset " + std::to_string(tensor.offset) +
                           " overlaps the tensor before it or is out of order");
        if (tensor.offset > dataBytes || tensor.bytes > dataBytes - tensor.offset)
            return refused(where + ": its " + std::to_string(tensor.bytes) + " bytes at offset " +
                           std::to_string(tensor.offset) + " of the data lie outside the file of " +
                           std::to_string(m_file.size()) + " bytes; the file is incomplete, download it again");
        end = tensor.offset + tensor.bytes;
        tensor.offset += m_header.dataOffset;
    }
    return {};
}

}  // namespace

Result<GgufHeader> readGgufHeader(const ReadOnlyFile& file, int fileIndex, GgufBudget& budget) {
    return HeaderParser(file, fileIndex, budget).parse();
}

}  // namespace engine
