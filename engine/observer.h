// What long calls tell while they run. Callbacks arrive on the calling thread and must return quickly.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/types.h"

namespace engine {

/// Import, precompute and store jobs.
class JobObserver {
public:
    virtual ~JobObserver() = default;
    /// `unit` names what is counted: "files", "tokens", "records". total < 0 = not known yet.
    virtual void progress(std::string_view what, std::int64_t done, std::int64_t total, std::string_view unit) = 0;
    virtual void fileDone(const IngestFile& file) { (void)file; }
};

/// One question.
class QueryObserver {
public:
    virtual ~QueryObserver() = default;
    /// The first token is known: TTFT is stamped.
    virtual void firstToken(const Timings& timings) { (void)timings; }
    /// The next piece of the answer, valid UTF-8.
    virtual void text(std::string_view piece) { (void)piece; }
};

}  // namespace engine
