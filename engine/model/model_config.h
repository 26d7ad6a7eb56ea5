// Hyper-parameters of a decoder-only transformer, read from a GGUF header or a config.json.
#pragma once

#include <string>

#include "engine/backend/rope_table.h"

namespace engine {

/// Constant after reading. Only models that can be blended exactly are described; others are refused by the reader.
struct ModelConfig {
    std::string architecture;  // "llama", "qwen2", "qwen3"
    std::string name;
    int layers = 0;       // L
    int hidden = 0;       // E
    int heads = 0;        // H
    int kvHeads = 0;      // KH, divides H
    int headDim = 0;      // D, may differ from E / H
    int feedForward = 0;  // F
    int vocabulary = 0;
    int contextLength = 0;  // tokens the model was made for
    float normEpsilon = 0;
    RopeSpec rope;
    std::string ropeDescription;  // "interleaved, base 100000, no scaling"
    bool queryKeyNorm = false;    // Qwen3
    bool projectionBias = false;  // Qwen2: bias of Q, K, V
    bool tiedEmbeddings = false;  // logits use the embedding matrix
};

}  // namespace engine
