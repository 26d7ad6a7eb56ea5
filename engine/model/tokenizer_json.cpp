// Reads tokenizer.json (Hugging Face): recognises the pipelines that there are tokenizers for, refuses the others by name.
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "engine/model/bounded_json.h"
#include "engine/model/merge_scores.h"
#include "engine/model/quoted_name.h"
#include "engine/model/tokenizer.h"
#include "engine/model/tokenizer_config.h"

namespace engine {

namespace {

using nlohmann::json;

constexpr std::size_t kMostPieces = std::size_t{1} << 20;
constexpr std::size_t kMostMerges = std::size_t{1} << 22;
constexpr std::size_t kLongestPieceBytes = 1024;
constexpr std::string_view kSpaceSign = "\xE2\x96\x81";

// The split patterns of Qwen 2 and Llama 3; see pre_tokenizer.h.
constexpr std::string_view kQwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kGpt2Pattern = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

Status refused(const std::string& why) { return Status(StatusCode::Refused, why); }
Status unsupported(const std::string& why) { return Status(StatusCode::Unsupported, why + " is not supported"); }

/// The member of that name; null when there is none or `object` is no object.
const json& member(const json& object, const char* name) {
    static const json none;
    if (!object.is_object())
        return none;
    const auto found = object.find(name);
    return found == object.end() ? none : *found;
}

std::string text(const json& value) { return value.is_string() ? value.get<std::string>() : std::string(); }
bool flag(const json& object, const char* name, bool otherwise) {
    const json& value = member(object, name);
    return value.is_boolean() ? value.get<bool>() : otherwise;
}
std::string typeOf(const json& object) { return text(member(object, "type")); }

/// The steps of a pipeline: of a Sequence its parts, of null none, else the step itself.
std::vector<json> stepsOf(const json& step, const char* partsName) {
    if (step.is_null())
        return {};
    if (typeOf(step) != "Sequence")
        return {step};
    const json& parts = member(step, partsName);
    return parts.is_array() ? parts.get<std::vector<json>>() : std::vector<json>{step};
}

Status readPieces(const json& vocab, const json& added, Vocabulary& vocabulary) {
    if (!vocab.is_object() || vocab.empty())
        return refused("model.vocab is missing or empty");
    if (vocab.size() > kMostPieces)
        return refused("model.vocab has " + std::to_string(vocab.size()) + " pieces; at most " +
                       std::to_string(kMostPieces) + " are allowed");
    // Added tokens may fill ids that model.vocab leaves out, in the middle too.
    std::vector<std::pair<TokenId, std::string>> all;
    all.reserve(vocab.size() + added.size());
    for (const auto& [piece, id] : vocab.items()) {
        if (!id.is_number_unsigned() || id.get<std::uint64_t>() >= kMostPieces)
            return refused("the id of piece " + quotedName(piece) + " is not a number below " + std::to_string(kMostPieces));
        if (piece.size() > kLongestPieceBytes)
            return refused("piece " + quotedName(piece) + " has more than " + std::to_string(kLongestPieceBytes) + " bytes");
        all.emplace_back(id.get<TokenId>(), piece);
    }
    for (const json& token : added) {
        const json& id = member(token, "id");
        const json& content = member(token, "content");
        if (!id.is_number_unsigned() || id.get<std::uint64_t>() >= kMostPieces || !content.is_string())
            return refused("an added token has no content or no id below " + std::to_string(kMostPieces));
        all.emplace_back(id.get<TokenId>(), content.get<std::string>());
    }
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (i > 0 && all[i].first == all[i - 1].first)
            return refused("id " + std::to_string(all[i].first) + " is both " + quotedName(all[i - 1].second) + " and " +
                           quotedName(all[i].second));
        if (static_cast<std::size_t>(all[i].first) != i)
            return refused("no piece has id " + std::to_string(i));
        vocabulary.pieces.push_back(std::move(all[i].second));
    }
    vocabulary.types.assign(vocabulary.pieces.size(), PieceType::Normal);
    for (const json& token : added) {
        const auto id = member(token, "id").get<std::size_t>();
        vocabulary.types[id] = flag(token, "special", false) ? PieceType::Control : PieceType::UserDefined;
    }
    return Status();
}

/// A merge is "left right" or ["left", "right"].
Status readMerges(const json& merges, Vocabulary& vocabulary) {
    if (!merges.is_array())
        return refused("model.merges is missing");
    if (merges.size() > kMostMerges)
        return refused("model.merges has " + std::to_string(merges.size()) + " entries; at most " +
                       std::to_string(kMostMerges) + " are allowed");
    vocabulary.merges.reserve(merges.size());
    for (const json& merge : merges) {
        const std::string number = "merge " + std::to_string(vocabulary.merges.size());
        std::pair<std::string, std::string> pair;
        if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
            pair = {merge[0].get<std::string>(), merge[1].get<std::string>()};
        } else if (merge.is_string()) {
            const std::string& both = merge.get_ref<const std::string&>();
            const std::size_t space = both.find(' ');
            if (space == std::string::npos || both.find(' ', space + 1) != std::string::npos)
                return refused(number + " " + quotedName(both) + " is not two pieces with a space between");
            pair = {both.substr(0, space), both.substr(space + 1)};
        } else {
            return refused(number + " is neither a text nor two texts");
        }
        if (pair.first.empty() || pair.second.empty())
            return refused(number + " has an empty piece");
        vocabulary.merges.push_back(std::move(pair));
    }
    return Status();
}

