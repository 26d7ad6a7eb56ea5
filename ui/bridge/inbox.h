// What the engine thread has to tell the GUI thread, in order, with floods of text and progress merged.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include "engine/types.h"
#include "ui/bridge/command_queue.h"

namespace ui {

struct StartedPost {
    CommandId id = 0;
};
struct TextPost {
    CommandId id = 0;
    std::string utf8;
};
struct ProgressPost {
    CommandId id = 0;
    std::string what;
    std::int64_t done = 0;
    std::int64_t total = -1;  // < 0 = not known
    std::string unit;
};
struct FirstTokenPost {
    CommandId id = 0;
    engine::Timings timings;
};
struct FilePost {
    CommandId id = 0;
    engine::IngestFile file;
};
/// The command's result lies where its reply will look for it.
struct FinishedPost {
    CommandId id = 0;
};

/// The engine ended its session and was closed.
struct EndedPost {
    std::string why;
    bool newProcess = false;  // only another process can open a session like it
};

using Post = std::variant<StartedPost, TextPost, ProgressPost, FirstTokenPost, FilePost, FinishedPost, EndedPost>;

/// Written by the engine thread, taken by the GUI thread. `wake` is called by the engine thread when something new waits,
/// once for each taking.
class Inbox {
public:
    explicit Inbox(std::function<void()> wake) : m_wake(std::move(wake)) {}

    void add(Post post);
    std::vector<Post> take();

private:
    const std::function<void()> m_wake;
    std::mutex m_mutex;
    std::vector<Post> m_posts;  // guarded by m_mutex
};

/// True for posts that a person would notice being late: not text or progress, which are batched.
bool isUrgent(const Post& post);

}  // namespace ui
