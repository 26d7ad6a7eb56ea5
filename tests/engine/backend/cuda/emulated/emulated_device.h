// What tests do to the emulated device behind the module's back, and see of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

namespace emulated {

/// Memory that the device may hand out in all; for tests of running out.
void limitDeviceMemory(std::size_t bytes);
/// Of that, what it has handed out.
std::size_t usedDeviceMemory();
/// From now on waiting and copying fail with an error that stays, as after a kernel's illegal access; memory can be given back.
void breakDevice(bool broken);
/// Is called from now on each time the host waits for all of a stream's work; null = nobody is.
void whenTheHostWaits(std::function<void()> told);
/// From now on graphs cannot be instantiated, as where there is no memory for them; what exists can be launched.
void refuseGraphs(bool refuse);
/// From now on graphs cannot be launched.
void refuseGraphLaunches(bool refuse);
/// Graphs, captured or instantiated, that nobody has destroyed.
std::size_t livingGraphs();

struct Counters {
    std::uint64_t operations = 0;     // that streams have worked off
    std::uint64_t waits = 0;          // of the host for one
    std::uint64_t bytesToHost = 0;    // copied, without rows of 2D copies
    std::uint64_t launches = 0;       // of single kernels, captured ones left out
    std::uint64_t graphs = 0;         // instantiated
    std::uint64_t graphLaunches = 0;  // of whole graphs
};
Counters counters();

/// What any kernel takes on the device's clock, in ns. It is not the host's: an operation takes the same whenever it is worked off, and begins
/// when the one before it in its stream has ended and the host had asked for it.
constexpr std::int64_t kKernelTakes = 15'625;

}  // namespace emulated
