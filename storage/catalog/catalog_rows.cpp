// Hashes over all columns in one fixed order, and the two blobs of a document's row.
#include "storage/catalog/catalog_rows.h"

#include <bit>

#include "storage/segment/hash.h"

namespace storage {
namespace {

constexpr std::size_t kWord = 8;
constexpr int kMaxNameCharacters = 200;

std::span<const std::uint8_t> bytesOf(const Digest& digest) { return digest.bytes; }

void append(std::vector<std::uint8_t>& bytes, std::int64_t value) {
    for (std::size_t i = 0; i < kWord; ++i)
        bytes.push_back(static_cast<std::uint8_t>(static_cast<std::uint64_t>(value) >> (8 * i)));
}

/// Takes 64-bit words and texts off the front; fails for good at the first that is not there.
class Cursor {
public:
    explicit Cursor(std::span<const std::uint8_t> bytes) : m_left(bytes) {}

    bool atEnd() const { return m_left.empty(); }
    bool ok() const { return m_ok; }

    std::int64_t integer() {
        if (m_left.size() < kWord) {
            m_ok = false;
            m_left = {};
            return 0;
        }
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < kWord; ++i)
            value |= static_cast<std::uint64_t>(m_left[i]) << (8 * i);
        m_left = m_left.subspan(kWord);
        return std::bit_cast<std::int64_t>(value);
    }

    std::string text() {
        const std::int64_t length = integer();
        if (length < 0 || static_cast<std::uint64_t>(length) > m_left.size()) {
            m_ok = false;
            m_left = {};
            return {};
        }
        const auto size = static_cast<std::size_t>(length);
        std::string value(reinterpret_cast<const char*>(m_left.data()), size);
        m_left = m_left.subspan(size);
        return value;
    }

private:
    std::span<const std::uint8_t> m_left;
    bool m_ok = true;
};

/// Decodes one character; 0 = not valid UTF-8 (or a NUL, which no name may hold either).
char32_t takeCharacter(std::string_view& text) {
    const auto first = static_cast<unsigned char>(text.front());
    const std::size_t length = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : first >> 3 == 30 ? 4 : 0;
    if (length == 0 || text.size() < length)
        return 0;
    char32_t value = length == 1 ? first : first & (0x7fu >> length);
    for (std::size_t i = 1; i < length; ++i) {
        const auto next = static_cast<unsigned char>(text[i]);
        if (next >> 6 != 2)
            return 0;
        value = value << 6 | (next & 0x3f);
    }
    text.remove_prefix(length);
    constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    const bool valid = value >= kLeast[length] && value <= 0x10ffff && (value < 0xd800 || value > 0xdfff);
    return valid ? value : 0;
}

}  // namespace

std::int64_t rowHash(const CollectionRecord& row) {
    return RowHash("collections").add(row.id.value).add(std::string_view(row.name)).finish();
}

std::int64_t rowHash(const SourceRecord& row) {
    return RowHash("sources")
        .add(row.collection.value)
        .add(std::string_view(row.path))
        .add(std::bit_cast<std::int64_t>(row.sizeBytes))
        .add(row.modifiedNs)
        .add(static_cast<std::int64_t>(row.state))
        .add(std::string_view(row.reason))
        .add(row.document.value)
        .add(bytesOf(row.chunker))
        .finish();
}

std::int64_t rowHash(const DocumentRecord& row) {
    const std::vector<std::uint8_t> pages = encodePageMap(row.pageMap);
    const std::vector<std::uint8_t> sections = encodeSections(row.sections);
    return RowHash("documents")
        .add(row.id.value)
        .add(bytesOf(row.content.digest))
        .add(std::string_view(row.title))
        .add(std::string_view(row.mediaType))
        .add(std::string_view(row.text))
        .add(row.characters)
        .add(std::int64_t{row.pages})
        .add(std::span<const std::uint8_t>(pages))
        .add(std::span<const std::uint8_t>(sections))
        .finish();
}

std::int64_t rowHash(const ChunkRecord& row, std::int64_t number) {
    return RowHash("chunks")
        .add(number)
        .add(bytesOf(row.id.digest))
        .add(row.document.value)
        .add(bytesOf(row.chunker))
        .add(std::int64_t{row.ordinal})
        .add(row.begin)
        .add(row.end)
        .add(row.beginByte)
        .add(row.endByte)
        .add(std::int64_t{row.firstPage})
        .add(std::int64_t{row.lastPage})
        .add(std::int64_t{row.tokens})
        .add(std::string_view(row.header))
        .add(std::string_view(row.searchText))
        .finish();
}

std::int64_t rowHash(const AnswerRecord& row) {
    return RowHash("answers")
        .add(row.id)
        .add(row.askedAtMs)
        .add(row.collection.value)
        .add(std::string_view(row.question))
        .add(std::string_view(row.answer))
        .add(std::string_view(row.detailsJson))
        .finish();
}

std::vector<std::uint8_t> encodePageMap(std::span<const PageSpan> pages) {
    std::vector<std::uint8_t> bytes;
    bytes.reserve(3 * kWord * pages.size());
    for (const PageSpan& page : pages) {
        append(bytes, page.page);
        append(bytes, page.begin);
        append(bytes, page.end);
    }
    return bytes;
}

std::vector<std::uint8_t> encodeSections(std::span<const SectionMark> sections) {
    std::vector<std::uint8_t> bytes;
    for (const SectionMark& section : sections) {
        append(bytes, section.begin);
        append(bytes, section.level);
        append(bytes, static_cast<std::int64_t>(section.title.size()));
        bytes.insert(bytes.end(), section.title.begin(), section.title.end());
    }
    return bytes;
}

std::optional<std::vector<PageSpan>> decodePageMap(std::span<const std::uint8_t> bytes) {
    std::vector<PageSpan> pages;
    Cursor cursor(bytes);
    while (!cursor.atEnd()) {
        PageSpan page;
        page.page = static_cast<int>(cursor.integer());
        page.begin = cursor.integer();
        page.end = cursor.integer();
        pages.push_back(page);
    }
    if (!cursor.ok())
        return std::nullopt;
    return pages;
}

std::optional<std::vector<SectionMark>> decodeSections(std::span<const std::uint8_t> bytes) {
    std::vector<SectionMark> sections;
    Cursor cursor(bytes);
    while (!cursor.atEnd()) {
        SectionMark section;
        section.begin = cursor.integer();
        section.level = static_cast<int>(cursor.integer());
        section.title = cursor.text();
        sections.push_back(std::move(section));
    }
    if (!cursor.ok())
        return std::nullopt;
    return sections;
}

bool isCollectionName(std::string_view name) {
    int characters = 0;
    while (!name.empty()) {
        const char32_t character = takeCharacter(name);
        if (character < 0x20 || (character >= 0x7f && character < 0xa0))
            return false;
        ++characters;
    }
    return characters >= 1 && characters <= kMaxNameCharacters;
}

}  // namespace storage
