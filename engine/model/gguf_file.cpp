// Headers of all parts, then configuration, vocabulary and tensors.
#include "engine/model/gguf_file.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "engine/model/config_checks.h"
#include "engine/model/gguf_config.h"
#include "engine/model/gguf_fields.h"
#include "engine/model/gguf_header.h"
#include "engine/model/gguf_vocabulary.h"
#include "engine/model/quoted_name.h"
#include "engine/model/stored_weight_file.h"

namespace engine {

namespace {

constexpr int kMostParts = 512;
constexpr std::string_view kRopeFactors = "rope_freqs.weight";

Status refused(const std::string& message) { return Status(StatusCode::Refused, message); }

/// "NAME-00001-of-00003.gguf".
struct PartName {
    std::string stem;  // "NAME"
    int number;        // from 1
    int count;
};

std::optional<PartName> partName(const std::string& path) {
    constexpr std::string_view kForm = "-00001-of-00003.gguf";
    if (path.size() < kForm.size())
        return std::nullopt;
    const std::string_view tail = std::string_view(path).substr(path.size() - kForm.size());
    if (tail[0] != '-' || tail.substr(6, 4) != "-of-" || tail.substr(15) != ".gguf")
        return std::nullopt;
    PartName name;
    name.stem = path.substr(0, path.size() - kForm.size());
    const auto fiveDigits = [](std::string_view text, int& out) {
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
        return error == std::errc() && end == text.data() + text.size() && text[0] != '-';
    };
    if (!fiveDigits(tail.substr(1, 5), name.number) || !fiveDigits(tail.substr(10, 5), name.count))
        return std::nullopt;
    return name;
}

std::string partPath(const PartName& name, int number) {
    const auto fiveDigits = [](int value) {
        const std::string digits = std::to_string(value);
        return std::string(5 - std::min<std::size_t>(5, digits.size()), '0') + digits;
    };
    return name.stem + "-" + fiveDigits(number) + "-of-" + fiveDigits(name.count) + ".gguf";
}

/// The files of one model with their headers; the metadata are the first one's.
struct Parts {
    std::vector<ReadOnlyFile> files;
    GgufHeader header;
    std::vector<StoredTensor> tensors;  // of all parts
};

Status checkPart(const ReadOnlyFile& file, const GgufHeader& header, int number, int count) {
    GgufFields fields(file, header);
    const std::int64_t declaredNumber = fields.integer("split.no").value_or(0);
    const std::int64_t declaredCount = fields.integer("split.count").value_or(1);
    if (!fields.status().ok())
        return fields.status();
    // A file of one part needs no such keys; "split.no" counts from 0.
    if (declaredNumber != number - 1 || declaredCount != count)
        return refused("split: its keys say part " + std::to_string(declaredNumber + 1) + " of " +
                       std::to_string(declaredCount) + ", its name part " + std::to_string(number) + " of " +
                       std::to_string(count));
    return {};
}

Result<Parts> readParts(const std::string& path) {
    const std::optional<PartName> name = partName(path);
    const int count = name ? name->count : 1;
    if (name && name->number != 1)
        return refused("split: this is part " + std::to_string(name->number) + "; open the first part, " +
                       partPath(*name, 1));
    if (count < 1 || count > kMostParts)
        return refused("split: " + std::to_string(count) + " parts, allowed are 1 to " + std::to_string(kMostParts));
    Parts parts;
    GgufBudget budget;
    for (int number = 1; number <= count; ++number) {
        Result<ReadOnlyFile> file = ReadOnlyFile::open(number == 1 ? path : partPath(*name, number));
        if (!file)
            return name ? file.status().withContext("split: part " + std::to_string(number) + " of " + std::to_string(count))
                        : file.status();
        Result<GgufHeader> header = readGgufHeader(*file, number - 1, budget);
        if (!header)
            return number == 1 ? header.status() : header.status().withContext(file->path());
        if (Status status = checkPart(*file, *header, number, count); !status.ok())
            return status;
        for (StoredTensor& tensor : header->tensors)
            parts.tensors.push_back(std::move(tensor));
        header->tensors.clear();
        if (number == 1)
            parts.header = std::move(*header);
        parts.files.push_back(std::move(*file));
    }
    GgufFields fields(parts.files.front(), parts.header);
    const std::int64_t declared =
        fields.integer("split.tensors.count").value_or(static_cast<std::int64_t>(parts.tensors.size()));
    if (!fields.status().ok())
        return fields.status();
    if (declared != static_cast<std::int64_t>(parts.tensors.size()))
        return refused("split: the parts hold " + std::to_string(parts.tensors.size()) +
                       " tensors, 'split.tensors.count' says " + std::to_string(declared));
    return parts;
}

/// Values of rope_freqs.weight, empty when there is none.
Result<std::vector<float>> readPairDivisors(const Parts& parts) {
    std::vector<float> divisors;
    for (const StoredTensor& tensor : parts.tensors) {
        if (tensor.name != kRopeFactors)
            continue;
        if (tensor.type != WeightType::F32 || tensor.shape.size() != 1 || tensor.shape[0] > kMostHeadDim)
            return refused("tensor " + quotedName(tensor.name) + ": is not a short vector of F32");
        divisors.resize(static_cast<std::size_t>(tensor.shape[0]));
        const ReadOnlyFile& file = parts.files[static_cast<std::size_t>(tensor.file)];
        if (Status status = file.read(tensor.offset, std::as_writable_bytes(std::span(divisors))); !status.ok())
            return status;
    }
    return divisors;
}

bool holds(const std::vector<StoredTensor>& tensors, const std::string& name) {
    for (const StoredTensor& tensor : tensors) {
        if (tensor.name == name)
            return true;
    }
    return false;
}

Result<std::unique_ptr<WeightFile>> openParts(const std::string& path) {
    Result<Parts> parts = readParts(path);
    if (!parts)
        return parts.status();
    Result<std::vector<float>> divisors = readPairDivisors(*parts);
    if (!divisors)
        return divisors.status();
    GgufFields fields(parts->files.front(), parts->header);
    Result<ModelConfig> config = readGgufConfig(fields, std::move(*divisors));
    if (!config)
        return config.status();
    Result<Vocabulary> vocabulary = readGgufVocabulary(fields);
    if (!vocabulary)
        return vocabulary.status();
    config->vocabulary = static_cast<int>(vocabulary->pieces.size());
    const std::string sizeKey = config->architecture + ".vocab_size";
    if (fields.integer(sizeKey).value_or(config->vocabulary) != config->vocabulary)
        fields.refuse(sizeKey, "differs from the " + std::to_string(config->vocabulary) + " tokens of the vocabulary");
    if (!fields.status().ok())
        return fields.status();
    config->tiedEmbeddings = !holds(parts->tensors, tensorName(WeightFormat::Gguf, TensorRole::Output, 0));
    config->projectionBias =
        config->architecture == "qwen2" || holds(parts->tensors, tensorName(WeightFormat::Gguf, TensorRole::QueryBias, 0));
    if (config->name.empty())
        config->name = displayLine(std::filesystem::path(path).stem().string());

    Result<WeightLayout> layout = WeightLayout::create(*config, WeightFormat::Gguf, std::move(parts->tensors));
    if (!layout)
        return layout.status();
    std::vector<std::string> names;
    for (const ReadOnlyFile& file : parts->files)
        names.push_back(file.path());
    return std::unique_ptr<WeightFile>(std::make_unique<StoredWeightFile>(std::move(*config), std::move(*vocabulary),
                                                                          std::move(*layout), std::move(parts->files),
                                                                          std::move(names), ScaleCheck::Finite));
}

}  // namespace

Result<std::unique_ptr<WeightFile>> openGgufFile(const std::string& path) {
    Result<std::unique_ptr<WeightFile>> opened = openParts(path);
    if (opened || opened.status().message().starts_with(path))
        return opened;
    return opened.status().withContext(path);
}

}  // namespace engine