Result<PreTokenizer> recognisePattern(const std::string& pattern) {
    if (pattern == kGpt2Pattern)
        return PreTokenizer::Gpt2;
    if (pattern == kQwen2Pattern)
        return PreTokenizer::Qwen2;
    if (pattern == kLlama3Pattern)
        return PreTokenizer::LlamaBpe;
    return unsupported("the split pattern " + quotedName(pattern));
}

bool isByteLevel(const json& step, bool useRegex) {
    return typeOf(step) == "ByteLevel" && !flag(step, "add_prefix_space", true) && flag(step, "use_regex", true) == useRegex;
}

Result<PreTokenizer> recognisePreTokenizer(const json& step) {
    const std::vector<json> steps = stepsOf(step, "pretokenizers");
    if (steps.size() == 1 && isByteLevel(steps[0], true))
        return PreTokenizer::Gpt2;
    if (steps.size() == 2 && typeOf(steps[0]) == "Digits" && flag(steps[0], "individual_digits", false) &&
        isByteLevel(steps[1], true))
        return PreTokenizer::Smollm;
    if (steps.size() == 2 && typeOf(steps[0]) == "Split" && isByteLevel(steps[1], false)) {
        if (text(member(steps[0], "behavior")) != "Isolated" || flag(steps[0], "invert", false))
            return unsupported("a Split that is not isolated, or inverted,");
        return recognisePattern(text(member(member(steps[0], "pattern"), "Regex")));
    }
    std::string names;
    for (const json& one : steps)
        names += (names.empty() ? "" : ", ") + typeOf(one);
    return unsupported("the pre-tokenizer (" + displayLine(names) + ")");
}

Status readByteLevel(const json& root, Vocabulary& vocabulary) {
    // NFC (Qwen 2 has it) is left out: text is encoded byte for byte, and nearly all text is in that form already.
    for (const json& normaliser : stepsOf(member(root, "normalizer"), "normalizers")) {
        if (typeOf(normaliser) != "NFC")
            return unsupported("the normalizer " + quotedName(typeOf(normaliser)));
    }
    const Result<PreTokenizer> known = recognisePreTokenizer(member(root, "pre_tokenizer"));
    if (!known.ok())
        return known.status();
    vocabulary.kind = VocabularyKind::Bpe;
    vocabulary.preTokenizer = *known;
    vocabulary.ignoreMerges = flag(member(root, "model"), "ignore_merges", false);
    vocabulary.addSpacePrefix = false;
    return Status();
}

bool isSpaceReplacement(const json& step) {
    return typeOf(step) == "Replace" && text(member(member(step, "pattern"), "String")) == " " &&
           text(member(step, "content")) == kSpaceSign;
}

