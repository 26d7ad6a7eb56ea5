// A model on disk: hyper-parameters, vocabulary and tensors behind one face, for GGUF files and safetensors folders.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/model/host_tensor.h"
#include "engine/model/model_config.h"
#include "engine/model/vocabulary.h"
#include "engine/types.h"

namespace engine {

enum class TensorRole {
    TokenEmbedding,  // [V, E]
    OutputNorm,      // [1, E]
    Output,          // [V, E]; absent when tied
    AttentionNorm,   // [1, E], and from here on one per layer
    Query,           // [H*D, E]
    Key,             // [KH*D, E]
    Value,           // [KH*D, E]
    QueryBias,       // [1, H*D]
    KeyBias,
    ValueBias,
    QueryNorm,  // [1, D]
    KeyNorm,
    AttentionOutput,  // [E, H*D]
    FeedForwardNorm,  // [1, E]
    Gate,             // [F, E]
    Up,               // [F, E]
    Down              // [E, F]
};

/// Constant after opening; reads with pread into owned memory. Any thread.
class WeightFile {
public:
    virtual ~WeightFile() = default;

    /// Opens a GGUF v2/v3 file or a folder with config.json, *.safetensors and a tokenizer; "synthetic:NAME" makes weights up. All checks of the header are done here:
    /// every tensor that the layers need exists with the right shape, none is surplus. Errors: NotFound, IoError, Refused (the
    /// rule that is broken, by name), Unsupported (what, by name).
    static Result<std::unique_ptr<WeightFile>> open(const std::string& path);

    virtual const ModelConfig& config() const = 0;
    virtual const Vocabulary& vocabulary() const = 0;
    /// Reads one tensor. `layer` is ignored for roles without layers. Errors: IoError, Refused (NaN or Inf scale), NotFound.
    virtual Result<HostTensor> read(TensorRole role, int layer) const = 0;
    virtual bool has(TensorRole role, int layer) const = 0;
    /// Type and size of a tensor that the file has, without its data.
    virtual HostTensor shapeOf(TensorRole role, int layer) const = 0;
    /// The files that hold weights, tokenizer and configuration, in the order in which their digests form the weights' digest.
    virtual std::vector<std::string> files() const = 0;
    virtual std::uint64_t weightBytes() const = 0;
    virtual std::int64_t parameters() const = 0;
    /// The type most weights have.
    virtual WeightType dominantType() const = 0;
};

}  // namespace engine
