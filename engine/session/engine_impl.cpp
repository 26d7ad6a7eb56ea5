// Opening a session: workspace, model, fingerprint; and the store's jobs, which only pass through.
#include "engine/session/engine_impl.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "engine/blend/stopwatch.h"
#include "engine/model/chat_template.h"
#include "engine/names.h"
#include "engine/session/model_info.h"
#include "engine/transformer/memory_plan.h"
#include "storage/digest.h"

namespace engine {
namespace {

constexpr const char* kSystemPrompt =
    "You are a helpful assistant. Use only the documents given by the user and answer in one short sentence.";

Result<storage::FileIdentity> identityOf(const std::string& path) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0)
        return Status(StatusCode::IoError, "cannot look at " + path + ": " + std::strerror(errno));
    const auto nanoseconds = [](const timespec& time) { return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; };
    storage::FileIdentity identity;
    identity.device = info.st_dev;
    identity.inode = info.st_ino;
    identity.sizeBytes = static_cast<std::uint64_t>(info.st_size);
    identity.modifiedNs = nanoseconds(info.st_mtim);
    identity.changedNs = nanoseconds(info.st_ctim);
    return identity;
}

/// Digest over the digests of all files of the model; each is remembered by the file's identity.
Result<Digest> weightsDigest(const WeightFile& weights, storage::KvStore& store) {
    storage::DigestBuilder builder;
    for (const std::string& path : weights.files()) {
        const Result<storage::FileIdentity> identity = identityOf(path);
        if (!identity.ok())
            return identity.status();
        Result<std::optional<Digest>> remembered = store.rememberedDigest(*identity);
        if (!remembered.ok())
            return remembered.status();
        if (!remembered->has_value()) {
            const Result<Digest> digest = storage::digestOfFile(path);
            if (!digest.ok())
                return digest.status();
            // Forgetting only costs time: a read-only workspace goes on without.
            (void)store.rememberDigest(*identity, *digest);
            *remembered = *digest;
        }
        builder.addBytes(std::as_bytes(std::span((*remembered)->bytes)));
    }
    return builder.finish();
}

storage::StoreProgress progressOf(JobObserver& observer, const char* what) {
    return [&observer, what](std::int64_t done, std::int64_t total) { observer.progress(what, done, total, "records"); };
}

}  // namespace

bool GateReport::passed() const {
    return !checks.empty() && std::all_of(checks.begin(), checks.end(), [](const GateCheck& check) { return check.passed; });
}

Result<std::unique_ptr<Engine>> Engine::open(const EngineOptions& options) {
    Result<std::unique_ptr<EngineImpl>> engine = EngineImpl::create(options);
    if (!engine.ok())
        return engine.status();
    return std::unique_ptr<Engine>(std::move(*engine));
}

Result<std::unique_ptr<EngineImpl>> EngineImpl::create(const EngineOptions& options, const BackendFactory& createBackend) {
    std::unique_ptr<EngineImpl> engine(new EngineImpl());
    engine->m_createBackend = createBackend;
    engine->m_options = options;
    const Status status = engine->guarded([&]() -> Status {
        if (Status opened = engine->openWorkspace(options); !opened.ok())
            return opened;
        return options.model.empty() ? Status() : engine->openModel(options);
    });
    if (!status.ok())
        return status;
    return engine;
}

EngineImpl::~EngineImpl() {
    if (m_unsavedSpeed > 0 && m_store != nullptr && m_ended.empty())
        (void)m_store->rememberRates(m_fingerprint, speedKey(), m_speed.text());
}

std::string EngineImpl::endOf(const std::string& error) {
    if (error.rfind("device_failed: ", 0) == 0)
        return error + "; the GPU takes no more work from this program: start the program again, or use the cpu back end";
    return "the session ended after an internal error (" + error + "); open the workspace again";
}

