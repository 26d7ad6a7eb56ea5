// Laws of what the host may do while the device works: memory handed over, taken back, run out of.
#include <cuda_runtime.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <numeric>

#include "engine/backend/cuda/cuda_backend.h"
#include "engine/backend/cuda/measure_peak.h"
#include "engine/backend/cuda/weight_matrix.h"
#include "engine/backend/reference/reference_backend.h"
#include "engine/model/synthetic_file.h"
#include "engine/transformer/memory_plan.h"
#include "engine/transformer/transformer.h"
#include "tests/engine/backend/backend_fixture.h"

namespace engine {
namespace {

constexpr int kKvHeads = 2;
constexpr int kHeadDim = 64;
constexpr int kTokens = 24;
constexpr std::size_t kSliceBytes = kKvHeads * kHeadDim * kTokens * sizeof(float);

/// A slice whose every element is `value`, in memory of the caller's.
KvSliceView filledSlice(std::byte* memory, float value) {
    std::vector<float> values(2 * kSliceBytes / sizeof(float), value);
    std::memcpy(memory, values.data(), 2 * kSliceBytes);
    return {memory, memory + kSliceBytes, KvDtype::F32, kTokens};
}

TEST(DevicePeak, EveryRateIsMeasuredAndTheMemoryGivenBack) {
    const GpuPeak peak = cuda::measureDevicePeak(64, 1U << 20U);
    EXPECT_GT(peak.bf16Gflops, 0);
    EXPECT_GT(peak.memoryGBs, 0);
    EXPECT_GT(peak.uploadGBs, 0);
}

class PipelineTest : public testing::Test {
protected:
    std::unique_ptr<Backend> m_backend = cuda::createBackendOnDevice(Precision::F32);
    RopeTable m_rope = ropeTable(RopePairing::HalfSplit, kHeadDim, 512);
};

// Layers go through a ring of pinned buffers, each overwritten as soon as its ticket was awaited; far more layers than buffers.
TEST_F(PipelineTest, PinnedBuffersMayBeOverwrittenOnceTheirTicketWasAwaited) {
    constexpr std::size_t kBuffers = 2;
    std::vector<Buffer> buffers;
    for (std::size_t i = 0; i < kBuffers; ++i)
        buffers.push_back(m_backend->allocateHost(2 * kSliceBytes));
    std::vector<std::uint64_t> tickets(kBuffers, 0);
    std::vector<Cache> caches;
    for (std::size_t layer = 0; layer < 12; ++layer) {
        const std::size_t slot = layer % kBuffers;
        m_backend->awaitUploads(tickets[slot]);
        auto* memory = static_cast<std::byte*>(buffers[slot].data());
        caches.emplace_back(*m_backend, kKvHeads, kHeadDim, 128);
        const SliceAt slice{filledSlice(memory, static_cast<float>(layer + 1)), 5};
        m_backend->placeSlices(std::span(&slice, 1), m_rope, caches.back());
        tickets[slot] = m_backend->uploadTicket();
        EXPECT_NE(tickets[slot], 0U) << "pinned memory is read after the call";
    }
    for (std::size_t layer = 0; layer < caches.size(); ++layer) {
        const std::vector<float> values = caches[layer].valueRows(128);
        const auto width = static_cast<std::size_t>(kKvHeads * kHeadDim);
        EXPECT_EQ(values[4 * width], 0);
        EXPECT_EQ(values[5 * width], static_cast<float>(layer + 1));
        EXPECT_EQ(values[(5 + kTokens) * width - 1], static_cast<float>(layer + 1));
        EXPECT_EQ(values[(5 + kTokens) * width], 0);
    }
    m_backend->awaitUploads(m_backend->uploadTicket());
    EXPECT_EQ(m_backend->uploadTicket(), 0U);
}

TEST_F(PipelineTest, PlainMemoryIsTheCallersAgainAtOnce) {
    std::vector<std::byte> memory(2 * kSliceBytes);
    std::vector<Cache> caches;
    for (std::size_t layer = 0; layer < 9; ++layer) {
        caches.emplace_back(*m_backend, kKvHeads, kHeadDim, 128);
        m_backend->placeSlice(filledSlice(memory.data(), static_cast<float>(layer + 1)), 0, m_rope, caches.back());
        EXPECT_EQ(m_backend->uploadTicket(), 0U);
    }
    for (std::size_t layer = 0; layer < caches.size(); ++layer)
        EXPECT_EQ(caches[layer].valueRows(1)[0], static_cast<float>(layer + 1));
}

// The layer loop must not wait for the device: the host runs ahead by as many layers as the loader has buffers.
TEST_F(PipelineTest, ALayerOfABlendDoesNotWaitForTheDevice) {
    Noise noise(1);
    constexpr int kHidden = 128;
    const HostTensor weights = weightTensor(3 * kHidden, kHidden, noise.values(3 * kHidden * kHidden), WeightType::Bf16);
    const HostTensor* parts[] = {&weights};
    const auto packed = m_backend->packMatrix(parts, {}, MatrixUse::Rows);
    const std::vector<float> norm(kHidden, 1.0F);
    const Matrix x(*m_backend, 10, kHidden, DType::F32, noise.values(10 * kHidden));
    const Matrix normed(*m_backend, 10, kHidden, DType::F32);
    const Matrix qkv(*m_backend, 10, 3 * kHidden, DType::F32);
    const Matrix rotated(*m_backend, 10, kHidden, DType::F32);
    const Matrix mass(*m_backend, 1, 128, DType::F32);
    const Matrix score(*m_backend, 1, 128, DType::F32);
    Cache cache(*m_backend, kKvHeads, kHeadDim, 128);
    const TensorView massView = mass;
    std::vector<int> positions(10);
    std::iota(positions.begin(), positions.end(), 40);
    std::vector<int> limits(10);
    std::iota(limits.begin(), limits.end(), 41);
    const Buffer slices = m_backend->allocateHost(2 * kSliceBytes);
    const SliceAt slice{filledSlice(static_cast<std::byte*>(slices.data()), 0.5F), 3};
    const std::vector<float> zeros(128, 0.0F);
    std::vector<float> settled(1);
    const auto layer = [&] {
        m_backend->placeSlices(std::span(&slice, 1), m_rope, cache);
        m_backend->rmsNorm(x, norm, 1e-5F, normed);
        m_backend->matmul(normed, *packed, qkv, Accumulate::No);
        const TensorView all = qkv;
        m_backend->scatterKv(all.columnsSlice(kHidden, kHidden), all.columnsSlice(2 * kHidden, kHidden), positions, m_rope,
                             cache);
        m_backend->rotateQueries(all.columnsSlice(0, kHidden), 2, positions, m_rope, rotated);
        m_backend->upload(massView.data, zeros.data(), zeros.size() * sizeof(float));
        m_backend->attention(rotated, 2, cache, limits, normed, &massView);
        m_backend->accumulateScore(mass, cache, 0, 40, ScoreWeight::AttentionTimesValueNorm, 1, score);
    };
    layer();  // scratch memory and constants settle
    m_backend->download(settled.data(), massView.data, sizeof(float));
    const std::uint64_t before = emulated::counters().waits;
    for (int i = 0; i < 30; ++i)
        layer();
    EXPECT_EQ(emulated::counters().waits, before);
    m_backend->download(settled.data(), massView.data, sizeof(float));
}

// The check layer's choice: what is chosen is read by the next operations, where it is.
TEST_F(PipelineTest, ChoosingByDeviationDoesNotWait) {
    Noise noise(5);
    const Matrix k(*m_backend, kTokens, 128, DType::F32, noise.values(kTokens * 128));
    const Matrix v(*m_backend, kTokens, 128, DType::F32, noise.values(kTokens * 128));
    const Matrix deviation(*m_backend, 1, kTokens, DType::F32);
    std::vector<std::byte> memory(2 * kSliceBytes);
    const SliceAt slice{filledSlice(memory.data(), 0.25F), 0};
    const std::vector<int> forced = {kTokens};
    std::vector<int> rowOfPosition(kTokens + 1);
    std::iota(rowOfPosition.begin(), rowOfPosition.end(), 0);
    const Matrix narrowed(*m_backend, 6, 128, DType::F32);
    const auto choose = [&] {
        m_backend->deviations(k, v, std::span(&slice, 1), kKvHeads, DeviationMetric::Kv, deviation);
        const ChosenRows rows = m_backend->chooseRows(deviation, {forced, {}, 0, 5, rowOfPosition});
        m_backend->gatherRows(k, rows.ofPosition.slice(0, 5), narrowed);
    };
    choose();  // scratch memory settles
    const std::uint64_t before = emulated::counters().waits;
    choose();
    EXPECT_EQ(emulated::counters().waits, before);
}

/// Microseconds of the device's between marks.
std::vector<double> between(Backend& backend, const std::vector<Mark>& marks) {
    std::vector<TimePoint> times(marks.size());
    backend.timesOf(marks, times);
    std::vector<double> us;
    for (std::size_t i = 1; i < times.size(); ++i)
        us.push_back(std::chrono::duration<double, std::micro>(times[i] - times[i - 1]).count());
    return us;
}
constexpr double kKernelUs = emulated::kKernelTakes / 1e3;
constexpr double kClockUs = 0.01;  // what milliseconds in fp32 are rounded by

// The host has named all marks before the device does anything.
TEST_F(PipelineTest, MarksTellWhatTheDeviceTook) {
    const std::vector<float> weight(4, 1.0F);
    const Matrix x(*m_backend, 1, 4, DType::F32, {1, 2, 3, 4});
    const Matrix out(*m_backend, 1, 4, DType::F32);
    m_backend->rmsNorm(x, weight, 0, out);  // the constants settle
    EXPECT_EQ(out.values().size(), 4U);     // and the device has nothing to do
    for (int run = 0; run < 3; ++run) {     // the events of one are the next one's
        const std::uint64_t waits = emulated::counters().waits;
        const TimePoint before = std::chrono::steady_clock::now();
        std::vector<Mark> marks = {m_backend->mark()};
        for (const int kernels : {1, 5, 0, 2}) {
            for (int i = 0; i < kernels; ++i)
                m_backend->rmsNorm(x, weight, 0, out);
            marks.push_back(m_backend->mark());
        }
        EXPECT_EQ(emulated::counters().waits, waits);
        const std::vector<double> us = between(*m_backend, marks);
        EXPECT_EQ(emulated::counters().waits, waits + 1) << "for the last of them";
        EXPECT_NEAR(us[0], 1 * kKernelUs, kClockUs);
        EXPECT_NEAR(us[1], 5 * kKernelUs, kClockUs);
        EXPECT_NEAR(us[2], 0, kClockUs);
        EXPECT_NEAR(us[3], 2 * kKernelUs, kClockUs);
        std::vector<TimePoint> first(1);
        m_backend->timesOf(std::span(marks).first(1), first);
        EXPECT_GE(first[0], before);
        EXPECT_LE(first[0], std::chrono::steady_clock::now());
    }
}

// The compute stream's wait for the copy stream ends at the mark; what comes after it is work.
TEST_F(PipelineTest, TheMarkOfSlicesStandsBehindTheirCopy) {
    Noise noise(6);
    const Matrix k(*m_backend, kTokens, 128, DType::F32, noise.values(kTokens * 128));
    const Matrix deviation(*m_backend, 1, kTokens, DType::F32);
    const Cache cache(*m_backend, kKvHeads, kHeadDim, 128);
    const Buffer memory = m_backend->allocateHost(2 * kSliceBytes);
    const SliceAt slice{filledSlice(static_cast<std::byte*>(memory.data()), 0.5F), 0};
    const double copyUs = 2 * kSliceBytes / 1e3;  // a byte a nanosecond
    for (const bool warm : {false, true}) {
        std::vector<Mark> marks = {m_backend->mark()};
        marks.push_back(m_backend->placeSlices(std::span(&slice, 1), m_rope, cache));
        marks.push_back(m_backend->mark());
        EXPECT_EQ(deviation.values().size(), static_cast<std::size_t>(kTokens));  // waits for the device
        const std::vector<double> placed = between(*m_backend, marks);
        marks = {m_backend->mark()};
        marks.push_back(m_backend->deviations(k, k, std::span(&slice, 1), kKvHeads, DeviationMetric::Kv, deviation));
        marks.push_back(m_backend->mark());
        const std::vector<double> compared = between(*m_backend, marks);
        m_backend->awaitUploads(m_backend->uploadTicket());
        if (!warm)
            continue;
        for (const std::vector<double>& us : {placed, compared}) {
            EXPECT_GE(us[0], copyUs);
            EXPECT_NEAR(us[1], kKernelUs, kClockUs);
        }
    }
}

TEST_F(PipelineTest, RunningOutOfMemoryIsToldAndSurvived) {
    std::size_t free = 0;
    std::size_t total = 0;
    cudaMemGetInfo(&free, &total);
    emulated::limitDeviceMemory(total - free + (8U << 20U));
    try {
        m_backend->allocate(64U << 20U);
        ADD_FAILURE() << "there was no room";
    } catch (const std::bad_alloc& error) {
        EXPECT_NE(std::string(error.what()).find("too_little_memory: 64 MiB of device memory needed, 8 MiB free"),
                  std::string::npos)
            << error.what();
    }
    const Buffer small = m_backend->allocate(1U << 20U);
    EXPECT_NE(small.data(), nullptr);
    emulated::limitDeviceMemory(total);
}

TEST(MemoryPlanTest, TellsTheBytesThatAreTaken) {
    const auto file = openSyntheticModel("tiny");
    ASSERT_TRUE(file.ok());
    const ModelConfig& config = (*file)->config();
    for (const LayerSpan layers : {LayerSpan{0, 4}, LayerSpan{0, 1}, LayerSpan{2, 2}}) {
        const std::unique_ptr<Backend> device = cuda::createBackendOnDevice(Precision::Auto);
        const auto other = createReferenceBackend(1);
        const LayerPlacement placement = layers.count == config.layers ? LayerPlacement(*device)
                                         : layers.first == 0           ? LayerPlacement(*device, *other, layers.count)
                                                                       : LayerPlacement(*other, *device, layers.first);
        constexpr int kPositions = 300;
        const MemoryPlan plan = planMemory(**file, *device, layers, kPositions, KvDtype::F16);
        const std::uint64_t before = emulated::usedDeviceMemory();
        const auto loaded = Transformer::load(**file, placement, kPositions);
        ASSERT_TRUE(loaded.ok());
        const std::uint64_t weights = emulated::usedDeviceMemory() - before;
        const KvCache cache = (*loaded)->makeCache(kPositions);
        const RowBuffers rows(placement, config, kPositions);
        const std::uint64_t all = emulated::usedDeviceMemory() - before;
        // The pool rounds blocks below a mebibyte up to powers of two; tensors are unpacked piece by piece, pieces are kept for reuse.
        const std::uint64_t pieces =
            2 * static_cast<std::uint64_t>(config.vocabulary) * static_cast<std::uint64_t>(config.hidden) * 2;
        EXPECT_GE(weights, plan.weights) << layers.first;
        EXPECT_LE(weights, 2 * plan.weights + pieces) << layers.first;
        EXPECT_LE(all, 2 * plan.total() + pieces) << layers.first;
        std::uint64_t kv = 0;
        for (int layer = layers.first; layer < layers.first + layers.count; ++layer)
            kv += 2 * device->kvLayerBytes(config.kvHeads, config.headDim, cache.capacity());
        EXPECT_EQ(kv, plan.cache);
    }
}

TEST(MemoryPlanTest, TellsTheBytesOfAPackedMatrix) {
    cuda::MemoryPool device(cuda::MemoryPool::Kind::Device);
    cuda::MemoryPool pinned(cuda::MemoryPool::Kind::Pinned);
    const cuda::Stream stream;
    cuda::UploadRing uploads(pinned, stream);
    for (const WeightType type : {WeightType::Bf16, WeightType::Q4_1, WeightType::Q8_0, WeightType::Q6_K, WeightType::Q2_K})
        for (const MatrixUse use : {MatrixUse::Rows, MatrixUse::OneRow})
            for (const bool keepCodes : {false, true}) {
                HostTensor shape{type, 24, 256, {}};
                const HostTensor* part = &shape;
                const std::uint64_t planned =
                    cuda::CudaMatrix::packedBytes(std::span(&part, 1), use, DType::Bf16, keepCodes);
                HostTensor tensor = shape;
                tensor.data.resize(24 * shape.rowBytes());
                part = &tensor;
                const auto matrix =
                    cuda::CudaMatrix::pack(std::span(&part, 1), {}, use, DType::Bf16, keepCodes, device, uploads, stream);
                std::uint64_t taken = matrix->hasDense() ? 24 * 256 * 2 : 0;
                for (const cuda::CudaMatrix::Part& codes : matrix->parts())
                    taken += codes.memory.bytes();
                EXPECT_EQ(planned, taken) << static_cast<int>(type) << keepCodes;
                stream.synchronise();
            }
}

TEST_F(PipelineTest, AsManyLayersFitAsThePlanHasRoomFor) {
    const auto file = openSyntheticModel("tiny");
    ASSERT_TRUE(file.ok());
    const int layers = (*file)->config().layers;
    const MemoryPlan whole = planMemory(**file, *m_backend, {0, layers}, 2000, KvDtype::F16);
    EXPECT_EQ(whole.cache, 2ULL * 4 * 2 * 64 * 2048 * sizeof(float))
        << "K and V, layers, heads, D, positions in steps of 128";
    constexpr std::uint64_t kLayer = 256 * 256 + 2 * 128 * 256 + 256 * 256 + 3 * 512 * 256;
    EXPECT_EQ(whole.weights, (4 * kLayer + 512 * 256) * sizeof(float) + 512 * 256 * 2)
        << "four layers and the output matrix in fp32, the table as the file has it";
    std::size_t free = 0;
    std::size_t total = 0;
    cudaMemGetInfo(&free, &total);
    const std::uint64_t used = total - free + kDeviceReserveBytes;
    const auto fitting = [&](std::uint64_t room) {
        emulated::limitDeviceMemory(used + room);
        const int count = layersThatFit(**file, *m_backend, 2000, KvDtype::F16);
        emulated::limitDeviceMemory(total);
        return count;
    };
    EXPECT_EQ(fitting(whole.total()), layers);
    EXPECT_EQ(fitting(whole.total() - 1), layers - 1);
    for (int count = 1; count < layers; ++count) {
        const MemoryPlan plan = planMemory(**file, *m_backend, {layers - count, count}, 2000, KvDtype::F16);
        EXPECT_EQ(fitting(plan.total()), count);
        EXPECT_EQ(fitting(plan.total() - 1), count - 1);
    }
}

TEST_F(PipelineTest, AKeptTableIsReadFromTheDeviceAndAForgottenOneFromTheHost) {
    Noise noise(2);
    HostTensor table = weightTensor(10, 48, noise.values(10 * 48), WeightType::F32);
    const TokenIds ids = {3, 9};
    const Matrix x(*m_backend, 2, 48, DType::F32);
    m_backend->keepTable(table);
    m_backend->embed(table, ids, x);
    const std::vector<float> kept = x.values();
    m_backend->forgetTable(table);
    const float changed = 7;
    std::memcpy(table.data.data() + 3 * table.rowBytes(), &changed, sizeof changed);
    m_backend->embed(table, ids, x);
    EXPECT_EQ(x.values()[0], 7);
    EXPECT_NE(kept[0], 7);
    EXPECT_EQ(rowsOf(x.values(), 48, 1, 1), rowsOf(kept, 48, 1, 1));
}

TEST_F(PipelineTest, CopiedPositionsEqualTheirSource) {
    Noise noise(3);
    Cache from(*m_backend, kKvHeads, kHeadDim, 128);
    Cache to(*m_backend, kKvHeads, kHeadDim, 300);
    from.fill(0, noise.values(128 * 128), noise.values(128 * 128));
    m_backend->copyKv(from, to, 77);
    EXPECT_EQ(to.keys(77), from.keys(77));
    EXPECT_EQ(to.valueRows(77), from.valueRows(77));
    EXPECT_EQ(rowsOf(to.keys(78), 128, 77, 1), std::vector<float>(128, 0.0F));
}

// Constants and positions are recognised by what they hold, not by where they lie.
TEST_F(PipelineTest, ChangedConstantsAtTheSameAddressAreSeen) {
    const Matrix x(*m_backend, 1, 4, DType::F32, {1, 1, 1, 1});
    const Matrix out(*m_backend, 1, 4, DType::F32);
    std::vector<float> weight = {1, 1, 1, 1};
    m_backend->rmsNorm(x, weight, 0, out);
    weight = {2, 2, 2, 2};
    m_backend->rmsNorm(x, weight, 0, out);
    EXPECT_EQ(out.values(), (std::vector<float>{2, 2, 2, 2}));
}

TEST_F(PipelineTest, DeviationsOfSeveralSlicesLeaveOtherRowsAlone) {
    Noise noise(4);
    const auto reference = createReferenceBackend(1);
    const auto count = static_cast<std::size_t>(100 * kKvHeads * kHeadDim);
    const std::vector<float> k = noise.values(count);
    const std::vector<float> v = noise.values(count);
    std::vector<std::byte> memory(4 * kSliceBytes);
    const std::vector<SliceAt> slices = {{filledSlice(memory.data(), 0.25F), 60},
                                         {filledSlice(memory.data() + 2 * kSliceBytes, -1), 3}};
    const Matrix ours(*m_backend, 1, 100, DType::F32, std::vector<float>(100, -5.0F));
    const Matrix expected(*reference, 1, 100, DType::F32, std::vector<float>(100, -5.0F));
    m_backend->deviations(Matrix(*m_backend, 100, 128, DType::F32, k), Matrix(*m_backend, 100, 128, DType::F32, v), slices,
                          kKvHeads, DeviationMetric::Kv, ours);
    reference->deviations(Matrix(*reference, 100, 128, DType::F32, k), Matrix(*reference, 100, 128, DType::F32, v), slices,
                          kKvHeads, DeviationMetric::Kv, expected);
    EXPECT_LE(relativeError(ours.values(), expected.values()), 1e-6);
    EXPECT_EQ(ours.values()[30], -5);
}

}  // namespace
}  // namespace engine
