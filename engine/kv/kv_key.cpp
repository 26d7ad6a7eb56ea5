// Keys and fingerprints of stored KV.
#include "engine/kv/kv_key.h"

#include <nlohmann/json.hpp>

#include "engine/names.h"
#include "storage/digest.h"

namespace engine {
namespace {

// Raised whenever computing or packing KV changes its bits on purpose.
constexpr int kNumericsVersion = 1;
constexpr int kLayoutVersion = 1;

}  // namespace

KvKey kvKey(const FingerprintId& fingerprint, std::span<const TokenId> anchor, std::span<const TokenId> ids) {
    storage::DigestBuilder builder;
    builder.addBytes(std::as_bytes(std::span(fingerprint.digest.bytes)));
    builder.addInteger(static_cast<std::int64_t>(anchor.size())).addBytes(std::as_bytes(anchor));
    builder.addInteger(static_cast<std::int64_t>(ids.size())).addBytes(std::as_bytes(ids));
    return KvKey{builder.finish()};
}

ModelFingerprint modelFingerprint(const ModelConfig& config, const Digest& weightsDigest, const KvSpec& spec,
                                  Precision precision) {
    nlohmann::ordered_json fields;
    fields["model"] = config.name;
    fields["architecture"] = config.architecture;
    fields["weights"] = weightsDigest.hex();
    fields["layers"] = spec.layers;
    fields["kv_heads"] = spec.kvHeads;
    fields["head_dim"] = spec.headDim;
    fields["kv_dtype"] = nameOf(spec.dtype);
    fields["kv_layout"] = kLayoutVersion;
    fields["rope"] = config.ropeDescription;
    fields["rope_dimensions"] = config.rope.dimensions;
    fields["rope_pairing"] = config.rope.pairing == RopePairing::HalfSplit ? "half-split" : "interleaved";
    fields["rope_magnitude"] = config.rope.magnitude;
    fields["rope_frequencies"] = config.rope.inverseFrequencies;
    fields["norm_epsilon"] = config.normEpsilon;
    fields["precision"] = nameOf(precision);
    fields["numerics"] = kNumericsVersion;
    ModelFingerprint fingerprint;
    fingerprint.fieldsJson = fields.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    storage::DigestBuilder builder;
    builder.addText(fingerprint.fieldsJson);
    fingerprint.id = FingerprintId{builder.finish()};
    return fingerprint;
}

}  // namespace engine
