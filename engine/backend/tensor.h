// Views and owners of tensor memory. A view borrows; a Buffer owns. Dimension letters: engine/README.md.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

namespace engine {

/// Element type of activations and caches in memory.
enum class DType : std::uint8_t { F32, F16, Bf16 };

inline std::size_t elementBytes(DType dtype) { return dtype == DType::F32 ? 4 : 2; }

/// Rows of a matrix in a back end's memory; row-major, contiguous rows, `stride` elements from row to row.
struct TensorView {
    void* data = nullptr;
    DType dtype = DType::F32;
    int rows = 0;
    int columns = 0;
    int stride = 0;

    /// Rows [begin, begin + count).
    TensorView slice(int begin, int count) const {
        assert(begin >= 0 && count >= 0 && begin + count <= rows);
        TensorView view = *this;
        view.data = static_cast<std::byte*>(data) +
                    static_cast<std::size_t>(begin) * static_cast<std::size_t>(stride) * elementBytes(dtype);
        view.rows = count;
        return view;
    }
    /// Columns [begin, begin + count) of every row; the stride stays.
    TensorView columnsSlice(int begin, int count) const {
        assert(begin >= 0 && count >= 0 && begin + count <= columns);
        TensorView view = *this;
        view.data = static_cast<std::byte*>(data) + static_cast<std::size_t>(begin) * elementBytes(dtype);
        view.columns = count;
        return view;
    }
};

/// Owns memory of a back end; move-only. The deleter belongs to the back end, which must outlive it.
class Buffer {
public:
    using Deleter = std::function<void(void*)>;
    Buffer() = default;
    Buffer(void* data, std::uint64_t bytes, Deleter deleter) : m_data(data, std::move(deleter)), m_bytes(bytes) {}

    void* data() const { return m_data.get(); }
    std::uint64_t bytes() const { return m_bytes; }

private:
    std::unique_ptr<void, Deleter> m_data{nullptr, [](void*) {}};
    std::uint64_t m_bytes = 0;
};

}  // namespace engine
