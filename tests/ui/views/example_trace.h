// Traces made up for tests: any size, every list consistent with every other, the same for the same shape.
#pragma once

#include <memory>

#include "engine/trace.h"

namespace ui_test {

struct TraceShape {
    int chunks = 4;
    int chunkTokens = 60;
    int headTokens = 12;
    int suffixTokens = 14;
    int layers = 6;
    int heads = 3;
    double ratio = 0.15;
    bool compared = true;
    bool measured = true;      // with deviation
    bool cutCharacter = true;  // one character of the first chunk lies in two tokens
    int missingChunk = -1;     // this chunk had no KV
    unsigned seed = 1;
};

std::shared_ptr<const engine::BlendTrace> exampleTrace(const TraceShape& shape = {});
/// 8,192 tokens, 30 layers, 9 heads, measured.
TraceShape longPrompt();

}  // namespace ui_test