Status EngineImpl::openWorkspace(const EngineOptions& options) {
    m_fileSystem = storage::makePosixFileSystem();
    bool readOnly = false;
    Result<std::unique_ptr<storage::WorkspaceLock>> lock = storage::WorkspaceLock::acquire(options.workspace);
    if (lock.ok())
        m_lock = std::move(*lock);
    else if (lock.status().code() == StatusCode::ReadOnly &&
             ::access((options.workspace + "/workspace.db").c_str(), F_OK) == 0)
        readOnly = true;
    else
        return lock.status();

    Result<std::unique_ptr<storage::Catalog>> catalog = storage::Catalog::open({options.workspace, readOnly}, *m_fileSystem);
    if (!catalog.ok())
        return catalog.status().withContext("opening the workspace " + options.workspace);
    m_catalog = std::move(*catalog);
    storage::KvStoreOptions storeOptions;
    storeOptions.directory = options.workspace;
    storeOptions.capBytes = options.storeCapBytes;
    storeOptions.readOnly = readOnly;
    Result<std::unique_ptr<storage::KvStore>> store = storage::KvStore::open(storeOptions, *m_fileSystem);
    if (!store.ok())
        return store.status().withContext("opening the KV store in " + options.workspace);
    m_store = std::move(*store);
    return {};
}

Status EngineImpl::openModel(const EngineOptions& options) {
    Result<std::unique_ptr<WeightFile>> weights = WeightFile::open(options.model);
    if (!weights.ok())
        return weights.status().withContext("opening the model " + options.model);
    m_weights = std::move(*weights);
    Result<std::unique_ptr<Tokenizer>> tokenizer = createTokenizer(m_weights->vocabulary());
    if (!tokenizer.ok())
        return tokenizer.status().withContext("opening the model " + options.model);
    m_tokenizer = std::move(*tokenizer);
    const ModelConfig& config = m_weights->config();
    m_spec = {config.layers, config.kvHeads, config.headDim, options.kvDtype};
    m_maxContext = longestContext(config, options.maxContext);
    Result<std::unique_ptr<Devices>> devices = Devices::open(*m_weights, deviceOptions(), m_createBackend);
    if (!devices.ok())
        return devices.status();
    const Result<Digest> digest = weightsDigest(*m_weights, *m_store);
    if (!digest.ok())
        return digest.status();
    const ModelFingerprint fingerprint = modelFingerprint(config, *digest, m_spec, (*devices)->placement().precision());
    m_fingerprint = fingerprint.id;
    const Status known = m_store->registerFingerprint({fingerprint.id, m_spec, fingerprint.fieldsJson});
    if (!known.ok() && known.code() != StatusCode::ReadOnly)
        return known;

    const ChatTemplateKind chatTemplate = recogniseChatTemplate(m_weights->vocabulary().chatTemplate);
    m_info = describeModel(*m_weights, options.model, options.kvDtype);
    m_info.weightsDigest = digest->hex();
    m_info.fingerprint = m_fingerprint.hex();
    useDevices(std::move(*devices));
    m_planner = std::make_unique<Planner>(PlannerContext{*m_tokenizer, config, chatTemplate,
                                                         options.systemPrompt.empty() ? kSystemPrompt : options.systemPrompt,
                                                         m_maxContext, m_fingerprint, *m_catalog, *m_store});
    m_chunkKeys = std::make_unique<ChunkKeys>(*m_catalog, *m_store, *m_planner, m_fingerprint);
    return {};
}

Status EngineImpl::needModel() const {
    if (m_planner == nullptr)
        return Status(StatusCode::InvalidArgument,
                      "this needs a model: open one with --model FILE_OR_DIR, or fetch the default one");
    return {};
}

DeviceOptions EngineImpl::deviceOptions() const {
    return {m_options.backend, m_options.precision, m_options.threads, m_options.gpuLayers, m_maxContext, m_options.kvDtype};
}

void EngineImpl::useDevices(std::unique_ptr<Devices> devices) {
    m_devices = std::move(devices);
    const LayerPlacement& placement = m_devices->placement();
    m_ramTier =
        std::make_unique<RamTier>(m_spec, m_options.ramTierBytes,
                                  placement.hostMemory().pinsHostMemory() ? hostMemoryOf(placement.hostMemory()) : nullptr);
    m_info.backend = placement.name();
    m_info.precision = nameOf(placement.precision());
    m_info.threads = placement.side(0).threads();
    m_info.gpuLayers = m_devices->gpuLayers();
    m_info.notice = m_devices->notice();
    m_plannedWeights.clear();
    for (int side = 0; side < placement.sides(); ++side)
        m_plannedWeights.push_back(planWeights(*m_weights, placement.side(side), placement.layersOf(side, m_info.layers)));
    m_speed = {};
    if (const Result<std::string> rates = m_store->rememberedRates(m_fingerprint, speedKey()); rates.ok())
        m_speed = Speed::fromText(*rates);
}

