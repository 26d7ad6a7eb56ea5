// Speeds of the cpu back end's operations at the shapes of a 135M model (E 576, H 9, KH 3, D 64, F 1536, V 49152). By hand: backend_bench
// [bf16|f32] [threads] [token]. Medians of repeated runs; compare within one run, machines differ.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <numeric>
#include <string>

#include "engine/kv/kv_cache.h"
#include "tests/engine/backend/backend_fixture.h"

namespace engine {
namespace {

/// Median seconds of a call, over at least 0.3 s and 5 calls after one to warm up.
double median(const std::function<void()>& work) {
    using Clock = std::chrono::steady_clock;
    work();
    std::vector<double> seconds;
    double total = 0;
    while (total < 0.3 || seconds.size() < 5) {
        const auto begin = Clock::now();
        work();
        seconds.push_back(std::chrono::duration<double>(Clock::now() - begin).count());
        total += seconds.back();
    }
    std::nth_element(seconds.begin(), seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2), seconds.end());
    return seconds[seconds.size() / 2];
}

class Bench {
public:
    explicit Bench(Backend& backend) : m_backend(backend), m_noise(1) {}

    void matrixProducts() {
        struct Shape {
            const char* name;
            int inputs;
            int outputs;
        };
        for (const Shape shape : {Shape{"q|k|v", 576, 960}, Shape{"o", 576, 576}, Shape{"gate|up", 576, 3072},
                                  Shape{"down", 1536, 576}, Shape{"logits", 576, 49152}}) {
            const HostTensor weights = weightTensor(
                shape.outputs, shape.inputs,
                m_noise.values(static_cast<std::size_t>(shape.inputs) * static_cast<std::size_t>(shape.outputs)),
                WeightType::Bf16);
            const HostTensor* parts[] = {&weights};
            const auto packed = m_backend.packMatrix(parts, {}, MatrixUse::Rows);
            for (const int rows : {1, 16, 128, 150, 512, 2048}) {
                if (shape.outputs > 10000 && rows > 16) {
                    continue;
                }
                const Matrix x = matrix(rows, shape.inputs, m_backend.activationType());
                const Matrix out(m_backend, rows, shape.outputs, DType::F32);
                const double seconds = median([&] { m_backend.matmul(x, *packed, out, Accumulate::No); });
                const double products = 2.0 * rows * shape.inputs * shape.outputs;
                const double bytes =
                    static_cast<double>(elementBytes(m_backend.activationType())) * shape.inputs * shape.outputs;
                std::printf("matmul %-8s M %5d  %9.3f ms  %7.1f GFLOP/s  %6.1f GB/s of weights\n", shape.name, rows,
                            seconds * 1e3, products / seconds / 1e9, bytes / seconds / 1e9);
            }
        }
    }

    void attention() {
        for (const int keys : {512, 2048, 4096}) {
            const Cache cache = filledCache(keys);
            std::vector<int> all(static_cast<std::size_t>(keys));
            std::iota(all.begin(), all.end(), 1);
            attend("full causal", cache, all);
            std::vector<int> some;
            for (std::size_t i = 0; i < all.size(); ++i) {
                if (m_noise.below(100) < 15) {
                    some.push_back(all[i]);
                }
            }
            attend("15 %", cache, some);
            attend("16 last rows", cache, {all.end() - 16, all.end()});
            attend("1 row", cache, {all.end() - 1, all.end()});
        }
    }

    void rows() {
        const int count = 2048;
        const Matrix x = matrix(count, 576, DType::F32);
        const Matrix narrow(m_backend, count, 576, m_backend.activationType());
        const std::vector<float> weight(576, 1.0F);
        report("rmsNorm", count * 576.0 * 8, [&] { m_backend.rmsNorm(x, weight, 1e-5F, narrow); });
        const Matrix gateUp = matrix(count, 3072, DType::F32);
        const Matrix act(m_backend, count, 1536, m_backend.activationType());
        report("swiglu", count * 1536.0 * 12, [&] { m_backend.swiglu(gateUp, act); });
        const RopeTable rope = ropeTable(RopePairing::Interleaved, 64, count);
        std::vector<int> positions(count);
        std::iota(positions.begin(), positions.end(), 0);
        report("rotateQueries", count * 576.0 * 8, [&] { m_backend.rotateQueries(x, 9, positions, rope, narrow); });
        const Matrix k = matrix(count, 192, DType::F32);
        const Matrix v = matrix(count, 192, DType::F32);
        const Cache cache(m_backend, 3, 64, count);
        report("scatterKv", 2 * count * 192.0 * 8, [&] { m_backend.scatterKv(k, v, positions, rope, cache); });
    }

