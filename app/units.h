// Numbers with their units, for people, and byte sizes as people type them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace app {

/// "4096", "512M", "2GiB", "1.5 GB": K, M, G, T and KiB … TiB are powers of 1024, KB … TB powers of 1000, B is bytes; letters
/// in either case. Empty: not a size, negative, or beyond 64 bits.
std::optional<std::uint64_t> parseByteSize(std::string_view text);

/// "1,834".
std::string countText(std::int64_t value);
/// "1 record", "1,834 records": `noun` takes an s.
std::string countText(std::int64_t value, std::string_view noun);
/// "34.2 MiB", "512 bytes".
std::string bytesText(std::uint64_t bytes);
/// "0.42 ms", "12.3 ms", "840 ms", "2.41 s".
std::string millisecondsText(double ms);
/// "0:42", "1:02:09": a remaining time.
std::string clockText(double seconds);
/// `value` with `decimals` digits after the point.
std::string decimalText(double value, int decimals);
/// "15 %", "12.5 %", of a share in [0, 1].
std::string percentText(double share);

}  // namespace app
