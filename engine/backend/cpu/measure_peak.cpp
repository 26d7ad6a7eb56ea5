// The ceilings of this processor: register arithmetic of each kind, and reading memory.
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "engine/backend/cpu/aligned_buffer.h"
#include "engine/backend/cpu/cpu_backend.h"
#include "engine/backend/cpu/kernels.h"
#include "engine/backend/cpu/packed_matmul.h"
#include "engine/backend/cpu/quantised_format.h"

namespace engine {
namespace {

constexpr int kTries = 5;
constexpr double kTrySeconds = 0.08;
constexpr std::uint64_t kReadBytes = std::uint64_t{256} << 20;

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// 10^9 operations/s of all threads.
double arithmeticRate(cpu::SpinArithmetic spin, int threads) {
    std::int64_t rounds = 100'000;
    const Clock::time_point start = Clock::now();
    (void)spin(rounds);
    rounds = std::max<std::int64_t>(
        1, static_cast<std::int64_t>(static_cast<double>(rounds) * kTrySeconds / std::max(1e-6, secondsSince(start))));
    double best = 0;
    for (int attempt = 0; attempt < kTries; ++attempt) {
        std::int64_t operations = 0;
        const Clock::time_point begin = Clock::now();
#pragma omp parallel num_threads(threads) reduction(+ : operations)
        operations += spin(rounds);
        best = std::max(best, static_cast<double>(operations) / secondsSince(begin) / 1e9);
    }
    return best;
}

/// 10^9 bytes/s of all threads reading memory from end to end.
double readRate(int threads) {
    const Buffer buffer = cpu::allocateAligned(kReadBytes);
    std::memset(buffer.data(), 1, kReadBytes);
    const auto* words = static_cast<const std::uint64_t*>(buffer.data());
    const auto count = static_cast<std::int64_t>(kReadBytes / sizeof *words);
    double best = 0;
    for (int attempt = 0; attempt < kTries; ++attempt) {
        std::uint64_t sum = 0;
        const Clock::time_point begin = Clock::now();
#pragma omp parallel for num_threads(threads) schedule(static) reduction(+ : sum)
        for (std::int64_t i = 0; i < count; i += 8) {
            sum += words[i] + words[i + 1] + words[i + 2] + words[i + 3] + words[i + 4] + words[i + 5] + words[i + 6] +
                   words[i + 7];
        }
        asm volatile("" : "+r"(sum));
        best = std::max(best, static_cast<double>(kReadBytes) / secondsSince(begin) / 1e9);
    }
    return best;
}

}  // namespace

MachinePeak measureCpuPeak(int threads) {
    MachinePeak peak;
    peak.threads = threads > 0 ? threads : cpu::physicalCores();
    cpu::SpinArithmetic floats = cpu::portableKernels().spin;
    cpu::SpinArithmetic integers = cpu::portableQuantised().spin;
#ifdef ENGINE_CPU_X86
    const cpu::InstructionSet set = cpu::detectInstructionSet();
    if (set >= cpu::InstructionSet::Avx2) {
        floats = set >= cpu::InstructionSet::Avx512 ? cpu::avx512Kernels().spin : cpu::avx2Kernels().spin;
        integers = set >= cpu::InstructionSet::Avx512Vnni ? cpu::avx512VnniQuantised().spin : cpu::avx2Quantised().spin;
    }
    if (set == cpu::InstructionSet::Avx512Bf16)
        peak.bf16Gflops = arithmeticRate(cpu::avx512Bf16Kernels().spin, peak.threads);
#endif
    peak.f32Gflops = arithmeticRate(floats, peak.threads);
    peak.int8Gops = arithmeticRate(integers, peak.threads);
    peak.readGBs = readRate(peak.threads);
    return peak;
}

}  // namespace engine