    /// 30 layers of 2,048 tokens: more than the caches of most processors hold.
    void slices() {
        constexpr int kTokens = 2048;
        constexpr int kLayers = 30;
        for (const KvDtype dtype : {KvDtype::F16, KvDtype::Int8, KvDtype::F32}) {
            const std::size_t bytes = kTokens * 3 * storage::kvRowBytes(dtype, 64);
            std::vector<std::byte> k(bytes * kLayers);
            std::vector<std::byte> v(bytes * kLayers);
            std::vector<Cache> caches;
            const Matrix rowsK = matrix(kTokens, 192, DType::F32);
            for (std::size_t layer = 0; layer < kLayers; ++layer) {
                caches.emplace_back(m_backend, 3, 64, kTokens);
                m_backend.exportSlice(rowsK, rowsK, 3, dtype, k.data() + layer * bytes, v.data() + layer * bytes);
            }
            for (const RopePairing pairing : {RopePairing::HalfSplit, RopePairing::Interleaved}) {
                const RopeTable rope = ropeTable(pairing, 64, kTokens);
                const double cacheBytes = 2.0 * static_cast<double>(m_backend.kvLayerBytes(3, 64, kTokens));
                report(std::string("placeSlice ") +
                           (dtype == KvDtype::F16    ? "f16"
                            : dtype == KvDtype::Int8 ? "int8"
                                                     : "f32") +
                           (pairing == RopePairing::HalfSplit ? " half-split" : " interleaved"),
                       kLayers * (2.0 * static_cast<double>(bytes) + cacheBytes), [&] {
                           for (std::size_t layer = 0; layer < kLayers; ++layer) {
                               m_backend.placeSlice({k.data() + layer * bytes, v.data() + layer * bytes, dtype, kTokens}, 0,
                                                    rope, caches[layer]);
                           }
                       });
            }
            const Matrix dev(m_backend, 1, kTokens, DType::F32);
            report("deviation", 2.0 * static_cast<double>(bytes) + 2.0 * kTokens * 192 * 4, [&] {
                m_backend.deviation(rowsK, rowsK, {k.data(), v.data(), dtype, kTokens}, 3, DeviationMetric::Kv, dev);
            });
        }
    }

