// What the command line's options have in common: choices, whole numbers, refusals. Private to the files that know CLI11.
#pragma once

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdint>
#include <limits>
#include <string>
#include <system_error>
#include <vector>

#include "app/names.h"
#include "app/units.h"

namespace app {

/// A value that CLI11's own checks cannot judge; becomes a UsageError.
[[noreturn]] inline void wrong(const std::string& option, const std::string& why) {
    throw CLI::ValidationError(option, why);
}

template <class Enum>
Enum enumOf(const std::string& name) {
    return *valueOf<Enum>(name);  // choose() has let only names through
}

/// Lets only these names through; help shows them.
inline CLI::Option* choose(CLI::Option* option, const std::vector<std::string>& names) {
    std::string list;
    for (const std::string& name : names)
        list += (list.empty() ? "" : "|") + name;
    return option->check(CLI::IsMember(names))->type_name(list);
}

template <class Enum>
CLI::Option* choose(CLI::Option* option) {
    return choose(option, namesOf<Enum>());
}

template <class Integer>
CLI::Validator wholeNumber(Integer least, Integer most = std::numeric_limits<Integer>::max()) {
    return CLI::Validator(
        [least, most](std::string& text) -> std::string {
            Integer value = 0;
            const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
            if (error != std::errc() || end != text.data() + text.size() || value < least || value > most)
                return "'" + text + "' is not a whole number from " + std::to_string(least) +
                       (most < std::numeric_limits<Integer>::max() ? " to " + std::to_string(most) : "");
            return {};
        },
        "");
}

inline CLI::Validator atLeast(int least) { return wholeNumber<int>(least); }

/// An empty name is mostly a variable that was not set: it must not fall back to the default silently.
inline CLI::Validator notEmpty() {
    return CLI::Validator([](std::string& text) { return text.empty() ? std::string("it is empty") : std::string(); }, "");
}

/// A size in bytes as a person writes it.
inline std::uint64_t byteSizeOf(const std::string& option, const std::string& text) {
    const auto bytes = parseByteSize(text);
    if (!bytes)
        wrong(option, "'" + text + "' is not a size; write bytes, or a number with a suffix such as 512M or 2GiB");
    return *bytes;
}

}  // namespace app
