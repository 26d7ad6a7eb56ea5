// Laws of createBackend, and of memory.
#include <algorithm>

#include "engine/backend/cuda/load_module.h"
#include "tests/engine/backend/backend_fixture.h"

namespace engine {
namespace {

TEST(CreateBackendTest, CudaIsMadeOrRefusedWithTheReason) {
    const auto made = createBackend(BackendKind::Cuda, Precision::Auto, 0);
    const GpuState state = inspectCuda();
    if (made.ok()) {
        EXPECT_EQ((*made)->name(), "cuda");
        EXPECT_EQ(state.reason, "");
        return;
    }
    const std::vector<std::string> reasons = {"no_module", "no_driver",         "driver_too_old",
                                              "no_device", "too_little_memory", "unsupported_architecture"};
    EXPECT_NE(std::find(reasons.begin(), reasons.end(), state.reason), reasons.end()) << state.reason;
    EXPECT_FALSE(state.message.empty());
    EXPECT_EQ(made.status().message(), state.reason + ": " + state.message);
    EXPECT_EQ(made.status().code(), state.reason == "too_little_memory" ? StatusCode::OutOfMemory : StatusCode::Unsupported);
}

TEST(CreateBackendTest, ReferenceComputesInF32Only) {
    const auto made = createBackend(BackendKind::Reference, Precision::Auto, 1);
    ASSERT_TRUE(made.ok());
    EXPECT_EQ((*made)->name(), "reference");
    EXPECT_EQ((*made)->precision(), Precision::F32);
    EXPECT_EQ((*made)->threads(), 1);
    const auto bf16 = createBackend(BackendKind::Reference, Precision::Bf16, 1);
    ASSERT_FALSE(bf16.ok());
    EXPECT_EQ(bf16.status().code(), StatusCode::Unsupported);
}

TEST(CreateBackendTest, AutoIsTheFastestBuiltIn) {
    const auto made = createBackend(BackendKind::Auto, Precision::Auto, 0);
    ASSERT_TRUE(made.ok());
    EXPECT_EQ((*made)->name(), cpuCases().empty() ? "reference" : "cpu");
    EXPECT_GE((*made)->threads(), 1);
    EXPECT_NE((*made)->precision(), Precision::Auto);
}

TEST(CreateBackendTest, F32IsHonouredEverywhere) {
    const auto made = createBackend(BackendKind::Auto, Precision::F32, 2);
    ASSERT_TRUE(made.ok());
    EXPECT_EQ((*made)->precision(), Precision::F32);
    EXPECT_EQ((*made)->activationType(), DType::F32);
    EXPECT_EQ((*made)->threads(), 2);
}

TEST_P(BackendTest, MemoryIsAlignedAndZero) {
    for (const std::uint64_t bytes : {1U, 63U, 64U, 4097U, 5U << 20U}) {
        const Buffer buffer = m_backend->allocate(bytes);
        EXPECT_EQ(buffer.bytes(), bytes);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % 64, 0U);
        std::vector<std::byte> content(bytes, std::byte{1});
        m_backend->download(content.data(), buffer.data(), bytes);
        EXPECT_EQ(content, std::vector<std::byte>(bytes));
    }
}

INSTANTIATE_TEST_SUITE_P(Backends, BackendTest, ::testing::ValuesIn(allCases()), caseName);

}  // namespace
}  // namespace engine