    /// A decoded token after 512 others, and its products with quantised weights alone.
    void token() {
        const auto pack = [&](int outputs, int inputs, WeightType type) {
            HostTensor weights;
            weights.type = type;
            weights.rows = outputs;
            weights.columns = inputs;
            weights.data.assign(weights.rowBytes() * static_cast<std::size_t>(outputs), std::byte{0x11});
            m_weightBytes += static_cast<double>(weights.data.size());
            const HostTensor* parts[] = {&weights};
            return m_backend.packMatrix(parts, {}, MatrixUse::OneRow);
        };
        constexpr int kLayers = 30;
        constexpr int kPosition = 512;
        struct Layer {
            std::unique_ptr<WeightMatrix> qkv, o, gateUp, down;
            KvLayerView cache;
        };
        const KvCache cache(m_backend, kLayers, 3, 64, kPosition + 1);
        m_weightBytes = 0;
        std::vector<Layer> layers;
        for (int i = 0; i < kLayers; ++i)
            layers.push_back({pack(960, 576, WeightType::Q4_1), pack(576, 576, WeightType::Q4_1),
                              pack(3072, 576, WeightType::Q4_1), pack(576, 1536, WeightType::Q4_1), cache.layer(i)});
        const double layerBytes = m_weightBytes;
        const auto output = pack(49152, 576, WeightType::Q8_0);
        const DType narrow = m_backend.activationType();
        const Matrix x = matrix(1, 576, DType::F32);
        const Matrix normed = matrix(1, 576, narrow);
        const Matrix qkv(m_backend, 1, 960, DType::F32);
        const Matrix q(m_backend, 1, 576, narrow);
        const Matrix mixed = matrix(1, 576, narrow);
        const Matrix gateUp(m_backend, 1, 3072, narrow);
        const Matrix act = matrix(1, 1536, narrow);
        const Matrix logits(m_backend, 1, 49152, DType::F32);
        const std::vector<float> weight(576, 1.0F);
        const RopeTable rope = ropeTable(RopePairing::Interleaved, 64, kPosition + 1);
        const int positions[] = {kPosition};
        const int limits[] = {kPosition + 1};
        std::vector<int> before(kPosition);
        std::iota(before.begin(), before.end(), 0);
        const Matrix rows = matrix(kPosition, 192, DType::F32);
        for (const Layer& layer : layers)
            m_backend.scatterKv(rows, rows, before, rope, layer.cache);
        const auto burst = [&](const std::function<void()>& work) { return median([&] { m_backend.burst(work); }); };
        const double products = burst([&] {
            for (const Layer& layer : layers) {
                m_backend.matmulRow(normed, *layer.qkv, qkv, Accumulate::No);
                m_backend.matmulRow(mixed, *layer.o, x, Accumulate::Yes);
                m_backend.matmulRow(normed, *layer.gateUp, gateUp, Accumulate::No);
                m_backend.matmulRow(act, *layer.down, x, Accumulate::Yes);
            }
        });
        const double vocabulary = burst([&] { m_backend.matmulRow(normed, *output, logits, Accumulate::No); });
        const double whole = burst([&] {
            for (const Layer& layer : layers) {
                m_backend.rmsNorm(x, weight, 1e-5F, normed);
                m_backend.matmulRow(normed, *layer.qkv, qkv, Accumulate::No);
                m_backend.scatterKv(qkv.view().columnsSlice(576, 192), qkv.view().columnsSlice(768, 192), positions, rope,
                                    layer.cache);
                m_backend.rotateQueries(qkv.view().columnsSlice(0, 576), 9, positions, rope, q);
                m_backend.attention(q, 9, layer.cache, limits, mixed, nullptr);
                m_backend.matmulRow(mixed, *layer.o, x, Accumulate::Yes);
                m_backend.rmsNorm(x, weight, 1e-5F, normed);
                m_backend.matmulRow(normed, *layer.gateUp, gateUp, Accumulate::No);
                m_backend.swiglu(gateUp, act);
                m_backend.matmulRow(act, *layer.down, x, Accumulate::Yes);
            }
            m_backend.matmulRow(normed, *output, logits, Accumulate::No);
        });
        const double cacheBytes = kLayers * 2.0 * 192 * (kPosition + 1) * static_cast<double>(elementBytes(narrow));
        const auto line = [](const char* name, double seconds, double bytes) {
            std::printf("%-28s %8.3f ms  %6.1f GB/s read\n", name, seconds * 1e3, bytes / seconds / 1e9);
        };
        line("row products of 30 layers", products, layerBytes);
        line("logits of a row, Q8_0", vocabulary, m_weightBytes - layerBytes);
        line("a decoded token", whole, m_weightBytes + cacheBytes);
    }

