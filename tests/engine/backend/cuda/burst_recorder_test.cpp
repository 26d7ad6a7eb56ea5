// Bursts of the CUDA back end: decoded tokens become graphs, and no bit, no wait and no failure comes of it.
#include <cuda_runtime.h>

#include <algorithm>
#include <numeric>

#include "engine/backend/cuda/cuda_backend.h"
#include "engine/model/synthetic_file.h"
#include "engine/transformer/transformer.h"
#include "tests/engine/backend/backend_fixture.h"

namespace engine {
namespace {

constexpr int kPositions = 384;

/// A model on a device of its own, with caches to decode into.
class Decoder {
public:
    Decoder(const WeightFile& file, Precision precision, cuda::Bursts bursts)
        : m_backend(cuda::createBackendOnDevice(precision, bursts)),
          m_model(std::move(*Transformer::load(file, *m_backend, kPositions))),
          m_rows(*m_backend, m_model->config(), 1) {}

    KvCache makeCache() { return m_model->makeCache(kPositions); }
    std::vector<float> decode(TokenId id, int position, KvCache& cache) {
        std::vector<float> logits;
        m_model->decode(id, position, cache, m_rows, logits);
        return logits;
    }
    Backend& backend() { return *m_backend; }

private:
    std::unique_ptr<Backend> m_backend;
    std::unique_ptr<Transformer> m_model;
    RowBuffers m_rows;
};

class DecodingTest : public testing::TestWithParam<Precision> {
protected:
    void SetUp() override {
        auto file = openSyntheticModel("tiny");
        ASSERT_TRUE(file.ok());
        m_file = std::move(*file);
        m_graphs = std::make_unique<Decoder>(*m_file, GetParam(), cuda::Bursts::AsGraphs);
        m_plain = std::make_unique<Decoder>(*m_file, GetParam(), cuda::Bursts::OneByOne);
        m_before = emulated::counters();
    }
    void TearDown() override {
        emulated::refuseGraphs(false);
        emulated::refuseGraphLaunches(false);
        emulated::breakDevice(false);
    }
    /// Decodes tokens at [first, first + count) with both; logits and cache must be the same bits.
    void decodeBoth(int first, int count, KvCache& cache, KvCache& plainCache, int seed = 0) {
        for (int i = 0; i < count; ++i) {
            const TokenId id = (7 * i + seed) % 512;
            EXPECT_TRUE(sameBits(m_graphs->decode(id, first + i, cache), m_plain->decode(id, first + i, plainCache)))
                << "position " << first + i;
        }
    }
    std::uint64_t graphs() const { return emulated::counters().graphs - m_before.graphs; }
    std::uint64_t graphLaunches() const { return emulated::counters().graphLaunches - m_before.graphLaunches; }

