// One turn of a command on the engine thread: its engine, its stop, whether others wait, and where its news go.
#pragma once

#include <atomic>
#include <stop_token>

#include "engine/engine.h"
#include "ui/bridge/command_queue.h"
#include "ui/bridge/inbox.h"

namespace ui {

/// Lives on the engine thread for one turn; only `stopByPerson` is called from the GUI thread.
class CommandTurn {
public:
    CommandTurn(CommandId id, std::unique_ptr<engine::Engine>& engine, CommandQueue& queue, Inbox& inbox,
                std::function<void()> answerQuestions)
        : m_id(id), m_engine(engine), m_queue(queue), m_inbox(inbox), m_answerQuestions(std::move(answerQuestions)) {}

    CommandId id() const { return m_id; }
    /// Null when nothing is open. The owner is given, so that opening can replace it.
    std::unique_ptr<engine::Engine>& engine() { return m_engine; }
    Inbox& inbox() { return m_inbox; }
    std::stop_token stop() const { return m_stop.get_token(); }

    void stopByPerson() {
        m_stoppedByPerson = true;
        m_stop.request_stop();
    }
    bool stoppedByPerson() const { return m_stoppedByPerson; }

    bool changeWaits() const { return m_queue.changeWaits(); }
    bool othersWait() const { return m_queue.changeWaits() || m_queue.questionWaits(); }
    /// Ends this turn as a stop would; the command is put back and goes on later.
    void pause() {
        m_pauseAsked = true;
        m_stop.request_stop();
    }
    /// The work was done all the same.
    void withdrawPause() { m_pauseAsked = false; }
    bool paused() const { return m_pauseAsked && !m_stoppedByPerson; }
    /// Runs the questions that wait, here and now. Called at a border where the engine may be re-entered.
    void answerQuestions() { m_answerQuestions(); }

private:
    const CommandId m_id;
    std::unique_ptr<engine::Engine>& m_engine;
    CommandQueue& m_queue;
    Inbox& m_inbox;
    const std::function<void()> m_answerQuestions;
    std::stop_source m_stop;
    std::atomic<bool> m_stoppedByPerson = false;
    bool m_pauseAsked = false;  // engine thread
};

/// Passes a question's news on.
class QuestionRelay : public engine::QueryObserver {
public:
    explicit QuestionRelay(CommandTurn& turn) : m_turn(turn) {}
    void firstToken(const engine::Timings& timings) override { m_turn.inbox().add(FirstTokenPost{m_turn.id(), timings}); }
    void text(std::string_view piece) override { m_turn.inbox().add(TextPost{m_turn.id(), std::string(piece)}); }
    void progress(std::string_view what, std::int64_t done, std::int64_t total) override {
        m_turn.inbox().add(ProgressPost{m_turn.id(), std::string(what), done, total, {}});
    }

private:
    CommandTurn& m_turn;
};

/// Where a job may be interrupted for others.
enum class Border {
    None,   // it runs to its end
    File,   // paused after a file: finished files are kept, so that every turn gets further
    Layer,  // questions are answered inside it; it pauses for changes only
};

/// Passes a job's news on, and gives way at its borders.
class JobRelay : public engine::JobObserver {
public:
    JobRelay(CommandTurn& turn, Border border) : m_turn(turn), m_border(border) {}
    void progress(std::string_view what, std::int64_t done, std::int64_t total, std::string_view unit) override {
        m_turn.inbox().add(ProgressPost{m_turn.id(), std::string(what), done, total, std::string(unit)});
    }
    void fileDone(const engine::IngestFile& file) override {
        m_turn.inbox().add(FilePost{m_turn.id(), file});
        if (m_border == Border::File && m_turn.othersWait())
            m_turn.pause();
    }
    void atBorder() override {
        if (m_border != Border::Layer)
            return;
        m_turn.answerQuestions();
        if (m_turn.changeWaits())
            m_turn.pause();
    }

private:
    CommandTurn& m_turn;
    const Border m_border;
};

/// Progress of one part of a job that is cut into parts of about the same size.
class PartRelay : public engine::JobObserver {
public:
    PartRelay(CommandTurn& turn, int part, int parts) : m_turn(turn), m_part(part), m_parts(parts) {}
    void progress(std::string_view what, std::int64_t done, std::int64_t total, std::string_view unit) override {
        if (total > 0)
            m_turn.inbox().add(
                ProgressPost{m_turn.id(), std::string(what), m_part * total + done, m_parts * total, std::string(unit)});
    }

private:
    CommandTurn& m_turn;
    const int m_part;
    const int m_parts;
};

}  // namespace ui
