// Which tensors a model consists of, what they are called in each file format, and where they lie.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/model/model_config.h"
#include "engine/model/stored_tensor.h"
#include "engine/model/weight_file.h"
#include "engine/types.h"

namespace engine {

enum class WeightFormat { Gguf, Safetensors };

/// "blk.3.attn_q.weight" or "model.layers.3.self_attn.q_proj.weight".
std::string tensorName(WeightFormat format, TensorRole role, int layer);

/// Rows and columns that the hyper-parameters demand.
struct TensorExtents {
    int rows;
    int columns;
};
TensorExtents tensorExtents(const ModelConfig& config, TensorRole role);

/// The tensors by role and layer. Constant after creation.
class WeightLayout {
public:
    /// Finds every tensor that `config` needs and checks its shape; adjusts nothing. Tensors that are neither needed nor known to
    /// be without effect are refused. Errors: Refused (missing, surplus, wrong shape), Unsupported (a tensor of a variant that
    /// computes something else), each with the tensor's name.
    static Result<WeightLayout> create(const ModelConfig& config, WeightFormat format, std::vector<StoredTensor> tensors);

    const StoredTensor* find(TensorRole role, int layer) const;
    std::uint64_t weightBytes() const { return m_weightBytes; }
    std::int64_t parameters() const { return m_parameters; }
    WeightType dominantType() const { return m_dominantType; }

private:
    std::vector<std::optional<StoredTensor>> m_tensors;  // [layer 0 … L−1][role]; roles without layers stand in layer 0
    std::uint64_t m_weightBytes = 0;
    std::int64_t m_parameters = 0;
    WeightType m_dominantType = WeightType::F32;
};

}  // namespace engine
