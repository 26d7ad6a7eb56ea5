// A weight file whose headers were read: what the GGUF and safetensors readers have in common from then on.
#pragma once

#include <string>
#include <vector>

#include "engine/model/read_only_file.h"
#include "engine/model/weight_file.h"
#include "engine/model/weight_layout.h"

namespace engine {

/// Whether scales that are NaN or infinite refuse a tensor when it is read.
enum class ScaleCheck { None, Finite };

/// Constant. Owns the open files.
class StoredWeightFile final : public WeightFile {
public:
    StoredWeightFile(ModelConfig config, Vocabulary vocabulary, WeightLayout layout, std::vector<ReadOnlyFile> weightFiles,
                     std::vector<std::string> allFiles, ScaleCheck scaleCheck);

    const ModelConfig& config() const override { return m_config; }
    const Vocabulary& vocabulary() const override { return m_vocabulary; }
    Result<HostTensor> read(TensorRole role, int layer) const override;
    bool has(TensorRole role, int layer) const override { return m_layout.find(role, layer) != nullptr; }
    HostTensor shapeOf(TensorRole role, int layer) const override;
    std::vector<std::string> files() const override { return m_allFiles; }
    std::uint64_t weightBytes() const override { return m_layout.weightBytes(); }
    std::int64_t parameters() const override { return m_layout.parameters(); }
    WeightType dominantType() const override { return m_layout.dominantType(); }

private:
    const ModelConfig m_config;
    const Vocabulary m_vocabulary;
    const WeightLayout m_layout;
    const std::vector<ReadOnlyFile> m_weightFiles;
    const std::vector<std::string> m_allFiles;
    const ScaleCheck m_scaleCheck;
};

}  // namespace engine
