// What the processor and the memory can do at best, measured: the ceilings that speeds are shares of.
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

/// Takes about two seconds. threads 0 = one a physical core. Errors: Unsupported (built without the cpu back end).
Result<MachinePeak> measureMachinePeak(int threads);

}  // namespace engine
