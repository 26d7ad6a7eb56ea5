// Conversion of metadata values.
#include "engine/model/gguf_fields.h"

#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include "engine/model/byte_reader.h"
#include "engine/model/quoted_name.h"

namespace engine {

namespace {

/// A scalar of an integer type; absent for other types and above 2^63 − 1.
std::optional<std::int64_t> integerOf(GgufType type, std::uint64_t bits) {
    switch (type) {
        case GgufType::Uint8:
        case GgufType::Uint16:
        case GgufType::Uint32:
            return static_cast<std::int64_t>(bits);
        case GgufType::Int8:
            return static_cast<std::int8_t>(bits);
        case GgufType::Int16:
            return static_cast<std::int16_t>(bits);
        case GgufType::Int32:
            return static_cast<std::int32_t>(bits);
        case GgufType::Int64:
            return static_cast<std::int64_t>(bits);
        case GgufType::Uint64:
            if (bits > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
                return std::nullopt;
            return static_cast<std::int64_t>(bits);
        default:
            return std::nullopt;
    }
}

}  // namespace

const GgufValue* GgufFields::find(const std::string& key) const {
    const auto found = m_header.values.find(key);
    return m_status.ok() && found != m_header.values.end() ? &found->second : nullptr;
}

void GgufFields::fail(Status status) {
    if (m_status.ok())
        m_status = std::move(status);
}

void GgufFields::refuse(const std::string& key, const std::string& reason) {
    fail(Status(StatusCode::Refused, "key " + quotedName(key) + ": " + reason));
}

std::optional<std::int64_t> GgufFields::integer(const std::string& key) {
    const GgufValue* value = find(key);
    if (!value)
        return std::nullopt;
    const std::optional<std::int64_t> number = integerOf(value->type, value->bits);
    if (!number)
        refuse(key, "is not an integer");
    return number;
}

std::optional<std::int64_t> GgufFields::integerOfAllLayers(const std::string& key) {
    const GgufValue* value = find(key);
    if (!value || value->type != GgufType::Array)
        return integer(key);
    const bool isUnsigned = value->elementType == GgufType::Uint32;
    const auto elements =
        plainArray<std::int32_t>(key, isUnsigned ? GgufType::Uint32 : GgufType::Int32, "32-bit integers", 65536);
    if (!elements || elements->empty()) {
        refuse(key, "is an empty array");
        return std::nullopt;
    }
    for (const std::int32_t element : *elements) {
        if (element != elements->front()) {
            fail(Status(StatusCode::Unsupported,
                        "key " + quotedName(key) + ": differs from layer to layer, which is not supported"));
            return std::nullopt;
        }
    }
    return elements->front();
}

std::optional<double> GgufFields::number(const std::string& key) {
    const GgufValue* value = find(key);
    if (!value)
        return std::nullopt;
    double number = std::numeric_limits<double>::quiet_NaN();
    if (value->type == GgufType::Float32)
        number = std::bit_cast<float>(static_cast<std::uint32_t>(value->bits));
    else if (value->type == GgufType::Float64)
        number = std::bit_cast<double>(value->bits);
    else
        refuse(key, "is not a floating-point number");
    if (!std::isfinite(number)) {
        refuse(key, "is NaN or infinite");
        return std::nullopt;
    }
    return number;
}

std::optional<bool> GgufFields::boolean(const std::string& key) {
    const GgufValue* value = find(key);
    if (!value)
        return std::nullopt;
    if (value->type != GgufType::Bool)
        refuse(key, "is not a boolean");
    return value->bits != 0;
}

std::optional<std::string> GgufFields::text(const std::string& key) {
    const GgufValue* value = find(key);
    if (!value)
        return std::nullopt;
    if (value->type != GgufType::String) {
        refuse(key, "is not a string");
        return std::nullopt;
    }
    std::string out(static_cast<std::size_t>(value->count), '\0');
    if (Status status = m_file.read(value->offset, std::as_writable_bytes(std::span(out))); !status.ok()) {
        fail(std::move(status));
        return std::nullopt;
    }
    return out;
}

const GgufValue* GgufFields::findArray(const std::string& key, GgufType elementType, const char* typeName,
                                       std::uint64_t mostElements) {
    const GgufValue* value = find(key);
    if (!value)
        return nullptr;
    if (value->type != GgufType::Array || value->elementType != elementType) {
        refuse(key, std::string("is not an array of ") + typeName);
        return nullptr;
    }
    if (value->count > mostElements) {
        refuse(key, "has " + std::to_string(value->count) + " elements, the limit is " + std::to_string(mostElements));
        return nullptr;
    }
    return value;
}

std::optional<std::vector<std::string>> GgufFields::strings(const std::string& key, std::uint64_t mostElements) {
    const GgufValue* value = findArray(key, GgufType::String, "strings", mostElements);
    if (!value)
        return std::nullopt;
    std::vector<std::string> out(static_cast<std::size_t>(value->count));
    ByteReader reader(m_file, value->offset, value->end);
    for (std::string& element : out) {
        std::uint64_t length = 0;
        if (!reader.number(length) || !reader.text(length, element)) {
            fail(reader.status().ok() ? Status(StatusCode::IoError, m_file.path() + ": changed while it was read")
                                      : reader.status());
            return std::nullopt;
        }
    }
    return out;
}

template <class T>
std::optional<std::vector<T>> GgufFields::plainArray(const std::string& key, GgufType type, const char* typeName,
                                                     std::uint64_t most) {
    const GgufValue* value = findArray(key, type, typeName, most);
    if (!value)
        return std::nullopt;
    std::vector<T> out(static_cast<std::size_t>(value->count));
    if (Status status = m_file.read(value->offset, std::as_writable_bytes(std::span(out))); !status.ok()) {
        fail(std::move(status));
        return std::nullopt;
    }
    return out;
}

std::optional<std::vector<std::int32_t>> GgufFields::int32s(const std::string& key, std::uint64_t mostElements) {
    return plainArray<std::int32_t>(key, GgufType::Int32, "int32", mostElements);
}

std::optional<std::vector<float>> GgufFields::floats(const std::string& key, std::uint64_t mostElements) {
    return plainArray<float>(key, GgufType::Float32, "float32", mostElements);
}

int GgufFields::required(const std::string& key, int least, int most) {
    const std::optional<std::int64_t> value = integerOfAllLayers(key);
    if (!value) {
        refuse(key, "is missing");
        return least;
    }
    return inRange(key, *value, least, most);
}

int GgufFields::inRange(const std::string& key, std::int64_t value, int least, int most) {
    if (value >= least && value <= most)
        return static_cast<int>(value);
    refuse(key, "is " + std::to_string(value) + ", allowed are " + std::to_string(least) + " to " + std::to_string(most));
    return least;
}

}  // namespace engine
