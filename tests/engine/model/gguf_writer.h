// Small GGUF files built byte by byte, valid or broken in one place.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gguf_test {

/// Little-endian bytes, in the order of the calls.
class Bytes {
public:
    template <class T>
    Bytes& number(T value) {
        m_bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
        return *this;
    }
    Bytes& text(std::string_view value) {
        number(static_cast<std::uint64_t>(value.size()));
        m_bytes += value;
        return *this;
    }
    Bytes& raw(std::string_view value) {
        m_bytes += value;
        return *this;
    }
    Bytes& pad(std::size_t alignment) {
        m_bytes.append((alignment - m_bytes.size() % alignment) % alignment, '\0');
        return *this;
    }
    const std::string& str() const { return m_bytes; }

private:
    std::string m_bytes;
};

/// Numbers of the value types.
enum ValueType : std::uint32_t { kU8, kI8, kU16, kI16, kU32, kI32, kF32, kBool, kString, kArray, kU64, kI64, kF64 };

struct Key {
    std::string name;
    std::uint32_t type;
    std::string value;  // encoded
};

struct Tensor {
    std::string name;
    std::vector<std::uint64_t> extents;  // columns first, as in the file
    std::uint32_t type = 0;
    std::uint64_t offset = 0;
    std::string data;
    std::optional<std::uint32_t> dimensions;  // instead of the number of extents
};

/// A file before encoding. `place` lays the tensors out; encode() writes what stands here, right or wrong.
struct File {
    std::string magic = "GGUF";
    std::uint32_t version = 3;
    std::optional<std::uint64_t> tensorCount;
    std::optional<std::uint64_t> keyCount;
    std::vector<Key> keys;
    std::vector<Tensor> tensors;
    std::size_t alignment = 32;
    std::string tail;  // bytes behind everything

    Key& key(const std::string& name);
    Tensor& tensor(const std::string& name);
    void remove(const std::string& name);  // key or tensor
    void set(const std::string& name, std::uint32_t value) { put(name, kU32, Bytes().number(value).str()); }
    void set(const std::string& name, float value) { put(name, kF32, Bytes().number(value).str()); }
    void set(const std::string& name, bool value) { put(name, kBool, std::string(1, value ? '\1' : '\0')); }
    void set(const std::string& name, std::string_view value) { put(name, kString, Bytes().text(value).str()); }
    void set(const std::string& name, const char* value) { set(name, std::string_view(value)); }
    void set(const std::string& name, const std::vector<std::string>& values);
    void set(const std::string& name, const std::vector<std::int32_t>& values);
    void set(const std::string& name, const std::vector<float>& values);
    void put(const std::string& name, std::uint32_t type, const std::string& encoded);
    /// A tensor of F32 values that ascend in small steps.
    void addTensor(const std::string& name, std::vector<std::uint64_t> extents);
    /// Gives each tensor the offset behind the one before it.
    void place();

    std::string encode() const;
    std::size_t headerBytes() const;  // up to the data section's padding

private:
    Bytes header() const;
};

/// One layer, E 32, H 2, KH 1, D 16, F 64, vocabulary 8, byte-level BPE; a file that opens.
File smallModel(const std::string& architecture = "llama");

/// A file in the tests' temporary directory, removed with this object.
class TemporaryFile {
public:
    explicit TemporaryFile(const std::string& content, const std::string& suffix = ".gguf");
    ~TemporaryFile();
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    const std::string& path() const { return m_path; }
    void overwrite(const std::string& content) const;
    void overwriteStart(const std::string& content) const;  // the rest stays
    void truncate(std::size_t bytes) const;

private:
    std::string m_path;
};

/// A directory in the tests' temporary directory, removed with this object.
class TemporaryFolder {
public:
    TemporaryFolder();
    ~TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    const std::string& path() const { return m_path; }
    std::string file(const std::string& name) const { return m_path + "/" + name; }
    void write(const std::string& name, const std::string& content) const;
    void overwriteStart(const std::string& name, const std::string& content) const;  // the rest stays

private:
    std::string m_path;
};

}  // namespace gguf_test
