// The twelve laws of blending, on every back end, on random models of every architecture and on the default model.
#include "engine/laws/laws.h"

#include <gtest/gtest.h>

#include <map>

#ifdef TEST_CUDA_EMULATED
#include "engine/backend/cuda/cuda_backend.h"
#endif
#include "tests/engine/backend/cuda/missing_device.h"
#include "tests/engine/blend/model_bench.h"

namespace {

using engine::BackendKind;
using engine::KvDtype;
using engine::Precision;

/// Short passages, so that the reference back end bears the default model: the whole prompt stays below 128 tokens.
engine::GivenPrompt shortPrompt() {
    engine::GivenPrompt prompt;
    prompt.head = "Use the notes.";
    prompt.chunks = {"Notes › Garden\nThe roses are watered on Monday.\n\n", "Notes › Kitchen\nBread is baked at six.\n\n",
                     "Notes › Garage\nThe code is 4417, not 12.\n\n"};
    prompt.question = "What is the code?";
    return prompt;
}

struct LawCase {
    std::string label;
    std::string model;  // "default" or a random model's file
    BackendKind backend;
    Precision precision;
    KvDtype kvDtype;
    int firstLayers = 0;  // that another back end computes
    BackendKind firstBackend = BackendKind::Reference;
};

const std::vector<LawCase>& cases() {
    static const std::vector<LawCase> kCases = {
#if defined(TEST_CUDA_EMULATED) || defined(TEST_CUDA_DEVICE)
        {"RandomCudaF32", "random-llama.gguf", BackendKind::Cuda, Precision::F32, KvDtype::F32},
        {"RandomCudaBf16Int8", "random-llama-q4_1.gguf", BackendKind::Cuda, Precision::Bf16, KvDtype::Int8},
        {"RandomQwen2CudaBf16", "random-qwen2.gguf", BackendKind::Cuda, Precision::Bf16, KvDtype::F16},
        {"RandomReferenceThenCudaF32", "random-qwen2.gguf", BackendKind::Cuda, Precision::F32, KvDtype::F16, 2},
#ifdef WITH_ONEDNN
        {"RandomCpuThenCudaBf16", "random-qwen3.gguf", BackendKind::Cuda, Precision::Auto, KvDtype::F16, 1,
         BackendKind::Cpu},
#endif
#ifdef TEST_CUDA_DEVICE  // the emulation takes ten seconds and more for each
        {"RandomCudaBf16", "random-llama.gguf", BackendKind::Cuda, Precision::Bf16, KvDtype::Bf16},
        {"RandomQwen3CudaBf16", "random-qwen3.gguf", BackendKind::Cuda, Precision::Bf16, KvDtype::F16},
        {"DefaultCudaF32", "default", BackendKind::Cuda, Precision::F32, KvDtype::F32},
        {"DefaultCudaBf16", "default", BackendKind::Cuda, Precision::Bf16, KvDtype::F16},
#endif
#else
        {"RandomReferenceF32", "random-llama.gguf", BackendKind::Reference, Precision::F32, KvDtype::F32},
        {"RandomReferenceF16", "random-llama.gguf", BackendKind::Reference, Precision::F32, KvDtype::F16},
        {"RandomReferenceBf16", "random-llama.gguf", BackendKind::Reference, Precision::F32, KvDtype::Bf16},
        {"RandomReferenceInt8", "random-llama.gguf", BackendKind::Reference, Precision::F32, KvDtype::Int8},
        {"RandomQwen2Reference", "random-qwen2.gguf", BackendKind::Reference, Precision::F32, KvDtype::F32},
        {"RandomQwen3Reference", "random-qwen3.gguf", BackendKind::Reference, Precision::F32, KvDtype::F32},
        {"RandomReferenceTwiceAtTheCheckLayer", "random-llama.gguf", BackendKind::Reference, Precision::F32, KvDtype::F16,
         1},
#ifdef WITH_ONEDNN
        {"RandomCpuF32", "random-llama.gguf", BackendKind::Cpu, Precision::F32, KvDtype::F32},
        {"RandomCpuF32StoredF16", "random-llama.gguf", BackendKind::Cpu, Precision::F32, KvDtype::F16},
        {"RandomCpuAutoInt8", "random-llama.gguf", BackendKind::Cpu, Precision::Auto, KvDtype::Int8},
        {"RandomCpuAuto", "random-llama.gguf", BackendKind::Cpu, Precision::Auto, KvDtype::F16},
        {"RandomQwen2CpuAuto", "random-qwen2.gguf", BackendKind::Cpu, Precision::Auto, KvDtype::F16},
        {"RandomQwen3CpuAuto", "random-qwen3.gguf", BackendKind::Cpu, Precision::Auto, KvDtype::F16},
        {"RandomReferenceThenCpu", "random-llama.gguf", BackendKind::Cpu, Precision::F32, KvDtype::F16, 2},
        {"RandomCpuTwiceAuto", "random-qwen3.gguf", BackendKind::Cpu, Precision::Auto, KvDtype::Int8, 2, BackendKind::Cpu},
        {"DefaultCpuF32", "default", BackendKind::Cpu, Precision::F32, KvDtype::F32},
        {"DefaultCpuAutoInt8", "default", BackendKind::Cpu, Precision::Auto, KvDtype::Int8},
        {"DefaultCpuAuto", "default", BackendKind::Cpu, Precision::Auto, KvDtype::F16},
#endif
        {"DefaultReference", "default", BackendKind::Reference, Precision::F32, KvDtype::F32},
#endif
    };
    return kCases;
}

/// One bench at a time: the default model is opened once for the twelve laws, not twelve times.
ModelBench& benchFor(const LawCase& lawCase) {
    static std::string current;
    static std::unique_ptr<ModelBench> bench;
    if (current != lawCase.label) {
        bench.reset();
        BenchSettings settings{lawCase.model == "default" ? defaultModelPath() : randomModelPath(lawCase.model),
                               lawCase.backend, lawCase.precision, lawCase.kvDtype};
        settings.firstLayers = lawCase.firstLayers;
        settings.firstBackend = lawCase.firstBackend;
#ifdef TEST_CUDA_EMULATED
        settings.create = engine::cuda::createBackendOnDevice;
#endif
        bench = std::make_unique<ModelBench>(settings);
        current = lawCase.label;
    }
    return *bench;
}

class LawsTest : public testing::TestWithParam<std::tuple<std::size_t, std::size_t>> {};

TEST_P(LawsTest, Holds) {
#ifdef TEST_CUDA_DEVICE
    if (const auto made = engine::createBackend(BackendKind::Cuda, Precision::Auto, 0); !made.ok()) {
        ASSERT_TRUE(onlyTheDeviceIsMissing(made.status().message())) << made.status().message();
        GTEST_SKIP() << made.status().message();
    }
#endif
    const auto& [caseIndex, lawIndex] = GetParam();
    ModelBench& bench = benchFor(cases()[caseIndex]);
    engine::Laws laws({*bench.model, *bench.blender, *bench.planner, *bench.store, bench.spec, bench.fingerprint},
                      shortPrompt());
    ASSERT_TRUE(laws.prepare().ok());
    const engine::GateCheck check = (laws.*engine::Laws::all()[lawIndex].check)();
    EXPECT_TRUE(check.passed) << check.name << ": " << check.figure << " " << check.unit << ", allowed " << check.tolerance
                              << "; " << check.detail;
}

INSTANTIATE_TEST_SUITE_P(, LawsTest,
                         testing::Combine(testing::Range<std::size_t>(0, cases().size()),
                                          testing::Range<std::size_t>(0, engine::Laws::all().size())),
                         [](const auto& test) {
                             return cases()[std::get<0>(test.param)].label + "_" +
                                    engine::Laws::all()[std::get<1>(test.param)].name;
                         });

}  // namespace
