// Opening a session: workspace, model, fingerprint; and the store's jobs, which only pass through.
#include "engine/session/engine_impl.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "engine/model/chat_template.h"
#include "engine/names.h"
#include "engine/session/model_info.h"
#include "engine/transformer/memory_plan.h"
#include "storage/digest.h"

namespace engine {
namespace {

constexpr const char* kSystemPrompt =
    "You are a helpful assistant. Use only the documents given by the user and answer in one short sentence.";
constexpr int kMostContext = 32768;

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

Result<std::unique_ptr<EngineImpl>> EngineImpl::create(const EngineOptions& options) {
    std::unique_ptr<EngineImpl> engine(new EngineImpl());
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
    if (m_unsavedSpeed > 0 && m_store != nullptr && !m_broken)
        (void)m_store->rememberRates(m_fingerprint, m_info.threads, m_speed.text());
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
    Result<std::unique_ptr<Backend>> backend = createBackend(options.backend, options.precision, options.threads);
    if (!backend.ok())
        return backend.status();
    m_backend = std::move(*backend);

    const ModelConfig& config = m_weights->config();
    m_spec = {config.layers, config.kvHeads, config.headDim, options.kvDtype};
    m_ramTier = std::make_unique<RamTier>(m_spec, options.ramTierBytes,
                                          m_backend->pinsHostMemory() ? hostMemoryOf(*m_backend) : nullptr);
    const Result<Digest> digest = weightsDigest(*m_weights, *m_store);
    if (!digest.ok())
        return digest.status();
    const ModelFingerprint fingerprint = modelFingerprint(config, *digest, m_spec, m_backend->precision());
    m_fingerprint = fingerprint.id;
    m_maxContext = std::min(config.contextLength, options.maxContext > 0 ? options.maxContext : kMostContext);
    const Status known = m_store->registerFingerprint({fingerprint.id, m_spec, fingerprint.fieldsJson});
    if (!known.ok() && known.code() != StatusCode::ReadOnly)
        return known;

    const ChatTemplateKind chatTemplate = recogniseChatTemplate(m_weights->vocabulary().chatTemplate);
    m_info = describeModel(*m_weights, options.model, options.kvDtype);
    m_info.weightsDigest = digest->hex();
    m_info.fingerprint = m_fingerprint.hex();
    m_info.backend = m_backend->name();
    m_info.precision = nameOf(m_backend->precision());
    m_info.threads = m_backend->threads();
    m_planner = std::make_unique<Planner>(PlannerContext{*m_tokenizer, config, chatTemplate,
                                                         options.systemPrompt.empty() ? kSystemPrompt : options.systemPrompt,
                                                         m_maxContext, m_fingerprint, *m_catalog, *m_store});
    if (const Result<std::string> rates = m_store->rememberedRates(m_fingerprint, m_info.threads); rates.ok())
        m_speed = Speed::fromText(*rates);
    m_chunkKeys = std::make_unique<ChunkKeys>(*m_catalog, *m_store, *m_planner, m_fingerprint);
    return {};
}

Status EngineImpl::needModel() const {
    if (m_planner == nullptr)
        return Status(StatusCode::InvalidArgument,
                      "this needs a model: open one with --model FILE_OR_DIR, or fetch the default one");
    return {};
}

Status EngineImpl::needTransformer() {
    if (Status status = needModel(); !status.ok())
        return status;
    if (m_transformer != nullptr)
        return {};
    if (Status status = checkMemory(*m_weights, *m_backend, m_maxContext); !status.ok())
        return status.withContext("loading the model " + m_options.model);
    Result<std::unique_ptr<Transformer>> transformer = Transformer::load(*m_weights, *m_backend, m_maxContext);
    if (!transformer.ok())
        return transformer.status().withContext("loading the model " + m_options.model);
    m_transformer = std::move(*transformer);
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
