// Full text: terms are data, whatever bytes they are; the index follows every change of the chunks.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "tests/storage/catalog_workspace.h"
#include "tests/storage/temporary_directory.h"

namespace storage::testing {
namespace {

class CatalogSearchTest : public ::testing::Test {
protected:
    void SetUp() override {
        Result<std::unique_ptr<Catalog>> opened = Catalog::open({m_directory.path(), false}, *m_fileSystem);
        ASSERT_TRUE(opened.ok());
        m_catalog = *std::move(opened);
        m_collection = *m_catalog->ensureCollection("papers");
    }

    std::vector<std::string> search(std::vector<std::string> terms, int limit = 100) {
        const Result<std::vector<ChunkHit>> hits = m_catalog->searchChunks(m_collection, terms, limit);
        EXPECT_TRUE(hits.ok()) << hits.status().message();
        std::vector<std::string> found;
        for (std::size_t i = 0; hits && i < hits->size(); ++i) {
            EXPECT_TRUE(i == 0 || (*hits)[i].score <= (*hits)[i - 1].score);
            found.push_back(*m_catalog->chunkText(**m_catalog->chunk((*hits)[i].id)));
        }
        return found;
    }

    TemporaryDirectory m_directory;
    std::unique_ptr<FileSystem> m_fileSystem = makePosixFileSystem();
    std::unique_ptr<Catalog> m_catalog;
    CollectionId m_collection;
};

using Texts = std::vector<std::string>;

/// "w0" … "w9"
std::string wordOf(std::uint64_t number) { return {'w', static_cast<char>('0' + number % 10)}; }

TEST_F(CatalogSearchTest, BestMatchComesFirst) {
    ASSERT_TRUE(indexText(*m_catalog, m_collection, "/a",
                          "the cat sat on the mat and looked at the dog for a long long time\ncat cat\ndog\nbird")
                    .ok());
    const Texts cats = search({"cat"});
    ASSERT_EQ(cats.size(), 2u);
    EXPECT_EQ(cats[0], "cat cat");
    EXPECT_EQ(search({"bird"}), (Texts{"bird"}));
    EXPECT_EQ(search({"dog", "bird"}).size(), 3u) << "any of the terms";
    EXPECT_EQ(search({"cat"}, 1).size(), 1u);
    EXPECT_TRUE(search({"cat"}, 0).empty());
    EXPECT_TRUE(search({}).empty());
    EXPECT_EQ(search({"sat on"}).size(), 1u) << "a term of two words is a phrase";
    EXPECT_TRUE(search({"on sat"}).empty());
}

TEST_F(CatalogSearchTest, CaseAndAccentsDoNotMatter) {
    ASSERT_TRUE(indexText(*m_catalog, m_collection, "/a", "Cafe CREME").ok());
    EXPECT_EQ(search({"caf\xc3\xa9"}).size(), 1u);
    EXPECT_EQ(search({"creme"}).size(), 1u);
}

TEST_F(CatalogSearchTest, OnlyTheCollectionIsSearched) {
    const CollectionId notes = *m_catalog->ensureCollection("notes");
    ASSERT_TRUE(indexText(*m_catalog, notes, "/a", "cat").ok());
    EXPECT_TRUE(search({"cat"}).empty());
}

TEST_F(CatalogSearchTest, EqualScoresAreOrderedByChunkId) {
    ASSERT_TRUE(indexText(*m_catalog, m_collection, "/a", "cat\ncat\ncat\ncat").ok());
    const std::vector<std::string> terms{"cat"};
    const Result<std::vector<ChunkHit>> hits = m_catalog->searchChunks(m_collection, terms, 10);
    ASSERT_EQ(hits->size(), 4u);
    for (std::size_t i = 1; i < 4; ++i)
        EXPECT_LT((*hits)[i - 1].id, (*hits)[i].id);
}

TEST_F(CatalogSearchTest, TermsAreNeverSyntax) {
    ASSERT_TRUE(indexText(*m_catalog, m_collection, "/a", "cat\ndog\nNOT\nsay \"cheese\" now").ok());
    for (const std::string& term :
         {std::string("cat\" OR \"dog"), std::string("cat*"), std::string("-cat"), std::string("^cat"),
          std::string("search_text:cat"), std::string("NEAR(cat dog)"), std::string("cat AND")})
        search({term});
    EXPECT_EQ(search({"cat\" OR \"dog"}), Texts{}) << "one phrase: cat or dog, which no chunk holds";
    EXPECT_EQ(search({"NOT"}), (Texts{"NOT"}));
    EXPECT_EQ(search({"say \"cheese\""}).size(), 1u);
    EXPECT_EQ(search({std::string("cat\0dog", 7), "dog"}), (Texts{"dog"}));
    for (const std::string& empty : {std::string(), std::string("\""), std::string("\"\""), std::string(1, '\0'),
                                     std::string("!?"), std::string("\xff\xfe"), std::string("*")}) {
        EXPECT_EQ(search({empty}), Texts{});
        EXPECT_EQ(search({empty, "dog"}), (Texts{"dog"})) << "a term without a word does not hide the others";
        EXPECT_EQ(search({"dog", empty}), (Texts{"dog"}));
    }
}

TEST_F(CatalogSearchTest, NoBytesAreAnError) {
    ASSERT_TRUE(indexText(*m_catalog, m_collection, "/a", "cat\ndog").ok());
    std::mt19937_64 random(1);
    constexpr char kAlphabet[] = "\"\"'*^:(){}+-\0 \t\nabAND OR NOT NEAR\xff\xc3\xa4\xe6\xbc";
    const std::string alphabet(kAlphabet, sizeof kAlphabet - 1);
    for (int round = 0; round < 2000; ++round) {
        std::vector<std::string> terms(1 + random() % 3);
        for (std::string& term : terms)
            for (std::size_t i = random() % 20; i > 0; --i)
                term += alphabet[random() % alphabet.size()];
        const Result<std::vector<ChunkHit>> hits = m_catalog->searchChunks(m_collection, terms, 5);
        ASSERT_TRUE(hits.ok()) << round << ": " << hits.status().message();
    }
}

TEST_F(CatalogSearchTest, ThousandsOfTermsAndLongTermsWork) {
    ASSERT_TRUE(indexText(*m_catalog, m_collection, "/a", "cat\nword77").ok());
    std::vector<std::string> terms;
    for (int i = 0; i < 5000; ++i)
        terms.push_back("word" + std::to_string(i));
    EXPECT_EQ(search(terms), (Texts{"word77"}));
    EXPECT_EQ(search({std::string(1'000'000, 'x'), "cat"}), (Texts{"cat"}));
}

TEST_F(CatalogSearchTest, FullTextFollowsEveryChange) {
    std::mt19937_64 random(2);
    std::vector<std::string> current(6);
    for (int step = 0; step < 200; ++step) {
        const std::size_t file = random() % current.size();
        const std::string path = "/f" + std::to_string(file);
        if (random() % 4 == 0 && !current[file].empty()) {
            ASSERT_TRUE(m_catalog->removeSource(m_collection, path).ok());
            current[file].clear();
        } else {
            current[file] = wordOf(random()) + '\n' + wordOf(random());
            ASSERT_TRUE(indexText(*m_catalog, m_collection, path, current[file]).ok());
        }
        const std::string word = wordOf(random());
        std::multiset<std::string> expected;
        std::set<std::string> seen;
        for (const std::string& text : current) {
            if (text.empty() || !seen.insert(text).second)
                continue;
            for (const std::string& line : {text.substr(0, 2), text.substr(3)})
                if (line == word)
                    expected.insert(line);
        }
        const Texts found = search({word});
        EXPECT_EQ(std::multiset<std::string>(found.begin(), found.end()), expected) << "step " << step;
    }
    const Result<std::vector<std::string>> damage = m_catalog->verify();
    EXPECT_TRUE(damage && damage->empty());
}

}  // namespace
}  // namespace storage::testing
