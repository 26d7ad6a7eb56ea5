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
    /// Called by precompute at each layer's border, some milliseconds apart. The callee may call back into the same Engine —
    /// plan, run, measureDeviation and the listing calls — before it returns: an interactive question goes first.
    virtual void atBorder() {}
};

/// One question.
class QueryObserver {
public:
    virtual ~QueryObserver() = default;
    /// The first token is known: TTFT is stamped.
    virtual void firstToken(const Timings& timings) { (void)timings; }
    /// The next piece of the answer, valid UTF-8.
    virtual void text(std::string_view piece) { (void)piece; }
    /// Work after or instead of an answer (comparing, measuring deviation): what, and how far.
    virtual void progress(std::string_view what, std::int64_t done, std::int64_t total) {
        (void)what;
        (void)done;
        (void)total;
    }
};

}  // namespace engine
