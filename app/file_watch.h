// Which files change: inotify on the files and folders that a person named.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/types.h"

namespace app {

/// Watches files, and folders with all that lies below them but hidden ones. One thread; the stop may come from another.
class FileWatch {
public:
    /// `rest`: a change is told when nothing has changed for so long, or after `kMostRests` times that of going on changing.
    static engine::Result<std::unique_ptr<FileWatch>> create(std::vector<std::string> paths, std::chrono::milliseconds rest);
    ~FileWatch();
    FileWatch(const FileWatch&) = delete;
    FileWatch& operator=(const FileWatch&) = delete;

    /// Blocks until something changed or the stop comes. Changes since create() or the last call count, so nothing is missed
    /// that happens while the former ones are dealt with. Errors: Cancelled, IoError.
    engine::Status waitForChange(const std::stop_token& stop);

    static constexpr int kMostRests = 10;

private:
    FileWatch(std::vector<std::string> paths, std::chrono::milliseconds rest, int descriptor);

    /// Watches all paths as they are now; those watched already stay so.
    engine::Status addWatches();
    engine::Status addWatch(const std::string& folder);
    /// Reads what has come; whether anything of it concerns the paths.
    bool readEvents();

    const std::vector<std::string> m_paths;  // absolute
    const std::chrono::milliseconds m_rest;
    const int m_descriptor;                                // inotify
    std::map<int, std::set<std::string>> m_namesOf;        // of a watched folder: its files that were named; none = all
    std::map<std::string, std::set<std::string>> m_named;  // folder → files named in it
};

}  // namespace app
