// SHA-256 through libcrypto's EVP interface, and the hexadecimal form of digests.
#include "storage/digest.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <string>
#include <vector>

namespace storage {
namespace {

int hexValue(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

}  // namespace

std::string Digest::hex() const {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    text.reserve(2 * bytes.size());
    for (const std::uint8_t byte : bytes) {
        text.push_back(kDigits[byte >> 4]);
        text.push_back(kDigits[byte & 15]);
    }
    return text;
}

std::optional<Digest> Digest::fromHex(std::string_view text) {
    Digest digest;
    if (text.size() != 2 * digest.bytes.size())
        return std::nullopt;
    for (std::size_t i = 0; i < digest.bytes.size(); ++i) {
        const int high = hexValue(text[2 * i]);
        const int low = hexValue(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return std::nullopt;
        digest.bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
    }
    return digest;
}

struct DigestBuilder::Context {
    EVP_MD_CTX* evp = EVP_MD_CTX_new();
    Context() = default;
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;
    ~Context() { EVP_MD_CTX_free(evp); }
};

DigestBuilder::DigestBuilder() : m_context(std::make_unique<Context>()) {
    if (m_context->evp == nullptr || EVP_DigestInit_ex(m_context->evp, EVP_sha256(), nullptr) != 1)
        throw std::bad_alloc();
}

DigestBuilder::~DigestBuilder() = default;
DigestBuilder::DigestBuilder(DigestBuilder&&) noexcept = default;
DigestBuilder& DigestBuilder::operator=(DigestBuilder&&) noexcept = default;

DigestBuilder& DigestBuilder::addBytes(std::span<const std::byte> bytes) {
    EVP_DigestUpdate(m_context->evp, bytes.data(), bytes.size());
    return *this;
}

DigestBuilder& DigestBuilder::addText(std::string_view text) {
    addInteger(static_cast<std::int64_t>(text.size()));
    return addBytes(std::as_bytes(std::span(text)));
}

DigestBuilder& DigestBuilder::addInteger(std::int64_t value) {
    std::array<std::byte, 8> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<std::byte>(static_cast<std::uint64_t>(value) >> (8 * i));
    return addBytes(bytes);
}

Digest DigestBuilder::finish() {
    Digest digest;
    EVP_DigestFinal_ex(m_context->evp, digest.bytes.data(), nullptr);
    return digest;
}

Digest digestOf(std::span<const std::byte> bytes) { return DigestBuilder().addBytes(bytes).finish(); }

Result<Digest> digestOfFile(const std::string& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (descriptor < 0)
        return Status(errno == ENOENT ? StatusCode::NotFound : StatusCode::IoError,
                      "cannot open " + path + ": " + std::string(std::strerror(errno)));
    std::vector<std::byte> block(std::size_t{1} << 20);
    DigestBuilder builder;
    for (;;) {
        const ssize_t count = ::read(descriptor, block.data(), block.size());
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0) {
            const int error = errno;
            ::close(descriptor);
            return Status(StatusCode::IoError, "cannot read " + path + ": " + std::string(std::strerror(error)));
        }
        if (count == 0)
            break;
        builder.addBytes(std::span(block).first(static_cast<std::size_t>(count)));
    }
    ::close(descriptor);
    return builder.finish();
}

}  // namespace storage
