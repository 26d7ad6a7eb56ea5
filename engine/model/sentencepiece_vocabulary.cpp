// Reads tokenizer.model (SentencePiece) with tokenizer_config.json beside it.
#include "engine/model/quoted_name.h"
#include "engine/model/sentencepiece_model.h"
#include "engine/model/tokenizer.h"
#include "engine/model/tokenizer_config.h"

namespace engine {

namespace {

constexpr std::size_t kMostModelBytes = std::size_t{64} << 20;

Status unsupported(const std::string& why) { return Status(StatusCode::Unsupported, why); }

/// Text is encoded byte for byte, so a model that changes text first has no equal here.
Status checkText(const SentencePieceModel& model) {
    if (model.hasNormaliserRules || model.hasDenormaliserRules)
        return unsupported("the normaliser " + quotedName(model.normaliser) +
                           " changes text; only the identity is supported");
    if (model.removeExtraSpaces)
        return unsupported("remove_extra_whitespaces drops spaces; models that need it are not supported");
    if (!model.escapeSpaces)
        return unsupported("escape_whitespaces is off; models without it are not supported");
    if (model.spaceAsSuffix)
        return unsupported("treat_whitespace_as_suffix is on; models that need it are not supported");
    if (!model.byteFallback)
        return unsupported("byte_fallback is off, so some text could not be encoded; models without it are not supported");
    return Status();
}

}  // namespace

Result<Vocabulary> readSentencePieceModel(std::string_view modelBytes, std::string_view tokenizerConfigJson) {
    if (modelBytes.size() > kMostModelBytes)
        return Status(StatusCode::Refused, "has " + std::to_string(modelBytes.size()) + " bytes; at most " +
                                               std::to_string(kMostModelBytes) + " are allowed");
    Result<SentencePieceModel> read = readSentencePieceProto(modelBytes);
    if (!read.ok())
        return read.status();
    SentencePieceModel& model = *read;
    if (Status status = checkText(model); !status.ok())
        return status;
    const Result<TokenizerConfig> config = readTokenizerConfig(tokenizerConfigJson);
    if (!config.ok())
        return config.status();

    Vocabulary vocabulary;
    vocabulary.kind = VocabularyKind::SentencePiece;
    vocabulary.algorithm = model.algorithm;
    vocabulary.addSpacePrefix = model.addSpacePrefix;
    vocabulary.pieces = std::move(model.pieces);
    vocabulary.scores = std::move(model.scores);
    vocabulary.types = std::move(model.types);
    // The format names ids that the model need not have.
    const auto controlPiece = [&](int id) -> std::optional<TokenId> {
        const bool exists = id >= 0 && static_cast<std::size_t>(id) < vocabulary.pieces.size() &&
                            vocabulary.types[static_cast<std::size_t>(id)] == PieceType::Control;
        return exists ? std::optional<TokenId>(id) : std::nullopt;
    };
    vocabulary.bos = controlPiece(model.bos);
    vocabulary.eos = controlPiece(model.eos);
    vocabulary.addBos = vocabulary.bos.has_value();
    if (Status status = addTokens(config->added, vocabulary); !status.ok())
        return status;
    if (Status status = applyTokenizerConfig(*config, vocabulary); !status.ok())
        return status;
    return vocabulary;
}

}  // namespace engine
