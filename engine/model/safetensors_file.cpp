// config.json, then the tokenizer, then one or several weight files.
#include "engine/model/safetensors_file.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/model/config_checks.h"
#include "engine/model/end_tokens.h"
#include "engine/model/json_config.h"
#include "engine/model/json_text_bounds.h"
#include "engine/model/quoted_name.h"
#include "engine/model/safetensors_header.h"
#include "engine/model/stored_weight_file.h"
#include "engine/model/tokenizer.h"

namespace engine {

namespace {

constexpr std::uint64_t kMostConfigBytes = 1 << 20;
constexpr std::uint64_t kMostIndexBytes = 16 << 20;
constexpr std::uint64_t kMostTokenizerBytes = 64 << 20;
constexpr std::size_t kMostTensors = 64 * 1024;
constexpr std::size_t kMostShards = 512;
constexpr const char* kSingleFile = "model.safetensors";
constexpr const char* kIndexFile = "model.safetensors.index.json";

Status refused(const std::string& message) { return Status(StatusCode::Refused, message); }

std::string inFolder(const std::string& folder, const std::string& name) {
    return (std::filesystem::path(folder) / name).string();
}

bool isPresent(const std::string& path) {
    std::error_code error;
    return std::filesystem::exists(path, error);
}

/// Reads `weight_map` (tensor name to file name) of an index and steps over everything else.
class IndexEvents : public nlohmann::json_sax<nlohmann::json> {
public:
    Status status;
    std::map<std::string, std::string> fileOfTensor;
    bool hasMap = false;

    bool null() override { return scalar(); }
    bool boolean(bool) override { return scalar(); }
    bool number_integer(number_integer_t) override { return scalar(); }
    bool number_unsigned(number_unsigned_t) override { return scalar(); }
    bool number_float(number_float_t, const string_t&) override { return scalar(); }
    bool binary(binary_t&) override { return scalar(); }
    bool string(string_t& value) override {
        if (!inMap())
            return true;
        if (fileOfTensor.size() >= kMostTensors)
            return fail("more than 65536 tensors");
        return fileOfTensor.emplace(m_key, value).second || fail("tensor " + quotedName(m_key) + " appears twice");
    }
    bool start_object(std::size_t) override {
        if (inMap())
            return fail("weight_map holds an object");
        if (m_depth == 1 && m_key == "weight_map") {
            if (hasMap)
                return fail("weight_map appears twice");
            hasMap = true;
            m_mapDepth = 2;
        }
        ++m_depth;
        return true;
    }
    bool end_object() override {
        if (m_depth == m_mapDepth)
            m_mapDepth = 0;
        --m_depth;
        return true;
    }
    bool start_array(std::size_t) override {
        if (inMap())
            return fail("weight_map holds an array");
        ++m_depth;
        return true;
    }
    bool end_array() override {
        --m_depth;
        return true;
    }
    bool key(string_t& name) override {
        m_key = name;
        return true;
    }
    bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
        return fail("not valid JSON at byte " + std::to_string(position));
    }

private:
    bool inMap() const { return m_mapDepth != 0; }
    bool scalar() { return !inMap() || fail("weight_map holds something other than file names"); }
    bool fail(const std::string& reason) {
        if (status.ok())
            status = refused(std::string(kIndexFile) + ": " + reason);
        return false;
    }

