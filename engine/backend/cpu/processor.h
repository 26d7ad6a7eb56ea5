// What this machine's processor offers: instruction sets and physical cores.
#pragma once

namespace engine::cpu {

/// Each level includes the ones before it.
enum class InstructionSet { Portable, Avx2, Avx512, Avx512Vnni, Avx512Bf16 };

/// The widest set that both the processor and the operating system support.
InstructionSet detectInstructionSet();

/// Physical cores this process may run on, at least 1.
int physicalCores();

}  // namespace engine::cpu
