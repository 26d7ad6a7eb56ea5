// Typed access to a GGUF header's metadata that remembers the first thing that was wrong.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model/gguf_header.h"

namespace engine {

/// Borrows file and header. The getters answer with an empty or least value when a field is wrong or was wrong before; whoever
/// reads asks `status()` at the end. Integers of every width are taken where the format's documents name one.
class GgufFields {
public:
    GgufFields(const ReadOnlyFile& file, const GgufHeader& header) : m_file(file), m_header(header) {}

    bool has(const std::string& key) const { return m_header.values.contains(key); }
    const GgufHeader& header() const { return m_header; }

    std::optional<std::int64_t> integer(const std::string& key);
    /// Also takes an array whose elements are all the same (a value for each layer).
    std::optional<std::int64_t> integerOfAllLayers(const std::string& key);
    std::optional<double> number(const std::string& key);
    std::optional<bool> boolean(const std::string& key);
    std::optional<std::string> text(const std::string& key);
    std::optional<std::vector<std::string>> strings(const std::string& key, std::uint64_t mostElements);
    std::optional<std::vector<std::int32_t>> int32s(const std::string& key, std::uint64_t mostElements);
    std::optional<std::vector<float>> floats(const std::string& key, std::uint64_t mostElements);

    /// An integer that must be there, in [least, most].
    int required(const std::string& key, int least, int most);
    int inRange(const std::string& key, std::int64_t value, int least, int most);

    /// Records "key '…': reason" unless something was wrong before.
    void refuse(const std::string& key, const std::string& reason);
    void fail(Status status);
    const Status& status() const { return m_status; }

private:
    const GgufValue* find(const std::string& key) const;
    const GgufValue* findArray(const std::string& key, GgufType elementType, const char* typeName,
                               std::uint64_t mostElements);
    template <class T>
    std::optional<std::vector<T>> plainArray(const std::string& key, GgufType type, const char* typeName,
                                             std::uint64_t most);

    const ReadOnlyFile& m_file;
    const GgufHeader& m_header;
    Status m_status;
};

}  // namespace engine
