// What a test tells a scripted engine, and what it noted.
#include "tests/ui/script.h"

#include <algorithm>

namespace testing_ui {

void Script::hold(const std::string& call) {
    const std::lock_guard lock(m_mutex);
    m_held.push_back(call);
}

void Script::release(const std::string& call) {
    {
        const std::lock_guard lock(m_mutex);
        std::erase(m_held, call);
    }
    m_changed.notify_all();
}

void Script::releaseAll() {
    {
        const std::lock_guard lock(m_mutex);
        m_held.clear();
    }
    m_changed.notify_all();
}

void Script::awaitHeld(const std::string& call) {
    std::unique_lock lock(m_mutex);
    m_changed.wait(lock, [&] { return std::find(m_inside.begin(), m_inside.end(), call) != m_inside.end(); });
}

void Script::middle(const std::string& call, const std::stop_token& stop) {
    std::unique_lock lock(m_mutex);
    m_inside.push_back(call);
    m_changed.notify_all();
    (void)m_changed.wait(lock, stop, [&] { return std::find(m_held.begin(), m_held.end(), call) == m_held.end(); });
    std::erase(m_inside, call);
}

void Script::note(const std::string& call) {
    const std::lock_guard lock(m_mutex);
    if (m_thread == std::thread::id())
        m_thread = std::this_thread::get_id();
    m_oneThread = m_oneThread && m_thread == std::this_thread::get_id();
    m_calls.push_back(call);
}

std::vector<std::string> Script::calls() const {
    const std::lock_guard lock(m_mutex);
    return m_calls;
}

std::vector<engine::Query> Script::queries() const {
    const std::lock_guard lock(m_mutex);
    return m_queries;
}

bool Script::oneThread() const {
    const std::lock_guard lock(m_mutex);
    return m_oneThread;
}

int Script::closedEngines() const {
    const std::lock_guard lock(m_mutex);
    return m_closed;
}

}  // namespace testing_ui
