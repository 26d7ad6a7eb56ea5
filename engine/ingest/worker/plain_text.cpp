// Plain text: lines stay as they are; headings are found where the writer marked them by underlining or by a number of
// several levels.
#include <algorithm>
#include <string>
#include <vector>

#include "engine/ingest/utf8.h"
#include "engine/ingest/worker/headings.h"
#include "engine/ingest/worker/readers.h"
#include "engine/ingest/worker/text_encoding.h"

namespace engine::worker {
namespace {

constexpr std::size_t kMaxHeadingBytes = 200;
constexpr std::size_t kMaxHeadingLines = 3;
constexpr std::string_view kUnderlines = "=-~*^\"#+`";

std::vector<std::string_view> linesOf(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        while (!line.empty() && (line.back() == ' ' || line.back() == '\t'))
            line.remove_suffix(1);
        lines.push_back(line);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

bool isUnderlineOf(std::string_view line, std::string_view heading) {
    return line.size() >= 3 && kUnderlines.find(line[0]) != std::string_view::npos &&
           line.find_first_not_of(line[0]) == std::string_view::npos &&
           static_cast<std::int64_t>(line.size()) >= countCharacters(heading);
}

class PlainTextReader {
public:
    explicit PlainTextReader(std::string_view text) : m_lines(linesOf(text)) {}

    Result<ParsedDocument> read() {
        bool underlinedFirst = false;
        for (std::size_t i = 0; i < m_lines.size() && !m_builder.full();) {
            if (m_lines[i].empty()) {
                m_builder.breakParagraph();
                ++i;
                continue;
            }
            if (i + 1 < m_lines.size() && (i == 0 || m_lines[i - 1].empty() || isOverline(i - 1)) &&
                isUnderlineOf(m_lines[i + 1], m_lines[i])) {
                underlinedFirst = underlinedFirst || m_builder.sections().empty();
                m_builder.beginSection(underlineLevel(m_lines[i + 1][0]), std::string(m_lines[i]));
                addLine(i);
                addLine(i + 1);
                i += 2;
                continue;
            }
            if (const std::size_t end = numberedHeadingEnd(i); end > i) {
                std::string title;
                for (std::size_t line = i; line < end; ++line)
                    title += std::string(m_lines[line]) + " ";
                m_builder.beginSection(numberedHeadingLevel(m_lines[i]), title);
                for (; i < end; ++i)
                    addLine(i);
                continue;
            }
            addLine(i);
            ++i;
        }
        return m_builder.finish(
            "text/plain", underlinedFirst ? DocumentBuilder::FirstHeading::AsTitle : DocumentBuilder::FirstHeading::Ignored);
    }

private:
    void addLine(std::size_t i) {
        m_builder.breakLine();
        m_builder.addVerbatim(m_lines[i]);
        m_builder.breakLine();
    }

    /// A line of underline characters above a heading, as reStructuredText writes titles.
    bool isOverline(std::size_t i) const {
        return i + 2 < m_lines.size() && m_lines[i] == m_lines[i + 2] && isUnderlineOf(m_lines[i], m_lines[i + 1]);
    }

    /// Underline characters get their levels in the order in which they first occur.
    int underlineLevel(char underline) {
        const std::size_t known = m_underlines.find(underline);
        if (known != std::string::npos)
            return static_cast<int>(known) + 1;
        m_underlines.push_back(underline);
        return static_cast<int>(m_underlines.size());
    }

    /// Line behind the numbered heading that starts at `i` and stands alone between blank lines; `i` when there is none.
    std::size_t numberedHeadingEnd(std::size_t i) const {
        if ((i > 0 && !m_lines[i - 1].empty()) || numberedHeadingLevel(m_lines[i]) == 0)
            return i;
        std::size_t end = i;
        std::size_t bytes = 0;
        while (end < m_lines.size() && !m_lines[end].empty()) {
            if (end > i && (m_lines[end][0] == ' ' || m_lines[end][0] == '\t' || numberedHeadingLevel(m_lines[end]) > 0))
                return i;
            bytes += m_lines[end].size();
            ++end;
        }
        const char last = m_lines[end - 1].back();
        const bool sentence = last == '.' || last == ';' || last == ',' || last == ':';
        return end - i > kMaxHeadingLines || bytes > kMaxHeadingBytes || sentence ? i : end;
    }

    const std::vector<std::string_view> m_lines;
    DocumentBuilder m_builder;
    std::string m_underlines;
};

}  // namespace

Result<ParsedDocument> readPlainText(std::string_view bytes) {
    const Result<std::string> decoded = toUtf8(bytes, "");
    if (!decoded.ok())
        return decoded.status();
    const std::string text = withoutControls(*decoded);
    return PlainTextReader(text).read();
}

}  // namespace engine::worker
