// Running heads and feet are told by repetition on neighbouring pages, paragraphs by short last lines.
#include "engine/ingest/worker/pdf_lines.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "engine/ingest/text_borders.h"
#include "engine/ingest/utf8.h"

namespace engine::worker {
namespace {

/// Lines from a page's edge that may be a running head or foot.
constexpr std::size_t kEdgeLines = 3;
/// Pages on each side that are compared, and how many of them must show the same line. Left and right pages differ, hence 4
/// and 2.
constexpr std::size_t kNearPages = 4;
constexpr int kRepetitions = 2;
/// A page with fewer lines keeps them all.
constexpr std::size_t kMinPageLines = 3;
constexpr std::size_t kMinPages = 4;
constexpr std::size_t kMaxRunningBytes = 160;
constexpr int kLeaderDots = 4;

std::vector<std::string> splitLines(const std::string& page) {
    std::vector<std::string> lines;
    std::size_t at = 0;
    while (at <= page.size()) {
        const std::size_t end = std::min(page.find_first_of("\n\f", at), page.size());
        lines.push_back(oneLine(std::string_view(page).substr(at, end - at)));
        at = end + 1;
    }
    return lines;
}

bool isRoman(std::string_view text) {
    return !text.empty() && text.size() <= 7 && text.find_first_not_of("ivxlc") == std::string_view::npos;
}

/// The line with numbers made equal, lower case.
std::string runningKey(std::string_view line) {
    std::string key;
    for (const char c : line) {
        if (c >= '0' && c <= '9') {
            if (key.empty() || key.back() != '#')
                key.push_back('#');
        } else {
            key.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
        }
    }
    return isRoman(key) ? "#" : key;
}

/// Indices of a page's lines that are not blank, from one edge inwards.
std::vector<std::size_t> edgeLines(const std::vector<std::string>& lines, bool top) {
    std::vector<std::size_t> edge;
    for (std::size_t i = 0; i < lines.size() && edge.size() < kEdgeLines; ++i) {
        const std::size_t line = top ? i : lines.size() - 1 - i;
        if (!lines[line].empty())
            edge.push_back(line);
    }
    return edge;
}

bool endsSentence(std::string_view line) {
    while (!line.empty() && (line.back() == ')' || line.back() == '"' || line.back() == '\''))
        line.remove_suffix(1);
    return !line.empty() && (line.back() == '.' || line.back() == '!' || line.back() == '?' || line.back() == ':');
}

/// Pages that list the headings of later pages. What stands there is no running head of its neighbours, nor has it any.
std::vector<bool> contentsPages(const std::vector<std::vector<std::string>>& pages,
                                const std::set<std::string>& headingKeys) {
    const auto keyOf = [&](const std::string& line) {
        std::string key = contentsKey(withoutHeadingNumber(line));
        return headingKeys.contains(key) ? key : std::string();
    };
    std::vector<std::pair<std::size_t, const std::string*>> lines;  // page and text of those that are not blank
    for (std::size_t page = 0; page < pages.size(); ++page)
        for (const std::string& line : pages[page])
            if (!line.empty())
                lines.emplace_back(page, &line);
    std::map<std::string, std::size_t> lastLine;  // of a heading
    std::vector<HeadingPlace> places;
    for (std::size_t i = 0; i < lines.size(); ++i)
        if (const std::string key = keyOf(*lines[i].second); !key.empty()) {
            lastLine[key] = i;
            places.push_back({i, i + 1, 0});
        }
    for (HeadingPlace& place : places)
        place.last = lastLine[keyOf(*lines[place.begin].second)];
    const std::vector<bool> listed =
        listedPlaces(places, [&](std::size_t line) { return std::string_view(*lines[line].second); });
    std::vector<bool> contents(pages.size(), false);
    std::map<std::size_t, int> repeated;  // headings of the page that stand again on a later one
    for (std::size_t i = 0; i < places.size(); ++i) {
        const std::size_t page = lines[places[i].begin].first;
        repeated[page] += lines[places[i].last].first > page;
        contents[page] = contents[page] || listed[i] || repeated[page] >= kContentsHeadings;
    }
    return contents;
}

/// Lines at one edge of all pages.
class RunningLines {
public:
    RunningLines(const std::vector<std::vector<std::string>>& pages, const std::vector<bool>& contents, bool top)
        : m_pages(pages), m_contents(contents), m_top(top) {
        for (std::size_t page = 0; page < pages.size(); ++page)
            for (const std::size_t line : edgeLines(pages[page], top))
                m_pagesOf[runningKey(pages[page][line])].push_back(page);
    }

