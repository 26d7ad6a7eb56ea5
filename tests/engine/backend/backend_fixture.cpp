// Back ends, tensors and error measure of the back end tests.
#include "tests/engine/backend/backend_fixture.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "engine/backend/half.h"
#ifdef TEST_CPU_BACKEND
#include "engine/backend/cpu/cpu_backend.h"
#include "engine/backend/cpu/packed_matmul.h"
#endif
#ifdef TEST_CUDA_EMULATED
#include "engine/backend/cuda/cuda_backend.h"
#endif
#include "engine/backend/reference/reference_backend.h"
#include "tests/engine/backend/cuda/missing_device.h"

namespace engine {
namespace {

#ifdef TEST_CPU_BACKEND
template <Precision P, cpu::InstructionSet Set>
std::unique_ptr<Backend> createCpu(int threads) {
    auto made = createCpuBackend(P, threads, Set);
    EXPECT_TRUE(made.ok()) << made.status().message();
    return made.ok() ? std::move(made).value() : nullptr;
}
#endif

#if defined(TEST_CUDA_EMULATED)
template <Precision P>
std::unique_ptr<Backend> createCuda(int /*threads*/) {
    return cuda::createBackendOnDevice(P);
}
#elif defined(TEST_CUDA_DEVICE)
/// Null where there is no GPU: the test is skipped then.
template <Precision P>
std::unique_ptr<Backend> createCuda(int /*threads*/) {
    auto made = createBackend(BackendKind::Cuda, P, 0);
    return made.ok() ? std::move(made).value() : nullptr;
}
#else
std::unique_ptr<Backend> createReference(int threads) { return createReferenceBackend(threads); }
#endif

}  // namespace

std::ostream& operator<<(std::ostream& out, const BackendCase& value) { return out << value.name; }

std::vector<BackendCase> cpuCases() {
    std::vector<BackendCase> cases;
#ifdef TEST_CPU_BACKEND
    using cpu::InstructionSet;
    const InstructionSet widest = cpu::detectInstructionSet();
    cases.push_back({"portable", createCpu<Precision::F32, InstructionSet::Portable>, DType::F32});
    if (widest >= InstructionSet::Avx2) {
        cases.push_back({"avx2", createCpu<Precision::F32, InstructionSet::Avx2>, DType::F32});
    }
    if (widest >= InstructionSet::Avx512) {
        cases.push_back({"avx512", createCpu<Precision::F32, InstructionSet::Avx512>, DType::F32});
    }
    if (widest >= InstructionSet::Avx512Vnni) {
        cases.push_back({"vnni", createCpu<Precision::F32, InstructionSet::Avx512Vnni>, DType::F32});
    }
    if (createCpuBackend(Precision::Bf16, 1).ok()) {
        cases.push_back({"bf16", createCpu<Precision::Bf16, InstructionSet::Avx512Bf16>, DType::Bf16});
    }
#endif
    return cases;
}

std::vector<BackendCase> allCases() {
#if defined(TEST_CUDA_EMULATED) || defined(TEST_CUDA_DEVICE)
#ifdef TEST_CUDA_EMULATED
    constexpr std::size_t kEvery = 4;
#else
    constexpr std::size_t kEvery = 1;
#endif
    return {{"f32", createCuda<Precision::F32>, DType::F32, false, kEvery},
            {"bf16", createCuda<Precision::Bf16>, DType::Bf16, false, kEvery}};
#else
    std::vector<BackendCase> cases = cpuCases();
    cases.push_back({"reference", createReference, DType::F32});
    return cases;
#endif
}

bool rowsOfProductsAreIndependent() {
#if defined(TEST_CUDA_EMULATED) || defined(TEST_CUDA_DEVICE)
    return false;  // cuBLASLt chooses by the number of rows
#elif defined(TEST_CPU_BACKEND)
    return cpu::PackedMatmul::rowsAreIndependent();
#else
    return true;
#endif
}

std::string caseName(const ::testing::TestParamInfo<BackendCase>& info) { return info.param.name; }

std::vector<float> Noise::values(std::size_t count, float scale, DType representable) {
    std::vector<float> result(count);
    for (float& value : result) {
        // A sum of uniform numbers instead of std::normal_distribution, whose sequence differs between libraries.
        float sum = 0;
        for (int i = 0; i < 4; ++i) {
            sum += static_cast<float>(m_generator() >> 8) * 0x1p-24F - 0.5F;
        }
        value = sum * 1.7320508F * scale;
        if (representable == DType::Bf16) {
            value = bf16ToFloat(floatToBf16(value));
        }
    }
    return result;
}

Matrix::Matrix(Backend& backend, int rows, int columns, DType dtype) : m_backend(&backend) {
    m_buffer = backend.allocate(static_cast<std::uint64_t>(Backend::paddedRows(rows)) * static_cast<std::uint64_t>(columns) *
                                elementBytes(dtype));
    m_view = {m_buffer.data(), dtype, rows, columns, columns};
}

Matrix::Matrix(Backend& backend, int rows, int columns, DType dtype, const std::vector<float>& values)
    : Matrix(backend, rows, columns, dtype) {
    EXPECT_EQ(values.size(), static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns));
    if (dtype == DType::F32) {
        backend.upload(m_view.data, values.data(), values.size() * sizeof(float));
        return;
    }
    std::vector<std::uint16_t> bits(values.size());
    std::transform(values.begin(), values.end(), bits.begin(), floatToBf16);
    backend.upload(m_view.data, bits.data(), bits.size() * sizeof(std::uint16_t));
}

