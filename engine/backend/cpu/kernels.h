// What one processor instruction set provides: the single-threaded inner loops of the cpu back end, as tables of functions.
// The tables are filled by kernels_*.cpp, each compiled for its instruction set, so this header stays free of inline code.
#pragma once

#include <cstddef>
#include <cstdint>

namespace engine::cpu {

/// Element formats in rows, caches and stored slices.
enum class Format : std::uint8_t { F32, F16, Bf16 };

/// RoPE of one row: pairs (i, i + pairs) or, interleaved, (2i, 2i + 1); the table's rows of consecutive positions follow one another.
struct Rotation {
    const float* cosines = nullptr;  // [pairs]
    const float* sines = nullptr;    // [pairs]
    int pairs = 0;
    bool interleaved = false;
};

/// Consecutive positions of one KV head, about to be written to the cache.
struct HeadRows {
    const void* data = nullptr;  // [count, headDim]
    std::size_t strideBytes = 0;
    Format format = Format::F32;
    int count = 0;
    int headDim = 0;
};

/// Cache formats are F32 or Bf16; a cache *word* is 4 bytes: one fp32 value or two bf16 values. `words` = headDim (fp32) or headDim / 2.
/// K: [positions/16][words][16] words, so that a word of 16 keys is one vector. The two bf16 values of a word are neighbours in
/// the head dimension. V: [positions][stride] fp32, or [positions/2][stride] words whose two bf16 values are neighbours in
/// position; stride = headDim rounded up to 16.
struct RowKernels {
    /// out = x / sqrt(mean(x²) + eps) * weight; out may be x.
    void (*rmsNorm)(const float* x, const float* weight, float eps, int count, void* out, Format format);
    /// out = gate / (1 + exp(−gate)) * up. Relative error ≤ 1e-6 in fp32 for |gate| ≤ 87; of what is narrowed ≤ 1e-4 before rounding.
    void (*swiglu)(const void* gate, const void* up, Format format, int count, void* out, Format outFormat);
    /// Rotates one head; `to` is F32 or Bf16 and may be `from` when both are F32.
    void (*rotateHead)(const void* from, Format format, int headDim, const Rotation& rotation, void* to, Format toFormat);
    /// out = x * scale, narrowed.
    void (*narrow)(const float* x, float scale, int count, void* out, Format format);
    /// out = scale * code.
    void (*widenCodes)(const std::byte* codes, float scale, int count, float* out);
    /// Σ (fresh − stored)².
    float (*squaredDistance)(const float* fresh, const void* stored, Format format, int count);
    /// Rotates rows and writes them to lanes firstLane … of one group of 16 keys; firstLane + count ≤ 16. scratch: [16 * headDim] floats.
    void (*placeKeys)(const HeadRows& rows, const Rotation& first, int firstLane, float* group, Format cacheFormat,
                      float* scratch);
    /// Writes rows to positions firstPosition … of one head's V.
    void (*placeValues)(const HeadRows& rows, int firstPosition, float* values, int stride, Format cacheFormat);
    /// squares[i] += ‖V[firstPosition + i]‖² of one head.
    void (*addValueSquares)(const float* values, int stride, int headDim, Format cacheFormat, int firstPosition, int count,
                            float* squares);
};

/// Query rows of one KV head (rows × heads of its group, flattened) before the keys of that head.
struct AttentionBlock {
    static constexpr int kRows = 24;       // greatest number of rows: 4 register blocks of 6
    static constexpr int kTileKeys = 128;  // keys scored at a time; limits are looked at per tile

    const float* queries = nullptr;  // [rows, words] words
    const int* limits = nullptr;     // [rows]: keys [0, limit) are seen
    int rows = 0;
    int lowestLimit = 0;
    int greatestLimit = 0;
    const float* keys = nullptr;    // one head's K
    const float* values = nullptr;  // one head's V
    int headDim = 0;
    int stride = 0;   // of V and of the output
    float scale = 0;  // log2(e) / sqrt(headDim): probabilities are powers of two

    // What `attend` leaves for `sumKept`, where the mass is asked for: probabilities as they were made, against the maximum of their tile.
    float* kept = nullptr;        // [rows, keptStride], 64-byte aligned, or null
    float* keptMaxima = nullptr;  // [tiles, kRows]
    std::ptrdiff_t keptStride = 0;
};

/// Softmax in progress over some keys: maximum and sum of each row, and its output before division by the sum.
struct AttentionPartial {
    float* output = nullptr;  // [kRows, stride], 64-byte aligned
    float* maxima = nullptr;  // [kRows], of unscaled scores
    float* sums = nullptr;    // [kRows]
};

struct AttentionKernels {
    Format format;  // of queries and cache
    /// The partial of keys [begin, end); begin is a multiple of kTileKeys.
    void (*attend)(const AttentionBlock& block, int begin, int end, const AttentionPartial& partial);
    /// into = into joined with other. An empty partial has maximum kNoMaximum, sum 0, output 0.
    void (*merge)(const AttentionBlock& block, const AttentionPartial& into, const AttentionPartial& other);
    /// mass[key] = Σ over the block's rows of the kept probability · 2^(scale (its tile's maximum − the row's)) * inverseSum; 0 where no
    /// row sees the key. maxima, inverseSums: [rows]; mass: [keptStride], written whole.
    void (*sumKept)(const AttentionBlock& block, const float* maxima, const float* inverseSums, float* mass);
};

constexpr float kNoMaximum = -3e38F;  // below every score; its differences stay finite

/// Arithmetic on registers alone, to measure what the processor can do: `rounds` times 12 independent vectors of multiply-adds.
/// Returns the number of operations done, a multiply-add counted as two.
using SpinArithmetic = std::int64_t (*)(std::int64_t rounds);

struct Kernels {
    const char* name;
    RowKernels rows;
    AttentionKernels attention;
    SpinArithmetic spin;
};

const Kernels& portableKernels();
#ifdef ENGINE_CPU_X86
const Kernels& avx2Kernels();        // AVX2, FMA, F16C
const Kernels& avx512Kernels();      // AVX-512 F, BW, DQ, VL; fp32 cache
const Kernels& avx512Bf16Kernels();  // and AVX-512 BF16; bf16 cache
#endif

}  // namespace engine::cpu
