// Text for a terminal: strangers' text made harmless, and aligned tables.
#include "app/terminal_text.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>
#include <cstdio>

namespace app {

namespace {

struct CodePoint {
    std::uint32_t value = 0;
    std::size_t bytes = 1;  // 1 for a byte that starts no sequence
    bool valid = false;
};

bool isContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

CodePoint decode(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text.front());
    const std::size_t bytes = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 0;
    if (bytes == 1)
        return {lead, 1, true};
    if (bytes == 0 || lead > 0xF4 || text.size() < bytes)
        return {lead, 1, false};
    std::uint32_t value = lead & (0xFFU >> (bytes + 1));
    for (std::size_t i = 1; i < bytes; ++i) {
        if (!isContinuation(text[i]))
            return {lead, 1, false};
        value = (value << 6) | (static_cast<unsigned char>(text[i]) & 0x3FU);
    }
    return {value, bytes, true};
}

/// C0 and C1 controls, zero-width characters, bidirectional marks, embeddings, overrides and isolates, the byte order mark.
bool isHarmful(std::uint32_t c) {
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
           (c >= 0x2060 && c <= 0x206F) || c == 0x061C || c == 0xFEFF;
}

}  // namespace

std::string printable(std::string_view text, LineBreaks lineBreaks) {
    std::string result;
    result.reserve(text.size());
    while (!text.empty()) {
        const CodePoint point = decode(text);
        if (!point.valid) {
            result += "\xEF\xBF\xBD";
        } else if (point.value == '\n' || point.value == '\t') {
            result += lineBreaks == LineBreaks::Keep ? static_cast<char>(point.value) : ' ';
        } else if (isHarmful(point.value)) {
            std::array<char, 16> shown{};
            std::snprintf(shown.data(), shown.size(), "<U+%04X>", static_cast<unsigned>(point.value));
            result += shown.data();
        } else {
            result += text.substr(0, point.bytes);
        }
        text.remove_prefix(point.bytes);
    }
    return result;
}

int codePoints(std::string_view text) {
    return static_cast<int>(std::count_if(text.begin(), text.end(), [](char c) { return !isContinuation(c); }));
}

std::string shortened(std::string_view text, int width) {
    if (codePoints(text) <= width)
        return std::string(text);
    std::size_t at = 0;
    for (int kept = 0; at < text.size(); ++at) {
        if (!isContinuation(text[at]) && ++kept == width)
            break;
    }
    return std::string(text.substr(0, at)) + "…";
}

void TextTable::addRow(std::vector<std::string> cells) {
    assert(cells.size() == m_columns.size());
    m_rows.push_back(std::move(cells));
}

std::string TextTable::text() const {
    std::vector<int> widths;
    for (std::size_t column = 0; column < m_columns.size(); ++column) {
        int width = codePoints(m_columns[column].heading);
        for (const auto& row : m_rows)
            width = std::max(width, codePoints(row[column]));
        widths.push_back(width);
    }
    std::string result;
    const auto addLine = [&](const auto& cellOf) {
        std::string line;
        for (std::size_t column = 0; column < m_columns.size(); ++column) {
            const std::string& cell = cellOf(column);
            const std::string gap(static_cast<std::size_t>(widths[column] - codePoints(cell)), ' ');
            line += column == 0 ? "" : "  ";
            line += m_columns[column].align == Align::Right ? gap + cell : cell + gap;
        }
        line.erase(line.find_last_not_of(' ') + 1);
        result += line + '\n';
    };
    addLine([&](std::size_t column) -> const std::string& { return m_columns[column].heading; });
    for (const auto& row : m_rows)
        addLine([&](std::size_t column) -> const std::string& { return row[column]; });
    return result;
}

}  // namespace app
