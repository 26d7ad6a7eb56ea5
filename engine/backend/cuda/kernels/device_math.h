// What kernels need of the processor beyond plain C++: 16-bit numbers, warp sums, asynchronous copies and tensor-core products. The
// only file with PTX; compiled for the host (tests/engine/backend/cuda/emulated) each piece has a plain counterpart of the same face.
#pragma once

#include <cuda_runtime.h>

#include <cmath>
#include <cstddef>
#include <cstdint>

#ifndef __CUDACC__
#include "engine/backend/half.h"
#endif

namespace engine::cuda {

struct Bf16 {
    std::uint16_t bits;
};
struct Half {
    std::uint16_t bits;
};

constexpr int kWarp = 32;
constexpr unsigned kAllLanes = 0xffffffffU;

__device__ inline float toFloat(float value) { return value; }
__device__ inline float toFloat(Bf16 value) { return __uint_as_float(static_cast<unsigned>(value.bits) << 16); }

#ifdef __CUDACC__

__device__ inline float toFloat(Half value) {
    float wide;
    asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(value.bits));
    return wide;
}
__device__ inline Bf16 toBf16(float value) {
    Bf16 narrow;
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(narrow.bits) : "f"(value));
    return narrow;
}
__device__ inline Half toHalf(float value) {
    Half narrow;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(narrow.bits) : "f"(value));
    return narrow;
}
/// Two neighbours in one word, `low` at the lower address.
__device__ inline unsigned packBf16(float low, float high) {
    unsigned word;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
    return word;
}
/// 2^x within 2^-22 of itself; 0 for −∞.
__device__ inline float powerOfTwo(float x) {
    float y;
    asm("ex2.approx.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

__device__ inline unsigned sharedAddress(const void* pointer) {
    return static_cast<unsigned>(__cvta_generic_to_shared(pointer));
}

/// 16 bytes from global to shared memory, or 16 zero bytes. Both addresses are 16-byte aligned; `from` is not read when !present.
__device__ inline void copyAsync16(void* to, const void* from, bool present) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(sharedAddress(to)), "l"(from), "r"(present ? 16 : 0)
                 : "memory");
}
__device__ inline void commitCopies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
/// Waits until at most `Pending` of this thread's newest groups are outstanding.
template <int Pending>
__device__ inline void awaitCopies() {
    asm volatile("cp.async.wait_group %0;" ::"n"(Pending) : "memory");
}

/// Four 8×8 matrices of 16-bit numbers. Lane l gives the address of row l % 8 of matrix l / 8 (16 bytes, aligned) and receives of each
/// matrix the elements (l / 4, 2·(l % 4)) and its right neighbour.
__device__ inline void loadMatrices(unsigned (&out)[4], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
                 : "r"(sharedAddress(row))
                 : "memory");
}
/// The same of the transposed matrices: elements (2·(l % 4), l / 4) and the one below it.
__device__ inline void loadMatricesTransposed(unsigned (&out)[4], const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
                 : "r"(sharedAddress(row))
                 : "memory");
}
/// c[16×8] += a[16×16] · b[16×8], bf16 with fp32 sums. With g = lane / 4, t = lane % 4: a = rows g, g+8, g, g+8 at columns 2t, 2t, 2t+8,
/// 2t+8 (two neighbours each); b = rows 2t, 2t+8 (two each, downwards) of column g; c = (g, 2t), (g, 2t+1), (g+8, 2t), (g+8, 2t+1).
__device__ inline void multiplyAccumulate(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

#else

inline float toFloat(Half value) { return halfToFloat(value.bits); }
inline Bf16 toBf16(float value) { return {floatToBf16(value)}; }
inline Half toHalf(float value) { return {floatToHalf(value)}; }
inline unsigned packBf16(float low, float high) {
    return static_cast<unsigned>(floatToBf16(low)) | static_cast<unsigned>(floatToBf16(high)) << 16;
}
inline float powerOfTwo(float x) { return std::exp2(x); }
inline void copyAsync16(void* to, const void* from, bool present) { emulated::copyAsync16(to, from, present); }
inline void commitCopies() { emulated::commitCopies(); }
template <int Pending>
inline void awaitCopies() {
    emulated::awaitCopies(Pending);
}
inline void loadMatrices(unsigned (&out)[4], const void* row) { emulated::loadMatrices(out, row, false); }
inline void loadMatricesTransposed(unsigned (&out)[4], const void* row) { emulated::loadMatrices(out, row, true); }
inline void multiplyAccumulate(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
    emulated::multiplyAccumulate(c, a, b0, b1);
}

#endif

template <class T>
__device__ inline T fromFloat(float value);
template <>
__device__ inline float fromFloat<float>(float value) {
    return value;
}
template <>
__device__ inline Bf16 fromFloat<Bf16>(float value) {
    return toBf16(value);
}
template <>
__device__ inline Half fromFloat<Half>(float value) {
    return toHalf(value);
}

/// Sums and maxima over the 32 lanes, the same in each; the order of the sum is fixed.
__device__ inline float warpSum(float value) {
    for (int distance = kWarp / 2; distance > 0; distance /= 2)
        value += __shfl_xor_sync(kAllLanes, value, distance);
    return value;
}
__device__ inline float warpMax(float value) {
    for (int distance = kWarp / 2; distance > 0; distance /= 2)
        value = fmaxf(value, __shfl_xor_sync(kAllLanes, value, distance));
    return value;
}

/// Sum over a block of whole warps, the same in each thread. `scratch`: one float a warp in shared memory, free for reuse after the
/// block's next barrier.
__device__ inline float blockSum(float value, float* scratch) {
    const int thread = static_cast<int>(threadIdx.x);
    value = warpSum(value);
    if (thread % kWarp == 0)
        scratch[thread / kWarp] = value;
    __syncthreads();
    float sum = 0;
    for (int warp = 0; warp < static_cast<int>(blockDim.x) / kWarp; ++warp)
        sum += scratch[warp];
    return sum;
}
__device__ inline float blockMax(float value, float* scratch) {
    const int thread = static_cast<int>(threadIdx.x);
    value = warpMax(value);
    if (thread % kWarp == 0)
        scratch[thread / kWarp] = value;
    __syncthreads();
    float greatest = scratch[0];
    for (int warp = 1; warp < static_cast<int>(blockDim.x) / kWarp; ++warp)
        greatest = fmaxf(greatest, scratch[warp]);
    return greatest;
}

}  // namespace engine::cuda
