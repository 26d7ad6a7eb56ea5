// Reading of single tensors.
#include "engine/model/stored_weight_file.h"

#include <cassert>
#include <new>
#include <utility>

#include "engine/model/quantisation.h"
#include "engine/model/quoted_name.h"

namespace engine {

StoredWeightFile::StoredWeightFile(ModelConfig config, Vocabulary vocabulary, WeightLayout layout,
                                   std::vector<ReadOnlyFile> weightFiles, std::vector<std::string> allFiles,
                                   ScaleCheck scaleCheck)
    : m_config(std::move(config)),
      m_vocabulary(std::move(vocabulary)),
      m_layout(std::move(layout)),
      m_weightFiles(std::move(weightFiles)),
      m_allFiles(std::move(allFiles)),
      m_scaleCheck(scaleCheck) {}

HostTensor StoredWeightFile::shapeOf(TensorRole role, int layer) const {
    const StoredTensor* stored = m_layout.find(role, layer);
    assert(stored != nullptr);
    const TensorExtents extents = tensorExtents(m_config, role);
    return {stored->type, extents.rows, extents.columns, {}};
}

Result<HostTensor> StoredWeightFile::read(TensorRole role, int layer) const {
    const StoredTensor* stored = m_layout.find(role, layer);
    if (!stored)
        return Status(StatusCode::NotFound,
                      m_weightFiles.front().path() + ": the model has no such tensor in layer " + std::to_string(layer));
    const ReadOnlyFile& file = m_weightFiles[static_cast<std::size_t>(stored->file)];
    const TensorExtents extents = tensorExtents(m_config, role);
    HostTensor tensor;
    tensor.type = stored->type;
    tensor.rows = extents.rows;
    tensor.columns = extents.columns;
    const std::string where = "tensor " + quotedName(stored->name);
    try {
        tensor.data.resize(static_cast<std::size_t>(stored->bytes));
    } catch (const std::bad_alloc&) {
        return Status(StatusCode::OutOfMemory, where + ": no memory for its " + std::to_string(stored->bytes) + " bytes");
    }
    if (Status status = file.read(stored->offset, tensor.data); !status.ok())
        return status.withContext(where);
    const std::int64_t block = m_scaleCheck == ScaleCheck::Finite ? firstBlockNotFinite(tensor.type, tensor.data) : -1;
    if (block >= 0)
        return Status(StatusCode::Refused,
                      file.path() + ": " + where + ": block " + std::to_string(block) +
                          " has a scale that is NaN or infinite; the file is damaged, download it again");
    return tensor;
}

}  // namespace engine
