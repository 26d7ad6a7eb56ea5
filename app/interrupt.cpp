// Ctrl-C and SIGTERM as a stop.
#include "app/interrupt.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "app/command_context.h"

namespace app {

namespace {

sigset_t endingSignals() {
    sigset_t set{};
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

}  // namespace

Interrupt::Interrupt() {
    const sigset_t set = endingSignals();
    m_signals = ::signalfd(-1, &set, SFD_CLOEXEC);
    m_finish = ::eventfd(0, EFD_CLOEXEC);
    if (m_signals < 0 || m_finish < 0)
        return;
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    m_thread = std::jthread([this] { wait(); });
}

Interrupt::~Interrupt() {
    if (m_thread.joinable()) {
        const std::uint64_t one = 1;
        while (::write(m_finish, &one, sizeof one) < 0 && errno == EINTR) {
        }
        m_thread.join();
        const sigset_t set = endingSignals();
        ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
    }
    if (m_signals >= 0)
        ::close(m_signals);
    if (m_finish >= 0)
        ::close(m_finish);
}

void Interrupt::wait() {
    std::array<pollfd, 2> watched{{{m_signals, POLLIN, 0}, {m_finish, POLLIN, 0}}};
    for (;;) {
        if (::poll(watched.data(), watched.size(), -1) < 0) {
            if (errno == EINTR)
                continue;
            return;
        }
        if ((watched[1].revents & POLLIN) != 0)
            return;
        signalfd_siginfo signal{};
        if (::read(m_signals, &signal, sizeof signal) != static_cast<ssize_t>(sizeof signal))
            continue;
        if (!m_stop.request_stop())
            ::_exit(static_cast<int>(ExitStatus::Interrupted));
    }
}

}  // namespace app
