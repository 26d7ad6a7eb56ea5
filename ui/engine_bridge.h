// Owner of the engine thread and the only one who calls the engine: requests go in, replies and signals come out on the GUI thread.
#pragma once

#include <QElapsedTimer>
#include <QHash>
#include <QObject>
#include <QPointer>
#include <QString>
#include <QStringList>
#include <QTimer>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "engine/engine.h"
#include "ui/bridge/doorbell.h"
#include "ui/bridge/inbox.h"

namespace ui {

class EngineThread;

using EngineFactory = std::function<engine::Result<std::unique_ptr<engine::Engine>>(const engine::EngineOptions&)>;
/// Reads a model file's header (engine::inspectModel, handed in so that the interface links no engine).
using ModelInspector = std::function<engine::Result<engine::ModelInfo>(const std::string& path, engine::KvDtype kvDtype)>;
using Nothing = std::monostate;
template <class T>
using Reply = std::function<void(engine::Result<T>)>;

/// A command with a title that is waiting or running, as the status bar shows it.
struct JobState {
    CommandId id = 0;
    QString title;
    QString what;  // the step, in the engine's words
    std::int64_t done = 0;
    std::int64_t total = -1;  // < 0 = not known
    QString unit;
    double ratePerSecond = 0;     // 0 = not known yet
    double remainingSeconds = 0;  // 0 = not known yet
    bool running = false;
    bool canStop = true;
};

/// Lives on the GUI thread. Every request returns at once; its reply is called later on the GUI thread, at most once, unless the
/// context is gone or a newer request of the same tag has been made. Requests without a tag parameter are tagged with their name
/// and their context, so that an asker's newer request takes the place of its older one. Questions go before jobs; see
/// ui/README.md for the lanes. Destroying the bridge stops whatever runs and joins the thread.
class EngineBridge : public QObject {
    Q_OBJECT
public:
    EngineBridge(EngineFactory factory, ModelInspector inspector, QObject* parent = nullptr);
    ~EngineBridge() override;

    /// Closes what is open and opens this. `opened` is emitted before the reply.
    CommandId open(const engine::EngineOptions& options, QObject* context, Reply<engine::ModelInfo> reply);
    /// What a model file is, without opening it.
    CommandId inspectModel(const QString& path, engine::KvDtype kvDtype, QObject* context, Reply<engine::ModelInfo> reply);
    /// The opened model; empty when none is.
    const std::optional<engine::ModelInfo>& model() const { return m_model; }
    bool isOpen() const { return m_model.has_value(); }

    // -- library
    CommandId collections(QObject* context, Reply<std::vector<engine::CollectionInfo>> reply);
    CommandId files(const QString& collection, QObject* context, Reply<std::vector<engine::FileInfo>> reply);
    /// How each file is on disk now, in the order of files().
    CommandId filesOnDisk(const QString& collection, QObject* context, Reply<std::vector<engine::OnDisk>> reply);
    CommandId document(engine::DocumentId id, QObject* context, Reply<engine::DocumentRecord> reply);
    /// A page of chunks; `tag` empty = never replaced.
    CommandId chunks(const engine::ChunkQuery& query, const QString& tag, QObject* context,
                     Reply<std::vector<engine::ChunkInfo>> reply);
    CommandId chunk(const engine::ChunkId& id, QObject* context, Reply<engine::ChunkInfo> reply);
    CommandId ingest(const engine::IngestRequest& request, QObject* context, Reply<engine::IngestReport> reply);
    CommandId precompute(const engine::PrecomputeRequest& request, QObject* context, Reply<engine::PrecomputeReport> reply);
    CommandId precomputeForecast(const engine::PrecomputeRequest& request, QObject* context,
                                 Reply<engine::PrecomputeForecast> reply);
    CommandId addToCollection(const QString& from, const QStringList& paths, const QString& to, QObject* context,
                              Reply<Nothing> reply);
    CommandId removeFiles(const QString& collection, const QStringList& paths, QObject* context, Reply<Nothing> reply);
    CommandId removeCollection(const QString& collection, QObject* context, Reply<Nothing> reply);

