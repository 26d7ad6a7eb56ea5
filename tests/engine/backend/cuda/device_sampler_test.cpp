// Drawing a token from logits on a device: the tokens of all logits, of which few are copied.
#include "engine/transformer/device_sampler.h"

#include <cuda_runtime.h>

#include <limits>
#include <memory>

#include "engine/backend/cuda/cuda_backend.h"
#include "tests/engine/backend/backend_fixture.h"

namespace engine {
namespace {

constexpr int kVocabulary = 1500;

class DeviceSamplerTest : public testing::Test {
protected:
    /// Draws both ways from logits whose history grows by what was drawn.
    void expectSameTokens(const SamplingOptions& options, float scale, int tokens) {
        Sampler sampler(options);
        DeviceSampler ours(options);
        Noise noise(17);
        TokenIds history;
        for (int i = 0; i < tokens; ++i) {
            const std::vector<float> logits = noise.values(kVocabulary, scale, DType::Bf16);
            const TokenId id = sampler.sample(logits, history);
            const Matrix onDevice(*m_backend, 1, kVocabulary, DType::F32, logits);
            ASSERT_EQ(ours.sample(*m_backend, onDevice, history), id) << i;
            history.push_back(id);
        }
    }

    std::unique_ptr<Backend> m_backend = cuda::createBackendOnDevice(Precision::F32);
};

TEST_F(DeviceSamplerTest, DrawsTheTokensOfAllLogits) {
    for (const double temperature : {0.0, 0.7, 3.0})
        for (const int topK : {0, 1, 40})
            for (const double minP : {0.0, 0.05, 2.0})
                for (const double penalty : {1.0, 1.3, 0.8}) {
                    SamplingOptions options;
                    options.temperature = temperature;
                    options.topK = topK;
                    options.minP = minP;
                    options.repeatPenalty = penalty;
                    options.seed = 5;
                    SCOPED_TRACE(testing::Message() << "temperature " << temperature << ", top-k " << topK << ", min-p "
                                                    << minP << ", penalty " << penalty);
                    ASSERT_NO_FATAL_FAILURE(expectSameTokens(options, 4, 3));
                }
}

TEST_F(DeviceSamplerTest, TakesAllWhereTheGreatestDoNotTell) {
    SamplingOptions options;
    std::vector<float> logits(kVocabulary, 1.0F);
    logits[7] = std::numeric_limits<float>::quiet_NaN();
    logits[9] = 3;
    const Matrix withNan(*m_backend, 1, kVocabulary, DType::F32, logits);
    EXPECT_EQ(DeviceSampler(options).sample(*m_backend, withNan, {}), 9);
    logits[7] = std::numeric_limits<float>::max();
    logits[9] = std::numeric_limits<float>::infinity();
    const Matrix infinite(*m_backend, 1, kVocabulary, DType::F32, logits);
    EXPECT_EQ(DeviceSampler(options).sample(*m_backend, infinite, {}), 7);
}

TEST_F(DeviceSamplerTest, WaitsOnceATokenAndCopiesOnlyWhatItNeeds) {
    SamplingOptions options;
    options.temperature = 1;
    DeviceSampler sampler(options);
    Noise noise(3);
    const Matrix logits(*m_backend, 1, kVocabulary, DType::F32, noise.values(kVocabulary));
    sampler.sample(*m_backend, logits, {});
    const std::uint64_t waits = emulated::counters().waits;
    const std::uint64_t copied = emulated::counters().bytesToHost;
    sampler.sample(*m_backend, logits, {});
    EXPECT_EQ(emulated::counters().waits, waits + 1);
    EXPECT_EQ(emulated::counters().bytesToHost, copied + 40 * (sizeof(int) + sizeof(float)));
}

}  // namespace
}  // namespace engine
