// Rotary position embedding: what a model asks for, and the table of cosines and sines of every position.
#pragma once

#include <vector>

namespace engine {

/// Which two dimensions form a rotated pair: (i, i + R/2) or (2i, 2i + 1).
enum class RopePairing { HalfSplit, Interleaved };

/// A model's RoPE with all scaling folded in. Angles depend on the position alone.
struct RopeSpec {
    RopePairing pairing = RopePairing::HalfSplit;
    int dimensions = 0;                      // R ≤ D, even; dimensions beyond R are not rotated
    std::vector<double> inverseFrequencies;  // [R/2], radians a position, after linear, llama-3 or YaRN scaling
    float magnitude = 1;                     // YaRN's factor, applied once, with the rotation

    bool operator==(const RopeSpec&) const = default;
};

/// cos and sin of position × inverse frequency, times the magnitude. Constant after construction; host memory, shared by all threads.
class RopeTable {
public:
    RopeTable(const RopeSpec& spec, int positions);

    const RopeSpec& spec() const { return m_spec; }
    RopePairing pairing() const { return m_spec.pairing; }
    int dimensions() const { return m_spec.dimensions; }
    int positions() const { return m_positions; }
    const float* cosines(int position) const { return m_cosines.data() + offset(position); }  // [R/2]
    const float* sines(int position) const { return m_sines.data() + offset(position); }      // [R/2]

private:
    std::size_t offset(int position) const {
        return static_cast<std::size_t>(position) * static_cast<std::size_t>(m_spec.dimensions / 2);
    }

    RopeSpec m_spec;
    int m_positions;
    std::vector<float> m_cosines;  // [P, R/2]
    std::vector<float> m_sines;    // [P, R/2]
};

}  // namespace engine
