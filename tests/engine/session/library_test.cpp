// Importing: what is computed again after a change, and what is not; broken files; lists.
#include "tests/engine/session/session_fixture.h"

#include <utime.h>

#include <filesystem>
#include <tuple>

namespace {

using engine::IngestState;

class LibraryTest : public SessionFixture {};

TEST_F(LibraryTest, UnchangedFilesCostNothing) {
    const std::string path = write("mill.md", longText(30));
    EXPECT_EQ(import({path}).files[0].state, IngestState::Indexed);
    const engine::PrecomputeReport first = precompute();
    EXPECT_GT(first.chunksDone, 5);
    EXPECT_EQ(import({path}).files[0].state, IngestState::Unchanged);
    const engine::PrecomputeReport second = precompute();
    EXPECT_EQ(second.chunksDone, 0);
    EXPECT_EQ(second.tokens, 0);
    EXPECT_EQ(second.chunksAlready, first.chunksDone - 1);  // the head is no chunk
}

TEST_F(LibraryTest, AnEditedParagraphRecomputesOnlyItsChunks) {
    const std::string path = write("mill.md", longText(60));
    import({path});
    const engine::PrecomputeReport first = precompute();
    write("mill.md", longText(60, 30));
    EXPECT_EQ(import({path}).files[0].state, IngestState::Indexed);
    const engine::PrecomputeReport second = precompute();
    EXPECT_GE(second.chunksDone, 1);
    EXPECT_LE(second.chunksDone, 3);
    EXPECT_GT(second.chunksAlready, first.chunksDone / 2);
}

TEST_F(LibraryTest, RenamingAndTouchingChangeNothing) {
    const std::string path = write("mill.md", longText(20));
    import({path});
    precompute();
    const utimbuf times{1'000'000'000, 1'000'000'000};
    ASSERT_EQ(::utime(path.c_str(), &times), 0);
    import({path});
    EXPECT_EQ(precompute().chunksDone, 0);
    const std::string renamed = m_folder.path() + "/other name.md";
    std::filesystem::rename(path, renamed);
    import({renamed});
    EXPECT_EQ(precompute().chunksDone, 0);
    EXPECT_EQ(m_engine->documents("notes")->size(), 1U);
}

TEST_F(LibraryTest, AnUnchangedFileTellsItsPagesChunksAndTokensAgain) {
    const std::string path = write("mill.md", longText(10));
    const engine::IngestFile first = import({path}).files[0];
    const engine::IngestFile again = import({path}).files[0];
    EXPECT_EQ(again.state, IngestState::Unchanged);
    EXPECT_EQ(std::tuple(again.pages, again.chunks, again.tokens), std::tuple(first.pages, first.chunks, first.tokens));
    EXPECT_TRUE(m_engine->verifyLibrary()->empty());
}

TEST_F(LibraryTest, ABrokenFileIsReportedAndTheOthersGoOn) {
    const std::string good = write("good.txt", "The mill stands by the river.\n");
    const std::string broken = write("broken.pdf", "%PDF-1.7 and then nothing\n");
    const std::string binary = write("data.bin", std::string("\0\1\2\3\4\5\6\7\0\0\0", 11));
    const engine::IngestReport report = import({broken, m_folder.path() + "/absent.txt", binary, good, m_folder.path()});
    ASSERT_EQ(report.files.size(), 5U);
    for (const engine::IngestFile& file : report.files) {
        const bool isGood = file.path == good;
        EXPECT_EQ(file.state == IngestState::Indexed, isGood) << file.path;
        EXPECT_EQ(file.reason.empty(), isGood) << file.path;
    }
    EXPECT_EQ(m_engine->documents("notes")->size(), 1U);
}

TEST_F(LibraryTest, FoldersAreWalkedInNameOrderAndWhatCannotBeLookedAtIsTold) {
    namespace fs = std::filesystem;
    fs::create_directories(m_folder.path() + "/tree/b/deep");
    fs::create_directories(m_folder.path() + "/tree/.hidden");
    for (const char* name : {"tree/b/deep/two.txt", "tree/a.txt", "tree/c.txt", "tree/.hidden/no.txt", "tree/.no.txt"})
        write(name, std::string("The mill stands by the river called ") + name);
    fs::create_directory_symlink(m_folder.path() + "/tree", m_folder.path() + "/tree/b/again");
    const std::string loop = m_folder.path() + "/loop";
    fs::create_symlink(loop, loop);
    engine::IngestRequest request;
    request.paths = {loop, m_folder.path() + "/tree", m_folder.path() + "/tree/a.txt"};
    request.collection = "notes";
    request.recursive = true;
    const auto report = m_engine->ingest(request, m_silent, {});
    ASSERT_TRUE(report.ok()) << report.status().message();
    std::vector<std::string> told;
    for (const engine::IngestFile& file : report->files)
        told.push_back(file.path.substr(m_folder.path().size()));
    EXPECT_EQ(told, (std::vector<std::string>{"/loop", "/tree/a.txt", "/tree/b/deep/two.txt", "/tree/c.txt"}));
    EXPECT_EQ(report->files[0].reason.rfind("cannot be looked at: ", 0), 0U) << report->files[0].reason;
}

TEST_F(LibraryTest, ATitleTakenFromAFilesNameIsALineOfText) {
    import({write("n\x1b[2J\xff\n.txt", "The mill stands by the river.\n")});
    EXPECT_EQ(m_engine->documents("notes")->at(0).title, "n [2J\uFFFD .txt");
}

TEST_F(LibraryTest, WrongPathsMakeNoCollection) {
    import({m_folder.path() + "/absent.txt"}, 64, "typo");
    EXPECT_TRUE(m_engine->collections()->empty());
}

TEST_F(LibraryTest, PrecomputeNeverFillsTheDiskBeyondItsBudget) {
    import({write("mill.md", longText(60))});
    engine::PrecomputeRequest request;
    request.collection = "notes";
    const std::uint64_t all = m_engine->precomputeForecast(request)->bytes;
    std::int64_t before = -1;
    for (const std::uint64_t percent : {0, 10, 35, 70, 100, 110}) {
        request.budgetBytes = std::max<std::uint64_t>(1, all * percent / 100);
        const auto report = m_engine->precompute(request, m_silent, {});
        ASSERT_TRUE(report.ok()) << report.status().message();
        const auto stats = m_engine->storeStats();
        EXPECT_LE(stats->diskBytes, std::max<std::uint64_t>(request.budgetBytes, stats->records == 0 ? 4096 : 0)) << percent;
        EXPECT_EQ(report->budgetReached, percent <= 100) << percent;
        EXPECT_GE(stats->records, before);
        before = stats->records;
    }
    EXPECT_EQ(before, m_engine->precomputeForecast(request)->already);
    EXPECT_EQ(m_engine->precomputeForecast(request)->chunks, 0);
}

TEST_F(LibraryTest, ChunkTextIsTheDocumentsTextAtItsRange) {
    import({write("mill.md", longText(25)),
            write("grüße.txt", "Übergänge – naïve Wörter. 東京タワーは高い。\n\nZweiter Absatz über die Mühle.\n")});
    const auto chunks = m_engine->chunks({"notes", {}, "", 0, -1});
    ASSERT_TRUE(chunks.ok());
    ASSERT_GT(chunks->size(), 3U);
    for (const engine::ChunkInfo& chunk : *chunks) {
        const auto document = m_engine->document(chunk.record.document);
        ASSERT_TRUE(document.ok());
        std::string expected;
        std::int64_t character = -1;
        for (const char byte : document->text) {
            character += (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U ? 1 : 0;
            if (character >= chunk.record.begin && character < chunk.record.end)
                expected += byte;
        }
        EXPECT_EQ(chunk.text, expected);
        EXPECT_FALSE(chunk.record.header.empty());
        EXPECT_LE(chunk.record.tokens, 64);
    }
}

TEST_F(LibraryTest, SearchTakesAnyWords) {
    import({write("mill.md", longText(10)), write("tower.txt", "東京タワーは高いです。\n")});
    for (const std::string words :
         {"wheel", "\"wheel\" AND (", "the of and", "", "タワー", "*", "NEAR(wheel, water)", "\xFF\xFE"}) {
        const auto found = m_engine->chunks({"notes", {}, words.empty() ? " " : words, 0, 5});
        EXPECT_TRUE(found.ok()) << words << ": " << found.status().message();
    }
    EXPECT_FALSE(m_engine->chunks({"notes", {}, "wheel", 0, 5})->empty());
    EXPECT_FALSE(m_engine->chunks({"notes", {}, "東京タワー", 0, 5})->empty());
    EXPECT_TRUE(m_engine->chunks({"notes", {}, "zeppelin", 0, 5})->empty());
}

TEST_F(LibraryTest, AWorkspaceWithoutAModelCanBeListed) {
    import({write("mill.md", longText(5))});
    reopen("");
    EXPECT_EQ(m_engine->collections()->size(), 1U);
    EXPECT_TRUE(m_engine->storeStats().ok());
    const auto plan = m_engine->plan(question("wheel?"));
    EXPECT_FALSE(plan.ok());
    EXPECT_EQ(plan.status().code(), engine::StatusCode::InvalidArgument);
}

}  // namespace
