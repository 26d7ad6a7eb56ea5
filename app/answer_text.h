// An answer's citations, clock and comparison in words; the same for a fresh answer and for one read from a trace.
#pragma once

#include <string>
#include <vector>

#include "engine/types.h"

namespace app {

/// ", p. 3–4"; empty for formats without pages.
std::string pagesText(int first, int last);
/// "[1] document, p. 3–4 (score 7.1, reused from store)" for each chunk.
std::string citationsText(const std::vector<engine::PlanSegment>& segments);
/// "query-value 15 %".
std::string methodText(const engine::BlendOptions& options);
/// "cuda (12 layers): 2.1 GiB of weights, 480 MiB of KV, 96 MiB of scratch; 6.2 GiB free".
std::string memoryText(const engine::DeviceMemory& device);
/// What happened and how long it took, in two short lines.
std::string clockLines(const engine::BlendOptions& options, const engine::Answer& answer);
std::string comparisonText(const engine::Comparison& comparison);

}  // namespace app
