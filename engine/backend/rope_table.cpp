// RoPE table: angles in double precision, so that position 100,000 is as exact as position 1.
#include "engine/backend/rope_table.h"

#include <cmath>

namespace engine {

RopeTable::RopeTable(const RopeSpec& spec, int positions) : m_spec(spec), m_positions(positions) {
    const std::size_t pairs = static_cast<std::size_t>(spec.dimensions / 2);
    m_cosines.resize(static_cast<std::size_t>(positions) * pairs);
    m_sines.resize(m_cosines.size());
    for (int position = 0; position < positions; ++position) {
        for (std::size_t i = 0; i < pairs; ++i) {
            const double angle = position * spec.inverseFrequencies[i];
            m_cosines[offset(position) + i] = static_cast<float>(std::cos(angle)) * spec.magnitude;
            m_sines[offset(position) + i] = static_cast<float>(std::sin(angle)) * spec.magnitude;
        }
    }
}

}  // namespace engine