/// Llama 2's and Mistral's: spaces become U+2581, with one more at the start.
Status recogniseSpaces(const json& root, Vocabulary& vocabulary) {
    const std::vector<json> normalisers = stepsOf(member(root, "normalizer"), "normalizers");
    const std::vector<json> preTokenizers = stepsOf(member(root, "pre_tokenizer"), "pretokenizers");
    if (preTokenizers.empty() && normalisers.size() == 1 && isSpaceReplacement(normalisers[0])) {
        vocabulary.addSpacePrefix = false;
        return Status();
    }
    if (preTokenizers.empty() && normalisers.size() == 2 && typeOf(normalisers[0]) == "Prepend" &&
        text(member(normalisers[0], "prepend")) == kSpaceSign && isSpaceReplacement(normalisers[1])) {
        vocabulary.addSpacePrefix = true;
        return Status();
    }
    if (normalisers.empty() && preTokenizers.size() == 1 && typeOf(preTokenizers[0]) == "Metaspace" &&
        text(member(preTokenizers[0], "replacement")) == kSpaceSign && !flag(preTokenizers[0], "split", true) &&
        text(member(preTokenizers[0], "prepend_scheme")) == "never") {
        vocabulary.addSpacePrefix = false;
        return Status();
    }
    // Metaspace adds its space only where there is none, which SentencePiece does not.
    return unsupported(
        "this normalizer and pre-tokenizer of a SentencePiece-like model (use its tokenizer.model or a GGUF file): it");
}

Status readSentencePieceLike(const json& root, Vocabulary& vocabulary) {
    if (Status status = recogniseSpaces(root, vocabulary); !status.ok())
        return status;
    vocabulary.kind = VocabularyKind::SentencePiece;
    vocabulary.algorithm = SentencePieceAlgorithm::Bpe;
    const std::string unknown = text(member(member(root, "model"), "unk_token"));
    for (std::size_t i = 0; i < vocabulary.pieces.size(); ++i) {
        const std::string& piece = vocabulary.pieces[i];
        if (!unknown.empty() && piece == unknown)
            vocabulary.types[i] = PieceType::Unknown;
        else if (piece.size() == 6 && piece.starts_with("<0x") && piece.ends_with('>') &&
                 vocabulary.types[i] == PieceType::Normal)
            vocabulary.types[i] = PieceType::Byte;
    }
    return scoreByMerges(vocabulary);
}

/// Whether the post-processor puts a special token before a single text.
bool startsWithSpecial(const json& root) {
    for (const json& step : stepsOf(member(root, "post_processor"), "processors")) {
        const json& single = member(step, "single");
        if (typeOf(step) == "TemplateProcessing" && single.is_array() && !single.empty() && single[0].is_object() &&
            single[0].contains("SpecialToken"))
            return true;
    }
    return false;
}

/// Options of the BPE model that change tokens and that no supported model uses.
Status checkModel(const json& model) {
    if (typeOf(model) != "BPE")
        return unsupported("the model type " + quotedName(typeOf(model)));
    for (const char* affix : {"continuing_subword_prefix", "end_of_word_suffix"}) {
        if (!text(member(model, affix)).empty())
            return unsupported(std::string(affix) + " " + quotedName(text(member(model, affix))));
    }
    const json& dropout = member(model, "dropout");
    if (!dropout.is_null() && !(dropout.is_number() && dropout.get<double>() == 0))
        return unsupported("dropout");
    return Status();
}

}  // namespace

Result<Vocabulary> readTokenizerJson(std::string_view tokenizerJson, std::string_view tokenizerConfigJson) {
    const Result<json> parsed = parseBoundedJson(tokenizerJson, {std::size_t{64} << 20, 32});
    if (!parsed.ok())
        return parsed.status();
    const json& root = *parsed;
    const json& model = member(root, "model");
    if (!model.is_object())
        return refused("model is missing");
    if (Status status = checkModel(model); !status.ok())
        return status;
    const Result<TokenizerConfig> config = readTokenizerConfig(tokenizerConfigJson);
    if (!config.ok())
        return config.status();

    Vocabulary vocabulary;
    const json& added = member(root, "added_tokens");
    if (!added.is_null() && (!added.is_array() || added.size() > kMostPieces))
        return refused("added_tokens is no list, or too long");
    if (Status status = readPieces(member(model, "vocab"), added, vocabulary); !status.ok())
        return status;
    if (Status status = readMerges(member(model, "merges"), vocabulary); !status.ok())
        return status;
    const bool byteFallback = flag(model, "byte_fallback", false);
    if (Status status = byteFallback ? readSentencePieceLike(root, vocabulary) : readByteLevel(root, vocabulary);
        !status.ok())
        return status;
    if (Status status = addTokens(config->added, vocabulary); !status.ok())
        return status;
    vocabulary.addBos = startsWithSpecial(root);
    if (Status status = applyTokenizerConfig(*config, vocabulary); !status.ok())
        return status;
    return vocabulary;
}

}  // namespace engine
