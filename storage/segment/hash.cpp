// XXH3 through libxxhash, choosing AVX2 or AVX-512 at run time where the library offers it.
#include "storage/segment/hash.h"

#if defined(__x86_64__) && __has_include(<xxh_x86dispatch.h>)
#include <xxh_x86dispatch.h>
#else
#include <xxhash.h>
#endif

#include <bit>
#include <cstring>
#include <new>

namespace storage {
namespace {

struct StateHolder {
    XXH3_state_t* xxh = XXH3_createState();
    StateHolder() {
        if (xxh == nullptr)
            throw std::bad_alloc();
    }
    ~StateHolder() { XXH3_freeState(xxh); }
    StateHolder(const StateHolder&) = delete;
    StateHolder& operator=(const StateHolder&) = delete;
};

}  // namespace

struct Hash128Builder::State : StateHolder {};
struct RowHash::State : StateHolder {};

Hash128Builder::Hash128Builder() : m_state(std::make_unique<State>()) { XXH3_128bits_reset(m_state->xxh); }
Hash128Builder::~Hash128Builder() = default;
Hash128Builder::Hash128Builder(Hash128Builder&&) noexcept = default;
Hash128Builder& Hash128Builder::operator=(Hash128Builder&&) noexcept = default;

Hash128Builder& Hash128Builder::add(std::span<const std::byte> bytes) {
    if (!bytes.empty())
        XXH3_128bits_update(m_state->xxh, bytes.data(), bytes.size());
    return *this;
}

Hash128 Hash128Builder::finish() {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(m_state->xxh));
    Hash128 hash;
    static_assert(sizeof canonical.digest == sizeof hash.bytes);
    std::memcpy(hash.bytes.data(), canonical.digest, hash.bytes.size());
    XXH3_128bits_reset(m_state->xxh);
    return hash;
}

RowHash::RowHash(std::string_view table) : m_state(std::make_unique<State>()) {
    XXH3_64bits_reset(m_state->xxh);
    add(table);
}

RowHash::~RowHash() = default;

RowHash& RowHash::add(std::int64_t value) {
    std::array<std::uint8_t, 8> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<std::uint8_t>(static_cast<std::uint64_t>(value) >> (8 * i));
    XXH3_64bits_update(m_state->xxh, bytes.data(), bytes.size());
    return *this;
}

RowHash& RowHash::add(std::string_view text) {
    add(static_cast<std::int64_t>(text.size()));
    if (!text.empty())
        XXH3_64bits_update(m_state->xxh, text.data(), text.size());
    return *this;
}

RowHash& RowHash::add(std::span<const std::uint8_t> bytes) {
    return add(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

std::int64_t RowHash::finish() const { return std::bit_cast<std::int64_t>(XXH3_64bits_digest(m_state->xxh)); }

}  // namespace storage
