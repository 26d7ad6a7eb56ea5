// What tests do to the emulated device behind the module's back.
#pragma once

#include <cstddef>

namespace emulated {

/// Memory that the device may hand out in all; for tests of running out.
void limitDeviceMemory(std::size_t bytes);
/// Of that, what it has handed out.
std::size_t usedDeviceMemory();
/// From now on waiting and copying fail with an error that stays, as after a kernel's illegal access; memory can be given back.
void breakDevice(bool broken);
/// From now on graphs cannot be instantiated, as where there is no memory for them; what exists can be launched.
void refuseGraphs(bool refuse);
/// From now on graphs cannot be launched.
void refuseGraphLaunches(bool refuse);
/// Graphs, captured or instantiated, that nobody has destroyed.
std::size_t livingGraphs();

}  // namespace emulated
