// One pass that knows strings, escapes and brackets.
#include "engine/model/json_text_bounds.h"

#include <string>

namespace engine {

Status checkJsonTextBounds(std::string_view text, const JsonTextBounds& bounds) {
    int depth = 0;
    bool inString = false;
    std::size_t tokenBytes = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (inString) {
            ++tokenBytes;
            if (c == '\\') {
                ++i;
                ++tokenBytes;
            } else if (c == '"') {
                inString = false;
                tokenBytes = 0;
            }
        } else if (c == '"') {
            inString = true;
            tokenBytes = 0;
        } else if (c == '{' || c == '[') {
            tokenBytes = 0;
            if (++depth > bounds.depth)
                return Status(StatusCode::Refused, "JSON: nesting at byte " + std::to_string(i) + " is deeper than " +
                                                       std::to_string(bounds.depth));
        } else if (c == '}' || c == ']') {
            tokenBytes = 0;
            --depth;
        } else if (c == ',' || c == ':' || c == ' ' || c == '\n' || c == '\r' || c == '\t') {
            tokenBytes = 0;
        } else {
            ++tokenBytes;
        }
        if (tokenBytes > bounds.tokenBytes)
            return Status(StatusCode::Refused, "JSON: a string or number at byte " + std::to_string(i) + " is longer than " +
                                                   std::to_string(bounds.tokenBytes) + " bytes");
    }
    return {};
}

}  // namespace engine
