// Names of stored KV: the key of a record and the fingerprint of what computed it.
#pragma once

#include <span>
#include <string>

#include "engine/model/model_config.h"
#include "engine/types.h"

namespace engine {

/// SHA-256(fingerprint ‖ anchor token ids ‖ the chunk's token ids). No file name, no position: two documents with the same passage
/// share one record, and any change is a miss.
KvKey kvKey(const FingerprintId& fingerprint, std::span<const TokenId> anchor, std::span<const TokenId> ids);

/// Everything besides the tokens that stored KV depends on, with its readable fields.
struct ModelFingerprint {
    FingerprintId id;
    std::string fieldsJson;  // one JSON object of the fields that the digest covers
};

/// `weightsDigest`: over all files of the model, tokenizer included. `precision`: of the computation, not the back end.
ModelFingerprint modelFingerprint(const ModelConfig& config, const Digest& weightsDigest, const KvSpec& spec,
                                  Precision precision);

}  // namespace engine
