// XHTML made safe for an HTML parser.
#pragma once

#include <string>
#include <string_view>

namespace engine::worker {

/// "<title/>" becomes "<title></title>": an HTML parser takes the slash for nothing and the rest of the file for the title.
std::string withElementsClosed(std::string_view xhtml);

}  // namespace engine::worker
