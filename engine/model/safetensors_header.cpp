// An event-driven parser that accepts exactly the header's grammar; no document tree of a stranger's making is built.
#include "engine/model/safetensors_header.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>

#include "engine/model/json_text_bounds.h"
#include "engine/model/quoted_name.h"

namespace engine {

namespace {

constexpr std::uint64_t kMostHeaderBytes = 100'000'000;  // the format's own limit
constexpr std::size_t kMostTensors = 64 * 1024;
constexpr std::size_t kMostMetadata = 64 * 1024;
constexpr std::size_t kMostNameBytes = 512;
constexpr std::size_t kMostDimensions = 4;

Status refused(const std::string& message) { return Status(StatusCode::Refused, message); }

struct Entry {
    StoredTensor tensor;
    std::optional<std::string> dtype;
    bool hasShape = false;
    std::vector<std::uint64_t> offsets;
    bool hasOffsets = false;
};

/// nlohmann's event interface. Every function is false once something is wrong; `status` then says what.
class HeaderEvents : public nlohmann::json_sax<nlohmann::json> {
public:
    Status status;
    std::vector<Entry> entries;

    bool null() override { return fail("unexpected null"); }
    bool boolean(bool) override { return fail("unexpected boolean"); }
    bool number_integer(number_integer_t) override { return fail("unexpected negative number"); }
    bool number_float(number_float_t, const string_t&) override { return fail("unexpected fraction"); }
    bool binary(binary_t&) override { return fail("unexpected binary value"); }
    bool number_unsigned(number_unsigned_t value) override {
        if (m_place == Place::Shape)
            return addExtent(value);
        if (m_place == Place::Offsets && m_entry.offsets.size() < 2) {
            m_entry.offsets.push_back(value);
            return true;
        }
        return fail(m_place == Place::Offsets ? "data_offsets has more than two numbers" : "unexpected number");
    }
    bool string(string_t& value) override {
        if (m_place == Place::Metadata)
            return true;
        if (m_place != Place::Dtype)
            return fail("unexpected string");
        m_entry.dtype = value;
        m_place = Place::Entry;
        return true;
    }
    bool start_object(std::size_t) override {
        if (m_place == Place::Outside)
            m_place = Place::Top;
        else if (m_place == Place::Name)
            m_place = Place::Entry;
        else if (m_place == Place::MetadataName)
            m_place = Place::Metadata;
        else
            return fail("unexpected object");
        return true;
    }
    bool end_object() override {
        if (m_place == Place::Entry)
            return finishEntry();
        m_place = m_place == Place::Metadata ? Place::Top : Place::End;
        return true;
    }
    bool start_array(std::size_t) override {
        if (m_place != Place::ShapeName && m_place != Place::OffsetsName)
            return fail("unexpected array");
        m_place = m_place == Place::ShapeName ? Place::Shape : Place::Offsets;
        return true;
    }
    bool end_array() override {
        m_place = Place::Entry;
        return true;
    }
    bool key(string_t& name) override {
        if (m_place == Place::Top)
            return startEntry(name);
        if (m_place == Place::Metadata) {
            if (m_metadata.size() >= kMostMetadata)
                return fail("more than 65536 entries of __metadata__");
            return m_metadata.insert(name).second || fail("key " + quotedName(name) + " of __metadata__ appears twice");
        }
        if (m_place == Place::Entry)
            return startField(name);
        return fail("unexpected key " + quotedName(name));
    }
    bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
        return fail("not valid JSON at byte " + std::to_string(position));
    }

private:
    enum class Place {
        Outside,
        Top,
        MetadataName,
        Metadata,
        Name,
        Entry,
        Dtype,
        ShapeName,
        Shape,
        OffsetsName,
        Offsets,
        End
    };

    bool fail(const std::string& reason) {
        const bool inEntry = m_place > Place::Name && m_place != Place::End;
        if (status.ok())
            status = refused("header: " + (inEntry ? "tensor " + quotedName(m_entry.tensor.name) + ": " : std::string()) +
                             reason);
        return false;
    }

    bool startEntry(const std::string& name) {
        if (!m_names.insert(name).second)
            return fail("tensor " + quotedName(name) + " appears twice");
        if (name == "__metadata__") {
            m_place = Place::MetadataName;
            return true;
        }
        if (name.empty() || name.size() > kMostNameBytes)
            return fail("tensor name of " + std::to_string(name.size()) + " bytes, allowed are 1 to 512");
        if (entries.size() >= kMostTensors)
            return fail("more than 65536 tensors");
        m_entry = Entry();
        m_entry.tensor.name = name;
        m_place = Place::Name;
        return true;
    }

    bool startField(const std::string& name) {
        if (name == "dtype" && !m_entry.dtype) {
            m_place = Place::Dtype;
        } else if (name == "shape" && !m_entry.hasShape) {
            m_entry.hasShape = true;
            m_place = Place::ShapeName;
        } else if (name == "data_offsets" && !m_entry.hasOffsets) {
            m_entry.hasOffsets = true;
            m_place = Place::OffsetsName;
        } else {
            return fail("field " + quotedName(name) + " is unknown or appears twice");
        }
        return true;
    }

