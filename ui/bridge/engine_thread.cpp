// Takes one command after the other and gives it its turn.
#include "ui/bridge/engine_thread.h"

namespace ui {

EngineThread::EngineThread(std::function<void()> wake) : m_inbox(std::move(wake)) {
    m_thread = std::jthread([this](const std::stop_token& stop) { loop(stop); });
}

EngineThread::~EngineThread() {
    m_thread.request_stop();
    stopRunning();
    m_thread.join();
}

void EngineThread::stop(CommandId id) {
    const std::lock_guard lock(m_mutex);
    for (CommandTurn* turn : m_running) {
        if (turn->id() == id) {
            turn->stopByPerson();
            return;
        }
    }
    m_stopAtStart.insert(id);
}

void EngineThread::loop(const std::stop_token& stop) {
    while (auto command = m_queue.waitAndTake(stop))
        execute(std::move(*command), stop);
    m_engine.reset();
}

void EngineThread::execute(Command command, const std::stop_token& closing) {
    CommandTurn turn(command.id, m_engine, m_queue, m_inbox, [this, closing] {
        while (!closing.stop_requested()) {
            auto question = m_queue.takeQuestion();
            if (!question)
                return;
            execute(std::move(*question), closing);
        }
    });
    {
        const std::lock_guard lock(m_mutex);
        m_running.push_back(&turn);
        if (m_stopAtStart.erase(command.id) > 0 || closing.stop_requested())
            turn.stopByPerson();
    }
    m_inbox.add(StartedPost{command.id});
    const Turn outcome = command.work(turn);
    bool outermost = false;
    {
        const std::lock_guard lock(m_mutex);
        m_running.pop_back();
        outermost = m_running.empty();
    }
    if (outermost)
        closeIfEnded();
    if (outcome == Turn::Paused) {
        m_queue.putBack(std::move(command));
        return;
    }
    const CommandId id = command.id;
    command.work = nullptr;  // the result's last owner is the GUI thread
    m_inbox.add(FinishedPost{id});
}

void EngineThread::closeIfEnded() {
    if (!m_engine || m_engine->ended().empty())
        return;
    const std::string why = m_engine->ended();
    m_engine.reset();  // gives the workspace back, to this process or another
    m_inbox.add(EndedPost{why, why.rfind("device_failed: ", 0) == 0});
}

void EngineThread::stopRunning() {
    const std::lock_guard lock(m_mutex);
    for (CommandTurn* turn : m_running)
        turn->stopByPerson();
}

}  // namespace ui
