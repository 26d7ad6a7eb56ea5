// Which back end computes which layer of a model.
#pragma once

#include <array>
#include <cassert>
#include <limits>

#include "engine/backend/backend.h"

namespace engine {

/// Layers [first, first + count).
struct LayerSpan {
    int first = 0;
    int count = 0;
};

/// All layers by one back end, or the first ones by one and the rest by another: what does not fit on a device stays with the processor.
/// A value that borrows its back ends. A *side* is one of them with its layers, counted from 0.
class LayerPlacement {
public:
    LayerPlacement(Backend& all) : m_sides{&all, &all} {}
    /// Layers [0, border) by `first`, the others by `rest`; neither is empty.
    LayerPlacement(Backend& first, Backend& rest, int border) : m_sides{&first, &rest}, m_border(border) {
        assert(border > 0);
    }

    int sides() const { return m_border == kNone ? 1 : 2; }
    Backend& side(int index) const { return *m_sides[static_cast<std::size_t>(index)]; }
    int sideOf(int layer) const { return layer < m_border ? 0 : 1; }
    Backend& of(int layer) const { return side(sideOf(layer)); }
    /// Layers of a model of `layers` layers that the side computes.
    LayerSpan layersOf(int index, int layers) const {
        const int first = index == 0 ? 0 : m_border;
        return {first, (sides() == 1 || index == 1 ? layers : m_border) - first};
    }

    /// The coarser one's where two differ.
    Precision precision() const {
        return side(0).precision() == Precision::Bf16 ? Precision::Bf16 : side(sides() - 1).precision();
    }
    /// The one that reads host memory best when it made that memory itself.
    Backend& hostMemory() const { return side(0).pinsHostMemory() ? side(0) : side(sides() - 1); }
    /// "cpu", or "cpu+cuda".
    std::string name() const { return sides() == 1 ? side(0).name() : side(0).name() + "+" + side(1).name(); }

private:
    static constexpr int kNone = std::numeric_limits<int>::max();
    std::array<Backend*, 2> m_sides;
    int m_border = kNone;
};

}  // namespace engine
