// The requests, and the way of their replies to the widgets.
#include "ui/engine_bridge.h"

#include <QSocketNotifier>
#include <algorithm>
#include <iterator>
#include <map>

#include "ui/bridge/command_turn.h"
#include "ui/bridge/engine_thread.h"
#include "ui/text.h"

namespace ui {

namespace {

constexpr int kUpdateIntervalMs = 33;  // text and progress reach the widgets at most 30 times a second
constexpr int kVerifyParts = 16;       // questions are answered between two parts

std::vector<std::string> toUtf8(const QStringList& texts) {
    std::vector<std::string> result;
    for (const QString& item : texts)
        result.push_back(text::toUtf8(item));
    return result;
}

engine::Result<Nothing> done(const engine::Status& status) {
    if (!status.ok())
        return status;
    return Nothing{};
}

}  // namespace

/// How a command goes through the queue.
struct EngineBridge::Request {
    Lane lane = Lane::Question;
    QString tag;
    QString title;  // shown as a job when not empty
    bool canStop = true;
};

/// When a job's progress began, to tell its rate.
struct EngineBridge::Pace {
    QElapsedTimer clock;
    QString what;
    std::int64_t firstDone = 0;
};

EngineBridge::EngineBridge(EngineFactory factory, ModelInspector inspector, QObject* parent)
    : QObject(parent), m_factory(std::move(factory)), m_inspector(std::move(inspector)) {
    m_nextUpdate.setSingleShot(true);
    connect(&m_nextUpdate, &QTimer::timeout, this, &EngineBridge::takePosts);
    m_sinceUpdate.start();
    auto* const notifier = new QSocketNotifier(m_doorbell.descriptor(), QSocketNotifier::Read, this);
    connect(notifier, &QSocketNotifier::activated, this, [this] {
        m_doorbell.answer();
        takePosts();
    });
    m_thread = std::make_unique<EngineThread>([this] { m_doorbell.ring(); });
}

EngineBridge::~EngineBridge() { m_thread.reset(); }

template <class T, class Work>
CommandId EngineBridge::submit(const Request& request, QObject* context, Reply<T> reply, Work work) {
    const CommandId id = ++m_lastId;
    auto slot = std::make_shared<std::optional<engine::Result<T>>>();
    const QPointer<QObject> alive(context);
    Pending pending;
    pending.tag = request.tag;
    pending.deliver = [slot, alive, reply] {
        if (alive && reply)
            reply(std::move(**slot));
    };
    pending.fail = [alive, reply](const engine::Status& status) {
        if (alive && reply)
            reply(status);
    };
    m_pending.insert(id, std::move(pending));
    if (!request.tag.isEmpty())
        m_newest.insert(request.tag, id);
    if (!request.title.isEmpty()) {
        JobState state;
        state.id = id;
        state.title = request.title;
        state.canStop = request.canStop;
        m_jobs.push_back(state);
        emit jobsChanged();
    }

    Command command;
    command.id = id;
    command.tag = text::toUtf8(request.tag);
    command.lane = request.lane;
    command.work = [slot, work = std::move(work)](CommandTurn& turn) mutable {
        engine::Result<T> result = work(turn);
        if (turn.paused())
            return Turn::Paused;
        slot->emplace(std::move(result));
        slot.reset();
        return Turn::Finished;
    };
    for (const CommandId replaced : m_thread->queue().push(std::move(command)))
        m_pending.remove(replaced);
    return id;
}

void EngineBridge::takePosts() {
    // Text and progress wait for the next update; anything urgent takes what waits before it along.
    const qint64 since = m_sinceUpdate.elapsed();
    std::vector<Post> posts = m_thread->inbox().take();
    m_held.insert(m_held.end(), std::make_move_iterator(posts.begin()), std::make_move_iterator(posts.end()));
    const bool urgent = std::any_of(m_held.begin(), m_held.end(), isUrgent);
    if (!urgent && since < kUpdateIntervalMs) {
        if (!m_nextUpdate.isActive())
            m_nextUpdate.start(static_cast<int>(kUpdateIntervalMs - since));
        return;
    }
    m_nextUpdate.stop();
    m_sinceUpdate.restart();
    const std::vector<Post> now = std::exchange(m_held, {});
    const QPointer<EngineBridge> alive(this);
    std::map<CommandId, std::string> text;  // pieces of one batch reach the view as one
    for (const Post& post : now) {
        if (!alive)
            return;
        if (const auto* piece = std::get_if<TextPost>(&post)) {
            text[piece->id] += piece->utf8;
            continue;
        }
        if (!text.empty() && isUrgent(post)) {
            for (const auto& [id, utf8] : std::exchange(text, {}))
                emit answerText(id, text::fromUtf8(utf8));
        }
        if (const auto* started = std::get_if<StartedPost>(&post)) {
            if (JobState* state = job(started->id); state != nullptr && !state->running) {
                state->running = true;
                emit jobsChanged();
            }
        } else if (const auto* progress = std::get_if<ProgressPost>(&post)) {
            showProgress(progress->id, text::fromUtf8(progress->what), progress->done, progress->total,
                         text::fromUtf8(progress->unit));
        } else if (const auto* first = std::get_if<FirstTokenPost>(&post)) {
            emit firstToken(first->id, first->timings);
        } else if (const auto* file = std::get_if<FilePost>(&post)) {
            emit fileDone(file->id, file->file);
        } else if (const auto* ended = std::get_if<EndedPost>(&post)) {
            m_model.reset();
            emit closed();
            emit sessionEnded(text::fromUtf8(ended->why), ended->newProcess);
        } else if (const auto* finished = std::get_if<FinishedPost>(&post)) {
            finish(finished->id);
        }
    }
    if (alive) {
        for (const auto& [id, utf8] : text)
            emit answerText(id, text::fromUtf8(utf8));
    }
}

void EngineBridge::finish(CommandId id) {
    const auto found = m_pending.find(id);
    if (found == m_pending.end())
        return;
    const Pending pending = std::move(*found);
    m_pending.erase(found);
    m_paces.remove(id);
    if (std::erase_if(m_jobs, [id](const JobState& state) { return state.id == id; }) > 0)
        emit jobsChanged();
    const bool newest = pending.tag.isEmpty() || m_newest.value(pending.tag) == id;
    if (newest && !pending.tag.isEmpty())
        m_newest.remove(pending.tag);
    const QPointer<EngineBridge> alive(this);
    if (newest)
        pending.deliver();
    if (alive && m_pending.isEmpty())
        emit idle();
}

JobState* EngineBridge::job(CommandId id) {
    const auto found = std::find_if(m_jobs.begin(), m_jobs.end(), [id](const JobState& state) { return state.id == id; });
    return found == m_jobs.end() ? nullptr : &*found;
}

void EngineBridge::showProgress(CommandId id, const QString& what, std::int64_t done, std::int64_t total,
                                const QString& unit) {
    JobState* state = job(id);
    if (state == nullptr)
        return;
    std::shared_ptr<Pace>& pace = m_paces[id];
    if (!pace || pace->what != what || done < pace->firstDone) {
        pace = std::make_shared<Pace>();
        pace->what = what;
        pace->firstDone = done;
        pace->clock.start();
    }
    const double seconds = static_cast<double>(pace->clock.elapsed()) / 1000;
    const bool measured = seconds >= 0.5 && done > pace->firstDone;
    state->what = what;
    state->done = done;
    state->total = total;
    state->unit = unit;
    state->ratePerSecond = measured ? static_cast<double>(done - pace->firstDone) / seconds : 0;
    state->remainingSeconds = measured && total > done ? static_cast<double>(total - done) / state->ratePerSecond : 0;
    emit jobsChanged();
}

void EngineBridge::stop(CommandId id) {
    const auto found = m_pending.find(id);
    if (found == m_pending.end())
        return;
    if (!m_thread->queue().remove(id)) {
        m_thread->stop(id);
        return;
    }
    const std::function<void(const engine::Status&)> fail = found->fail;
    found->deliver = [fail] { fail(engine::Status(engine::StatusCode::Cancelled, "stopped before it began")); };
    QMetaObject::invokeMethod(
        this, [this, id] { finish(id); }, Qt::QueuedConnection);
}

void EngineBridge::stopAll() {
    const QList<CommandId> ids = m_pending.keys();
    for (const CommandId id : ids)
        stop(id);
}

// ---- requests --------------------------------------------------------------------------------------------------

namespace {

const char kNothingOpen[] = "no workspace is open";

/// The request's work on an open engine.
template <class T, class Call>
auto onEngine(Call call) {
    return [call = std::move(call)](CommandTurn& turn) mutable -> engine::Result<T> {
        if (!turn.engine())
            return engine::Status(engine::StatusCode::NotFound, kNothingOpen);
        return call(*turn.engine(), turn);
    };
}

QString tagOf(const char* name, const QObject* context) {
    return QLatin1String(name) + QLatin1Char('@') + QString::number(reinterpret_cast<quintptr>(context), 16);
}

}  // namespace

CommandId EngineBridge::open(const engine::EngineOptions& options, QObject* context, Reply<engine::ModelInfo> reply) {
    const QPointer<QObject> alive(context);
    return submit<engine::ModelInfo>(
        {Lane::Change, {}, tr("Opening the model"), false}, this,
        [this, alive, reply](engine::Result<engine::ModelInfo> result) {
            m_model.reset();
            if (result.ok()) {
                m_model = *result;
                emit opened(*m_model);
            } else {
                emit closed();
            }
            if (alive && reply)
                reply(std::move(result));
        },
        [factory = m_factory, options](CommandTurn& turn) -> engine::Result<engine::ModelInfo> {
            turn.engine().reset();
            auto engine = factory(options);
            if (!engine)
                return engine.status();
            turn.engine() = std::move(*engine);
            return turn.engine()->model();
        });
}

CommandId EngineBridge::inspectModel(const QString& path, engine::KvDtype kvDtype, QObject* context,
                                     Reply<engine::ModelInfo> reply) {
    return submit<engine::ModelInfo>(
        {Lane::Question, tagOf("inspect", context), {}}, context, std::move(reply),
        [inspector = m_inspector, path = text::toUtf8(path), kvDtype](CommandTurn&) { return inspector(path, kvDtype); });
}

CommandId EngineBridge::collections(QObject* context, Reply<std::vector<engine::CollectionInfo>> reply) {
    using T = std::vector<engine::CollectionInfo>;
    return submit<T>({Lane::Question, tagOf("collections", context), {}}, context, std::move(reply),
                     onEngine<T>([](engine::Engine& engine, CommandTurn&) { return engine.collections(); }));
}

CommandId EngineBridge::files(const QString& collection, QObject* context, Reply<std::vector<engine::FileInfo>> reply) {
    using T = std::vector<engine::FileInfo>;
    return submit<T>(
        {Lane::Question, tagOf("files", context), {}}, context, std::move(reply),
        onEngine<T>([name = text::toUtf8(collection)](engine::Engine& engine, CommandTurn&) { return engine.files(name); }));
}

CommandId EngineBridge::filesOnDisk(const QString& collection, QObject* context, Reply<std::vector<engine::OnDisk>> reply) {
    using T = std::vector<engine::OnDisk>;
    return submit<T>({Lane::Question, tagOf("files on disk", context), {}}, context, std::move(reply),
                     onEngine<T>([name = text::toUtf8(collection)](engine::Engine& engine, CommandTurn&) {
                         return engine.filesOnDisk(name);
                     }));
}

CommandId EngineBridge::document(engine::DocumentId id, QObject* context, Reply<engine::DocumentRecord> reply) {
    using T = engine::DocumentRecord;
    return submit<T>({Lane::Question, tagOf("document", context), {}}, context, std::move(reply),
                     onEngine<T>([id](engine::Engine& engine, CommandTurn&) { return engine.document(id); }));
}

CommandId EngineBridge::chunks(const engine::ChunkQuery& query, const QString& tag, QObject* context,
                               Reply<std::vector<engine::ChunkInfo>> reply) {
    using T = std::vector<engine::ChunkInfo>;
    return submit<T>({Lane::Question, tag, {}}, context, std::move(reply),
                     onEngine<T>([query](engine::Engine& engine, CommandTurn&) { return engine.chunks(query); }));
}

CommandId EngineBridge::chunk(const engine::ChunkId& id, QObject* context, Reply<engine::ChunkInfo> reply) {
    using T = engine::ChunkInfo;
    return submit<T>({Lane::Question, {}, {}}, context, std::move(reply),
                     onEngine<T>([id](engine::Engine& engine, CommandTurn&) { return engine.chunk(id); }));
}

CommandId EngineBridge::ingest(const engine::IngestRequest& request, QObject* context, Reply<engine::IngestReport> reply) {
    using T = engine::IngestReport;
    // A turn after a pause finds the files of earlier turns unchanged; the report tells what became of them first.
    const auto told = std::make_shared<std::map<std::string, engine::IngestFile>>();
    const QPointer<QObject> alive(context);
    return submit<T>(
        {Lane::Job, {}, tr("Importing into %1").arg(text::fromUtf8(request.collection))}, this,
        [this, alive, reply](engine::Result<T> result) {
            emit libraryChanged();
            if (alive && reply)
                reply(std::move(result));
        },
        onEngine<T>([request, told](engine::Engine& engine, CommandTurn& turn) -> engine::Result<T> {
            JobRelay relay(turn, Border::File);
            auto report = engine.ingest(request, relay, turn.stop());
            if (!report)
                return report;
            for (engine::IngestFile& file : report->files) {
                const auto [first, isNew] = told->try_emplace(file.path, file);
                if (!isNew && file.state == engine::IngestState::Unchanged)
                    file = first->second;
            }
            if (!report->cancelled)
                turn.withdrawPause();
            return report;
        }));
}

CommandId EngineBridge::precompute(const engine::PrecomputeRequest& request, QObject* context,
                                   Reply<engine::PrecomputeReport> reply) {
    using T = engine::PrecomputeReport;
    const auto before = std::make_shared<T>();  // what earlier turns did
    const QPointer<QObject> alive(context);
    return submit<T>(
        {Lane::Job, {}, tr("Computing KV of %1").arg(text::fromUtf8(request.collection))}, this,
        [this, alive, reply](engine::Result<T> result) {
            emit storeChanged();
            emit libraryChanged();
            if (alive && reply)
                reply(std::move(result));
        },
        onEngine<T>([request, before](engine::Engine& engine, CommandTurn& turn) -> engine::Result<T> {
            JobRelay relay(turn, Border::Layer);
            auto report = engine.precompute(request, relay, turn.stop());
            if (!report)
                return report;
            report->chunksAlready -= before->chunksDone;
            report->chunksDone += before->chunksDone;
            report->tokens += before->tokens;
            report->bytes += before->bytes;
            report->ms += before->ms;
            *before = *report;
            if (!report->cancelled)
                turn.withdrawPause();
            return report;
        }));
}

CommandId EngineBridge::precomputeForecast(const engine::PrecomputeRequest& request, QObject* context,
                                           Reply<engine::PrecomputeForecast> reply) {
    using T = engine::PrecomputeForecast;
    return submit<T>(
        {Lane::Question, tagOf("forecast", context), {}}, context, std::move(reply),
        onEngine<T>([request](engine::Engine& engine, CommandTurn&) { return engine.precomputeForecast(request); }));
}

template <class T, class Work>
CommandId EngineBridge::change(const Request& request, Changes changes, QObject* context, Reply<T> reply, Work work) {
    const QPointer<QObject> alive(context);
    return submit<T>(
        request, this,
        [this, changes, alive, reply](engine::Result<T> result) {
            if (changes != Changes::Store)
                emit libraryChanged();
            if (changes != Changes::Library)
                emit storeChanged();
            if (alive && reply)
                reply(std::move(result));
        },
        onEngine<T>(std::move(work)));
}

CommandId EngineBridge::addToCollection(const QString& from, const QStringList& paths, const QString& to, QObject* context,
                                        Reply<Nothing> reply) {
    return change<Nothing>(
        {Lane::Change, {}, {}}, Changes::Library, context, std::move(reply),
        [from = text::toUtf8(from), paths = toUtf8(paths), to = text::toUtf8(to)](engine::Engine& engine, CommandTurn&) {
            return done(engine.addToCollection(from, paths, to));
        });
}

CommandId EngineBridge::removeFiles(const QString& collection, const QStringList& paths, QObject* context,
                                    Reply<Nothing> reply) {
    return change<Nothing>({Lane::Change, {}, {}}, Changes::Library, context, std::move(reply),
                           [name = text::toUtf8(collection), paths = toUtf8(paths)](engine::Engine& engine, CommandTurn&) {
                               for (const std::string& path : paths) {
                                   if (const engine::Status status = engine.removeFile(name, path); !status.ok())
                                       return done(status);
                               }
                               return done({});
                           });
}

CommandId EngineBridge::removeCollection(const QString& collection, QObject* context, Reply<Nothing> reply) {
    return change<Nothing>({Lane::Change, {}, {}}, Changes::Library, context, std::move(reply),
                           [name = text::toUtf8(collection)](engine::Engine& engine, CommandTurn&) {
                               return done(engine.removeCollection(name));
                           });
}

CommandId EngineBridge::plan(const engine::Query& query, QObject* context, Reply<engine::BlendPlan> reply) {
    using T = engine::BlendPlan;
    return submit<T>({Lane::Question, QStringLiteral("plan"), {}}, context, std::move(reply),
                     onEngine<T>([query](engine::Engine& engine, CommandTurn&) { return engine.plan(query); }));
}

CommandId EngineBridge::ask(const engine::BlendPlan& plan, QObject* context, Reply<engine::Answer> reply) {
    using T = engine::Answer;
    return submit<T>({Lane::Question, {}, tr("Answering")}, context, std::move(reply),
                     onEngine<T>([plan](engine::Engine& engine, CommandTurn& turn) {
                         QuestionRelay relay(turn);
                         return engine.run(plan, relay, turn.stop());
                     }));
}

CommandId EngineBridge::measureDeviation(const engine::BlendPlan& plan, QObject* context, Reply<engine::Answer> reply) {
    using T = engine::Answer;
    return submit<T>({Lane::Question, {}, tr("Comparing with full prefill")}, context, std::move(reply),
                     onEngine<T>([plan](engine::Engine& engine, CommandTurn& turn) {
                         QuestionRelay relay(turn);
                         return engine.measureDeviation(plan, relay, turn.stop());
                     }));
}

CommandId EngineBridge::history(int limit, QObject* context, Reply<std::vector<engine::AnswerRecord>> reply) {
    using T = std::vector<engine::AnswerRecord>;
    return submit<T>({Lane::Question, tagOf("history", context), {}}, context, std::move(reply),
                     onEngine<T>([limit](engine::Engine& engine, CommandTurn&) { return engine.history(limit); }));
}

CommandId EngineBridge::loadTrace(const QString& path, QObject* context,
                                  Reply<std::shared_ptr<const engine::BlendTrace>> reply) {
    return submit<std::shared_ptr<const engine::BlendTrace>>(
        {Lane::Question, tagOf("load trace", context), {}}, context, std::move(reply),
        [path = text::toUtf8(path)](CommandTurn&) { return engine::loadTrace(path); });
}

CommandId EngineBridge::saveTrace(std::shared_ptr<const engine::BlendTrace> trace, const QString& path, QObject* context,
                                  Reply<Nothing> reply) {
    return submit<Nothing>({Lane::Question, {}, {}}, context, std::move(reply),
                           [trace = std::move(trace), path = text::toUtf8(path)](CommandTurn&) {
                               return done(engine::saveTrace(*trace, path));
                           });
}

CommandId EngineBridge::storeStats(QObject* context, Reply<engine::KvStoreStats> reply) {
    using T = engine::KvStoreStats;
    return submit<T>({Lane::Question, tagOf("stats", context), {}}, context, std::move(reply),
                     onEngine<T>([](engine::Engine& engine, CommandTurn&) { return engine.storeStats(); }));
}

CommandId EngineBridge::storeUsage(engine::StoreGroup group, QObject* context,
                                   Reply<std::vector<engine::StoreUsage>> reply) {
    using T = std::vector<engine::StoreUsage>;
    const QString tag = tagOf("usage", context) + QString::number(static_cast<int>(group));
    return submit<T>({Lane::Question, tag, {}}, context, std::move(reply),
                     onEngine<T>([group](engine::Engine& engine, CommandTurn&) { return engine.storeUsage(group); }));
}

CommandId EngineBridge::storeDamage(int limit, QObject* context, Reply<std::vector<engine::DamageEvent>> reply) {
    using T = std::vector<engine::DamageEvent>;
    return submit<T>({Lane::Question, tagOf("damage", context), {}}, context, std::move(reply),
                     onEngine<T>([limit](engine::Engine& engine, CommandTurn&) { return engine.storeDamage(limit); }));
}

CommandId EngineBridge::verifyStore(QObject* context, Reply<engine::KvVerifyReport> reply) {
    using T = engine::KvVerifyReport;
    struct Progress {
        int part = 0;
        T report;
    };
    const auto progress = std::make_shared<Progress>();
    return change<T>({Lane::Job, {}, tr("Verifying the store")}, Changes::Store, context, std::move(reply),
                     [progress](engine::Engine& engine, CommandTurn& turn) -> engine::Result<T> {
                         for (; progress->part < kVerifyParts; ++progress->part) {
                             if (turn.othersWait() && progress->part > 0) {
                                 turn.pause();
                                 return progress->report;
                             }
                             PartRelay relay(turn, progress->part, kVerifyParts);
                             auto part = engine.storeVerify(progress->part, kVerifyParts, relay, turn.stop());
                             if (!part)
                                 return part;
                             progress->report.checked += part->checked;
                             progress->report.checkedBytes += part->checkedBytes;
                             progress->report.damaged.insert(progress->report.damaged.end(), part->damaged.begin(),
                                                             part->damaged.end());
                             if (turn.stoppedByPerson())
                                 break;
                         }
                         return progress->report;
                     });
}

CommandId EngineBridge::evictStore(std::uint64_t bytes, QObject* context, Reply<std::uint64_t> reply) {
    return change<std::uint64_t>(
        {Lane::Change, {}, tr("Evicting")}, Changes::Both, context, std::move(reply),
        [bytes](engine::Engine& engine, CommandTurn& turn) { return engine.storeEvict(bytes, turn.stop()); });
}

CommandId EngineBridge::compactStore(QObject* context, Reply<engine::KvCompactReport> reply) {
    return change<engine::KvCompactReport>({Lane::Job, {}, tr("Compacting the store")}, Changes::Store, context,
                                           std::move(reply), [](engine::Engine& engine, CommandTurn& turn) {
                                               JobRelay relay(turn, Border::None);
                                               return engine.storeCompact(relay, turn.stop());
                                           });
}

CommandId EngineBridge::rebuildIndex(QObject* context, Reply<engine::KvRebuildReport> reply) {
    return change<engine::KvRebuildReport>({Lane::Job, {}, tr("Rebuilding the index")}, Changes::Both, context,
                                           std::move(reply), [](engine::Engine& engine, CommandTurn& turn) {
                                               JobRelay relay(turn, Border::None);
                                               return engine.storeRebuildIndex(relay, turn.stop());
                                           });
}

CommandId EngineBridge::pinCollection(const QString& collection, bool pinned, QObject* context, Reply<std::int64_t> reply) {
    return change<std::int64_t>({Lane::Change, {}, {}}, Changes::Both, context, std::move(reply),
                                [name = text::toUtf8(collection), pinned](engine::Engine& engine, CommandTurn&) {
                                    return engine.storePin(name, pinned);
                                });
}

CommandId EngineBridge::pinFiles(const QString& collection, const QStringList& paths, bool pinned, QObject* context,
                                 Reply<std::int64_t> reply) {
    return change<std::int64_t>(
        {Lane::Change, {}, {}}, Changes::Both, context, std::move(reply),
        [name = text::toUtf8(collection), paths = toUtf8(paths), pinned](engine::Engine& engine, CommandTurn&) {
            return engine.storePinFiles(name, paths, pinned);
        });
}

CommandId EngineBridge::setStoreCap(std::uint64_t bytes, QObject* context, Reply<std::uint64_t> reply) {
    return change<std::uint64_t>({Lane::Change, {}, {}}, Changes::Both, context, std::move(reply),
                                 [bytes](engine::Engine& engine, CommandTurn&) { return engine.setStoreCap(bytes); });
}

}  // namespace ui