    /// The page's lines to drop, from the edge inwards.
    std::vector<std::size_t> of(std::size_t page, const std::set<std::string>& headingKeys) const {
        std::vector<std::size_t> dropped;
        const std::vector<std::size_t> edge = edgeLines(m_pages[page], m_top);
        const bool numbered =
            std::any_of(edge.begin(), edge.end(), [&](std::size_t line) { return runningKey(m_pages[page][line]) == "#"; });
        for (const std::size_t line : edge) {
            const std::string& text = m_pages[page][line];
            const bool heading = repeatsHeading(text, headingKeys);
            const bool same = isSameNear(page, text);
            // Numbers aside, headings ("Version 4.1") and sentences may repeat and yet be text.
            const bool repeated =
                timesNear(page, runningKey(text)) >= kRepetitions && (same || (!heading && !endsSentence(text)));
            // A heading is never a page's last line before its number; at the top it is the real one unless a page near by has it.
            const bool repeatsTitle = heading && !m_contents[page] && (m_top ? same : numbered);
            if (text.size() > kMaxRunningBytes || (!repeated && !repeatsTitle && !isCutHeading(text, headingKeys)))
                break;
            dropped.push_back(line);
        }
        return dropped;
    }

private:
    /// Other pages near this one with the same line at the same edge.
    std::int64_t timesNear(std::size_t page, const std::string& key) const {
        const std::vector<std::size_t>& pages = m_pagesOf.find(key)->second;
        return std::count_if(pages.begin(), pages.end(), [&](std::size_t other) {
            return other != page && (other > page ? other - page : page - other) <= kNearPages;
        });
    }

    /// A page beside this one has the very same line at the same edge.
    bool isSameNear(std::size_t page, const std::string& text) const {
        const auto has = [&](std::size_t other) {
            if (m_contents[page] != m_contents[other])
                return false;
            const std::vector<std::size_t> edge = edgeLines(m_pages[other], m_top);
            return std::any_of(edge.begin(), edge.end(), [&](std::size_t line) { return m_pages[other][line] == text; });
        };
        for (std::size_t distance = 1; distance <= 2; ++distance)
            if ((page >= distance && has(page - distance)) || (page + distance < m_pages.size() && has(page + distance)))
                return true;
        return false;
    }

    static bool repeatsHeading(const std::string& text, const std::set<std::string>& headingKeys) {
        return headingKeys.contains(headingKey(withoutHeadingNumber(text)));
    }

    /// "1.6. How does the project fit in …": a running head that was too long for the line.
    static bool isCutHeading(const std::string& text, const std::set<std::string>& headingKeys) {
        if (!text.ends_with("…") && !text.ends_with("..."))
            return false;
        const std::string key = headingKey(withoutHeadingNumber(text));
        const auto heading = headingKeys.lower_bound(key);
        return !key.empty() && heading != headingKeys.end() && heading->starts_with(key);
    }

