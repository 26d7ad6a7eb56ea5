// Rows of workspace.db: their own XXH3-64 and the bytes of page maps and sections.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/records.h"

namespace storage {

/// Each covers the table's name and every column, the row's own number included where it has one.
std::int64_t rowHash(const CollectionRecord& row);
std::int64_t rowHash(const SourceRecord& row);
std::int64_t rowHash(const DocumentRecord& row);
/// `number` = the chunk's row, which the full text names it by.
std::int64_t rowHash(const ChunkRecord& row, std::int64_t number);
std::int64_t rowHash(const AnswerRecord& row);

/// Little-endian 64-bit fields: page, begin, end per page.
std::vector<std::uint8_t> encodePageMap(std::span<const PageSpan> pages);
/// Begin, level, title's length, title's bytes per section.
std::vector<std::uint8_t> encodeSections(std::span<const SectionMark> sections);
/// Empty when the bytes are not what the encoders make.
std::optional<std::vector<PageSpan>> decodePageMap(std::span<const std::uint8_t> bytes);
std::optional<std::vector<SectionMark>> decodeSections(std::span<const std::uint8_t> bytes);

/// Valid UTF-8 of 1–200 characters without control characters.
bool isCollectionName(std::string_view name);

}  // namespace storage