int EngineImpl::speedKey() const {
    constexpr int kKeyStride = 4096;
    return m_info.threads + kKeyStride * m_info.gpuLayers;
}

Status EngineImpl::leaveGpu(const std::string& why) {
    m_blender.reset();
    m_transformer.reset();
    m_spareCache.reset();
    m_conversations = {};
    m_ramTier.reset();
    const Precision precision = m_devices->placement().precision();
    m_devices.reset();
    Result<std::unique_ptr<Devices>> devices =
        Devices::withoutGpu(deviceOptions(), m_createBackend, precision,
                            "the GPU ran out of memory (" + why + "); the processor computes from now on");
    if (!devices.ok()) {
        m_ended = "the session ended: " + devices.status().message();
        return Status(StatusCode::Internal, m_ended);
    }
    useDevices(std::move(*devices));
    return {};
}

std::vector<DeviceMemory> EngineImpl::memoryOf(int positions) {
    const LayerPlacement& placement = m_devices->placement();
    std::vector<DeviceMemory> memory =
        memoryOfRun(m_weights->config(), placement, m_plannedWeights, positions, m_spec.dtype);
    // A cache that is not needed any more serves the next run: that of the last question, or of the oldest conversation.
    const bool cacheThere = m_spareCache && m_spareCache->capacity() >= positions;
    const bool rowsThere = m_blender != nullptr && m_blender->rowCapacity() >= positions;
    for (DeviceMemory& device : memory)
        device.held = (m_transformer != nullptr ? device.weights : 0) + (cacheThere ? device.cache : 0) +
                      (rowsThere ? device.scratch : 0);
    return memory;
}

Status EngineImpl::needTransformer() {
    if (Status status = needModel(); !status.ok())
        return status;
    if (m_transformer != nullptr)
        return {};
    const Stopwatch clock;
    Result<std::unique_ptr<Transformer>> transformer = Transformer::load(*m_weights, m_devices->placement(), m_maxContext);
    if (!transformer.ok())
        return transformer.status().withContext("loading the model " + m_options.model);
    m_transformer = std::move(*transformer);
    m_info.loadMs = clock.elapsedMs();
    m_blender = std::make_unique<Blender>(*m_transformer);
    return {};
}

Result<KvStoreStats> EngineImpl::storeStats() {
    return guarded([&] { return m_store->stats(); });
}

Result<KvVerifyReport> EngineImpl::storeVerify(int part, int modulus, JobObserver& observer, std::stop_token stop) {
    return guarded([&] { return m_store->verify(part, modulus, progressOf(observer, "verifying"), std::move(stop)); });
}

Result<std::vector<std::string>> EngineImpl::verifyLibrary() {
    return guarded([&] { return m_catalog->verify(); });
}

Result<std::uint64_t> EngineImpl::storeEvict(std::uint64_t bytes, std::stop_token stop) {
    return guarded([&] { return m_store->evictTo(bytes, std::move(stop)); });
}

Result<KvCompactReport> EngineImpl::storeCompact(JobObserver& observer, std::stop_token stop) {
    return guarded([&] { return m_store->compact(progressOf(observer, "compacting"), std::move(stop)); });
}

Result<KvRebuildReport> EngineImpl::storeRebuildIndex(JobObserver& observer, std::stop_token stop) {
    return guarded([&] {
        Result<KvRebuildReport> report = m_store->rebuildIndex(progressOf(observer, "reading segments"), std::move(stop));
        if (m_chunkKeys != nullptr)
            m_chunkKeys->indexReplaced();
        return report;
    });
}

Status EngineImpl::dropCaches() {
    return guarded([&] {
        if (m_ramTier != nullptr)
            m_ramTier->clear();
        return m_store->dropPageCache();
    });
}

Result<TokenIds> EngineImpl::tokenize(const std::string& text, bool parseSpecial) {
    return guarded([&]() -> Result<TokenIds> {
        if (Status status = needModel(); !status.ok())
            return status;
        return m_tokenizer->encode(text, parseSpecial ? SpecialTokens::Parse : SpecialTokens::AsText);
    });
}

std::string EngineImpl::piece(TokenId id) const { return m_tokenizer == nullptr ? std::string() : m_tokenizer->bytes(id); }

}  // namespace engine
