// Lines of a PDF's pages: without what is printed on every page, and joined to paragraphs again.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "engine/ingest/worker/headings.h"

namespace engine::worker {

/// The pages' lines, trimmed, without running heads and feet: lines at a page's edge that stand, but for their digits, on
/// several pages near it, or that only repeat a heading (`headingKeys`). A short document keeps all.
std::vector<PageLine> linesOfPages(const std::vector<std::string>& pages, const std::set<std::string>& headingKeys);

/// What to write between two lines of text.
enum class LineJoin { Nothing, Space, Line, Paragraph };

/// How line `next` (not the first) follows the one before it. `width` = characters of a full line.
LineJoin joinOf(const PageLine& before, const PageLine& next, std::size_t width);

/// Characters that four fifths of the page's lines do not exceed: about a full line.
std::vector<std::size_t> lineWidths(const std::vector<PageLine>& lines, int pages);

}  // namespace engine::worker
