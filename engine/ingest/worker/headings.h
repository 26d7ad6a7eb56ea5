// Finds where the entries of an outline stand in the lines of a text, because poppler's interface names no place for them.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace engine::worker {

/// One line of a document that has pages.
struct PageLine {
    int page = 0;
    std::string text;
    bool afterBlank = false;  // a blank line or a page's start stands before it
    bool leaders = false;     // dots led to a page number, as in a printed table of contents
};

struct OutlineEntry {
    int level = 1;
    std::string title;
};

/// Lines [begin, end) hold the heading of an entry.
struct PlacedHeading {
    std::size_t entry = 0;
    std::size_t begin = 0;
    std::size_t end = 0;
};

/// What two writings of the same heading share: letters and digits, ASCII in lower case.
std::string headingKey(std::string_view text);
/// The line without "Chapter 3.", "2.4.1" or "IV." at its start.
std::string_view withoutHeadingNumber(std::string_view line);

/// The key of a line of a printed table of contents: without what leads to the page number, and without that number.
std::string contentsKey(std::string_view line);

/// A page with this many lines that stand again on later pages, as headings there, is a table of contents.
inline constexpr int kContentsHeadings = 6;

/// A line, or several, that say what a heading says.
struct HeadingPlace {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::size_t last = 0;  // where the same heading begins for the last time
};

/// Which of `places` (ascending) stand in a printed list of headings: three or more in a row, or one behind the word
/// "Contents", with nothing but page numbers between them, each of them standing again behind the list. `textOf`: a line's text.
std::vector<bool> listedPlaces(std::span<const HeadingPlace> places,
                               const std::function<std::string_view(std::size_t line)>& textOf);

/// Levels of a heading's number: 2 for "1.5. What …", 1 for "Chapter 3. …"; 0 = the line is not numbered like a heading.
int numberedHeadingLevel(std::string_view line);

/// The longest series of entries that stand in the lines in the outline's order, each at its earliest place; lines of a
/// printed table of contents do not count. Entries that are not found are left out.
std::vector<PlacedHeading> placeHeadings(const std::vector<PageLine>& lines, const std::vector<OutlineEntry>& entries);

/// For a text without an outline: its short lines with a heading's number, added to `entries`. A heading that the table of
/// contents tells to be longer goes on in the next lines.
std::vector<PlacedHeading> findNumberedHeadings(const std::vector<PageLine>& lines, std::vector<OutlineEntry>& entries);

}  // namespace engine::worker
