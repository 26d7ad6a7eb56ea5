// Whole numbers that an operation reads, one a row, wherever they lie.
#pragma once

#include <algorithm>
#include <cassert>
#include <concepts>
#include <cstddef>
#include <span>

namespace engine {

/// Positions, key limits, tokens, rows to gather: [M]. On the host, or in the memory of a back end that made them itself
/// (Backend::chooseRows), where only that back end reads them. Borrows them.
class RowNumbers {
public:
    RowNumbers() = default;
    template <std::convertible_to<std::span<const int>> Values>
    RowNumbers(const Values& onHost)
        : m_values(std::span<const int>(onHost).data()), m_count(static_cast<int>(std::span<const int>(onHost).size())) {}
    /// In a back end's memory. None is greater than `most`.
    static RowNumbers onDevice(const int* values, int count, int most) {
        RowNumbers numbers;
        numbers.m_values = values;
        numbers.m_count = count;
        numbers.m_most = most;
        numbers.m_onHost = false;
        return numbers;
    }

    int count() const { return m_count; }
    bool onHost() const { return m_onHost; }
    /// On the host only.
    std::span<const int> values() const {
        assert(m_onHost);
        return {m_values, static_cast<std::size_t>(m_count)};
    }
    /// Wherever it is.
    const int* data() const { return m_values; }
    /// The greatest, or, where the host does not know it, what it was said not to exceed. There is at least one.
    int most() const {
        assert(m_count > 0);
        return m_onHost ? *std::max_element(m_values, m_values + m_count) : m_most;
    }
    /// Of rows [begin, begin + count).
    RowNumbers slice(int begin, int count) const {
        assert(begin >= 0 && count >= 0 && begin + count <= m_count);
        RowNumbers part = *this;
        part.m_values += begin;
        part.m_count = count;
        return part;
    }

private:
    const int* m_values = nullptr;
    int m_count = 0;
    int m_most = 0;
    bool m_onHost = true;
};

}  // namespace engine
