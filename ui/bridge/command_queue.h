// The commands that wait for the engine thread: lanes, tags, and putting a paused job back.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace ui {

using CommandId = std::uint64_t;  // 0 = none; greater = newer

/// Who may go before whom.
enum class Lane {
    Question,  // reads only: may run at a border inside a running job
    Change,    // alters library, store or model: a running job pauses for it
    Job        // import, precompute, verify: runs when nothing else waits
};

/// What became of one turn of a command.
enum class Turn { Finished, Paused };

class CommandTurn;

struct Command {
    CommandId id = 0;
    std::string tag;  // a newer command with the same tag replaces this one while it waits; empty = none
    Lane lane = Lane::Question;
    std::function<Turn(CommandTurn&)> work;
};

/// Filled by the GUI thread, emptied by the engine thread; every member may be called from both.
class CommandQueue {
public:
    /// Returns the waiting commands that this one replaces.
    std::vector<CommandId> push(Command command);
    /// A paused job goes on before other jobs.
    void putBack(Command command);
    /// The oldest question or change, else the oldest job. Waits for one; empty when asked to stop.
    std::optional<Command> waitAndTake(std::stop_token stop);
    /// The oldest question, or empty; never waits.
    std::optional<Command> takeQuestion();
    bool questionWaits() const;
    bool changeWaits() const;
    /// True when the command was still waiting.
    bool remove(CommandId id);

private:
    bool waits(Lane lane) const;

    mutable std::mutex m_mutex;
    std::condition_variable_any m_filled;
    std::deque<Command> m_waiting;  // guarded by m_mutex; in order of arrival
};

}  // namespace ui