    std::unique_ptr<WeightFile> m_file;
    std::unique_ptr<Decoder> m_graphs;
    std::unique_ptr<Decoder> m_plain;
    emulated::Counters m_before;
};

TEST_P(DecodingTest, TokensAreOneGraphLaunchEachAndTheSameBits) {
    KvCache cache = m_graphs->makeCache();
    KvCache plain = m_plain->makeCache();
    decodeBoth(248, 16, cache, plain);
    // Positions up to 255 are of one bucket of limits, the others of the next. fp32 attention divides nothing, but has the bucket among its
    // arguments.
    EXPECT_EQ(graphs(), 2U);
    EXPECT_EQ(graphLaunches(), 16U - 2 - 1)
        << "the very first token sends constants, and the first of a bucket is not known yet";
    const emulated::Counters before = emulated::counters();
    m_graphs->decode(1, 264, cache);
    EXPECT_EQ(emulated::counters().launches, before.launches);
    EXPECT_EQ(emulated::counters().graphLaunches, before.graphLaunches + 1);
    EXPECT_EQ(emulated::counters().waits, before.waits + 1) << "for the logits";
}

TEST_P(DecodingTest, ConversationsInTurnKeepTheirGraphs) {
    KvCache caches[2] = {m_graphs->makeCache(), m_graphs->makeCache()};
    KvCache plain[2] = {m_plain->makeCache(), m_plain->makeCache()};
    for (int turn = 0; turn < 4; ++turn)
        for (int which = 0; which < 2; ++which)
            decodeBoth(2 * turn, 2, caches[which], plain[which], 100 * which);
    EXPECT_EQ(graphs(), 2U);
    EXPECT_EQ(graphLaunches(), 16U - 2 - 1);
}

TEST_P(DecodingTest, ARecycledCacheIsDecodedByTheSameGraphs) {
    KvCache cache = m_graphs->makeCache();
    KvCache plain = m_plain->makeCache();
    decodeBoth(20, 5, cache, plain);
    const std::uint64_t made = graphs();
    decodeBoth(3, 5, cache, plain, 50);
    EXPECT_EQ(made, 1U);
    EXPECT_EQ(graphs(), 1U);
}

TEST_P(DecodingTest, WhereNoGraphCanBeMadeTheAnswerIsTheSame) {
    KvCache cache = m_graphs->makeCache();
    KvCache plain = m_plain->makeCache();
    emulated::refuseGraphs(true);
    decodeBoth(0, 5, cache, plain);
    emulated::refuseGraphs(false);
    decodeBoth(5, 3, cache, plain);
    EXPECT_EQ(graphs(), 0U) << "one failure ends it for the session";
}

TEST_P(DecodingTest, WhereAGraphCannotBeLaunchedTheAnswerIsTheSame) {
    KvCache cache = m_graphs->makeCache();
    KvCache plain = m_plain->makeCache();
    decodeBoth(0, 5, cache, plain);
    EXPECT_EQ(graphs(), 1U);
    const std::uint64_t launched = graphLaunches();
    emulated::refuseGraphLaunches(true);
    decodeBoth(5, 3, cache, plain);
    emulated::refuseGraphLaunches(false);
    decodeBoth(8, 3, cache, plain);
    EXPECT_EQ(graphLaunches(), launched);
}

TEST_P(DecodingTest, ADeviceThatBreaksIsToldAsEver) {
    KvCache cache = m_graphs->makeCache();
    KvCache plain = m_plain->makeCache();
    decodeBoth(0, 4, cache, plain);
    emulated::breakDevice(true);
    try {
        m_graphs->decode(1, 4, cache);
        ADD_FAILURE() << "the device is broken";
    } catch (const std::runtime_error& error) {
        EXPECT_EQ(std::string(error.what()).rfind("device_failed: ", 0), 0U) << error.what();
    }
}

std::string precisionName(const testing::TestParamInfo<Precision>& info) {
    return info.param == Precision::F32 ? "f32" : "bf16";
}
INSTANTIATE_TEST_SUITE_P(Precisions, DecodingTest, testing::Values(Precision::F32, Precision::Bf16), precisionName);

constexpr int kWidth = 64;

/// Small operations in bursts; m_plain computes the same without.
class BurstRecorderTest : public testing::Test {
protected:
    /// `count` norms of row to row, the least that becomes a graph and more.
    void norms(Backend& backend, TensorView x, TensorView out, float eps, int count = 4) const {
        for (int i = 0; i < count; ++i)
            backend.rmsNorm(x, m_weight, eps, out);
    }

