// A scan of JSON text before any parser sees it, so that no text makes the parser use much more memory than its own size.
#pragma once

#include <cstddef>
#include <string_view>

#include "engine/types.h"

namespace engine {

struct JsonTextBounds {
    int depth = 32;                      // of nested arrays and objects
    std::size_t tokenBytes = 64 * 1024;  // of one string or number
};

/// Errors: Refused with the bound and the place. Says nothing about whether the text is JSON at all.
Status checkJsonTextBounds(std::string_view text, const JsonTextBounds& bounds);

}  // namespace engine
