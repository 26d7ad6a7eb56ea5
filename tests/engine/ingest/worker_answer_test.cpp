// Laws of the worker's answer: what is written is read again, and nothing that breaks a rule is believed.
#include "engine/ingest/worker_answer.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace engine {
namespace {

ParsedDocument sample() {
    ParsedDocument document;
    document.mediaType = "application/pdf";
    document.title = "Täst";
    document.text = "Page öne.\n\nPage two.";
    document.pages = 2;
    document.pageMap = {{1, 0, 9}, {2, 11, 20}};
    document.sections = {{0, 1, "First"}, {11, 2, "Second"}};
    return document;
}

Result<ParsedDocument> passed(const Result<ParsedDocument>& result) {
    const std::string bytes = encodeAnswer(result);
    const Result<std::uint64_t> length = answerPayloadBytes(bytes);
    if (!length.ok())
        return length.status();
    EXPECT_EQ(*length, bytes.size() - kAnswerHeadBytes);
    return decodeAnswer(std::string_view(bytes).substr(kAnswerHeadBytes));
}

TEST(WorkerAnswer, ADocumentIsReadAsItWasWritten) {
    const Result<ParsedDocument> read = passed(sample());
    ASSERT_TRUE(read.ok()) << read.status().message();
    EXPECT_EQ(read->mediaType, "application/pdf");
    EXPECT_EQ(read->title, "Täst");
    EXPECT_EQ(read->text, sample().text);
    EXPECT_EQ(read->pages, 2);
    ASSERT_EQ(read->pageMap.size(), 2u);
    EXPECT_EQ(read->pageMap[1].page, 2);
    EXPECT_EQ(read->pageMap[1].begin, 11);
    EXPECT_EQ(read->pageMap[1].end, 20);
    ASSERT_EQ(read->sections.size(), 2u);
    EXPECT_EQ(read->sections[1].begin, 11);
    EXPECT_EQ(read->sections[1].level, 2);
    EXPECT_EQ(read->sections[1].title, "Second");
}

TEST(WorkerAnswer, AReasonKeepsItsCodeAndSentence) {
    for (const StatusCode code : {StatusCode::Unsupported, StatusCode::Refused, StatusCode::IoError}) {
        const Result<ParsedDocument> read = passed(Status(code, "because of this"));
        EXPECT_EQ(read.status().code(), code);
        EXPECT_EQ(read.status().message(), "because of this");
    }
    EXPECT_EQ(passed(Status(StatusCode::Internal, "odd")).status().code(), StatusCode::Refused);
}

TEST(WorkerAnswer, EveryTruncationIsRefused) {
    const std::string payload = encodeAnswer(sample()).substr(kAnswerHeadBytes);
    for (std::size_t length = 0; length < payload.size(); ++length)
        EXPECT_EQ(decodeAnswer(std::string_view(payload).substr(0, length)).status().code(), StatusCode::Refused) << length;
    EXPECT_EQ(decodeAnswer(payload + "x").status().code(), StatusCode::Refused);
}

TEST(WorkerAnswer, NoFlippedByteBreaksTheRules) {
    const std::string payload = encodeAnswer(sample()).substr(kAnswerHeadBytes);
    for (std::size_t at = 0; at < payload.size(); ++at)
        for (int bit = 0; bit < 8; ++bit) {
            std::string flipped = payload;
            flipped[at] = static_cast<char>(flipped[at] ^ 1 << bit);
            const Result<ParsedDocument> read = decodeAnswer(flipped);
            // What is still accepted is as sound as any document: it can be written and read again.
            EXPECT_TRUE(!read.ok() || passed(*read).ok()) << at;
        }
}

TEST(WorkerAnswer, LiesAreRefused) {
    const std::vector<std::pair<const char*, std::function<void(ParsedDocument&)>>> lies{
        {"media type", [](auto& d) { d.mediaType = "text/evil"; }},
        {"text not UTF-8", [](auto& d) { d.text[0] = '\xFF'; }},
        {"NUL in text", [](auto& d) { d.text[0] = '\0'; }},
        {"carriage return in text", [](auto& d) { d.text[4] = '\r'; }},
        {"escape in title", [](auto& d) { d.title = "\x1B[31m"; }},
        {"newline in section title", [](auto& d) { d.sections[0].title = "a\nb"; }},
        {"empty section title", [](auto& d) { d.sections[0].title = ""; }},
        {"section behind the text", [](auto& d) { d.sections[1].begin = 21; }},
        {"negative section", [](auto& d) { d.sections[0].begin = -1; }},
        {"sections not ascending", [](auto& d) { d.sections[0].begin = 12; }},
        {"level 0", [](auto& d) { d.sections[0].level = 0; }},
        {"page behind the last", [](auto& d) { d.pageMap[1].page = 3; }},
        {"page 0", [](auto& d) { d.pageMap[0].page = 0; }},
        {"pages not ascending", [](auto& d) { d.pageMap[1].page = 1; }},
        {"page ranges overlap", [](auto& d) { d.pageMap[1].begin = 8; }},
        {"page range turned round", [](auto& d) { d.pageMap[1].end = 10; }},
        {"page range behind the text", [](auto& d) { d.pageMap[1].end = 21; }},
        {"more pages than may be", [](auto& d) { d.pages = 2'000'000; }},
        {"fewer pages than ranges", [](auto& d) { d.pages = 1; }},
        {"title too long", [](auto& d) { d.title = std::string(5000, 'x'); }}};
    for (const auto& [what, lie] : lies) {
        ParsedDocument document = sample();
        lie(document);
        const Result<ParsedDocument> read = passed(document);
        EXPECT_EQ(read.status().code(), StatusCode::Refused) << what;
    }
    EXPECT_TRUE(passed(sample()).ok());
}

TEST(WorkerAnswer, AHeadThatClaimsTooMuchIsRefused) {
    std::string bytes = encodeAnswer(sample());
    bytes[14] = 1;
    EXPECT_EQ(answerPayloadBytes(bytes).status().code(), StatusCode::Refused);
    bytes = encodeAnswer(sample());
    bytes[4] = 9;
    EXPECT_NE(answerPayloadBytes(bytes).status().message().find("version"), std::string::npos);
    EXPECT_FALSE(answerPayloadBytes("HTTP/1.1 200 OK\r\n").ok());
    EXPECT_FALSE(answerPayloadBytes("CBDW").ok());
}

}  // namespace
}  // namespace engine
