// The commands that wait for the engine thread.
#include "ui/bridge/command_queue.h"

#include <algorithm>

namespace ui {

std::vector<CommandId> CommandQueue::push(Command command) {
    std::vector<CommandId> replaced;
    {
        const std::lock_guard lock(m_mutex);
        if (!command.tag.empty()) {
            std::erase_if(m_waiting, [&](const Command& other) {
                if (other.tag != command.tag)
                    return false;
                replaced.push_back(other.id);
                return true;
            });
        }
        m_waiting.push_back(std::move(command));
    }
    m_filled.notify_one();
    return replaced;
}

void CommandQueue::putBack(Command command) {
    const std::lock_guard lock(m_mutex);
    m_waiting.push_front(std::move(command));
}

std::optional<Command> CommandQueue::waitAndTake(std::stop_token stop) {
    std::unique_lock lock(m_mutex);
    if (!m_filled.wait(lock, stop, [this] { return !m_waiting.empty(); }) || stop.stop_requested())
        return {};
    auto chosen =
        std::find_if(m_waiting.begin(), m_waiting.end(), [](const Command& command) { return command.lane != Lane::Job; });
    if (chosen == m_waiting.end())
        chosen = m_waiting.begin();
    Command command = std::move(*chosen);
    m_waiting.erase(chosen);
    return command;
}

std::optional<Command> CommandQueue::takeQuestion() {
    const std::lock_guard lock(m_mutex);
    const auto chosen = std::find_if(m_waiting.begin(), m_waiting.end(),
                                     [](const Command& command) { return command.lane == Lane::Question; });
    if (chosen == m_waiting.end())
        return {};
    Command command = std::move(*chosen);
    m_waiting.erase(chosen);
    return command;
}

bool CommandQueue::waits(Lane lane) const {
    const std::lock_guard lock(m_mutex);
    return std::any_of(m_waiting.begin(), m_waiting.end(), [lane](const Command& command) { return command.lane == lane; });
}

bool CommandQueue::questionWaits() const { return waits(Lane::Question); }

bool CommandQueue::changeWaits() const { return waits(Lane::Change); }

bool CommandQueue::remove(CommandId id) {
    const std::lock_guard lock(m_mutex);
    return std::erase_if(m_waiting, [id](const Command& command) { return command.id == id; }) > 0;
}

}  // namespace ui
