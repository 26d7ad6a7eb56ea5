// The engine, the thread that alone calls it, and what that thread shares with the GUI thread.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "ui/bridge/command_queue.h"
#include "ui/bridge/command_turn.h"
#include "ui/bridge/inbox.h"

namespace ui {

/// Made, asked and destroyed on the GUI thread. Destroying it stops what runs and joins.
class EngineThread {
public:
    /// `wake` is called on the engine thread when the inbox has news.
    explicit EngineThread(std::function<void()> wake);
    ~EngineThread();
    EngineThread(const EngineThread&) = delete;
    EngineThread& operator=(const EngineThread&) = delete;

    CommandQueue& queue() { return m_queue; }
    Inbox& inbox() { return m_inbox; }
    /// Stops the command's turn, also one that is about to begin.
    void stop(CommandId id);

private:
    void loop(const std::stop_token& stop);
    void execute(Command command, const std::stop_token& closing);
    /// Closes a session that ended by itself, and tells.
    void closeIfEnded();
    void stopRunning();

    CommandQueue m_queue;
    Inbox m_inbox;
    std::mutex m_mutex;
    std::vector<CommandTurn*> m_running;       // guarded by m_mutex; the outermost first
    std::set<CommandId> m_stopAtStart;         // guarded by m_mutex; asked to stop while neither waiting nor running
    std::unique_ptr<engine::Engine> m_engine;  // engine thread
    std::jthread m_thread;
};

}  // namespace ui
