// One run of the document worker: start, read, wait, and kill when it dies, hangs or floods.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/types.h"

namespace engine {

/// Exit status of a worker that ran out of the memory it may use.
inline constexpr int kWorkerOutOfMemory = 3;

struct WorkerRequest {
    std::string worker;                  // path of the executable
    std::vector<std::string> arguments;  // without the program's name
    int file = -1;                       // descriptor that becomes the worker's standard input; stays the caller's
    std::uint64_t memoryBytes = 0;       // for messages; the worker limits itself
    int cpuSeconds = 0;                  // for messages
    std::chrono::seconds wall{60};
};

/// The payload of the worker's answer. The process is gone when this returns, whatever happened; a stop kills it at once.
/// Errors: NotFound and IoError (cannot be started), Refused (died, hung, flooded, wrote no answer), Cancelled.
Result<std::string> runDocumentWorker(const WorkerRequest& request, std::stop_token stop);

}  // namespace engine
