// Ctrl-C and SIGTERM as a stop: the first asks for a clean end, the second ends the program at once.
#pragma once

#include <stop_token>
#include <thread>

namespace app {

/// Blocks SIGINT and SIGTERM in the calling thread, and so in every thread that it starts later; a thread of its own waits for
/// them. Make it before any other thread is started. The second signal ends the process with status 130 at once.
class Interrupt {
public:
    Interrupt();
    ~Interrupt();
    Interrupt(const Interrupt&) = delete;
    Interrupt& operator=(const Interrupt&) = delete;

    std::stop_token token() const { return m_stop.get_token(); }

private:
    void wait();

    std::stop_source m_stop;
    int m_signals = -1;  // signalfd; < 0: none was to be had, and signals keep their usual effect
    int m_finish = -1;   // eventfd: the destructor wakes the thread
    std::jthread m_thread;
};

}  // namespace app
