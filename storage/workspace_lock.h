// The workspace's LOCK file: exactly one process holds a workspace.
#pragma once

#include <memory>
#include <string>

#include "storage/status.h"

namespace storage {

/// Holds flock() on <workspace>/LOCK for its lifetime; the kernel frees it when the process dies.
class WorkspaceLock {
public:
    virtual ~WorkspaceLock() = default;
    /// Creates the directory when absent. Busy: another process holds it (the message names its pid and program).
    /// ReadOnly: the medium cannot be written (the caller opens read-only instead).
    static Result<std::unique_ptr<WorkspaceLock>> acquire(const std::string& directory);
};

}  // namespace storage
