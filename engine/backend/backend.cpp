// What back ends share unless a device does better: plain host memory, one slice after the other, choosing in place.
#include "engine/backend/backend.h"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <vector>

#include "engine/backend/ranking.h"

namespace engine {
namespace {

/// A row [1, N] f32 in host memory.
std::span<const float> elementsOf(TensorView row) {
    assert(row.rows == 1 && row.dtype == DType::F32);
    return {static_cast<const float*>(row.data), static_cast<std::size_t>(row.columns)};
}

}  // namespace

Buffer Backend::allocateHost(std::uint64_t bytes) {
    const std::size_t rounded = (std::max<std::size_t>(bytes, 1) + 63) / 64 * 64;
    void* data = std::aligned_alloc(64, rounded);
    if (data == nullptr) {
        throw std::bad_alloc();
    }
    return Buffer(data, bytes, [](void* memory) { std::free(memory); });
}

void Backend::timesOf(std::span<const Mark> marks, std::span<TimePoint> times) {
    assert(times.size() == marks.size());
    std::transform(marks.begin(), marks.end(), times.begin(), [](const Mark& mark) { return mark.named; });
}

Mark Backend::placeSlices(std::span<const SliceAt> slices, const RopeTable& rope, KvLayerView cache) {
    Mark there = mark();
    for (const SliceAt& slice : slices) {
        placeSlice(slice.slice, slice.at, rope, cache);
    }
    return there;
}

Mark Backend::deviations(TensorView k, TensorView v, std::span<const SliceAt> slices, int kvHeads, DeviationMetric metric,
                         TensorView dev) {
    assert(dev.columns == k.rows);
    Mark there = mark();
    for (const SliceAt& slice : slices) {
        deviation(k.slice(slice.at, slice.slice.tokens), v.slice(slice.at, slice.slice.tokens), slice.slice, kvHeads, metric,
                  dev.columnsSlice(slice.at, slice.slice.tokens));
    }
    return there;
}

ChosenRows Backend::chooseRows(TensorView score, const RowChoice& choice) {
    std::vector<int> chosen(static_cast<std::size_t>(choice.count));
    engine::selectGreatest(elementsOf(score), choice.excluded, chosen);
    for (int& position : chosen)
        position += choice.begin;
    const std::size_t count = choice.forced.size() + chosen.size();
    ChosenRows rows;
    rows.memory = allocate(3 * count * sizeof(int));
    const std::span positions(static_cast<int*>(rows.memory.data()), count);
    const std::span limits(positions.data() + count, count);
    const std::span ofPosition(limits.data() + count, count);
    std::merge(choice.forced.begin(), choice.forced.end(), chosen.begin(), chosen.end(), positions.begin());
    for (std::size_t row = 0; row < count; ++row) {
        limits[row] = positions[row] + 1;
        ofPosition[row] = choice.ofPosition[static_cast<std::size_t>(positions[row])];
    }
    rows.positions = positions;
    rows.limits = limits;
    rows.ofPosition = ofPosition;
    return rows;
}

void Backend::rankGreatest(TensorView row, std::span<int> indices, std::span<float> values) {
    engine::rankGreatest(elementsOf(row), indices, values);
}

void Backend::copyKv(KvLayerView from, KvLayerView to, int count) {
    assert(from.kvHeads == to.kvHeads && from.headDim == to.headDim && count <= std::min(from.capacity, to.capacity));
    const auto columns = static_cast<std::size_t>(from.kvHeads * from.headDim);
    std::vector<float> k(columns);
    std::vector<float> v(columns);
    for (int position = 0; position < count; ++position) {
        readKv(from, position, k, v);
        writeKv(to, position, k, v);
    }
}

}  // namespace engine
