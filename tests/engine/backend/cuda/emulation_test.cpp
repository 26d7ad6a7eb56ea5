// Laws of the emulation itself: what it is there to catch, it catches. A checker that cannot fail proves nothing.
#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "engine/backend/cuda/device.h"
#include "engine/backend/cuda/kernels/device_math.h"
#include "engine/backend/cuda/kernels/launch.h"

namespace engine::cuda {
namespace {

/// Each thread publishes a number and reads its neighbour's, with or without the barrier that this needs.
template <bool WithBarrier>
void neighbours(float* out) {
    SHARED_BYTES(bytes);
    float* shared = reinterpret_cast<float*>(bytes);
    const unsigned thread = threadIdx.x;
    shared[thread] = static_cast<float>(thread);
    if (WithBarrier)
        __syncthreads();
    out[thread] = shared[(thread + 1) % blockDim.x];
}

template <bool WithBarrier>
bool neighboursAreRight() {
    const Stream stream;
    std::vector<float> out(64);
    for (int run = 0; run < 8; ++run) {
        launch(&neighbours<WithBarrier>, dim3(1), 64, 64 * sizeof(float), stream, out.data());
        stream.synchronise();
        for (std::size_t i = 0; i < 64; ++i)
            if (out[i] != static_cast<float>((i + 1) % 64))
                return false;
    }
    return true;
}

TEST(EmulationTest, AMissingBarrierShows) {
    EXPECT_TRUE(neighboursAreRight<true>());
    EXPECT_FALSE(neighboursAreRight<false>());
}

void countBelow(const float* values, float bound, int* count, int* places) {
    const int thread = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    places[thread] = __float_as_uint(values[thread]) < __float_as_uint(bound) ? atomicAdd(count, 1) : -1;
}

TEST(EmulationTest, AtomicAddGivesEachCallerAPlaceOfItsOwn) {
    const Stream stream;
    std::vector<float> values(128);
    std::iota(values.begin(), values.end(), 0.0F);
    std::vector<int> places(128);
    int count = 0;
    launch(&countBelow, dim3(2), 64, 0, stream, values.data(), 100.0F, &count, places.data());
    stream.synchronise();
    EXPECT_EQ(count, 100);
    std::sort(places.begin(), places.end());
    for (int i = 0; i < 128; ++i)
        EXPECT_EQ(places[static_cast<std::size_t>(i)], std::max(-1, i - 28));
}

void sumWithoutInitialisation(float* out) {
    SHARED_BYTES(bytes);
    out[threadIdx.x] = reinterpret_cast<float*>(bytes)[threadIdx.x];
}

TEST(EmulationTest, SharedMemoryThatNobodyWroteIsNaN) {
    const Stream stream;
    std::vector<float> out(32);
    launch(&sumWithoutInitialisation, dim3(1), 32, 128, stream, out.data());
    stream.synchronise();
    EXPECT_TRUE(std::isnan(out[7]));
}

template <bool Waits>
void copied(const float* from, float* out) {
    SHARED_BYTES(bytes);
    float* shared = reinterpret_cast<float*>(bytes) + 4 * threadIdx.x;
    copyAsync16(shared, from + 4 * threadIdx.x, true);
    commitCopies();
    if (Waits)
        awaitCopies<0>();
    out[threadIdx.x] = shared[1];
    if (!Waits)
        awaitCopies<0>();
}

TEST(EmulationTest, AnAsynchronousCopyLandsOnlyWhenItIsAwaited) {
    const Stream stream;
    void* memory = nullptr;
    ASSERT_EQ(cudaMalloc(&memory, 512), cudaSuccess);
    auto* from = static_cast<float*>(memory);
    std::iota(from, from + 128, 0.0F);
    std::vector<float> out(32);
    launch(&copied<true>, dim3(1), 32, 512, stream, static_cast<const float*>(from), out.data());
    stream.synchronise();
    EXPECT_EQ(out[5], 21);
    launch(&copied<false>, dim3(1), 32, 512, stream, static_cast<const float*>(from), out.data());
    stream.synchronise();
    EXPECT_TRUE(std::isnan(out[5]));
    cudaFree(memory);
}

void oneLaneStaysAway(float* out) {
    if (threadIdx.x != 3)
        out[threadIdx.x] = warpSum(1);
}

TEST(EmulationDeathTest, AWarpOperationWithoutAllLanesEndsTheProgram) {
    const auto run = [] {
        const Stream stream;
        std::vector<float> out(32);
        launch(&oneLaneStaysAway, dim3(1), 32, 0, stream, out.data());
        stream.synchronise();
    };
    EXPECT_DEATH(run(), "never come");
}

void oneLeavesBeforeTheBarrier(float* out) {
    if (threadIdx.x == 3)
        return;
    __syncthreads();
    out[threadIdx.x] = 1;
}

TEST(EmulationDeathTest, ABarrierThatAThreadMissesEndsTheProgram) {
    const auto run = [] {
        const Stream stream;
        std::vector<float> out(32);
        launch(&oneLeavesBeforeTheBarrier, dim3(1), 32, 0, stream, out.data());
        stream.synchronise();
    };
    EXPECT_DEATH(run(), "barrier after threads have left|never come");
}

void multiplyTile(const float* a, const float* b, float* out) {
    const int g = static_cast<int>(threadIdx.x) / 4;
    const int t = static_cast<int>(threadIdx.x) % 4 * 2;
    const auto left = [&](int row, int column) { return packBf16(a[row * 16 + column], a[row * 16 + column + 1]); };
    const auto right = [&](int row, int column) { return packBf16(b[row * 8 + column], b[(row + 1) * 8 + column]); };
    const unsigned fragments[4] = {left(g, t), left(g + 8, t), left(g, t + 8), left(g + 8, t + 8)};
    float c[4] = {1, 1, 1, 1};
    multiplyAccumulate(c, fragments, right(t, g), right(t + 8, g));
    for (int i = 0; i < 4; ++i)
        out[(g + i / 2 * 8) * 8 + t + i % 2] = c[i];
}

TEST(EmulationTest, ATensorCoreProductIsTheProduct) {
    const Stream stream;
    std::vector<float> a(256), b(128), out(128);
    for (std::size_t i = 0; i < a.size(); ++i)
        a[i] = static_cast<float>(static_cast<int>(i * 7 % 11) - 5);
    for (std::size_t i = 0; i < b.size(); ++i)
        b[i] = static_cast<float>(static_cast<int>(i * 5 % 13) - 6);
    launch(&multiplyTile, dim3(1), 32, 0, stream, static_cast<const float*>(a.data()), static_cast<const float*>(b.data()),
           out.data());
    stream.synchronise();
    for (std::size_t row = 0; row < 16; ++row)
        for (std::size_t column = 0; column < 8; ++column) {
            float sum = 1;
            for (std::size_t k = 0; k < 16; ++k)
                sum += a[row * 16 + k] * b[k * 8 + column];
            EXPECT_EQ(out[row * 8 + column], sum) << row << ", " << column;
        }
}

TEST(EmulationTest, StreamsOverlapUnlessAnEventOrdersThem) {
    const auto lastValue = [](bool ordered) {
        int wrong = 0;
        for (int run = 0; run < 50; ++run) {
            const Stream first;
            const Stream second;
            Event done;
            int from = 1;
            int to = 0;
            const int two = 2;
            CUDA_CHECK(cudaMemcpyAsync(&from, &two, sizeof two, cudaMemcpyHostToDevice, first.get()));
            done.record(first);
            if (ordered)
                done.holdBack(second);
            CUDA_CHECK(cudaMemcpyAsync(&to, &from, sizeof from, cudaMemcpyHostToDevice, second.get()));
            second.synchronise();
            first.synchronise();
            wrong += to == 2 ? 0 : 1;
        }
        return wrong;
    };
    EXPECT_EQ(lastValue(true), 0);
    EXPECT_GT(lastValue(false), 0);
}

void addTo(int* sum, int value) {
    if (threadIdx.x == 0)
        *sum += value;
}

TEST(EmulationTest, AGraphDoesWhatWasCapturedEachTimeItIsLaunched) {
    const Stream stream;
    const Stream captured;
    int sum = 0;
    int value = 10;
    int copied = 0;
    ASSERT_EQ(cudaStreamBeginCapture(captured.get(), cudaStreamCaptureModeThreadLocal), cudaSuccess);
    launch(&addTo, dim3(1), 32, 0, captured, &sum, value);
    CUDA_CHECK(cudaMemcpyAsync(&copied, &value, sizeof value, cudaMemcpyHostToDevice, captured.get()));
    cudaGraph_t made = nullptr;
    ASSERT_EQ(cudaStreamEndCapture(captured.get(), &made), cudaSuccess);
    const Graph graph(made);
    cudaGraphExec_t instantiated = nullptr;
    ASSERT_EQ(cudaGraphInstantiate(&instantiated, made, 0), cudaSuccess);
    const GraphExec executable(instantiated);
    captured.synchronise();
    EXPECT_EQ(sum, 0) << "captured work does not run";
    value = 7;
    for (int i = 0; i < 3; ++i)
        ASSERT_EQ(cudaGraphLaunch(instantiated, stream.get()), cudaSuccess);
    EXPECT_EQ(sum, 0) << "nobody has waited";
    value = 8;
    stream.synchronise();
    EXPECT_EQ(sum, 30) << "arguments are those of the capture";
    EXPECT_EQ(copied, 8) << "a copy reads when it runs";
}

TEST(EmulationTest, WhatACaptureDoesNotAllowSpoilsIt) {
    const Stream captured;
    const auto endsWell = [&](auto between) {
        cudaGraph_t made = nullptr;
        EXPECT_EQ(cudaStreamBeginCapture(captured.get(), cudaStreamCaptureModeThreadLocal), cudaSuccess);
        between();
        const cudaError_t result = cudaStreamEndCapture(captured.get(), &made);
        const Graph graph(made);
        static_cast<void>(cudaGetLastError());
        EXPECT_EQ(result == cudaSuccess, made != nullptr);
        return result == cudaSuccess;
    };
    EXPECT_TRUE(endsWell([] {}));
    EXPECT_FALSE(endsWell([&] { EXPECT_NE(cudaStreamSynchronize(captured.get()), cudaSuccess); }));
    EXPECT_FALSE(endsWell([] {
        void* memory = nullptr;
        EXPECT_NE(cudaMalloc(&memory, 512), cudaSuccess);
    }));
    cudaGraph_t none = nullptr;
    EXPECT_NE(cudaStreamEndCapture(captured.get(), &none), cudaSuccess) << "there is no capture to end";
    static_cast<void>(cudaGetLastError());
}

TEST(EmulationDeathTest, AGraphThatWasDestroyedCannotBeLaunched) {
    const auto run = [] {
        const Stream stream;
        cudaGraph_t graph = nullptr;
        cudaGraphExec_t executable = nullptr;
        cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeThreadLocal);
        cudaStreamEndCapture(stream.get(), &graph);
        cudaGraphInstantiate(&executable, graph, 0);
        cudaGraphDestroy(graph);
        cudaGraphLaunch(executable, stream.get());  // needs its graph no longer
        cudaGraphExecDestroy(executable);
        cudaGraphLaunch(executable, stream.get());
    };
    EXPECT_DEATH(run(), "does not exist is launched");
}

}  // namespace
}  // namespace engine::cuda
