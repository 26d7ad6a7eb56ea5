// A file is watched through its folder, because editors replace files by renaming others over them.
#include "app/file_watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>

namespace app {

namespace fs = std::filesystem;
using engine::Status;
using engine::StatusCode;
using Clock = std::chrono::steady_clock;

namespace {

/// What makes a file's content other: written, moved here, made (a folder), or now permitted to be read.
constexpr std::uint32_t kChanges = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_ATTRIB | IN_ONLYDIR;

bool isHidden(const std::string& name) { return name.starts_with('.'); }

Status failure(const std::string& what, int error) {
    return Status(StatusCode::IoError, what + ": " + std::generic_category().message(error));
}

/// Wakes a poll() when the stop comes.
class StopEvent {
public:
    explicit StopEvent(const std::stop_token& stop)
        : m_descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), m_callback(stop, Wake{m_descriptor}) {}
    ~StopEvent() {
        if (m_descriptor >= 0)
            ::close(m_descriptor);
    }
    StopEvent(const StopEvent&) = delete;
    StopEvent& operator=(const StopEvent&) = delete;

    int descriptor() const { return m_descriptor; }

private:
    struct Wake {
        int descriptor;
        void operator()() const { (void)::eventfd_write(descriptor, 1); }
    };
    const int m_descriptor;
    const std::stop_callback<Wake> m_callback;  // destroyed before the descriptor is closed
};

}  // namespace

engine::Result<std::unique_ptr<FileWatch>> FileWatch::create(std::vector<std::string> paths,
                                                             std::chrono::milliseconds rest) {
    const int descriptor = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (descriptor < 0)
        return failure("files cannot be watched", errno);
    for (std::string& path : paths) {
        std::error_code error;
        const fs::path absolute = fs::absolute(path, error).lexically_normal();
        if (!error)
            path = absolute.string();
        while (path.size() > 1 && path.back() == '/')
            path.pop_back();
    }
    std::unique_ptr<FileWatch> watch(new FileWatch(std::move(paths), rest, descriptor));
    if (Status status = watch->addWatches(); !status.ok())
        return status;
    return watch;
}

FileWatch::FileWatch(std::vector<std::string> paths, std::chrono::milliseconds rest, int descriptor)
    : m_paths(std::move(paths)), m_rest(rest), m_descriptor(descriptor) {}

FileWatch::~FileWatch() { ::close(m_descriptor); }

Status FileWatch::addWatch(const std::string& folder) {
    const int watch = ::inotify_add_watch(m_descriptor, folder.c_str(), kChanges);
    if (watch >= 0) {
        const auto named = m_named.find(folder);
        m_namesOf[watch] = named == m_named.end() ? std::set<std::string>() : named->second;
        return {};
    }
    if (errno == ENOSPC)
        return Status(StatusCode::IoError, folder +
                                               ": the kernel watches no more folders for this user; raise the setting "
                                               "fs.inotify.max_user_watches, or name fewer folders");
    // Gone or not permitted: importing tells of it.
    return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? Status()
                                                                  : failure(folder + ": cannot be watched", errno);
}

Status FileWatch::addWatches() {
    std::set<std::string> folders;
    m_named.clear();
    for (const std::string& path : m_paths) {
        // Every path has its name watched in the folder around it: a folder may go and come back, too.
        const fs::path named(path);
        if (named.has_filename())
            m_named[named.parent_path().string()].insert(named.filename().string());
        std::error_code error;
        if (fs::is_directory(path, error)) {
            folders.insert(path);
            fs::recursive_directory_iterator walk(path, fs::directory_options::skip_permission_denied, error);
            for (; !error && walk != fs::recursive_directory_iterator(); walk.increment(error)) {
                std::error_code ignored;
                if (isHidden(walk->path().filename().string()))
                    walk.disable_recursion_pending();
                else if (walk->is_directory(ignored) && !walk->is_symlink(ignored))
                    folders.insert(walk->path().string());
            }
        }
    }
    for (const std::string& folder : folders)
        m_named.erase(folder);  // all of its files count
    for (const auto& [folder, names] : m_named)
        if (Status status = addWatch(folder); !status.ok())
            return status;
    for (const std::string& folder : folders)
        if (Status status = addWatch(folder); !status.ok())
            return status;
    return {};
}

bool FileWatch::readEvents() {
    bool concerned = false;
    alignas(inotify_event) std::array<char, 65536> buffer;
    for (;;) {
        const ssize_t length = ::read(m_descriptor, buffer.data(), buffer.size());
        if (length < 0 && errno == EINTR)
            continue;
        if (length <= 0)
            return concerned;
        for (ssize_t at = 0; at < length;) {
            const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
            at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
            const std::string name = event->len > 0 ? event->name : "";
            const auto names = m_namesOf.find(event->wd);
            if ((event->mask & IN_Q_OVERFLOW) != 0)
                concerned = true;  // something was missed
            else if ((event->mask & IN_IGNORED) != 0)
                m_namesOf.erase(event->wd);
            else if (names != m_namesOf.end() && !name.empty())
                concerned = concerned || (names->second.empty() ? !isHidden(name) : names->second.contains(name));
        }
    }
}

Status FileWatch::waitForChange(const std::stop_token& stop) {
    const StopEvent stopped(stop);
    if (stopped.descriptor() < 0)
        return failure("files cannot be watched", errno);
    std::array<pollfd, 2> watched{{{m_descriptor, POLLIN, 0}, {stopped.descriptor(), POLLIN, 0}}};
    bool changed = false;
    Clock::time_point latest;
    for (;;) {
        const int ready = ::poll(watched.data(), watched.size(), changed ? static_cast<int>(m_rest.count()) : -1);
        if (stop.stop_requested())
            return Status(StatusCode::Cancelled, "watching was stopped");
        if (ready < 0 && errno != EINTR)
            return failure("files cannot be watched", errno);
        const bool more = readEvents();
        if (more && !changed)
            latest = Clock::now() + kMostRests * m_rest;
        changed = changed || more;
        if (changed && ((ready == 0 && !more) || Clock::now() >= latest))
            return addWatches();  // new folders too: what is in them by now is found when they are imported
    }
}

}  // namespace app
