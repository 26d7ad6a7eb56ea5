// What counts as a change, and that a stop ends the waiting. A change is made before it is waited for, so nothing depends on time.
#include "app/file_watch.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "app/startup.h"

namespace app {
namespace {

namespace fs = std::filesystem;

class FileWatchTest : public testing::Test {
protected:
    void write(const std::string& name) { std::ofstream(m_folder.path() + "/" + name) << "text"; }

    void watch(const std::vector<std::string>& names) {
        std::vector<std::string> paths;
        for (const std::string& name : names)
            paths.push_back(m_folder.path() + "/" + name);
        auto watch = FileWatch::create(paths, std::chrono::milliseconds(1));
        ASSERT_TRUE(watch.ok()) << watch.status().message();
        m_watch = std::move(*watch);
    }

    void expectChange() { EXPECT_TRUE(m_watch->waitForChange(m_stop.get_token()).ok()); }
    void expectNothing() {
        m_stop.request_stop();
        EXPECT_EQ(m_watch->waitForChange(m_stop.get_token()).code(), engine::StatusCode::Cancelled);
    }

    TemporaryDirectory m_folder = TemporaryDirectory::create([](const std::string&) { return std::nullopt; }).value();
    std::unique_ptr<FileWatch> m_watch;
    std::stop_source m_stop;
};

TEST_F(FileWatchTest, AStopEndsTheWaiting) {
    watch({""});
    std::jthread stopping([&] { m_stop.request_stop(); });
    EXPECT_EQ(m_watch->waitForChange(m_stop.get_token()).code(), engine::StatusCode::Cancelled);
}

TEST_F(FileWatchTest, WrittenAndNewFilesOfAFolderAreChanges) {
    write("old.txt");
    watch({""});
    write("old.txt");
    expectChange();
    write("new.txt");
    expectChange();
    expectNothing();
}

TEST_F(FileWatchTest, FilesBelowANewFolderAreChanges) {
    watch({""});
    fs::create_directories(m_folder.path() + "/a/b");
    expectChange();
    write("a/b/deep.txt");
    expectChange();
}

TEST_F(FileWatchTest, AFileReplacedByRenamingIsAChangeAndItsNeighboursAreNot) {
    write("book.txt");
    watch({"book.txt"});
    write("book.txt.new");
    write("other.txt");
    fs::rename(m_folder.path() + "/book.txt.new", m_folder.path() + "/book.txt");
    expectChange();
    write("other.txt");
    fs::remove(m_folder.path() + "/book.txt");
    expectNothing();
}

TEST_F(FileWatchTest, AFolderThatGoesAndComesBackIsWatchedAgain) {
    fs::create_directory(m_folder.path() + "/papers");
    watch({"papers/"});
    fs::remove(m_folder.path() + "/papers");
    fs::create_directory(m_folder.path() + "/papers");
    expectChange();
    write("papers/one.txt");
    expectChange();
}

TEST_F(FileWatchTest, HiddenFilesAreNoChange) {
    watch({""});
    write(".book.txt.swp");
    expectNothing();
}

}  // namespace
}  // namespace app
