// One pass over the tags; comments, CDATA sections and quoted attribute values are stepped over.
#include "engine/ingest/worker/xhtml.h"

#include <algorithm>
#include <array>

namespace engine::worker {
namespace {

/// Elements that HTML knows to be empty.
bool isVoid(std::string_view name) {
    static constexpr std::array<std::string_view, 14> kVoid{"area",  "base", "br",   "col",   "embed",  "hr",    "img",
                                                            "input", "link", "meta", "param", "source", "track", "wbr"};
    return std::find(kVoid.begin(), kVoid.end(), name) != kVoid.end();
}

/// Position behind the tag that starts at `at`; attribute values in quotes may hold ">".
std::size_t tagEnd(std::string_view text, std::size_t at) {
    char quote = '\0';
    for (; at < text.size(); ++at) {
        const char c = text[at];
        if (quote != '\0')
            quote = c == quote ? '\0' : quote;
        else if (c == '"' || c == '\'')
            quote = c;
        else if (c == '>')
            return at + 1;
    }
    return text.size();
}

}  // namespace

std::string withElementsClosed(std::string_view xhtml) {
    std::string html;
    html.reserve(xhtml.size() + xhtml.size() / 16);
    for (std::size_t at = 0; at < xhtml.size();) {
        const std::size_t open = std::min(xhtml.find('<', at), xhtml.size());
        html += xhtml.substr(at, open - at);
        at = open;
        if (at == xhtml.size())
            break;
        std::size_t end;
        if (xhtml.substr(at).starts_with("<!--"))
            end = std::min(xhtml.find("-->", at), xhtml.size());
        else if (xhtml.substr(at).starts_with("<![CDATA["))
            end = std::min(xhtml.find("]]>", at), xhtml.size());
        else
            end = tagEnd(xhtml, at);
        const std::string_view tag = xhtml.substr(at, end - at);
        at = end;
        std::size_t nameEnd = 1;
        while (nameEnd < tag.size() && ((tag[nameEnd] | 0x20) >= 'a' && (tag[nameEnd] | 0x20) <= 'z'))
            ++nameEnd;
        while (nameEnd > 1 && nameEnd < tag.size() && tag[nameEnd] >= '0' && tag[nameEnd] <= '9')
            ++nameEnd;
        const std::string_view name = tag.substr(1, nameEnd - 1);
        if (tag.ends_with("/>") && !name.empty() && !isVoid(name)) {
            html += tag.substr(0, tag.size() - 2);
            html += "></";
            html += name;
            html += '>';
        } else {
            html += tag;
        }
    }
    return html;
}

}  // namespace engine::worker