    const std::vector<std::vector<std::string>>& m_pages;
    const std::vector<bool>& m_contents;
    const bool m_top;
    std::map<std::string, std::vector<std::size_t>> m_pagesOf;
};

std::size_t filledLines(const std::vector<std::string>& lines) {
    return static_cast<std::size_t>(
        std::count_if(lines.begin(), lines.end(), [](const std::string& line) { return !line.empty(); }));
}

/// Empties the running heads and feet.
void dropRunningLines(std::vector<std::vector<std::string>>& pages, const std::set<std::string>& headingKeys) {
    const std::vector<bool> contents = contentsPages(pages, headingKeys);
    const RunningLines heads(pages, contents, true);
    const RunningLines feet(pages, contents, false);
    std::vector<std::vector<std::size_t>> dropped(pages.size());
    for (std::size_t page = 0; page < pages.size(); ++page) {
        if (filledLines(pages[page]) < kMinPageLines)
            continue;
        dropped[page] = heads.of(page, headingKeys);
        const std::vector<std::size_t> foot = feet.of(page, headingKeys);
        dropped[page].insert(dropped[page].end(), foot.begin(), foot.end());
    }
    for (std::size_t page = 0; page < pages.size(); ++page)
        for (const std::size_t line : dropped[page])
            pages[page][line].clear();
}

/// Dots that lead to a page number become "…"; whether there were any.
bool shortenLeaders(std::string& line) {
    std::string shortened;
    bool found = false;
    for (std::size_t at = 0; at < line.size();) {
        std::size_t end = at;
        int dots = 0;
        while (end < line.size() && (line[end] == '.' || (line[end] == ' ' && dots > 0))) {
            dots += line[end] == '.';
            ++end;
        }
        if (dots < kLeaderDots) {
            shortened.push_back(line[at++]);
            continue;
        }
        found = true;
        shortened += end < line.size() ? "… " : "…";
        at = end;
    }
    line = std::move(shortened);
    return found;
}

/// A link or path that was broken at the line's end: "…/usr/share/doc/", "https://www."
bool endsInsidePath(std::string_view line) {
    const std::string_view word = line.substr(line.rfind(' ') + 1);
    return word.size() > 2 && word.find('/') != std::string_view::npos &&
           std::string_view("/.-_=&?").find(word.back()) != std::string_view::npos;
}

bool startsLower(std::string_view line) { return !line.empty() && line[0] >= 'a' && line[0] <= 'z'; }

}  // namespace

std::vector<PageLine> linesOfPages(const std::vector<std::string>& pages, const std::set<std::string>& headingKeys) {
    std::vector<std::vector<std::string>> split;
    split.reserve(pages.size());
    for (const std::string& page : pages)
        split.push_back(splitLines(page));
    if (pages.size() >= kMinPages) {
        std::vector<std::vector<std::string>> kept = split;
        dropRunningLines(kept, headingKeys);
        // Pages that all say the same are what the document says.
        if (std::any_of(kept.begin(), kept.end(), [](const auto& page) { return filledLines(page) > 0; }))
            split = std::move(kept);
    }
    std::vector<PageLine> lines;
    for (std::size_t page = 0; page < split.size(); ++page) {
        bool afterBlank = true;
        for (std::string& text : split[page]) {
            const bool blank = text.empty();
            if (!blank) {
                const bool leaders = shortenLeaders(text);
                lines.push_back({static_cast<int>(page) + 1, std::move(text), afterBlank, leaders});
            }
            afterBlank = blank;
        }
    }
    return lines;
}

LineJoin joinOf(const PageLine& before, const PageLine& next, std::size_t width) {
    const bool full = static_cast<std::size_t>(countCharacters(before.text)) * 4 >= width * 3;
    const bool over = endsSentence(before.text);
    if (full && !next.afterBlank && startsLower(next.text) && endsInsidePath(before.text))
        return LineJoin::Nothing;
    if (!over && full && startsLower(next.text))
        return LineJoin::Space;
    if (next.afterBlank || before.page != next.page)
        return LineJoin::Paragraph;
    if (startsListItem(next.text))
        return LineJoin::Line;
    if (!full)
        return over ? LineJoin::Paragraph : LineJoin::Line;
    return LineJoin::Space;
}

std::vector<std::size_t> lineWidths(const std::vector<PageLine>& lines, int pages) {
    std::vector<std::vector<std::size_t>> lengths(static_cast<std::size_t>(pages) + 1);
    for (const PageLine& line : lines)
        lengths[static_cast<std::size_t>(line.page)].push_back(static_cast<std::size_t>(countCharacters(line.text)));
    std::vector<std::size_t> widths;
    for (std::vector<std::size_t>& page : lengths) {
        const std::size_t index = page.size() * 4 / 5;
        if (page.empty()) {
            widths.push_back(0);
            continue;
        }
        std::nth_element(page.begin(), page.begin() + static_cast<std::ptrdiff_t>(index), page.end());
        widths.push_back(page[index]);
    }
    return widths;
}

}  // namespace engine::worker