    const std::vector<float> m_weight = std::vector<float>(kWidth, 2.0F);
    std::unique_ptr<Backend> m_backend = cuda::createBackendOnDevice(Precision::F32);
};

// The device is far behind: nothing is waited for, and every burst's ids and positions are others. Between them the ring of pinned memory
// goes round several times.
TEST_F(BurstRecorderTest, WhatABurstSendsIsReadBeforeItIsOverwritten) {
    Noise noise(5);
    const HostTensor table = weightTensor(40, 2 * kWidth, noise.values(40 * 2 * kWidth), WeightType::F32);
    m_backend->keepTable(table);
    const RopeTable rope = ropeTable(RopePairing::HalfSplit, kWidth, 128);
    const auto plain = cuda::createBackendOnDevice(Precision::F32, cuda::Bursts::OneByOne);
    plain->keepTable(table);
    const auto rowsOf = [&](Backend& backend, bool other) {
        const Matrix x(backend, 1, 2 * kWidth, DType::F32);
        const Buffer filler = backend.allocate(3U << 20U);
        const std::vector<std::byte> bytes(3U << 20U);
        Cache cache(backend, 1, kWidth, 128);
        const TensorView row = x;
        for (int burst = 0; burst < 30; ++burst) {
            backend.burst([&] {
                for (const int half : {0, 1}) {
                    const TokenId ids[] = {(burst + 11 * half) % 40};
                    const int positions[] = {2 * burst + half};
                    backend.embed(table, ids, row);
                    backend.scatterKv(row.columnsSlice(0, kWidth), row.columnsSlice(kWidth, kWidth), positions, rope, cache);
                }
            });
            if (other)
                backend.upload(filler.data(), bytes.data(), bytes.size());
        }
        return cache.bytes();
    };
    const std::uint64_t before = emulated::counters().graphLaunches;
    EXPECT_EQ(rowsOf(*m_backend, true), rowsOf(*plain, false));
    EXPECT_EQ(emulated::counters().graphLaunches, before + 28);
}

TEST_F(BurstRecorderTest, AProductOfManyRowsCutsTheListAndNothingElse) {
    Noise noise(6);
    const HostTensor weights = weightTensor(kWidth, kWidth, noise.values(kWidth * kWidth), WeightType::F32);
    const HostTensor* parts[] = {&weights};
    const auto packed = m_backend->packMatrix(parts, {}, MatrixUse::Rows);
    const Matrix x(*m_backend, 3, kWidth, DType::F32, noise.values(3 * kWidth));
    const Matrix normed(*m_backend, 3, kWidth, DType::F32);
    const Matrix product(*m_backend, 3, kWidth, DType::F32);
    const Matrix out(*m_backend, 3, kWidth, DType::F32);
    const auto work = [&] {
        norms(*m_backend, x, normed, 1e-5F);
        m_backend->matmul(normed, *packed, product, Accumulate::No);
        norms(*m_backend, product, out, 1e-5F);
    };
    work();
    const std::vector<float> expected = out.values();
    const emulated::Counters before = emulated::counters();
    for (int burst = 0; burst < 5; ++burst) {
        norms(*m_backend, x, out, 0);
        m_backend->burst(work);
        EXPECT_TRUE(sameBits(out.values(), expected)) << burst;
    }
    EXPECT_EQ(emulated::counters().graphs, before.graphs + 2);
    EXPECT_EQ(emulated::counters().graphLaunches, before.graphLaunches + 8);
}

TEST_F(BurstRecorderTest, GraphsAreFewAndGoWithTheBackEnd) {
    Noise noise(7);
    {
        const Matrix x(*m_backend, 1, kWidth, DType::F32, noise.values(kWidth));
        const Matrix out(*m_backend, 1, kWidth, DType::F32);
        for (int list = 0; list < 20; ++list) {
            const float eps = static_cast<float>(list);
            norms(*m_backend, x, out, eps, 1);
            const std::vector<float> expected = out.values();
            for (int burst = 0; burst < 3; ++burst)
                m_backend->burst([&] { norms(*m_backend, x, out, eps); });
            EXPECT_TRUE(sameBits(out.values(), expected)) << "lists that differ in one number";
            EXPECT_LE(emulated::livingGraphs(), 16U);
        }
        EXPECT_EQ(emulated::livingGraphs(), 16U);
        const std::uint64_t made = emulated::counters().graphs;
        m_backend->burst([&] { norms(*m_backend, x, out, 19); });
        m_backend->burst([&] { norms(*m_backend, x, out, 4); });
        EXPECT_EQ(emulated::counters().graphs, made) << "the newest ones are kept";
        m_backend->burst([&] { norms(*m_backend, x, out, 30, 3); });
        m_backend->burst([&] { norms(*m_backend, x, out, 30, 3); });
        EXPECT_EQ(emulated::counters().graphs, made) << "three launches are no graph";
    }
    m_backend.reset();
    EXPECT_EQ(emulated::livingGraphs(), 0U);
}

TEST_F(BurstRecorderTest, ABurstThatThrowsLeavesNothingToLaunch) {
    const Matrix x(*m_backend, 1, kWidth, DType::F32, std::vector<float>(kWidth, 1.0F));
    const Matrix out(*m_backend, 1, kWidth, DType::F32);
    norms(*m_backend, x, out, 0);
    const std::uint64_t before = emulated::counters().launches;
    EXPECT_THROW(m_backend->burst([&] {
        norms(*m_backend, x, out, 3);
        throw std::runtime_error("stopped");
    }),
                 std::runtime_error);
    EXPECT_EQ(emulated::counters().launches, before);
    EXPECT_EQ(out.values()[0], 2);
    m_backend->burst([&] { m_backend->burst([&] { norms(*m_backend, x, out, 3); }); });
    EXPECT_EQ(out.values()[0], 1) << "2 / sqrt(1 + 3)";
}

// A buffer that is given back within a burst may be named by launches that are recorded: they are given before the device's memory is.
TEST_F(BurstRecorderTest, MemoryIsFreedOnlyAfterTheLaunchesThatUseIt) {
    const Matrix x(*m_backend, 1, kWidth, DType::F32, std::vector<float>(kWidth, 1.0F));
    norms(*m_backend, x, Matrix(*m_backend, 1, kWidth, DType::F32), 0);
    std::size_t free = 0;
    std::size_t total = 0;
    m_backend->burst([&] {
        auto large = std::make_unique<Matrix>(*m_backend, 64, 8192, DType::F32);
        const std::uint64_t before = emulated::counters().launches;
        norms(*m_backend, x, large->view().columnsSlice(0, kWidth).slice(0, 1), 0);
        large.reset();
        EXPECT_EQ(emulated::counters().launches, before);
        cudaMemGetInfo(&free, &total);
        emulated::limitDeviceMemory(total - free);
        EXPECT_THROW(m_backend->allocate(64U << 20U), std::bad_alloc);
        EXPECT_EQ(emulated::counters().launches, before + 4);
        emulated::limitDeviceMemory(total);
    });
}

}  // namespace
}  // namespace engine
