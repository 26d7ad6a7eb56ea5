// What the back end tests share: every cpu variant this machine can run beside the reference, tensors from literals and
// seeded noise, and one measure of error.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <ostream>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "engine/backend/backend.h"

namespace engine {

/// A back end under test.
struct BackendCase {
    std::string name;
    std::unique_ptr<Backend> (*create)(int threads) = nullptr;
    DType narrow = DType::F32;
    bool rowsOfAttentionAreIndependent = true;  // a row's bits, of the other rows of the call
    std::size_t every = 1;  // of the many shapes of a test, each `every`-th is run: an emulated device is slow
};
std::ostream& operator<<(std::ostream& out, const BackendCase& value);

/// The cpu back end with each instruction set this processor has, in fp32, and in bf16 where it can. Empty without oneDNN.
std::vector<BackendCase> cpuCases();
/// The same and the reference: for laws that every back end keeps.
std::vector<BackendCase> allCases();
/// Whether matrix products here promise the same bits for a row whatever the other rows are.
bool rowsOfProductsAreIndependent();
std::string caseName(const ::testing::TestParamInfo<BackendCase>& info);

/// Seeded noise, the same on every machine.
class Noise {
public:
    explicit Noise(std::uint32_t seed) : m_generator(seed) {}
    /// Normal, mean 0, deviation `scale`; `Bf16`: rounded so that both precisions start from the same numbers.
    std::vector<float> values(std::size_t count, float scale = 1, DType representable = DType::Bf16);
    int below(int limit) { return static_cast<int>(m_generator() % static_cast<std::uint32_t>(limit)); }

private:
    std::mt19937 m_generator;
};

/// A matrix in a back end's memory, allocated as the contract asks (paddedRows).
class Matrix {
public:
    Matrix(Backend& backend, int rows, int columns, DType dtype);
    Matrix(Backend& backend, int rows, int columns, DType dtype, const std::vector<float>& values);

    TensorView view() const { return m_view; }
    operator TensorView() const { return m_view; }
    std::vector<float> values() const;  // widened; [rows * columns]

private:
    Backend* m_backend;
    Buffer m_buffer;
    TensorView m_view;
};

/// One layer's cache.
class Cache {
public:
    Cache(Backend& backend, int kvHeads, int headDim, int positions);

    KvLayerView view() const { return m_view; }
    operator KvLayerView() const { return m_view; }
    int width() const { return m_view.kvHeads * m_view.headDim; }
    /// K and V of all positions < count, one after the other: [count, KH * D].
    std::vector<float> keys(int count) const { return rows(count, true); }
    std::vector<float> valueRows(int count) const { return rows(count, false); }
    void fill(int begin, const std::vector<float>& k, const std::vector<float>& v);
    /// Every position from `begin` to the capacity.
    void fillWith(int begin, float k, float v);
    /// Bytes of K and V as they lie in memory.
    std::vector<std::byte> bytes() const;

private:
    std::vector<float> rows(int count, bool keysWanted) const;

    Backend* m_backend;
    Buffer m_k;
    Buffer m_v;
    KvLayerView m_view;
};

/// Weights [rows, columns] in a plain file format (F32 or Bf16).
HostTensor weightTensor(int rows, int columns, const std::vector<float>& values, WeightType type);

/// RoPE with base 10,000.
RopeTable ropeTable(RopePairing pairing, int dimensions, int positions);

/// ‖a − b‖₂ / ‖b‖₂; infinite when a value is not finite or the lengths differ.
double relativeError(std::span<const float> a, std::span<const float> b);
/// Whether all bits are equal.
bool sameBits(std::span<const float> a, std::span<const float> b);
std::vector<float> rowsOf(const std::vector<float>& values, int columns, int begin, int count);

/// A back end with two threads (every test of sharing out work has something to share out) beside the reference.
class BackendTest : public ::testing::TestWithParam<BackendCase> {
protected:
    BackendTest();
    void SetUp() override;

    DType narrow() const { return GetParam().narrow; }
    bool isBf16() const { return narrow() == DType::Bf16; }

    std::unique_ptr<Backend> m_backend;
    std::unique_ptr<Backend> m_reference;
};

}  // namespace engine
