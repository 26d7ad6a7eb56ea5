// What the processor, the memory and a GPU can do at best, measured: the ceilings that speeds are shares of.
#pragma once

#include "engine/types.h"

namespace engine {

/// Rates of `threads` threads together, each the best of several short measurements. A multiply-add counts as two operations.
struct MachinePeak {
    int threads = 0;
    double f32Gflops = 0;   // fp32 multiply-adds from registers
    double bf16Gflops = 0;  // bf16 dot products with fp32 sums; 0 = the processor has no such instruction
    double int8Gops = 0;    // int8 dot products with 32-bit sums
    double readGBs = 0;     // 10^9 bytes/s read from memory, far beyond the caches
};

/// What a GPU can do at best, likewise.
struct GpuPeak {
    double bf16Gflops = 0;  // a large bf16 matrix product
    double memoryGBs = 0;   // 10^9 bytes/s read and written by a copy within its memory
    double uploadGBs = 0;   // copied to it from pinned host memory
};

/// Takes about two seconds. threads 0 = one a physical core. Errors: Unsupported (built without the cpu back end).
Result<MachinePeak> measureMachinePeak(int threads);
/// Takes about a second and 2 GiB of the GPU's memory. Errors: as creating the cuda back end's.
Result<GpuPeak> measureGpuPeak();

}  // namespace engine
