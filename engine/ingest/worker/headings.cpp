// Headings are matched by their letters, line by line, and put in order by a longest increasing series.
#include "engine/ingest/worker/headings.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "engine/ingest/utf8.h"

namespace engine::worker {
namespace {

/// Lines a heading may run over, its number on a line of its own included.
constexpr std::size_t kMaxHeadingLines = 6;
/// Entries whose titles begin with the same line that are looked at.
constexpr int kMaxSameBeginnings = 64;
/// A page with this many lines of dot leaders is a table of contents, and so is one mostly of headings.
constexpr int kLeaderLines = 3;
/// So many headings in a row, without text between them, that all stand again later are a list of them.
constexpr std::size_t kListedInARow = 3;
/// "XVIII", "12.4.10"
constexpr std::size_t kMaxNumberBytes = 12;
/// A longer line with a number is a clause, not a heading.
constexpr std::size_t kMaxNumberedBytes = 80;

bool isAsciiLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool isAsciiDigit(char c) { return c >= '0' && c <= '9'; }

struct Candidate {
    std::size_t entry = 0;
    std::size_t begin = 0;
    std::size_t end = 0;
    int chain = 0;  // entries that can follow in order, itself included
};

/// "12", "xiv": what stands alone on a line where page numbers are a column of their own.
bool isPageNumber(std::string_view line) {
    return !line.empty() && line.size() <= 7 &&
           (line.find_first_not_of("0123456789") == std::string_view::npos ||
            line.find_first_not_of("ivxlc") == std::string_view::npos);
}

class HeadingFinder {
public:
    HeadingFinder(const std::vector<PageLine>& lines, const std::vector<OutlineEntry>& entries) : m_lines(lines) {
        for (std::size_t i = 0; i < entries.size(); ++i)
            if (std::string key = headingKey(entries[i].title); !key.empty())
                m_keys.emplace_back(std::move(key), i);
        std::sort(m_keys.begin(), m_keys.end());
    }

    std::vector<PlacedHeading> place() {
        for (std::size_t line = 0; line < m_lines.size(); ++line)
            findAt(line);
        dropContentsPages();
        dropLists();
        return longestSeries();
    }

private:
    /// Adds the entries whose heading starts at the line: as it stands, or behind its number.
    void findAt(std::size_t line) {
        const std::string& text = m_lines[line].text;
        const std::string_view bare = withoutHeadingNumber(text);
        std::set<std::size_t> found;
        match(line, line, text, found);
        if (bare.empty() && line + 1 < m_lines.size())
            match(line, line + 1, m_lines[line + 1].text, found);
        else if (bare.size() != text.size())
            match(line, line, bare, found);
        // "A Licence": an appendix's letter, or a word.
        if (text.size() > 2 && text[0] >= 'A' && text[0] <= 'Z' && text[1] == ' ')
            match(line, line, std::string_view(text).substr(2), found);
    }

    /// Entries whose key is that of `start` (the line `from`) and of whole lines behind it.
    void match(std::size_t begin, std::size_t from, std::string_view start, std::set<std::size_t>& found) {
        const std::string first = headingKey(start);
        if (first.empty())
            return;
        auto entry = std::lower_bound(m_keys.begin(), m_keys.end(), std::pair<std::string, std::size_t>(first, 0));
        for (int tried = 0; entry != m_keys.end() && entry->first.starts_with(first) && tried < kMaxSameBeginnings;
             ++entry, ++tried) {
            std::string_view rest = std::string_view(entry->first).substr(first.size());
            std::size_t line = from + 1;
            while (!rest.empty() && line < m_lines.size() && line - begin < kMaxHeadingLines) {
                const std::string next = headingKey(m_lines[line].text);
                if (next.empty() || !rest.starts_with(next))
                    break;
                rest.remove_prefix(next.size());
                ++line;
            }
            if (rest.empty() && found.insert(entry->second).second)
                m_candidates.push_back({entry->second, begin, line, 0});
        }
    }

