// A file on disk against what was imported of it.
#pragma once

namespace engine {

/// By size and time of change: as it was when it was imported, another, or gone.
enum class OnDisk { Same, Changed, Missing };

}  // namespace engine
