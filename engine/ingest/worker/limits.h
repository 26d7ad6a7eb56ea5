// Bounds of what the worker accepts; README.md says why each stands where it does.
#pragma once

#include <cstddef>
#include <cstdint>

namespace engine::worker {

inline constexpr std::uint64_t kMaxFileBytes = std::uint64_t{256} << 20;
/// Of a gzip file's contents.
inline constexpr std::uint64_t kMaxUnpackedBytes = std::uint64_t{256} << 20;
inline constexpr std::uint64_t kMaxZipBytes = std::uint64_t{512} << 20;
inline constexpr std::int64_t kMaxZipEntries = 10'000;
/// Unpacked ÷ packed, looked at once more than kRatioFreeBytes are unpacked.
inline constexpr std::uint64_t kMaxRatio = 200;
inline constexpr std::uint64_t kRatioFreeBytes = std::uint64_t{1} << 20;
inline constexpr int kMaxXmlDepth = 256;
inline constexpr int kMaxOutlineDepth = 64;
inline constexpr int kMaxPages = 100'000;
inline constexpr std::size_t kMaxSections = 100'000;
inline constexpr std::size_t kMaxTitleBytes = 1000;

}  // namespace engine::worker
