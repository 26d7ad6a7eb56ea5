// Bytes of a text file to clean UTF-8.
#pragma once

#include <string>
#include <string_view>

#include "engine/types.h"

namespace engine::worker {

/// UTF-8 by byte order mark, UTF-16 by byte order mark, then `declared` (a charset label, may be empty), then UTF-8 when the
/// bytes are valid, else Windows-1252. Never fails but for a declared charset that is not known: Unsupported.
Result<std::string> toUtf8(std::string_view bytes, std::string_view declared);

/// UTF-16 code units to UTF-8; lone surrogates become U+FFFD, a leading byte order mark is dropped.
std::string utf8FromUtf16(std::u16string_view units);

/// CR LF and CR become LF, form feed a blank line, vertical tab LF; other C0 controls but tab go.
std::string withoutControls(std::string_view utf8);

}  // namespace engine::worker