    bool addExtent(std::uint64_t extent) {
        if (m_entry.tensor.shape.size() >= kMostDimensions)
            return fail("more than 4 dimensions");
        if (extent < 1 || extent > static_cast<std::uint64_t>(std::numeric_limits<int>::max()))
            return fail("dimension of " + std::to_string(extent) + ", allowed are 1 to 2147483647");
        m_entry.tensor.shape.push_back(static_cast<std::int64_t>(extent));
        return true;
    }

    bool finishEntry() {
        if (!m_entry.dtype || !m_entry.hasShape || m_entry.offsets.size() != 2)
            return fail("dtype, shape or the two data_offsets are missing");
        entries.push_back(std::move(m_entry));
        m_place = Place::Top;
        return true;
    }

    Place m_place = Place::Outside;
    Entry m_entry;
    std::unordered_set<std::string> m_names;
    std::unordered_set<std::string> m_metadata;
};

/// Fills type and bytes from dtype, shape and offsets.
Status completeTensor(Entry& entry) {
    StoredTensor& tensor = entry.tensor;
    const std::string where = "tensor " + quotedName(tensor.name) + ": ";
    if (*entry.dtype == "F32")
        tensor.type = WeightType::F32;
    else if (*entry.dtype == "F16")
        tensor.type = WeightType::F16;
    else if (*entry.dtype == "BF16")
        tensor.type = WeightType::Bf16;
    else
        return Status(StatusCode::Unsupported,
                      where + "dtype " + quotedName(*entry.dtype) + " is not supported (F32, F16 and BF16 are)");
    auto bytes = static_cast<std::uint64_t>(weightBlockBytes(tensor.type));
    for (const std::int64_t extent : tensor.shape) {
        if (bytes > std::numeric_limits<std::uint64_t>::max() / static_cast<std::uint64_t>(extent))
            return refused(where + "the product of its dimensions overflows");
        bytes *= static_cast<std::uint64_t>(extent);
    }
    if (tensor.shape.empty())
        tensor.shape = {1};
    if (entry.offsets[1] < entry.offsets[0] || entry.offsets[1] - entry.offsets[0] != bytes)
        return refused(where + "data_offsets " + std::to_string(entry.offsets[0]) + " to " +
                       std::to_string(entry.offsets[1]) + " do not hold the " + std::to_string(bytes) +
                       " bytes of its shape and dtype");
    tensor.offset = entry.offsets[0];
    tensor.bytes = bytes;
    return {};
}

/// The data must be covered exactly, without gap, overlap or rest.
Status placeTensors(std::vector<StoredTensor>& tensors, std::uint64_t dataBegin, std::uint64_t dataBytes) {
    std::sort(tensors.begin(), tensors.end(),
              [](const StoredTensor& a, const StoredTensor& b) { return a.offset < b.offset; });
    std::uint64_t end = 0;
    for (StoredTensor& tensor : tensors) {
        const std::string where = "tensor " + quotedName(tensor.name) + ": ";
        if (tensor.offset != end)
            return refused(where + "its data begin at " + std::to_string(tensor.offset) + ", the data before end at " +
                           std::to_string(end) + "; tensors must follow each other without gap or overlap");
        if (tensor.bytes > dataBytes - end)
            return refused(where + "its data end behind the file's end; the file is incomplete, download it again");
        end += tensor.bytes;
        tensor.offset += dataBegin;
    }
    if (end != dataBytes)
        return refused("the tensors cover " + std::to_string(end) + " of " + std::to_string(dataBytes) + " bytes of data");
    return {};
}

}  // namespace

Result<std::vector<StoredTensor>> readSafetensorsHeader(const ReadOnlyFile& file, int fileIndex) {
    std::uint64_t headerBytes = 0;
    if (file.size() < sizeof headerBytes)
        return refused("the file ends inside the header's length; it is incomplete, download it again");
    if (Status status = file.read(0, std::as_writable_bytes(std::span(&headerBytes, 1))); !status.ok())
        return status;
    if (headerBytes > kMostHeaderBytes)
        return refused("header of " + std::to_string(headerBytes) + " bytes, the limit is 100 MB");
    if (headerBytes > file.size() - sizeof headerBytes)
        return refused("header of " + std::to_string(headerBytes) +
                       " bytes is longer than the file; it is incomplete, "
                       "download it again");
    std::string text(static_cast<std::size_t>(headerBytes), '\0');
    if (Status status = file.read(sizeof headerBytes, std::as_writable_bytes(std::span(text))); !status.ok())
        return status;
    if (Status status = checkJsonTextBounds(text, JsonTextBounds{.depth = 3}); !status.ok())
        return status.withContext("header");

    HeaderEvents events;
    const bool parsed = nlohmann::json::sax_parse(text, &events);
    if (!parsed)
        return events.status.ok() ? refused("header: not valid JSON") : events.status;
    std::vector<StoredTensor> tensors;
    tensors.reserve(events.entries.size());
    for (Entry& entry : events.entries) {
        if (Status status = completeTensor(entry); !status.ok())
            return status;
        entry.tensor.file = fileIndex;
        tensors.push_back(std::move(entry.tensor));
    }
    const std::uint64_t dataBegin = sizeof headerBytes + headerBytes;
    if (Status status = placeTensors(tensors, dataBegin, file.size() - dataBegin); !status.ok())
        return status;
    return tensors;
}

}  // namespace engine
