// Values to little-endian bytes and back. Both directions are told the same fields by one description (trace_fields.h).
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace engine {

static_assert(std::endian::native == std::endian::little,
              "trace files are little-endian; this machine would need byte swaps");

/// Appends to a byte string.
class ByteWriter {
public:
    static constexpr bool kReads = false;

    template <class T>
    requires std::is_arithmetic_v<T>
    void number(const T& value) { raw(&value, sizeof value); }
    void number(const bool& value) { number(static_cast<std::uint8_t>(value)); }
    template <class Enum>
    void choice(const Enum& value, Enum) {
        number(static_cast<std::uint8_t>(value));
    }
    void text(const std::string& value) {
        number(static_cast<std::uint64_t>(value.size()));
        raw(value.data(), value.size());
    }
    template <class T>
    requires std::is_arithmetic_v<T>
    void numbers(const std::vector<T>& values) {
        number(static_cast<std::uint64_t>(values.size()));
        raw(values.data(), values.size() * sizeof(T));
    }
    void bytes(std::span<const std::uint8_t> value) { raw(value.data(), value.size()); }
    /// `each` describes one element, whose least size in bytes is `leastBytes`.
    template <class T, class Each>
    void list(const std::vector<T>& values, std::size_t, Each each) {
        number(static_cast<std::uint64_t>(values.size()));
        for (const T& value : values)
            each(value);
    }
    template <class T, class Each>
    void optional(const std::optional<T>& value, Each each) {
        number(value.has_value());
        if (value)
            each(*value);
    }

    const std::string& written() const { return m_bytes; }

private:
    void raw(const void* from, std::size_t count) {
        if (count > 0)
            m_bytes.append(static_cast<const char*>(from), count);
    }

    std::string m_bytes;
};

/// Takes values from bytes that nobody vouches for: a count is believed only as far as bytes remain, and after the first fault every
/// value is left as it is.
class ByteTaker {
public:
    static constexpr bool kReads = true;

    explicit ByteTaker(std::span<const std::byte> bytes) : m_rest(bytes) {}

    template <class T>
    requires std::is_arithmetic_v<T>
    void number(T& value) { raw(&value, sizeof value); }
    void number(bool& value) {
        std::uint8_t byte = 0;
        number(byte);
        m_ok = m_ok && byte <= 1;
        value = byte == 1;
    }
    template <class Enum>
    void choice(Enum& value, Enum last) {
        std::uint8_t byte = 0;
        number(byte);
        m_ok = m_ok && byte <= static_cast<std::uint8_t>(last);
        if (m_ok)
            value = static_cast<Enum>(byte);
    }
    void text(std::string& value) {
        value.resize(count(1));
        raw(value.data(), value.size());
    }
    template <class T>
    requires std::is_arithmetic_v<T>
    void numbers(std::vector<T>& values) {
        values.resize(count(sizeof(T)));
        raw(values.data(), values.size() * sizeof(T));
    }
    void bytes(std::span<std::uint8_t> value) { raw(value.data(), value.size()); }
    template <class T, class Each>
    void list(std::vector<T>& values, std::size_t leastBytes, Each each) {
        const std::size_t size = count(leastBytes);
        values.clear();
        for (std::size_t i = 0; i < size && m_ok; ++i)
            each(values.emplace_back());
    }
    template <class T, class Each>
    void optional(std::optional<T>& value, Each each) {
        bool there = false;
        number(there);
        if (there && m_ok)
            each(value.emplace());
    }

    /// Everything so far was there and in range.
    bool ok() const { return m_ok; }
    bool atEnd() const { return m_rest.empty(); }

private:
    std::size_t count(std::size_t leastBytes) {
        std::uint64_t value = 0;
        number(value);
        m_ok = m_ok && value <= m_rest.size() / leastBytes;
        return m_ok ? static_cast<std::size_t>(value) : 0;
    }
    void raw(void* to, std::size_t size) {
        m_ok = m_ok && size <= m_rest.size();
        if (!m_ok || size == 0)
            return;
        std::memcpy(to, m_rest.data(), size);
        m_rest = m_rest.subspan(size);
    }

    std::span<const std::byte> m_rest;
    bool m_ok = true;
};

}  // namespace engine
