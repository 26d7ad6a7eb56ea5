// A small trace in which every field differs from its default and from its neighbours.
#pragma once

#include "engine/trace.h"

namespace engine::testing {

/// 2 layers, 2 heads; head (3 tokens), two stored chunks (4 and 3), a missing chunk (2), suffix (2): 14 prompt tokens.
BlendTrace exampleTrace();
/// The same with a comparison and a deviation report.
BlendTrace measuredTrace();

}  // namespace engine::testing