    int m_depth = 0;
    int m_mapDepth = 0;
    std::string m_key;
};

bool isPlainFileName(const std::string& name) {
    return !name.empty() && name.size() <= 255 && name.find('/') == std::string::npos &&
           name.find('\0') == std::string::npos && name.find('\\') == std::string::npos && name[0] != '.' &&
           name.ends_with(".safetensors");
}

struct Weights {
    std::vector<ReadOnlyFile> files;
    std::vector<StoredTensor> tensors;
};

Status addFile(Weights& weights, const std::string& path) {
    Result<ReadOnlyFile> file = ReadOnlyFile::open(path);
    if (!file)
        return file.status();
    Result<std::vector<StoredTensor>> tensors = readSafetensorsHeader(*file, static_cast<int>(weights.files.size()));
    if (!tensors)
        return tensors.status().withContext(std::filesystem::path(path).filename().string());
    if (weights.tensors.size() + tensors->size() > kMostTensors)
        return refused("more than 65536 tensors");
    for (StoredTensor& tensor : *tensors)
        weights.tensors.push_back(std::move(tensor));
    weights.files.push_back(std::move(*file));
    return {};
}

/// The index must name exactly the tensors that its files hold, each in its file.
Status checkAgainstIndex(const Weights& weights, const std::vector<std::string>& shards,
                         const std::map<std::string, std::string>& fileOfTensor) {
    for (const StoredTensor& tensor : weights.tensors) {
        const auto listed = fileOfTensor.find(tensor.name);
        const std::string& shard = shards[static_cast<std::size_t>(tensor.file)];
        if (listed == fileOfTensor.end() || listed->second != shard)
            return refused(std::string(kIndexFile) + ": tensor " + quotedName(tensor.name) + " lies in " +
                           quotedName(shard) + ", which is not what the index says");
    }
    if (fileOfTensor.size() != weights.tensors.size())
        return refused(std::string(kIndexFile) + ": lists " + std::to_string(fileOfTensor.size()) +
                       " tensors, its files hold " + std::to_string(weights.tensors.size()));
    return {};
}

Result<Weights> readIndexed(const std::string& folder) {
    Result<std::string> text = readSmallFile(inFolder(folder, kIndexFile), kMostIndexBytes);
    if (!text)
        return text.status();
    if (Status status = checkJsonTextBounds(*text, JsonTextBounds{.depth = 8}); !status.ok())
        return status.withContext(kIndexFile);
    IndexEvents events;
    if (!nlohmann::json::sax_parse(*text, &events) || !events.hasMap)
        return events.status.ok() ? refused(std::string(kIndexFile) + ": has no weight_map") : events.status;
    std::set<std::string> names;
    for (const auto& entry : events.fileOfTensor) {
        if (!isPlainFileName(entry.second))
            return refused(std::string(kIndexFile) + ": " + quotedName(entry.second) +
                           " is not the plain name of a safetensors file");
        names.insert(entry.second);
    }
    if (names.empty() || names.size() > kMostShards)
        return refused(std::string(kIndexFile) + ": names " + std::to_string(names.size()) + " files, allowed are 1 to 512");
    Weights weights;
    const std::vector<std::string> shards(names.begin(), names.end());
    for (const std::string& shard : shards) {
        if (Status status = addFile(weights, inFolder(folder, shard)); !status.ok())
            return status;
    }
    if (Status status = checkAgainstIndex(weights, shards, events.fileOfTensor); !status.ok())
        return status;
    return weights;
}

Result<Weights> readWeights(const std::string& folder) {
    if (isPresent(inFolder(folder, kSingleFile))) {
        Weights weights;
        if (Status status = addFile(weights, inFolder(folder, kSingleFile)); !status.ok())
            return status;
        return weights;
    }
    if (isPresent(inFolder(folder, kIndexFile)))
        return readIndexed(folder);
    return Status(StatusCode::NotFound, std::string("there is neither ") + kSingleFile + " nor " + kIndexFile +
                                            " in the folder; weights in other formats (.bin, .pth) are not read");
}

/// Text of a file that need not be there.
Result<std::string> readOptional(const std::string& folder, const char* name, std::uint64_t most,
                                 std::vector<std::string>& files) {
    const std::string path = inFolder(folder, name);
    if (!isPresent(path))
        return std::string();
    Result<std::string> text = readSmallFile(path, most);
    if (text)
        files.push_back(path);
    return text;
}

Result<Vocabulary> readTokenizer(const std::string& folder, std::vector<std::string>& files) {
    Result<std::string> config = readOptional(folder, "tokenizer_config.json", kMostTokenizerBytes, files);
    if (!config)
        return config.status();
    std::vector<std::string> tried;
    Result<std::string> json = readOptional(folder, "tokenizer.json", kMostTokenizerBytes, tried);
    if (!json)
        return json.status();
    Status problem(StatusCode::NotFound, "there is neither tokenizer.json nor tokenizer.model in the folder");
    if (!json->empty()) {
        Result<Vocabulary> vocabulary = readTokenizerJson(*json, *config);
        if (vocabulary || vocabulary.status().code() != StatusCode::Unsupported) {
            files.insert(files.end(), tried.begin(), tried.end());
            return vocabulary ? std::move(vocabulary) : vocabulary.status().withContext("tokenizer.json");
        }
        problem = vocabulary.status().withContext("tokenizer.json");
    }
    *json = std::string();
    // Llama 2 and its kin: their tokenizer.json is SentencePiece in disguise, and the original lies beside it.
    Result<std::string> model = readOptional(folder, "tokenizer.model", kMostTokenizerBytes, files);
    if (!model)
        return model.status();
    if (model->empty())
        return problem;
    Result<Vocabulary> vocabulary = readSentencePieceModel(*model, *config);
    return vocabulary ? std::move(vocabulary) : vocabulary.status().withContext("tokenizer.model");
}

/// Brings the vocabulary to the size of the embedding matrix, which is often padded, and adds the ends of text.
Status fitVocabulary(Vocabulary& vocabulary, const JsonConfig& config) {
    const auto rows = static_cast<std::size_t>(config.model.vocabulary);
    if (vocabulary.pieces.size() > rows)
        return refused("the tokenizer has " + std::to_string(vocabulary.pieces.size()) +
                       " tokens, config.json's vocab_size says " + std::to_string(rows));
    for (std::size_t id = vocabulary.pieces.size(); id < rows; ++id)
        vocabulary.pieces.push_back("<padding" + std::to_string(id) + ">");
    vocabulary.types.resize(rows, PieceType::Unused);
    if (vocabulary.kind == VocabularyKind::SentencePiece)
        vocabulary.scores.resize(rows, 0.0F);
    for (const TokenId id : config.endIds) {
        if (static_cast<std::size_t>(id) >= rows)
            return refused("config.json: field 'eos_token_id': " + std::to_string(id) +
                           " is not below the vocabulary's size of " + std::to_string(rows));
        vocabulary.stopIds.push_back(id);
    }
    if (!vocabulary.eos && !config.endIds.empty())
        vocabulary.eos = config.endIds.front();
    addEndTokens(vocabulary);
    return {};
}

Result<std::unique_ptr<WeightFile>> openFolder(const std::string& folder) {
    std::vector<std::string> files = {inFolder(folder, "config.json")};
    Result<std::string> configText = readSmallFile(files.front(), kMostConfigBytes);
    if (!configText)
        return configText.status();
    Result<JsonConfig> config = readJsonConfig(*configText);
    if (!config)
        return config.status();
    Result<Weights> weights = readWeights(folder);
    if (!weights)
        return weights.status();
    for (const ReadOnlyFile& file : weights->files)
        files.push_back(file.path());
    Result<WeightLayout> layout =
        WeightLayout::create(config->model, WeightFormat::Safetensors, std::move(weights->tensors));
    if (!layout)
        return layout.status();
    Result<Vocabulary> vocabulary = readTokenizer(folder, files);
    if (!vocabulary)
        return vocabulary.status();
    if (vocabulary->chatTemplate.empty()) {
        Result<std::string> text = readOptional(folder, "chat_template.jinja", kMostConfigBytes, files);
        if (!text)
            return text.status();
        vocabulary->chatTemplate = std::move(*text);
    }
    if (Status status = fitVocabulary(*vocabulary, *config); !status.ok())
        return status;
    const std::filesystem::path path(folder);
    config->model.name = displayLine((path.has_filename() ? path : path.parent_path()).filename().string());
    return std::unique_ptr<WeightFile>(std::make_unique<StoredWeightFile>(std::move(config->model), std::move(*vocabulary),
                                                                          std::move(*layout), std::move(weights->files),
                                                                          std::move(files), ScaleCheck::None));
}

}  // namespace

Result<std::unique_ptr<WeightFile>> openSafetensorsFolder(const std::string& folder) {
    Result<std::unique_ptr<WeightFile>> opened = openFolder(folder);
    if (opened || opened.status().message().starts_with(folder))
        return opened;
    return opened.status().withContext(folder);
}

}  // namespace engine
