// Names out of strangers' files, made safe to print.
#pragma once

#include <string>
#include <string_view>

namespace engine {

/// `name` in single quotes: printable ASCII as it is, every other byte as \xHH, at most 80 characters of it.
std::string quotedName(std::string_view name);

/// `text` as one line of valid UTF-8 without control characters (each becomes '?'), at most 200 bytes.
std::string displayLine(std::string_view text);

}  // namespace engine
