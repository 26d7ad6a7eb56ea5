// The reference back end: plain fp32 loops that specify every operation. Other back ends are tested against it.
#pragma once

#include <memory>

#include "engine/backend/backend.h"

namespace engine {

/// Results do not depend on `threads` (0 = as many as OpenMP offers).
std::unique_ptr<Backend> createReferenceBackend(int threads);

}  // namespace engine
