// Wakes the GUI thread's event loop from the engine thread without touching a Qt object there.
#pragma once

namespace ui {

/// A kernel event counter: the engine thread rings, the GUI thread watches descriptor() and answers. Events posted through Qt would
/// do, but Debian's Qt is not instrumented, so that a thread checker cannot see its hand-over; this one it sees.
class Doorbell {
public:
    Doorbell();
    ~Doorbell();
    Doorbell(const Doorbell&) = delete;
    Doorbell& operator=(const Doorbell&) = delete;

    int descriptor() const { return m_descriptor; }
    void ring();
    /// Takes all rings so far.
    void answer();

private:
    const int m_descriptor;
};

}  // namespace ui
