// Real manuals (debian-policy, debian-faq, developers-reference, doc-debian): readers and chunker together. CACHEBLEND_DOCUMENTS names
// the root below which they lie; not set = /.
#include <gtest/gtest.h>

#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <ostream>
#include <string>
#include <vector>

#include "engine/ingest/chunker.h"
#include "engine/ingest/utf8.h"
#include "storage/digest.h"
#include "tests/engine/ingest/document_files.h"
#include "tests/engine/ingest/word_tokenizer.h"

namespace engine {
namespace {

const storage::ContentDigest kContent{storage::digestOf({})};

struct Expected {
    const char* path;
    int pages;
    int sections;  // at least
    const char* passage;
};

std::ostream& operator<<(std::ostream& out, const Expected& expected) { return out << expected.path; }

class Corpus : public testing::TestWithParam<Expected> {
protected:
    void SetUp() override {
        const char* root = std::getenv("CACHEBLEND_DOCUMENTS");
        const std::string path = std::string(root != nullptr ? root : "") + GetParam().path;
        ASSERT_TRUE(std::filesystem::exists(path))
            << path
            << " is missing: install the packages debian-faq, debian-policy, developers-reference and doc-debian, or run "
            << "packaging/test.sh, which does";
        Result<ParsedDocument> result = readDocument(path, workerOptions(), {});
        ASSERT_TRUE(result.ok()) << result.status().message();
        m_document = std::move(*result);
    }

    /// The text between two characters.
    std::string textBetween(std::int64_t begin, std::int64_t end) const {
        std::size_t at = 0;
        std::int64_t character = 0;
        const auto advance = [&](std::int64_t to) {
            for (; character < to; ++character)
                at += static_cast<std::size_t>(codePointAt(m_document.text, at).bytes);
            return at;
        };
        const std::size_t first = advance(begin);
        return m_document.text.substr(first, advance(end) - first);
    }

    ParsedDocument m_document;
};

TEST_P(Corpus, IsReadWithPagesSectionsAndText) {
    EXPECT_EQ(m_document.pages, GetParam().pages);
    EXPECT_GE(static_cast<int>(m_document.sections.size()), GetParam().sections);
    EXPECT_NE(oneLine(m_document.text).find(GetParam().passage), std::string::npos);
}

TEST_P(Corpus, ChunksCoverTheTextAndTheirRangesAreExact) {
    const ChunkerSettings settings;
    const WordTokenizer tokenizer;
    const std::vector<ChunkRecord> chunks = chunkDocument(m_document, m_document.title, kContent, tokenizer, settings);
    std::size_t covered = 0;
    for (const ChunkRecord& record : chunks) {
        const auto begin = static_cast<std::size_t>(record.beginByte);
        const auto end = static_cast<std::size_t>(record.endByte);
        const std::string text = m_document.text.substr(begin, end - begin);
        ASSERT_TRUE(oneLine(std::string_view(m_document.text).substr(covered, begin - covered)).empty());
        covered = end;
        EXPECT_EQ(record.tokens, tokenizer.count(chunkPromptText(record.header, text)));
        EXPECT_LE(record.tokens, settings.greatestTokens);
        EXPECT_LE(countCharacters(record.header), 120);
        if (record.ordinal % 50 == 0) {
            EXPECT_EQ(textBetween(record.begin, record.end), text);
        }
        if (m_document.pages > 0) {
            ASSERT_GE(record.firstPage, 1);
            EXPECT_LE(record.firstPage, record.lastPage);
            const storage::PageSpan& first = m_document.pageMap[static_cast<std::size_t>(record.firstPage - 1)];
            const storage::PageSpan& last = m_document.pageMap[static_cast<std::size_t>(record.lastPage - 1)];
            EXPECT_LE(first.begin, record.begin);
            EXPECT_GE(last.end, record.end);
        } else {
            EXPECT_EQ(record.firstPage, 0);
        }
    }
    EXPECT_TRUE(oneLine(std::string_view(m_document.text).substr(covered)).empty());
}

TEST_P(Corpus, MostSectionsStartWithTheirTitle) {
    int titled = 0;
    for (const storage::SectionMark& mark : m_document.sections) {
        const std::int64_t end = std::min(mark.begin + countCharacters(mark.title) + 20, countCharacters(m_document.text));
        const std::string text = oneLine(textBetween(mark.begin, end));
        titled += text.find(mark.title.substr(0, mark.title.find_first_of("'`\"\xE2"))) != std::string::npos;
    }
    // Titles in capitals on the page and typographic quotes differ from the outline's.
    EXPECT_GE(titled * 10, static_cast<int>(m_document.sections.size()) * 8);
}

constexpr const char* kDfsg =
    "The license of a Debian component may not restrict any party from selling or giving away the software";

INSTANTIATE_TEST_SUITE_P(
    Manuals, Corpus,
    testing::Values(
        Expected{"/usr/share/doc/debian-policy/policy.pdf.gz", 193, 338, kDfsg},
        Expected{"/usr/share/doc/debian-policy/policy.epub", 0, 300, kDfsg},
        Expected{"/usr/share/doc/debian-policy/policy.txt.gz", 0, 300, kDfsg},
        Expected{"/usr/share/doc/debian-policy/policy.html/ch-archive.html", 0, 9, kDfsg},
        Expected{"/usr/share/doc/debian-policy/fhs/fhs-3.0.pdf.gz", 50, 150, "\"Static\" files include binaries, libraries"},
        Expected{"/usr/share/doc/debian/FAQ/debian-faq.en.pdf.gz", 73, 164, "The oldest porting effort is Debian GNU/Hurd."},
        Expected{"/usr/share/doc/debian/FAQ/debian-faq.en.txt.gz", 0, 160, "The oldest porting effort is Debian GNU/Hurd."},
        Expected{"/usr/share/doc/debian/FAQ/basic-defs.en.html", 0, 8, "The oldest porting effort is Debian GNU/Hurd."},
        Expected{"/usr/share/doc/debian/constitution.txt.gz", 0, 0, "The Technical Committee"},
        Expected{"/usr/share/developers-reference/developers-reference.pdf", 114, 280, "wnpp"},
        Expected{"/usr/share/developers-reference/developers-reference.epub", 0, 280, "wnpp"}),
    [](const testing::TestParamInfo<Expected>& manual) {
        std::string name;
        for (const char c : std::filesystem::path(manual.param.path).filename().string())
            name.push_back(std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_');
        return name;
    });

}  // namespace
}  // namespace engine
