// Whether a trace's lists fit together: what every view may rely on without looking again.
#pragma once

#include <string>

#include "engine/trace.h"

namespace engine {

/// Empty when all sizes, positions and counts agree; else a sentence that names the first that does not.
std::string faultOf(const BlendTrace& trace);

}  // namespace engine
