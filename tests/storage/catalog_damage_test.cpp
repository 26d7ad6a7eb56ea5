// Flipped bits in workspace.db: a precious row that changed is named, never shown as if it were what was written.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>
#include <random>

#include "tests/storage/catalog_workspace.h"
#include "tests/storage/kv_workspace.h"
#include "tests/storage/temporary_directory.h"

namespace storage::testing {
namespace {

class CatalogDamageTest : public ::testing::Test {
protected:
    void SetUp() override {
        Result<std::unique_ptr<Catalog>> catalog = open();
        ASSERT_TRUE(catalog.ok());
        m_collection = *(*catalog)->ensureCollection("papers");
        for (const std::string& text : m_texts)
            ASSERT_TRUE(indexText(**catalog, m_collection, "/" + text.substr(0, 3), text).ok());
        AnswerRecord answer;
        answer.question = "why?";
        answer.answer = "because";
        answer.detailsJson = "{\"a\":1}";
        ASSERT_TRUE((*catalog)->addAnswer(answer).ok());
    }

    Result<std::unique_ptr<Catalog>> open() { return Catalog::open({m_directory.path(), false}, *m_fileSystem); }
    std::string path() const { return m_directory.path() + "/workspace.db"; }

    void alter(const std::string& sql) {
        sqlite3* connection = nullptr;
        ASSERT_EQ(sqlite3_open(path().c_str(), &connection), SQLITE_OK);
        EXPECT_EQ(sqlite3_exec(connection, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(connection);
        sqlite3_close(connection);
    }

    std::vector<std::string> damage() {
        const Result<std::unique_ptr<Catalog>> catalog = open();
        EXPECT_TRUE(catalog.ok());
        const Result<std::vector<std::string>> found = (*catalog)->verify();
        EXPECT_TRUE(found.ok());
        return *found;
    }

    TemporaryDirectory m_directory;
    std::unique_ptr<FileSystem> m_fileSystem = makePosixFileSystem();
    CollectionId m_collection;
    const std::vector<std::string> m_texts{"first words\nof a text", "second text\nwith lines",
                                           std::string(9000, 'z') + "\nlong"};
};

TEST_F(CatalogDamageTest, EveryChangedColumnOfAPreciousRowIsNamed) {
    const char* changes[] = {
        "UPDATE collections SET name = 'papers2'",
        "UPDATE documents SET title = title || 'x' WHERE id = 2",
        "UPDATE documents SET media_type = 'x' WHERE id = 2",
        "UPDATE documents SET characters = characters + 1 WHERE id = 2",
        "UPDATE documents SET pages = pages + 1 WHERE id = 2",
        "UPDATE documents SET page_map = zeroblob(24) WHERE id = 2",
        "UPDATE documents SET sections = zeroblob(7) WHERE id = 2",
        "UPDATE documents SET text = replace(text, 's', 't') WHERE id = 2",
        "UPDATE documents SET row_hash = row_hash + 1 WHERE id = 2",
        "UPDATE sources SET size = size + 1",
        "UPDATE sources SET modified = modified + 1",
        "UPDATE sources SET state = 1",
        "UPDATE sources SET reason = 'x'",
        "UPDATE sources SET document = 1 WHERE document = 2",
        "UPDATE sources SET chunker = zeroblob(32)",
        "UPDATE chunks SET ordinal = ordinal + 7",
        "UPDATE chunks SET begin_character = begin_character + 1",
        "UPDATE chunks SET end_character = end_character - 1",
        "UPDATE chunks SET begin_byte = begin_byte + 1",
        "UPDATE chunks SET end_byte = end_byte - 1",
        "UPDATE chunks SET first_page = 7",
        "UPDATE chunks SET last_page = 7",
        "UPDATE chunks SET tokens = 7000",
        "UPDATE chunks SET header = 'x'",
        "UPDATE chunks SET search_text = 'x'",
        "UPDATE answers SET asked_at = 1",
        "UPDATE answers SET question = 'x'",
        "UPDATE answers SET answer = 'x'",
        "UPDATE answers SET details = 'x'",
    };
    const std::vector<std::byte> whole = readFile(path());
    for (const char* change : changes) {
        writeFile(path(), whole);
        alter(change);
        EXPECT_FALSE(damage().empty()) << change;
    }
    writeFile(path(), whole);
    EXPECT_TRUE(damage().empty());
}

TEST_F(CatalogDamageTest, DamagedDocumentIsHealedByImportingItsFileAgain) {
    alter("UPDATE documents SET text = replace(text, 'words', 'swords') WHERE id = 1");
    {
        const Result<std::unique_ptr<Catalog>> catalog = open();
        EXPECT_EQ((*catalog)->document(DocumentId{1}).status().code(), StatusCode::Damaged);
        const std::vector<ChunkRecord> chunks = *(*catalog)->chunksOfDocument(DocumentId{1}, chunkerOf(0));
        EXPECT_EQ((*catalog)->chunkText(chunks.at(0)).status().code(), StatusCode::Damaged);
        ASSERT_TRUE(indexText(**catalog, m_collection, "/fir", m_texts[0]).ok());
        EXPECT_EQ((*catalog)->document(DocumentId{1})->text, m_texts[0]);
        EXPECT_EQ(*(*catalog)->chunkText(chunks.at(0)), "first words");
    }
    EXPECT_TRUE(damage().empty());
}

TEST_F(CatalogDamageTest, BrokenFullTextIsMadeAgain) {
    alter("DELETE FROM chunk_text_data WHERE id > 10");
    {
        const Result<std::unique_ptr<Catalog>> catalog = open();
        const std::vector<std::string> terms{"second"};
        const Result<std::vector<ChunkHit>> hits = (*catalog)->searchChunks(m_collection, terms, 5);
        ASSERT_TRUE(hits.ok()) << hits.status().message();
        EXPECT_EQ(hits->size(), 1u);
    }
    alter("INSERT INTO chunk_text(chunk_text, rowid, search_text) VALUES('delete', 1, 'first words')");
    EXPECT_EQ(damage().size(), 1u);
    EXPECT_TRUE(damage().empty());
}

TEST_F(CatalogDamageTest, LostAndStrayOriginalsAreNamed) {
    std::filesystem::remove(originalPath(m_directory.path(), m_texts[0]));
    writeFile(originalPath(m_directory.path(), m_texts[1]), originalOf("something else"));
    std::filesystem::create_directories(m_directory.path() + "/docs/zz");
    writeFile(m_directory.path() + "/docs/zz/stray", originalOf("x"));
    EXPECT_EQ(damage().size(), 3u);
}

TEST_F(CatalogDamageTest, AnEmptiedCatalogIsNotTakenForANewOne) {
    writeFile(path(), {});
    const Result<std::unique_ptr<Catalog>> catalog = open();
    EXPECT_EQ(catalog.status().code(), StatusCode::Damaged) << catalog.status().message();
    EXPECT_TRUE(readFile(path()).empty()) << "nothing may be changed";
    std::filesystem::remove_all(m_directory.path() + "/docs");
    EXPECT_TRUE(open().ok()) << "without documents it is a first start that was cut off";
}

TEST_F(CatalogDamageTest, FlippedBitsAreNamedOrChangeNothing) {
    const std::vector<std::byte> whole = readFile(path());
    std::mt19937_64 random(13);
    int noticed = 0;
    for (int round = 0; round < 500 && !HasFailure(); ++round) {
        std::vector<std::byte> bytes = whole;
        const std::size_t bit = random() % (8 * bytes.size());
        bytes[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
        writeFile(path(), bytes);
        const Result<std::unique_ptr<Catalog>> catalog = open();
        if (!catalog) {
            ++noticed;
            continue;
        }
        // What is shown is either what was written or an error, and where something is missing verify() says so.
        bool complete = true;
        for (std::size_t i = 0; i < m_texts.size(); ++i) {
            const Result<std::optional<DocumentRecord>> document =
                (*catalog)->documentByContent(documentOf(m_texts[i]).content);
            const bool there = document && document->has_value();
            complete = complete && there;
            if (there) {
                EXPECT_EQ((*document)->text, m_texts[i]) << "bit " << bit;
                EXPECT_EQ((*document)->title, documentOf(m_texts[i]).title) << "bit " << bit;
            }
            for (const ChunkRecord& wanted : chunksOf(documentOf(m_texts[i]), chunkerOf(0))) {
                const Result<std::optional<ChunkRecord>> chunk = (*catalog)->chunk(wanted.id);
                complete = complete && chunk && chunk->has_value();
                if (chunk && chunk->has_value()) {
                    EXPECT_EQ((*chunk)->begin, wanted.begin) << "bit " << bit;
                    EXPECT_EQ((*chunk)->searchText, wanted.searchText) << "bit " << bit;
                }
            }
        }
        const Result<std::vector<AnswerRecord>> answers = (*catalog)->answers(10);
        complete = complete && answers && answers->size() == 1;
        if (answers && !answers->empty()) {
            EXPECT_EQ((*answers)[0].answer, "because") << "bit " << bit;
        }
        const Result<std::vector<SourceRecord>> sources = (*catalog)->sources(m_collection);
        complete = complete && sources && sources->size() == m_texts.size();
        const Result<std::vector<std::string>> found = (*catalog)->verify();
        const bool named = !found.ok() || !found->empty();
        EXPECT_TRUE(complete || named) << "bit " << bit;
        noticed += named ? 1 : 0;
        const std::vector<std::string> terms{"text"};
        static_cast<void>((*catalog)->searchChunks(m_collection, terms, 5));
    }
    EXPECT_GT(noticed, 100);
}

}  // namespace
}  // namespace storage::testing
