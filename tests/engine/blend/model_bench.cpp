// ModelBench: opens the parts in the order in which the session does.
#include "tests/engine/blend/model_bench.h"

#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <vector>

#include "engine/blend/precompute.h"

namespace {

template <class T>
T must(storage::Result<T> result) {
    if (!result.ok())
        throw std::runtime_error(result.status().message());
    return std::move(*result);
}

void must(const storage::Status& status) {
    if (!status.ok())
        throw std::runtime_error(status.message());
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "cacheblend-test-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
        throw std::runtime_error("cannot make a temporary folder");
    m_path = pattern;
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(m_path, ignored);
}

std::string defaultModelPath() {
    const char* named = std::getenv("CACHEBLEND_MODEL");
    const char* data = std::getenv("XDG_DATA_HOME");
    const char* home = std::getenv("HOME");
    std::string path = named != nullptr ? named
                                        : (data != nullptr ? std::string(data)
                                                           : std::string(home != nullptr ? home : "") + "/.local/share") +
                                              "/cacheblend-workbench/models/SmolLM2-135M-Instruct.Q4_1.gguf";
    if (!std::filesystem::exists(path))
        throw std::runtime_error("the default model is not at " + path + "; fetch it with packaging/fetch_model.sh");
    return path;
}

std::string randomModelPath(const std::string& name) { return std::string(RANDOM_MODELS_DIRECTORY) + "/" + name; }

ModelBench::ModelBench(const BenchSettings& settings)
    : fileSystem(storage::makePosixFileSystem()),
      weights(must(engine::WeightFile::open(settings.model))),
      tokenizer(must(engine::createTokenizer(weights->vocabulary()))),
      backend(settings.create != nullptr ? settings.create(settings.precision)
                                         : must(engine::createBackend(settings.backend, settings.precision, 0))),
      catalog(must(storage::Catalog::open({folder.path(), false}, *fileSystem))) {
    storage::KvStoreOptions options;
    options.directory = folder.path();
    store = must(storage::KvStore::open(options, *fileSystem));
    const engine::ModelConfig& config = weights->config();
    spec = {config.layers, config.kvHeads, config.headDim, settings.kvDtype};
    if (settings.firstLayers > 0)
        firstBackend = settings.createFirst != nullptr
                           ? settings.createFirst(settings.precision)
                           : must(engine::createBackend(settings.firstBackend, settings.precision, 0));
    const engine::LayerPlacement placement = firstBackend == nullptr
                                                 ? engine::LayerPlacement(*backend)
                                                 : engine::LayerPlacement(*firstBackend, *backend, settings.firstLayers);
    const engine::ModelFingerprint named = engine::modelFingerprint(config, {}, spec, placement.precision());
    fingerprint = named.id;
    must(store->registerFingerprint({named.id, spec, named.fieldsJson}));
    constexpr int kPositions = 2048;
    model = must(engine::Transformer::load(*weights, placement, kPositions));
    blender = std::make_unique<engine::Blender>(*model);
    planner = std::make_unique<engine::Planner>(
        engine::PlannerContext{*tokenizer, config, engine::recogniseChatTemplate(weights->vocabulary().chatTemplate),
                               "Answer briefly.", kPositions, fingerprint, *catalog, *store});
}

void ModelBench::precompute(std::span<const std::string> chunks) {
    std::vector<engine::TokenIds> ids{planner->head()};
    for (const std::string& chunk : chunks)
        ids.push_back(planner->givenChunkIds(chunk));
    engine::ChunkPrecomputer precomputer(*model, spec, {});
    const auto kv = must(precomputer.compute(ids, {}));
    for (std::size_t i = 0; i < ids.size(); ++i)
        must(store->put(fingerprint, engine::kvKey(fingerprint, {}, ids[i]), static_cast<int>(ids[i].size()), kv[i].slices));
}
