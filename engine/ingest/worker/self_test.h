// Tries, inside the sandbox, what the sandbox must deny.
#pragma once

#include <string>

#include "engine/ingest/worker/sandbox.h"

namespace engine::worker {

/// Tries `what` (network, write, read, exec, fork, trace, signal, code, memory, layers) and prints one line. Exit status: 0
/// denied (for "layers": always), 1 allowed, 2 unknown test.
int runSelfTest(const std::string& what, const Sandbox& sandbox);

}  // namespace engine::worker
