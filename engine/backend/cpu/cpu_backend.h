// The fast back end for CPUs: oneDNN's packed matrix products and own kernels, chosen at run time for the processor.
#pragma once

#include <memory>

#include "engine/backend/backend.h"
#include "engine/backend/cpu/processor.h"
#include "engine/machine_peak.h"

namespace engine {

/// precision Auto = bf16 where the processor has AVX-512 BF16, else fp32; threads 0 = one a physical core.
/// `widest` keeps the own kernels to an instruction set (tests). Unsupported: Bf16 asked for where the processor lacks it.
Result<std::unique_ptr<Backend>> createCpuBackend(Precision precision, int threads,
                                                  cpu::InstructionSet widest = cpu::InstructionSet::Avx512Bf16);

/// See measureMachinePeak.
MachinePeak measureCpuPeak(int threads);

}  // namespace engine
