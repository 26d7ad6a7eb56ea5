// XXH3 checksums of stored bytes: the only place that names the xxHash library's types.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace storage {

/// An XXH3-128 value in its canonical (big-endian) byte order.
struct Hash128 {
    std::array<std::byte, 16> bytes{};

    bool operator==(const Hash128&) const = default;
};

/// Incremental XXH3-128; reusable after finish(). Not thread-safe.
class Hash128Builder {
public:
    Hash128Builder();
    ~Hash128Builder();
    Hash128Builder(Hash128Builder&&) noexcept;
    Hash128Builder& operator=(Hash128Builder&&) noexcept;

    Hash128Builder& add(std::span<const std::byte> bytes);
    /// The value of all that was added; the builder starts afresh.
    Hash128 finish();

private:
    struct State;
    std::unique_ptr<State> m_state;
};

/// XXH3-64 over a database row's fields in their order, lengths included, so that ("ab","c") and ("a","bc") differ.
class RowHash {
public:
    explicit RowHash(std::string_view table);
    ~RowHash();

    RowHash& add(std::int64_t value);
    RowHash& add(std::string_view text);
    RowHash& add(std::span<const std::uint8_t> bytes);
    /// As SQLite stores it.
    std::int64_t finish() const;

private:
    struct State;
    std::unique_ptr<State> m_state;
};

}  // namespace storage