std::vector<float> Matrix::values() const {
    std::vector<float> result(static_cast<std::size_t>(m_view.rows) * static_cast<std::size_t>(m_view.columns));
    if (m_view.dtype == DType::F32) {
        m_backend->download(result.data(), m_view.data, result.size() * sizeof(float));
        return result;
    }
    std::vector<std::uint16_t> bits(result.size());
    m_backend->download(bits.data(), m_view.data, bits.size() * sizeof(std::uint16_t));
    std::transform(bits.begin(), bits.end(), result.begin(), bf16ToFloat);
    return result;
}

Cache::Cache(Backend& backend, int kvHeads, int headDim, int positions) : m_backend(&backend) {
    const int capacity = Backend::paddedPositions(positions);
    const std::uint64_t bytes = backend.kvLayerBytes(kvHeads, headDim, capacity);
    m_k = backend.allocate(bytes);
    m_v = backend.allocate(bytes);
    m_view = {m_k.data(), m_v.data(), capacity, kvHeads, headDim};
}

std::vector<float> Cache::rows(int count, bool keysWanted) const {
    const auto columns = static_cast<std::size_t>(width());
    std::vector<float> k(columns);
    std::vector<float> v(columns);
    std::vector<float> result;
    for (int position = 0; position < count; ++position) {
        m_backend->readKv(m_view, position, k, v);
        const std::vector<float>& wanted = keysWanted ? k : v;
        result.insert(result.end(), wanted.begin(), wanted.end());
    }
    return result;
}

void Cache::fill(int begin, const std::vector<float>& k, const std::vector<float>& v) {
    const auto columns = static_cast<std::size_t>(width());
    for (std::size_t row = 0; row < k.size() / columns; ++row) {
        m_backend->writeKv(m_view, begin + static_cast<int>(row), std::span(k).subspan(row * columns, columns),
                           std::span(v).subspan(row * columns, columns));
    }
}

void Cache::fillWith(int begin, float k, float v) {
    const auto count = static_cast<std::size_t>(m_view.capacity - begin) * static_cast<std::size_t>(width());
    fill(begin, std::vector<float>(count, k), std::vector<float>(count, v));
}

std::vector<std::byte> Cache::bytes() const {
    std::vector<std::byte> result(m_k.bytes() + m_v.bytes());
    m_backend->download(result.data(), m_k.data(), m_k.bytes());
    m_backend->download(result.data() + m_k.bytes(), m_v.data(), m_v.bytes());
    return result;
}

HostTensor weightTensor(int rows, int columns, const std::vector<float>& values, WeightType type) {
    HostTensor tensor;
    tensor.type = type;
    tensor.rows = rows;
    tensor.columns = columns;
    if (type == WeightType::F32) {
        tensor.data.resize(values.size() * sizeof(float));
        std::memcpy(tensor.data.data(), values.data(), tensor.data.size());
    } else {
        EXPECT_EQ(type, WeightType::Bf16);
        std::vector<std::uint16_t> bits(values.size());
        std::transform(values.begin(), values.end(), bits.begin(), floatToBf16);
        tensor.data.resize(bits.size() * sizeof(std::uint16_t));
        std::memcpy(tensor.data.data(), bits.data(), tensor.data.size());
    }
    return tensor;
}

RopeTable ropeTable(RopePairing pairing, int dimensions, int positions) {
    RopeSpec spec;
    spec.pairing = pairing;
    spec.dimensions = dimensions;
    for (int i = 0; i < dimensions / 2; ++i) {
        spec.inverseFrequencies.push_back(std::pow(10000.0, -2.0 * i / dimensions));
    }
    return RopeTable(spec, positions);
}

double relativeError(std::span<const float> a, std::span<const float> b) {
    if (a.size() != b.size()) {
        return std::numeric_limits<double>::infinity();
    }
    double difference = 0;
    double norm = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        difference += (static_cast<double>(a[i]) - b[i]) * (static_cast<double>(a[i]) - b[i]);
        norm += static_cast<double>(b[i]) * b[i];
    }
    const double error = std::sqrt(difference) / std::max(std::sqrt(norm), 1e-30);
    return std::isfinite(error) ? error : std::numeric_limits<double>::infinity();
}

bool sameBits(std::span<const float> a, std::span<const float> b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

std::vector<float> rowsOf(const std::vector<float>& values, int columns, int begin, int count) {
    const auto from = values.begin() + static_cast<std::ptrdiff_t>(begin) * columns;
    return {from, from + static_cast<std::ptrdiff_t>(count) * columns};
}

BackendTest::BackendTest() : m_backend(GetParam().create(2)), m_reference(createReferenceBackend(2)) {}

void BackendTest::SetUp() {
#ifdef TEST_CUDA_DEVICE
    if (m_backend == nullptr) {
        const std::string why = createBackend(BackendKind::Cuda, Precision::Auto, 0).status().message();
        ASSERT_TRUE(onlyTheDeviceIsMissing(why)) << why;
        GTEST_SKIP() << why;
    }
#endif
    ASSERT_NE(m_backend, nullptr);
}

}  // namespace engine
