// Enough distinct chunks that precomputing them takes long enough to be interrupted.
#pragma once

#include <string>

#include "engine/engine.h"

inline engine::PrecomputeRequest manyChunks() {
    engine::GivenPrompt given;
    for (int i = 0; i < 120; ++i) {
        std::string text = "Record " + std::to_string(i) + "\n";
        for (int j = 0; j < 12; ++j)
            text +=
                "The gauge at mile " + std::to_string((i * 7 + j * 13) % 101) + " stands at " + std::to_string(i * j) + ". ";
        given.chunks.push_back(text + "\n\n");
    }
    given.question = "?";
    engine::PrecomputeRequest request;
    request.given = {given};
    return request;
}
