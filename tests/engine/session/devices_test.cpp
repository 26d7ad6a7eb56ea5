// Where a session computes when a GPU's memory is short, runs out, or the GPU breaks. The GPU is the emulated one, the processor the
// reference, both in fp32, so that answers can be compared.
#include "engine/backend/cuda/cuda_backend.h"
#include "engine/backend/reference/reference_backend.h"
#include "engine/session/engine_impl.h"
#include "engine/transformer/memory_plan.h"
#include "tests/engine/backend/cuda/emulated/emulated_device.h"
#include "tests/engine/session/session_fixture.h"

namespace {

using engine::BackendKind;
using engine::Precision;
using engine::StatusCode;

constexpr std::size_t kAllMemory = std::size_t{4} << 30U;

/// The GPU as the program makes it, its driver asked first.
engine::Result<std::unique_ptr<engine::Backend>> createHere(BackendKind kind, Precision precision, int) {
    if (kind != BackendKind::Cuda)
        return engine::createReferenceBackend(1);
    try {
        return engine::cuda::createBackendOnDevice(precision);
    } catch (const std::bad_alloc& error) {
        return engine::Status(StatusCode::OutOfMemory, error.what());
    }
}

std::uint64_t usedOnGpu() { return emulated::usedDeviceMemory(); }

/// The GPU may hand out so many bytes more than it has by now.
void leaveFree(std::uint64_t bytes) { emulated::limitDeviceMemory(usedOnGpu() + bytes); }

/// An observer that does something when the first token is known.
class AtFirstToken final : public engine::QueryObserver {
public:
    explicit AtFirstToken(std::function<void()> act) : m_act(std::move(act)) {}
    void firstToken(const engine::Timings&) override { m_act(); }

private:
    const std::function<void()> m_act;
};

class DevicesTest : public SessionFixture {
protected:
    DevicesTest() {
        m_onProcessor.workspace = m_folder.path() + "/workspace";
        m_onProcessor.model = randomModelPath("random-llama.gguf");
        m_onProcessor.backend = BackendKind::Reference;
        m_onProcessor.maxContext = 1024;
        m_onGpu = m_onProcessor;
        m_onGpu.backend = BackendKind::Cuda;
        m_onGpu.precision = Precision::F32;
        m_engine.reset();
        open(m_onProcessor);
        import({write("mill.md", longText(4))});
        precompute();
        m_expected = ask(mill()).text;
    }
    ~DevicesTest() override {
        m_engine.reset();
        emulated::limitDeviceMemory(kAllMemory);
        emulated::breakDevice(false);
    }

    void open(const engine::EngineOptions& options) {
        m_engine.reset();
        auto opened = engine::EngineImpl::create(options, createHere);
        ASSERT_TRUE(opened.ok()) << opened.status().message();
        m_engine = std::move(*opened);
    }

    static engine::Query mill() { return question("How many times did the wheel turn on day 3?"); }

    /// Bytes that the last `layers` layers take, the reserve included.
    std::uint64_t bytesOf(int layers) {
        const auto file = engine::WeightFile::open(m_onGpu.model);
        const auto gpu = engine::cuda::createBackendOnDevice(Precision::F32);
        return engine::kDeviceReserveBytes +
               engine::planMemory(**file, *gpu, {4 - layers, layers}, m_onGpu.maxContext, engine::KvDtype::F16).total();
    }
    /// What a back end of no layers takes.
    static std::uint64_t emptyBackendBytes() {
        const std::uint64_t before = usedOnGpu();
        const auto gpu = engine::cuda::createBackendOnDevice(Precision::F32);
        return usedOnGpu() - before;
    }

    static bool says(const std::vector<std::string>& notes, const std::string& part) {
        return std::any_of(notes.begin(), notes.end(),
                           [&](const std::string& note) { return note.find(part) != std::string::npos; });
    }