    // -- questions
    /// A plan preview; a newer one takes its place.
    CommandId plan(const engine::Query& query, QObject* context, Reply<engine::BlendPlan> reply);
    /// Text arrives as answerText, the clock's first reading as firstToken.
    CommandId ask(const engine::BlendPlan& plan, QObject* context, Reply<engine::Answer> reply);
    /// The full prefill and full reuse beside the plan.
    CommandId measureDeviation(const engine::BlendPlan& plan, QObject* context, Reply<engine::Answer> reply);
    CommandId history(int limit, QObject* context, Reply<std::vector<engine::AnswerRecord>> reply);
    CommandId loadTrace(const QString& path, QObject* context, Reply<std::shared_ptr<const engine::BlendTrace>> reply);
    CommandId saveTrace(std::shared_ptr<const engine::BlendTrace> trace, const QString& path, QObject* context,
                        Reply<Nothing> reply);

    // -- the store
    CommandId storeStats(QObject* context, Reply<engine::KvStoreStats> reply);
    CommandId storeUsage(engine::StoreGroup group, QObject* context, Reply<std::vector<engine::StoreUsage>> reply);
    CommandId storeDamage(int limit, QObject* context, Reply<std::vector<engine::DamageEvent>> reply);
    CommandId verifyStore(QObject* context, Reply<engine::KvVerifyReport> reply);
    CommandId evictStore(std::uint64_t bytes, QObject* context, Reply<std::uint64_t> reply);
    CommandId compactStore(QObject* context, Reply<engine::KvCompactReport> reply);
    CommandId rebuildIndex(QObject* context, Reply<engine::KvRebuildReport> reply);
    CommandId pinCollection(const QString& collection, bool pinned, QObject* context, Reply<std::int64_t> reply);
    CommandId pinFiles(const QString& collection, const QStringList& paths, bool pinned, QObject* context,
                       Reply<std::int64_t> reply);
    CommandId setStoreCap(std::uint64_t bytes, QObject* context, Reply<std::uint64_t> reply);

    /// Ends the command within some 200 ms; its reply comes, with what was finished or with Cancelled.
    void stop(CommandId id);
    void stopAll();

    /// Titled commands, oldest first.
    const std::vector<JobState>& jobs() const { return m_jobs; }
    /// No reply is outstanding.
    bool isIdle() const { return m_pending.isEmpty(); }

signals:
    void opened(const engine::ModelInfo& model);
    void closed();
    /// The session ended by itself, after closed(): its device or an invariant broke. `newProcess`: only another process can open one
    /// like it.
    void sessionEnded(const QString& why, bool newProcess);
    void jobsChanged();
    void answerText(ui::CommandId id, const QString& piece);
    void firstToken(ui::CommandId id, const engine::Timings& timings);
    void fileDone(ui::CommandId id, const engine::IngestFile& file);
    /// Collections, files or chunks may have changed.
    void libraryChanged();
    /// Records, pins or the cap may have changed.
    void storeChanged();
    /// The last outstanding reply was given.
    void idle();

private:
    struct Request;
    struct Pending {
        QString tag;
        std::function<void()> deliver;
        std::function<void(const engine::Status&)> fail;
    };
    enum class Changes { Library, Store, Both };

    template <class T, class Work>
    CommandId submit(const Request& request, QObject* context, Reply<T> reply, Work work);
    /// A command after which libraryChanged or storeChanged is emitted.
    template <class T, class Work>
    CommandId change(const Request& request, Changes changes, QObject* context, Reply<T> reply, Work work);
    void takePosts();
    void finish(CommandId id);
    void showProgress(CommandId id, const QString& what, std::int64_t done, std::int64_t total, const QString& unit);
    JobState* job(CommandId id);

    const EngineFactory m_factory;
    const ModelInspector m_inspector;
    CommandId m_lastId = 0;
    std::optional<engine::ModelInfo> m_model;
    QHash<CommandId, Pending> m_pending;
    QHash<QString, CommandId> m_newest;  // of each tag with an outstanding reply
    std::vector<JobState> m_jobs;
    struct Pace;
    QHash<CommandId, std::shared_ptr<Pace>> m_paces;
    QElapsedTimer m_sinceUpdate;
    QTimer m_nextUpdate;
    std::vector<Post> m_held;  // taken, and waiting for the next update
    Doorbell m_doorbell;
    std::unique_ptr<EngineThread> m_thread;  // destroyed first: it rings the doorbell
};

}  // namespace ui
