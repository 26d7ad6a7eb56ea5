// What a test tells a scripted engine, and what it noted: calls, their thread, which to hold in their middle.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "engine/types.h"

namespace testing_ui {

/// What a test tells the engine and what it noted; shared by the test (GUI thread) and the engine (its thread).
class Script {
public:
    // Set before the engine is opened.
    int chunkCount = 12;  // of the collection "papers"
    std::vector<std::string> answer = {"Eleven ", "springs ", "feed ", "the ", "valley."};
    std::string endOfRun;                // the next run ends the session with this; empty = it answers
    int precomputeBorders = 40;          // layer borders of a precompute
    std::uint64_t bytesFromRam = 0;      // of what an answer loads
    std::set<std::string> changedFiles;  // since they were imported
    std::set<std::string> missingFiles;
    std::function<void()> afterRun;  // engine thread, when a run has been answered

    /// From now on calls of this name wait in their middle until released or stopped.
    void hold(const std::string& call);
    void release(const std::string& call);
    void releaseAll();
    /// Waits until a held call is in its middle.
    void awaitHeld(const std::string& call);

    std::vector<std::string> calls() const;
    std::vector<engine::Query> queries() const;
    /// Every call came on one thread.
    bool oneThread() const;
    int closedEngines() const;

private:
    friend class ScriptedEngine;
    void note(const std::string& call);
    void middle(const std::string& call, const std::stop_token& stop);

    mutable std::mutex m_mutex;
    std::condition_variable_any m_changed;
    std::vector<std::string> m_held;  // all below guarded by m_mutex
    std::vector<std::string> m_inside;
    std::vector<std::string> m_calls;
    std::vector<engine::Query> m_queries;
    std::thread::id m_thread;
    bool m_oneThread = true;
    int m_closed = 0;
};

}  // namespace testing_ui