    void dropContentsPages() {
        struct PageCount {
            int lines = 0;
            int leaders = 0;
            std::set<std::size_t> headings;
        };
        std::map<int, PageCount> pages;
        for (const PageLine& line : m_lines) {
            PageCount& page = pages[line.page];
            ++page.lines;
            page.leaders += line.leaders;
        }
        for (const Candidate& candidate : m_candidates)
            pages[m_lines[candidate.begin].page].headings.insert(candidate.begin);
        std::erase_if(m_candidates, [&](const Candidate& candidate) {
            const PageCount& page = pages[m_lines[candidate.begin].page];
            const int headings = static_cast<int>(page.headings.size());
            return page.leaders >= kLeaderLines || (headings >= kContentsHeadings && headings * 2 >= page.lines);
        });
    }

    /// Short tables of contents, and those that share a page with text.
    void dropLists() {
        std::map<std::size_t, std::size_t> lastOf;  // of an entry
        for (const Candidate& candidate : m_candidates) {
            std::size_t& last = lastOf[candidate.entry];
            last = std::max(last, candidate.begin);
        }
        std::vector<HeadingPlace> places;
        for (const Candidate& candidate : m_candidates) {  // in the order of their lines
            if (places.empty() || places.back().begin != candidate.begin)
                places.push_back({candidate.begin, candidate.end, lastOf[candidate.entry]});
            places.back().end = std::max(places.back().end, candidate.end);
            places.back().last = std::max(places.back().last, lastOf[candidate.entry]);
        }
        const std::vector<bool> listed =
            listedPlaces(places, [&](std::size_t line) { return std::string_view(m_lines[line].text); });
        std::set<std::size_t> lists;
        for (std::size_t i = 0; i < places.size(); ++i)
            if (listed[i])
                lists.insert(places[i].begin);
        std::erase_if(m_candidates, [&](const Candidate& candidate) { return lists.contains(candidate.begin); });
    }

    std::vector<PlacedHeading> longestSeries() {
        std::sort(m_candidates.begin(), m_candidates.end(), [](const Candidate& left, const Candidate& right) {
            return std::pair(left.entry, left.begin) < std::pair(right.entry, right.begin);
        });
        // best[i] of a Fenwick tree over lines counted from the end: the longest chain that starts behind a line.
        std::vector<int> best(m_lines.size() + 2, 0);
        const auto behind = [&](std::size_t line) {
            int chain = 0;
            for (std::size_t i = m_lines.size() - line; i > 0; i -= i & (~i + 1))
                chain = std::max(chain, best[i]);
            return chain;
        };
        const auto note = [&](std::size_t line, int chain) {
            for (std::size_t i = m_lines.size() - line; i < best.size(); i += i & (~i + 1))
                best[i] = std::max(best[i], chain);
        };
        int longest = 0;
        for (std::size_t last = m_candidates.size(); last > 0;) {
            std::size_t first = last;
            while (first > 0 && m_candidates[first - 1].entry == m_candidates[last - 1].entry) {
                --first;
                m_candidates[first].chain = 1 + behind(m_candidates[first].end);
                longest = std::max(longest, m_candidates[first].chain);
            }
            for (std::size_t i = first; i < last; ++i)
                note(m_candidates[i].begin, m_candidates[i].chain);
            last = first;
        }
        std::vector<PlacedHeading> placed;
        for (const Candidate& candidate : m_candidates) {
            const bool follows =
                placed.empty() || (candidate.entry > placed.back().entry && candidate.begin >= placed.back().end);
            if (!follows || candidate.chain != longest)
                continue;
            placed.push_back({candidate.entry, candidate.begin, candidate.end});
            --longest;
        }
        return placed;
    }

