// A directory that is removed with everything in it when the test ends.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>

namespace storage::testing {

class TemporaryDirectory {
public:
    TemporaryDirectory() {
        std::error_code absent;
        // Memory where there is some: these tests sync often and measure nothing.
        const bool memory = std::filesystem::is_directory("/dev/shm", absent);
        std::string pattern = (memory ? "/dev/shm" : std::filesystem::temp_directory_path().string()) + "/storage-XXXXXX";
        if (::mkdtemp(pattern.data()) == nullptr)
            throw std::runtime_error("no temporary directory");
        m_path = pattern;
    }
    ~TemporaryDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(m_path, ignored);
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

    const std::string& path() const { return m_path; }

private:
    std::string m_path;
};

}  // namespace storage::testing
