// ModelInfo from a weight file's header.
#include "engine/session/model_info.h"

#include "engine/engine.h"
#include "engine/model/chat_template.h"

namespace engine {
namespace {

std::string tokenizerName(const Vocabulary& vocabulary) {
    if (vocabulary.kind == VocabularyKind::SentencePiece)
        return "sentencepiece";
    switch (vocabulary.preTokenizer) {
        case PreTokenizer::Gpt2:
            return "bpe (gpt-2)";
        case PreTokenizer::Smollm:
            return "bpe (smollm)";
        case PreTokenizer::Qwen2:
            return "bpe (qwen2)";
        case PreTokenizer::LlamaBpe:
            return "bpe (llama-bpe)";
    }
    return "bpe";
}

}  // namespace

ModelInfo describeModel(const WeightFile& weights, const std::string& path, KvDtype kvDtype) {
    const ModelConfig& config = weights.config();
    ModelInfo info;
    info.path = path;
    info.name = config.name;
    info.architecture = config.architecture;
    info.quantisation = std::string(weightTypeName(weights.dominantType()));
    info.tokenizer = tokenizerName(weights.vocabulary());
    info.chatTemplate = std::string(chatTemplateName(recogniseChatTemplate(weights.vocabulary().chatTemplate)));
    info.rope = config.ropeDescription;
    info.parameters = weights.parameters();
    info.weightBytes = weights.weightBytes();
    info.layers = config.layers;
    info.hidden = config.hidden;
    info.heads = config.heads;
    info.kvHeads = config.kvHeads;
    info.headDim = config.headDim;
    info.feedForward = config.feedForward;
    info.vocabulary = config.vocabulary;
    info.contextLength = config.contextLength;
    info.canBlend = config.layers >= 2;
    if (!info.canBlend)
        info.whyNot = "a model of one layer has nothing to blend: the KV of its only layer depends on the token alone";
    info.kvBytesPerToken = static_cast<std::uint64_t>(config.layers) * 2 *
                           storage::kvSliceBytes({config.layers, config.kvHeads, config.headDim, kvDtype}, 1);
    return info;
}

Result<ModelInfo> inspectModel(const std::string& path, KvDtype kvDtype) {
    Result<std::unique_ptr<WeightFile>> weights = WeightFile::open(path);
    if (!weights.ok())
        return weights.status();
    return describeModel(**weights, path, kvDtype);
}

}  // namespace engine