    const std::vector<PageLine>& m_lines;
    std::vector<std::pair<std::string, std::size_t>> m_keys;  // key, entry
    std::vector<Candidate> m_candidates;
};

}  // namespace

std::vector<bool> listedPlaces(std::span<const HeadingPlace> places,
                               const std::function<std::string_view(std::size_t line)>& textOf) {
    const auto isContentsTitle = [&](std::size_t line) {
        const std::string key = headingKey(textOf(line));
        return key == "contents" || key == "tableofcontents";
    };
    std::vector<bool> listed(places.size(), false);
    for (std::size_t first = 0; first < places.size();) {
        std::size_t behind = first;  // the first place that does not belong to the list
        std::size_t line = places[first].begin;
        while (behind < places.size() && places[behind].begin <= line && places[behind].last >= places[behind].end) {
            line = std::max(line, places[behind++].end);
            while (behind < places.size() && line < places[behind].begin && isPageNumber(textOf(line)))
                ++line;
        }
        const std::size_t end = behind > first ? places[behind - 1].end : 0;
        const bool standAgain = std::all_of(places.begin() + static_cast<std::ptrdiff_t>(first),
                                            places.begin() + static_cast<std::ptrdiff_t>(behind),
                                            [&](const HeadingPlace& place) { return place.last >= end; });
        const bool named = places[first].begin > 0 && isContentsTitle(places[first].begin - 1);
        if (standAgain && behind - first >= (named ? 1 : kListedInARow))
            std::fill(listed.begin() + static_cast<std::ptrdiff_t>(first),
                      listed.begin() + static_cast<std::ptrdiff_t>(behind), true);
        first = std::max(behind, first + 1);
    }
    return listed;
}

std::string headingKey(std::string_view text) {
    std::string key;
    for (std::size_t at = 0; at < text.size();) {
        const CodePoint point = codePointAt(text, at);
        at += static_cast<std::size_t>(point.bytes);
        const char32_t value = point.value;
        if (value >= 'A' && value <= 'Z')
            key.push_back(static_cast<char>(value + 32));
        else if ((value >= 'a' && value <= 'z') || (value >= '0' && value <= '9'))
            key.push_back(static_cast<char>(value));
        else if (value >= 0xC0 && !(value >= 0x2000 && value < 0x2070) && !(value >= 0x3000 && value < 0x3004) &&
                 !(value >= 0x300 && value < 0x370) && value != kReplacementCharacter)
            appendUtf8(key, value);
    }
    return key;
}

std::string_view withoutHeadingNumber(std::string_view line) {
    std::size_t at = 0;
    while (at < line.size() && isAsciiLetter(line[at]))
        ++at;
    const std::string word = headingKey(line.substr(0, at));
    static constexpr std::array<std::string_view, 4> kWords{"chapter", "section", "appendix", "part"};
    const bool named = at < line.size() && line[at] == ' ' && std::find(kWords.begin(), kWords.end(), word) != kWords.end();
    const std::size_t number = named ? at + 1 : 0;
    std::size_t end = number;
    bool digits = false;
    // "2.4.1", "A.3", "IV"
    while (end < line.size() && (isAsciiDigit(line[end]) || line[end] == '.' || (line[end] >= 'A' && line[end] <= 'Z'))) {
        digits = digits || isAsciiDigit(line[end]);
        ++end;
    }
    if (end == number || end - number > kMaxNumberBytes || (!digits && !named))
        return line;
    while (end < line.size() && (line[end] == ':' || line[end] == ')' || line[end] == '.'))
        ++end;
    if (end < line.size() && line[end] != ' ')
        return line;
    while (end < line.size() && line[end] == ' ')
        ++end;
    return line.substr(end);
}

std::string contentsKey(std::string_view line) {
    std::size_t end = line.size();
    while (end > 0 && isAsciiDigit(line[end - 1]))
        --end;
    const bool number = end < line.size() && line.size() - end <= 4 && end > 0 && line[end - 1] == ' ';
    return headingKey(number ? line.substr(0, end) : line);
}

int numberedHeadingLevel(std::string_view text) {
    const std::string line = oneLine(text);
    for (const std::string_view word : {"Chapter ", "CHAPTER ", "Appendix ", "APPENDIX ", "Part ", "PART "}) {
        if (!line.starts_with(word))
            continue;
        const std::size_t end = line.find_first_of(".: ", word.size());
        return end != std::string::npos && end - word.size() <= kMaxNumberBytes && line[end] != ' ' && end + 2 < line.size()
                   ? 1
                   : 0;
    }
    int numbers = 0;
    std::size_t at = 0;
    for (;;) {
        const std::size_t begin = at;
        while (at < line.size() && at - begin < 4 && isAsciiDigit(line[at]))
            ++at;
        if (at == begin)
            break;
        ++numbers;
        if (at >= line.size() || line[at] != '.')
            break;
        ++at;
    }
    const bool titleFollows = at + 1 < line.size() && line[at] == ' ' && !isAsciiDigit(line[at + 1]);
    return numbers >= 2 && titleFollows ? numbers : 0;
}

std::vector<PlacedHeading> findNumberedHeadings(const std::vector<PageLine>& lines, std::vector<OutlineEntry>& entries) {
    std::map<int, int> leaders;                   // lines with leaders by page
    std::map<std::string, std::size_t> lastLine;  // where a numbered line stands for the last time
    std::vector<HeadingPlace> places;             // numbered lines
    for (std::size_t i = 0; i < lines.size(); ++i) {
        leaders[lines[i].page] += lines[i].leaders;
        if (numberedHeadingLevel(lines[i].text) == 0)
            continue;
        places.push_back({i, i + 1, 0});
        lastLine[contentsKey(lines[i].text)] = i;
    }
    std::map<int, int> repeated;  // numbered lines of the page that stand again on a later one
    for (HeadingPlace& place : places) {
        const PageLine& line = lines[place.begin];
        place.last = lastLine[contentsKey(line.text)];
        repeated[line.page] += lines[place.last].page > line.page;
    }
    const std::vector<bool> listed =
        listedPlaces(places, [&](std::size_t line) { return std::string_view(lines[line].text); });
    std::vector<std::size_t> headings;   // lines
    std::set<std::string> contentsKeys;  // what tables of contents say
    for (std::size_t i = 0; i < places.size(); ++i) {
        const PageLine& line = lines[places[i].begin];
        if (listed[i] || line.leaders || leaders[line.page] >= kLeaderLines || repeated[line.page] >= kContentsHeadings)
            contentsKeys.insert(contentsKey(line.text));
        else
            headings.push_back(places[i].begin);
    }
    std::vector<PlacedHeading> placed;
    for (const std::size_t i : headings) {
        std::string title = lines[i].text;
        if (title.size() > kMaxNumberedBytes || title.find_last_of(".,;:") == title.size() - 1)
            continue;
        std::string key = contentsKey(title);
        // "1.74 times faster" in a paragraph is no heading.
        const char first = withoutHeadingNumber(title).empty() ? ' ' : withoutHeadingNumber(title).front();
        if (first >= 'a' && first <= 'z' && !lines[i].afterBlank && !contentsKeys.contains(key))
            continue;
        const int level = numberedHeadingLevel(title);
        std::size_t end = i + 1;
        if (!contentsKeys.contains(key)) {
            std::string longer = headingKey(title);
            std::string longerTitle = title;
            for (std::size_t next = i + 1; next < lines.size() && next - i < kMaxHeadingLines; ++next) {
                longer += headingKey(lines[next].text);
                longerTitle += " " + lines[next].text;
                if (!contentsKeys.contains(longer))
                    continue;
                end = next + 1;
                title = std::move(longerTitle);
                break;
            }
        }
        placed.push_back({entries.size(), i, end});
        entries.push_back({level, std::move(title)});
    }
    return placed;
}

std::vector<PlacedHeading> placeHeadings(const std::vector<PageLine>& lines, const std::vector<OutlineEntry>& entries) {
    return HeadingFinder(lines, entries).place();
}

}  // namespace engine::worker