    /// One pass over all layers as the blend loop makes it, without the loop: what a full prefill costs, and its matrix products alone.
    void prefill(int tokens) {
        Noise noise(2);
        const auto pack = [&](int outputs, int inputs) {
            const HostTensor weights = weightTensor(
                outputs, inputs, noise.values(static_cast<std::size_t>(outputs) * static_cast<std::size_t>(inputs), 0.03F),
                WeightType::Bf16);
            const HostTensor* parts[] = {&weights};
            return m_backend.packMatrix(parts, {}, MatrixUse::Rows);
        };
        constexpr int kLayers = 30;
        struct Layer {
            std::unique_ptr<WeightMatrix> qkv, o, gateUp, down;
        };
        std::vector<Layer> layers;
        for (int i = 0; i < kLayers; ++i) {
            layers.push_back({pack(960, 576), pack(576, 576), pack(3072, 576), pack(576, 1536)});
        }
        const DType narrow = m_backend.activationType();
        const Matrix x = matrix(tokens, 576, DType::F32);
        const Matrix normed(m_backend, tokens, 576, narrow);
        const Matrix qkv(m_backend, tokens, 960, DType::F32);
        const Matrix q(m_backend, tokens, 576, narrow);
        const Matrix mixed(m_backend, tokens, 576, narrow);
        const Matrix gateUp(m_backend, tokens, 3072, narrow);
        const Matrix act(m_backend, tokens, 1536, narrow);
        const Cache cache(m_backend, 3, 64, tokens);
        const std::vector<float> weight(576, 1.0F);
        const RopeTable rope = ropeTable(RopePairing::Interleaved, 64, tokens);
        std::vector<int> positions(static_cast<std::size_t>(tokens));
        std::iota(positions.begin(), positions.end(), 0);
        std::vector<int> limits(positions.size());
        std::iota(limits.begin(), limits.end(), 1);
        const double products = median([&] {
            for (const Layer& layer : layers) {
                m_backend.matmul(normed, *layer.qkv, qkv, Accumulate::No);
                m_backend.matmul(mixed, *layer.o, x, Accumulate::Yes);
                m_backend.matmul(normed, *layer.gateUp, gateUp, Accumulate::No);
                m_backend.matmul(act, *layer.down, x, Accumulate::Yes);
            }
        });
        const double whole = median([&] {
            for (const Layer& layer : layers) {
                m_backend.rmsNorm(x, weight, 1e-5F, normed);
                m_backend.matmul(normed, *layer.qkv, qkv, Accumulate::No);
                m_backend.rotateQueries(qkv.view().columnsSlice(0, 576), 9, positions, rope, q);
                m_backend.scatterKv(qkv.view().columnsSlice(576, 192), qkv.view().columnsSlice(768, 192), positions, rope,
                                    cache);
                m_backend.attention(q, 9, cache, limits, mixed, nullptr);
                m_backend.matmul(mixed, *layer.o, x, Accumulate::Yes);
                m_backend.rmsNorm(x, weight, 1e-5F, normed);
                m_backend.matmul(normed, *layer.gateUp, gateUp, Accumulate::No);
                m_backend.swiglu(gateUp, act);
                m_backend.matmul(act, *layer.down, x, Accumulate::Yes);
            }
        });
        std::printf(
            "prefill %4d tokens, 30 layers: %.1f ms (%.0f tokens/s); its matrix products alone %.1f ms (%.2f of it)\n",
            tokens, whole * 1e3, tokens / whole, products * 1e3, products / whole);
    }

private:
    Matrix matrix(int rows, int columns, DType dtype) {
        return Matrix(m_backend, rows, columns, dtype,
                      m_noise.values(static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns)));
    }
    Cache filledCache(int positions) {
        Cache cache(m_backend, 3, 64, positions);
        const auto count = static_cast<std::size_t>(positions) * 192;
        cache.fill(0, m_noise.values(count), m_noise.values(count));
        return cache;
    }
    void attend(const char* name, const Cache& cache, std::vector<int> limits) {
        const int rows = static_cast<int>(limits.size());
        const Matrix q = matrix(rows, 576, m_backend.activationType());
        const Matrix out(m_backend, rows, 576, m_backend.activationType());
        const Matrix mass(m_backend, 1, cache.view().capacity, DType::F32);
        const double work = 4.0 * 576 * std::accumulate(limits.begin(), limits.end(), 0.0);
        const double seconds = median([&] { m_backend.attention(q, 9, cache, limits, out, nullptr); });
        std::printf("attention %5d keys %-13s %5d rows  %8.3f ms  %6.1f GFLOP/s", limits.back(), name, rows, seconds * 1e3,
                    work / seconds / 1e9);
        if (rows <= 16) {
            const TensorView view = mass;
            const double withMass = median([&] { m_backend.attention(q, 9, cache, limits, out, &view); });
            std::printf("  with mass %8.3f ms", withMass * 1e3);
        }
        std::printf("\n");
    }
    void report(const std::string& name, double bytes, const std::function<void()>& work) {
        const double seconds = median(work);
        std::printf("%-28s %8.3f ms  %6.1f GB/s read and written\n", name.c_str(), seconds * 1e3, bytes / seconds / 1e9);
    }

    Backend& m_backend;
    Noise m_noise;
    double m_weightBytes = 0;
};

}  // namespace
}  // namespace engine

int main(int argumentCount, char** arguments) {
    const std::string precision = argumentCount > 1 ? arguments[1] : "auto";
    const int threads = argumentCount > 2 ? std::atoi(arguments[2]) : 0;
    const auto made = engine::createBackend(engine::BackendKind::Auto,
                                            precision == "f32"    ? engine::Precision::F32
                                            : precision == "bf16" ? engine::Precision::Bf16
                                                                  : engine::Precision::Auto,
                                            threads);
    if (!made.ok()) {
        std::fprintf(stderr, "%s\n", made.status().message().c_str());
        return 1;
    }
    engine::Backend& backend = **made;
    std::printf("%s, %s, %d threads\n", backend.name().c_str(),
                backend.precision() == engine::Precision::Bf16 ? "bf16" : "f32", backend.threads());
    engine::Bench bench(backend);
    const std::string part = argumentCount > 3 ? arguments[3] : "";
    if (part.empty() || part == "token")
        bench.token();
    if (part == "token")
        return 0;
    bench.matrixProducts();
    bench.attention();
    bench.rows();
    bench.slices();
    bench.prefill(512);
    bench.prefill(2048);
    return 0;
}
