// Numbers with their units, for people, and byte sizes as people type them.
#include "app/units.h"

#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace app {

namespace {

/// What a unit multiplies by; 0 = no such unit.
double unitFactor(std::string_view unit) {
    std::string lower;
    for (const char c : unit)
        lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (lower.empty() || lower == "b")
        return 1;
    constexpr std::string_view kPrefixes = "kmgt";
    const std::size_t prefix = kPrefixes.find(lower.front());
    if (prefix == std::string_view::npos)
        return 0;
    const double power = static_cast<double>(prefix + 1);
    const std::string_view rest = std::string_view(lower).substr(1);
    if (rest.empty() || rest == "ib")
        return std::pow(1024.0, power);
    if (rest == "b")
        return std::pow(1000.0, power);
    return 0;
}

}  // namespace

std::optional<std::uint64_t> parseByteSize(std::string_view text) {
    std::size_t digits = 0;
    while (digits < text.size() && (std::isdigit(static_cast<unsigned char>(text[digits])) != 0 || text[digits] == '.'))
        ++digits;
    std::string_view unit = text.substr(digits);
    while (!unit.empty() && unit.front() == ' ')
        unit.remove_prefix(1);
    const double factor = unitFactor(unit);
    if (digits == 0 || factor == 0)
        return std::nullopt;
    const char* const end = text.data() + digits;
    std::uint64_t whole = 0;
    if (const auto [at, error] = std::from_chars(text.data(), end, whole); error == std::errc() && at == end) {
        const auto exactFactor = static_cast<std::uint64_t>(factor);
        if (whole > UINT64_MAX / exactFactor)
            return std::nullopt;
        return whole * exactFactor;
    }
    double value = 0;
    const auto [at, error] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
    constexpr double kTwoTo64 = 18446744073709551616.0;
    if (error != std::errc() || at != end || value * factor >= kTwoTo64)
        return std::nullopt;
    return static_cast<std::uint64_t>(value * factor);
}

std::string countText(std::int64_t value) {
    const std::string digits = std::to_string(value);
    const std::size_t first = value < 0 ? 1 : 0;
    std::string text;
    for (std::size_t at = 0; at < digits.size(); ++at) {
        if (at > first && (digits.size() - at) % 3 == 0)
            text += ',';
        text += digits[at];
    }
    return text;
}

std::string countText(std::int64_t value, std::string_view noun) {
    std::string text = countText(value);
    text += ' ';
    text += noun;
    return value == 1 ? text : text + 's';
}

std::string decimalText(double value, int decimals) {
    std::array<char, 64> buffer{};
    const int length = std::snprintf(buffer.data(), buffer.size(), "%.*f", decimals, value);
    if (length < 0 || static_cast<std::size_t>(length) >= buffer.size())
        return "?";
    return std::string(buffer.data(), static_cast<std::size_t>(length));
}

std::string bytesText(std::uint64_t bytes) {
    if (bytes < 1024)
        return countText(static_cast<std::int64_t>(bytes), "byte");
    constexpr std::array<std::string_view, 5> kUnits{"KiB", "MiB", "GiB", "TiB", "PiB"};
    double value = static_cast<double>(bytes) / 1024;
    std::size_t unit = 0;
    while (value >= 1023.5 && unit + 1 < kUnits.size()) {
        value /= 1024;
        ++unit;
    }
    return decimalText(value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0) + " " + std::string(kUnits[unit]);
}

std::string millisecondsText(double ms) {
    if (ms < 9.995)
        return decimalText(ms, 2) + " ms";
    if (ms < 99.95)
        return decimalText(ms, 1) + " ms";
    if (ms < 1999.5)
        return decimalText(ms, 0) + " ms";
    return decimalText(ms / 1000, ms < 99950 ? 2 : 0) + " s";
}

std::string clockText(double seconds) {
    if (!(seconds >= 0) || seconds > 359999)
        return "?";
    const auto total = static_cast<long>(std::llround(seconds));
    std::array<char, 32> buffer{};
    if (total >= 3600)
        std::snprintf(buffer.data(), buffer.size(), "%ld:%02ld:%02ld", total / 3600, total / 60 % 60, total % 60);
    else
        std::snprintf(buffer.data(), buffer.size(), "%ld:%02ld", total / 60, total % 60);
    return buffer.data();
}

std::string percentText(double share) {
    const double percent = share * 100;
    return decimalText(percent, std::abs(percent - std::round(percent)) < 0.05 ? 0 : 1) + " %";
}

}  // namespace app
