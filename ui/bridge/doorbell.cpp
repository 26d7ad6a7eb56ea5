// Wakes the GUI thread's event loop.
#include "ui/bridge/doorbell.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

namespace ui {

namespace {

int openCounter() {
    const int descriptor = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (descriptor < 0)
        throw std::system_error(errno, std::generic_category(), "eventfd");
    return descriptor;
}

}  // namespace

Doorbell::Doorbell() : m_descriptor(openCounter()) {}

Doorbell::~Doorbell() { ::close(m_descriptor); }

void Doorbell::ring() {
    const std::uint64_t one = 1;
    while (::write(m_descriptor, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

void Doorbell::answer() {
    std::uint64_t rings = 0;
    while (::read(m_descriptor, &rings, sizeof rings) < 0 && errno == EINTR) {
    }
}

}  // namespace ui
