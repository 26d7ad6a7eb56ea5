// One process holds a workspace; the second is told who, at once; death frees it.
#include "storage/workspace_lock.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/storage/temporary_directory.h"

namespace storage::testing {
namespace {

/// Another process that holds the workspace until it is killed.
class HoldingProcess {
public:
    explicit HoldingProcess(const std::string& workspace) {
        int ends[2];
        if (::pipe(ends) != 0)
            return;
        m_pid = ::fork();
        if (m_pid == 0) {
            const Result<std::unique_ptr<WorkspaceLock>> lock = WorkspaceLock::acquire(workspace);
            const char answer = lock.ok() ? 'y' : 'n';
            const ssize_t written = ::write(ends[1], &answer, 1);
            while (written == 1)
                ::pause();
            ::_exit(1);
        }
        char answer = 'n';
        m_holds = ::read(ends[0], &answer, 1) == 1 && answer == 'y';
        ::close(ends[0]);
        ::close(ends[1]);
    }
    ~HoldingProcess() { kill(); }

    void kill() {
        if (m_pid > 0) {
            ::kill(m_pid, SIGKILL);
            ::waitpid(m_pid, nullptr, 0);
        }
        m_pid = -1;
    }

    bool holds() const { return m_holds; }
    pid_t pid() const { return m_pid; }

private:
    pid_t m_pid = -1;
    bool m_holds = false;
};

TEST(WorkspaceLockTest, SecondProcessIsToldWhoHoldsItAndDeathFreesIt) {
    const TemporaryDirectory directory;
    HoldingProcess holder(directory.path());
    ASSERT_TRUE(holder.holds());
    const Result<std::unique_ptr<WorkspaceLock>> refused = WorkspaceLock::acquire(directory.path());
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.status().code(), StatusCode::Busy);
    EXPECT_NE(refused.status().message().find("process " + std::to_string(holder.pid())), std::string::npos)
        << refused.status().message();
    holder.kill();
    EXPECT_TRUE(WorkspaceLock::acquire(directory.path()).ok());
}

TEST(WorkspaceLockTest, TheSameDirectoryUnderAnotherNameIsTheSameWorkspace) {
    const TemporaryDirectory directory;
    const std::string link = directory.path() + "-link";
    std::filesystem::create_symlink(directory.path(), link);
    {
        const Result<std::unique_ptr<WorkspaceLock>> lock = WorkspaceLock::acquire(directory.path());
        ASSERT_TRUE(lock.ok());
        EXPECT_EQ(WorkspaceLock::acquire(link).status().code(), StatusCode::Busy);
    }
    EXPECT_TRUE(WorkspaceLock::acquire(link).ok());
    std::filesystem::remove(link);
}

TEST(WorkspaceLockTest, MissingDirectoriesAreMade) {
    const TemporaryDirectory directory;
    const std::string path = directory.path() + "/a/b/c";
    ASSERT_TRUE(WorkspaceLock::acquire(path).ok());
    EXPECT_TRUE(std::filesystem::is_regular_file(path + "/LOCK"));
    EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms::owner_all)
        << "nobody else may read the documents";
}

TEST(WorkspaceLockTest, AWorkspaceThatCannotBeMadeIsAFailureNotARefusal) {
    const auto lock = WorkspaceLock::acquire("/proc/none/workspace");
    EXPECT_EQ(lock.status().code(), StatusCode::IoError) << lock.status().message();
}

TEST(WorkspaceLockTest, HolderIsNamedByPidAndProgram) {
    const TemporaryDirectory directory;
    const Result<std::unique_ptr<WorkspaceLock>> lock = WorkspaceLock::acquire(directory.path());
    ASSERT_TRUE(lock.ok());
    std::string pid;
    std::string program;
    std::ifstream(directory.path() + "/LOCK") >> pid >> program;
    EXPECT_EQ(pid, std::to_string(::getpid()));
    EXPECT_FALSE(program.empty());
}

TEST(WorkspaceLockTest, LockFileThatIsNoFileIsAnError) {
    const TemporaryDirectory directory;
    ASSERT_EQ(::mkfifo((directory.path() + "/LOCK").c_str(), 0600), 0);
    EXPECT_EQ(WorkspaceLock::acquire(directory.path()).status().code(), StatusCode::IoError);
    std::filesystem::remove(directory.path() + "/LOCK");
    std::filesystem::create_symlink("/etc/hostname", directory.path() + "/LOCK");
    EXPECT_FALSE(WorkspaceLock::acquire(directory.path()).ok());
}

TEST(WorkspaceLockTest, LongTextInTheLockFileIsOvercome) {
    const TemporaryDirectory directory;
    std::ofstream(directory.path() + "/LOCK") << std::string(10'000, '\x01');
    const Result<std::unique_ptr<WorkspaceLock>> lock = WorkspaceLock::acquire(directory.path());
    ASSERT_TRUE(lock.ok());
    EXPECT_LT(std::filesystem::file_size(directory.path() + "/LOCK"), 100u);
}

}  // namespace
}  // namespace storage::testing