    engine::EngineOptions m_onProcessor;
    engine::EngineOptions m_onGpu;
    std::string m_expected;
};

TEST_F(DevicesTest, APlanTellsWhatARunTakesAndWhatOfThatIsThere) {
    open(m_onProcessor);
    const engine::BlendPlan first = plan(mill());
    ASSERT_EQ(first.memory.size(), 1U);
    EXPECT_EQ(first.memory[0].backend, "reference");
    EXPECT_EQ(first.memory[0].layers, 4);
    EXPECT_EQ(first.memory[0].held, 0U) << "the weights are packed at the first call that computes";
    EXPECT_NEAR(static_cast<double>(first.memory[0].weights),
                static_cast<double>(m_engine->model().parameters) * sizeof(float), 4096)
        << "all but the norms' vectors";
    EXPECT_GT(first.memory[0].scratch, 0U);
    EXPECT_GT(first.memory[0].free, first.memory[0].needed());
    EXPECT_TRUE(first.memory[0].fits());
    ask(mill());
    engine::Query longer = mill();
    longer.sampling.maxTokens = 700;
    const engine::BlendPlan second = plan(longer);
    EXPECT_GE(second.memory[0].held, first.memory[0].weights);
    EXPECT_GT(second.memory[0].cache, first.memory[0].cache);
}

TEST_F(DevicesTest, AModelThatFitsIsOnTheGpu) {
    open(m_onGpu);
    EXPECT_EQ(m_engine->model().backend, "cuda");
    EXPECT_EQ(m_engine->model().gpuLayers, 4);
    const engine::Answer answer = ask(mill());
    EXPECT_EQ(answer.text, m_expected);
    EXPECT_TRUE(answer.trace->notes.empty());
}

TEST_F(DevicesTest, OfAModelThatDoesNotFitTheLastLayersAreOnTheGpu) {
    emulated::limitDeviceMemory(usedOnGpu() + emptyBackendBytes() + bytesOf(2));
    open(m_onGpu);
    EXPECT_EQ(m_engine->model().backend, "reference+cuda");
    EXPECT_EQ(m_engine->model().gpuLayers, 2);
    const engine::BlendPlan planned = plan(mill());
    ASSERT_EQ(planned.memory.size(), 2U);
    EXPECT_EQ(planned.memory[0].backend, "reference");
    EXPECT_EQ(planned.memory[0].layers, 2);
    EXPECT_EQ(planned.memory[1].backend, "cuda");
    EXPECT_EQ(planned.memory[1].layers, 2);
    EXPECT_TRUE(says(planned.notes, "too_little_memory: ")) << "the reason code";
    EXPECT_TRUE(says(planned.notes, "last 2 of 4 layers"));
    const engine::Answer answer = ask(mill());
    EXPECT_EQ(answer.text, m_expected);
    EXPECT_EQ(answer.trace->backend, "reference+cuda");
    EXPECT_TRUE(says(answer.trace->notes, "last 2 of 4 layers"));
    EXPECT_GT(answer.tokens.reused, 0) << "KV that the processor stored serves both";
}

TEST_F(DevicesTest, HowManyLayersMayBeSaid) {
    m_onGpu.gpuLayers = 3;
    open(m_onGpu);
    EXPECT_EQ(m_engine->model().gpuLayers, 3);
    EXPECT_EQ(ask(mill()).text, m_expected);
    m_onGpu.gpuLayers = 99;
    open(m_onGpu);
    EXPECT_EQ(m_engine->model().gpuLayers, 4);
    m_onGpu.gpuLayers = 0;
    open(m_onGpu);
    EXPECT_EQ(m_engine->model().backend, "reference");
    EXPECT_FALSE(m_engine->model().notice.empty());
}

TEST_F(DevicesTest, WhereNotEvenOneLayerFitsTheProcessorComputes) {
    emulated::limitDeviceMemory(usedOnGpu() + emptyBackendBytes() + bytesOf(1) - 1);
    open(m_onGpu);
    EXPECT_EQ(m_engine->model().backend, "reference");
    EXPECT_EQ(m_engine->model().gpuLayers, 0);
    const engine::Answer answer = ask(mill());
    EXPECT_EQ(answer.text, m_expected);
    EXPECT_TRUE(says(answer.trace->notes, "too_little_memory: "));
    leaveFree(0);
    open(m_onGpu);  // not even the back end itself
    EXPECT_EQ(m_engine->model().backend, "reference");
    EXPECT_TRUE(says(plan(mill()).notes, "too_little_memory: "));
}

TEST_F(DevicesTest, WhenMemoryRunsOutWhileLoadingTheProcessorComputes) {
    open(m_onGpu);
    const engine::BlendPlan planned = plan(mill());
    EXPECT_TRUE(planned.notes.empty());
    leaveFree(64 << 10U);
    engine::QueryObserver observer;
    const auto answer = m_engine->run(planned, observer, {});
    ASSERT_TRUE(answer.ok()) << answer.status().message();
    EXPECT_EQ(answer->text, m_expected);
    EXPECT_EQ(answer->trace->backend, "reference");
    EXPECT_TRUE(says(answer->trace->notes, "the GPU ran out of memory (too_little_memory: "));
    EXPECT_EQ(m_engine->model().backend, "reference");
    EXPECT_EQ(usedOnGpu(), 0U) << "all of it is given back";
    EXPECT_EQ(ask(mill()).text, m_expected);
}

TEST_F(DevicesTest, WhenMemoryRunsOutInALaterQuestionTheProcessorComputes) {
    open(m_onGpu);
    const engine::Answer first = ask(mill());
    engine::Query next = question("And on day 2?");
    next.followUpOf = first.run;
    const engine::BlendPlan followUp = plan(next);
    leaveFree(0);
    engine::Query longer = mill();
    longer.sampling.maxTokens = 600;
    engine::QueryObserver observer;
    const auto answer = m_engine->run(plan(longer), observer, {});
    ASSERT_TRUE(answer.ok()) << answer.status().message();
    EXPECT_EQ(answer->text.substr(0, m_expected.size()), m_expected);
    EXPECT_TRUE(says(answer->trace->notes, "the GPU ran out of memory"));
    const auto gone = m_engine->run(followUp, observer, {});
    EXPECT_EQ(gone.status().code(), StatusCode::NotFound) << "its KV lay on the GPU";
}

TEST_F(DevicesTest, AnAnswerThatHasBegunIsNotToldTwice) {
    open(m_onGpu);
    ask(mill());
    AtFirstToken observer([] { leaveFree(0); });
    const auto answer = m_engine->runCompared(plan(mill()), observer, {});  // comparing takes a second cache
    EXPECT_EQ(answer.status().code(), StatusCode::OutOfMemory);
    EXPECT_NE(answer.status().message().find("ask again"), std::string::npos) << answer.status().message();
    EXPECT_EQ(m_engine->model().backend, "reference");
    EXPECT_EQ(ask(mill()).text, m_expected);
}

TEST_F(DevicesTest, PrecomputingGoesOnWhereMemoryRanOut) {
    open(m_onGpu);
    import({write("other.md", longText(9, 5))});
    leaveFree(64 << 10U);
    const engine::PrecomputeReport report = precompute();
    EXPECT_GT(report.chunksDone, 0);
    EXPECT_EQ(m_engine->model().backend, "reference");
    EXPECT_FALSE(m_engine->model().notice.empty());
    EXPECT_EQ(precompute().chunksDone, 0);
}

TEST_F(DevicesTest, ABrokenGpuEndsTheSessionWithItsReason) {
    open(m_onGpu);
    ask(mill());
    const engine::BlendPlan planned = plan(mill());
    EXPECT_TRUE(m_engine->ended().empty());
    emulated::breakDevice(true);
    engine::QueryObserver observer;
    const auto answer = m_engine->run(planned, observer, {});
    EXPECT_EQ(answer.status().code(), StatusCode::Internal);
    EXPECT_EQ(m_engine->ended().rfind("device_failed: ", 0), 0U) << m_engine->ended();
    EXPECT_NE(m_engine->ended().find("cudaErrorIllegalAddress"), std::string::npos);
    EXPECT_EQ(m_engine->storeStats().status().message(), m_engine->ended()) << "nothing is done any more";
    m_engine.reset();  // gives the workspace back
    open(m_onProcessor);
    EXPECT_EQ(ask(mill()).text, m_expected);
}

}  // namespace
