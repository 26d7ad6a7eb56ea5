// JSON out of strangers' files: bounded in size and depth, no key twice.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "engine/types.h"

namespace engine {

struct JsonBounds {
    std::size_t bytes = std::size_t{64} << 20;
    int depth = 32;
};

/// Errors: Refused (too large, too deep, a key twice, not JSON, with the byte).
Result<nlohmann::json> parseBoundedJson(std::string_view text, const JsonBounds& bounds);

}  // namespace engine
