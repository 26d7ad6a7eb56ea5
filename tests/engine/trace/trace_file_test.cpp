// Trace files: what was saved comes back, and nothing else does.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "storage/digest.h"
#include "tests/engine/trace/example_trace.h"
#include "tests/storage/temporary_directory.h"

namespace engine::testing {
namespace {

class TraceFile : public ::testing::Test {
protected:
    std::string path(const std::string& name = "run.trace") const { return m_directory.path() + "/" + name; }
    static std::string bytesOf(const std::string& path) {
        std::ifstream stream(path, std::ios::binary);
        return {std::istreambuf_iterator<char>(stream), {}};
    }
    void write(const std::string& bytes) const {
        std::ofstream(path(), std::ios::binary | std::ios::trunc)
            .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    }
    /// A file whose checksum fits, whatever it holds.
    void writeSigned(std::string bytes) const {
        bytes.resize(bytes.size() - 32);
        const Digest digest = storage::digestOf(std::as_bytes(std::span(bytes)));
        bytes.append(reinterpret_cast<const char*>(digest.bytes.data()), digest.bytes.size());
        write(bytes);
    }
    StatusCode loaded() const { return loadTrace(path()).status().code(); }

    storage::testing::TemporaryDirectory m_directory;
};

/// Every table, and what no table shows.
void expectSame(const BlendTrace& a, const BlendTrace& b) {
    for (const auto table :
         {recomputeCsv, kvDeviationCsv, attentionBlocksCsv, attentionDeviationCsv, layerTimesCsv, stagesCsv, answerKlCsv})
        EXPECT_EQ(table(a), table(b));
    EXPECT_EQ(a.model + a.backend + a.precision + a.question + a.collection + a.answer,
              b.model + b.backend + b.precision + b.question + b.collection + b.answer);
    EXPECT_EQ(a.kvDtype, b.kvDtype);
    EXPECT_EQ(a.kvHeads, b.kvHeads);
    EXPECT_EQ(a.options.strategy, b.options.strategy);
    EXPECT_EQ(a.options.ratio, b.options.ratio);
    EXPECT_EQ(a.options.mask, b.options.mask);
    EXPECT_EQ(a.options.anchor, b.options.anchor);
    EXPECT_EQ(a.sampling.seed, b.sampling.seed);
    EXPECT_EQ(a.sampling.repeatPenalty, b.sampling.repeatPenalty);
    EXPECT_EQ(a.pieces, b.pieces);
    ASSERT_EQ(a.segments.size(), b.segments.size());
    for (std::size_t i = 0; i < a.segments.size(); ++i) {
        EXPECT_EQ(a.segments[i].chunk, b.segments[i].chunk);
        EXPECT_EQ(a.segments[i].key, b.segments[i].key);
        EXPECT_EQ(a.segments[i].source, b.segments[i].source);
        EXPECT_EQ(a.segments[i].header, b.segments[i].header);
        EXPECT_EQ(a.segments[i].lastPage, b.segments[i].lastPage);
        EXPECT_EQ(a.segments[i].end, b.segments[i].end);
        EXPECT_EQ(a.segments[i].score, b.segments[i].score);
        EXPECT_EQ(a.segments[i].prefixExact, b.segments[i].prefixExact);
        ASSERT_EQ(a.segments[i].extent.has_value(), b.segments[i].extent.has_value());
        if (a.segments[i].extent) {
            EXPECT_EQ(a.segments[i].extent->recordOffset, b.segments[i].extent->recordOffset);
            EXPECT_EQ(a.segments[i].extent->tokens, b.segments[i].extent->tokens);
        }
    }
    EXPECT_EQ(a.selection.threshold, b.selection.threshold);
    EXPECT_EQ(a.top.back().logit, b.top.back().logit);
    EXPECT_EQ(a.tokens.generated, b.tokens.generated);
    EXPECT_EQ(a.bytesLoaded, b.bytesLoaded);
    EXPECT_EQ(a.chargedWork, b.chargedWork);
    EXPECT_EQ(a.answerIds, b.answerIds);
    EXPECT_EQ(a.stopReason, b.stopReason);
    EXPECT_EQ(a.notes, b.notes);
    ASSERT_EQ(a.deviation == nullptr, b.deviation == nullptr);
    if (a.deviation != nullptr) {
        EXPECT_EQ(a.deviation->full.suffix, b.deviation->full.suffix);
        EXPECT_EQ(a.deviation->full.rowsComputed, b.deviation->full.rowsComputed);
        EXPECT_EQ(a.deviation->blend.answer, b.deviation->blend.answer);
        EXPECT_EQ(a.deviation->blend.ttftMs, b.deviation->blend.ttftMs);
        EXPECT_EQ(a.deviation->reuse.comparison.kl, b.deviation->reuse.comparison.kl);
        EXPECT_EQ(a.deviation->reuse.comparison.firstDivergingToken, b.deviation->reuse.comparison.firstDivergingToken);
    }
}

TEST_F(TraceFile, WhatWasSavedComesBack) {
    for (const BlendTrace& trace : {exampleTrace(), measuredTrace()}) {
        ASSERT_TRUE(saveTrace(trace, path()).ok());
        const auto loadedTrace = loadTrace(path());
        ASSERT_TRUE(loadedTrace.ok()) << loadedTrace.status().message();
        expectSame(**loadedTrace, trace);
    }
    ASSERT_TRUE(saveTrace({}, path()).ok());
    EXPECT_EQ(loaded(), StatusCode::Ok);
}

TEST_F(TraceFile, SavingALoadedTraceGivesTheSameBytes) {
    ASSERT_TRUE(saveTrace(measuredTrace(), path()).ok());
    ASSERT_TRUE(saveTrace(**loadTrace(path()), path("again.trace")).ok());
    EXPECT_EQ(bytesOf(path()), bytesOf(path("again.trace")));
    EXPECT_GT(bytesOf(path()).size(), 1000U);
}

TEST_F(TraceFile, SavingReplacesTheFormerFileAndLeavesNothingBeside) {
    ASSERT_TRUE(saveTrace(measuredTrace(), path()).ok());
    ASSERT_TRUE(saveTrace(exampleTrace(), path()).ok());
    EXPECT_EQ((*loadTrace(path()))->deviation, nullptr);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(m_directory.path()), {}), 1);
}

TEST_F(TraceFile, ASaveThatFailsLeavesTheFormerFile) {
    EXPECT_EQ(saveTrace(exampleTrace(), path("absent/run.trace")).code(), StatusCode::NotFound);
    ASSERT_TRUE(std::filesystem::create_directory(path()));
    EXPECT_EQ(saveTrace(exampleTrace(), path()).code(), StatusCode::IoError);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(m_directory.path()), {}), 1) << "the part was left behind";
}

TEST_F(TraceFile, EveryTruncatedLengthIsRefused) {
    ASSERT_TRUE(saveTrace(measuredTrace(), path()).ok());
    const std::string bytes = bytesOf(path());
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        write(bytes.substr(0, length));
        const StatusCode code = loaded();
        ASSERT_EQ(code, length < 8 ? StatusCode::Refused : StatusCode::Damaged) << length;
    }
}

TEST_F(TraceFile, EveryFlippedByteIsFound) {
    ASSERT_TRUE(saveTrace(exampleTrace(), path()).ok());
    const std::string bytes = bytesOf(path());
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        std::string flipped = bytes;
        flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
        write(flipped);
        ASSERT_EQ(loaded(), at < 12 ? StatusCode::Refused : StatusCode::Damaged) << at;
    }
}

TEST_F(TraceFile, BytesBehindTheTraceAreFound) {
    ASSERT_TRUE(saveTrace(exampleTrace(), path()).ok());
    write(bytesOf(path()) + '\0');
    EXPECT_EQ(loaded(), StatusCode::Damaged);
}

TEST_F(TraceFile, ANewerVersionIsRefusedByName) {
    ASSERT_TRUE(saveTrace(exampleTrace(), path()).ok());
    std::string bytes = bytesOf(path());
    bytes[8] = 99;
    writeSigned(bytes);
    const auto trace = loadTrace(path());
    EXPECT_EQ(trace.status().code(), StatusCode::Refused);
    EXPECT_NE(trace.status().message().find("version 99"), std::string::npos) << trace.status().message();
}

TEST_F(TraceFile, ForgedContentsWithAValidChecksumNeverLoadUnsound) {
    ASSERT_TRUE(saveTrace(measuredTrace(), path()).ok());
    const std::string bytes = bytesOf(path());
    std::mt19937 random(7);
    int refused = 0;
    for (int i = 0; i < 3000; ++i) {
        std::string forged = bytes;
        for (int change = 0; change < 1 + i % 3; ++change)
            forged[16 + random() % (bytes.size() - 48)] = static_cast<char>(i % 2 == 0 ? 0xFF : random());
        writeSigned(forged);
        const auto trace = loadTrace(path());
        if (!trace.ok()) {
            ++refused;
            continue;
        }
        // What loads can be read to its end by every view.
        EXPECT_GT(recomputeCsv(**trace).size() + attentionBlocksCsv(**trace).size() + kvDeviationCsv(**trace).size(), 0U);
    }
    EXPECT_GT(refused, 100);
}

TEST_F(TraceFile, ACountBeyondTheFileAllocatesNothing) {
    ASSERT_TRUE(saveTrace(exampleTrace(), path()).ok());
    std::string bytes = bytesOf(path());
    // The subject's first field: the length of the model's name, behind tag and length of its section.
    std::fill_n(bytes.begin() + 16 + 12, 8, '\x7F');
    writeSigned(bytes);
    EXPECT_EQ(loaded(), StatusCode::Damaged);
}

TEST_F(TraceFile, ListsThatDoNotFitTogetherAreNotSaved) {
    const auto refused = [&](auto change) {
        BlendTrace trace = measuredTrace();
        change(trace);
        const Status status = saveTrace(trace, path());
        EXPECT_EQ(status.code(), StatusCode::InvalidArgument) << status.message();
        EXPECT_FALSE(std::filesystem::exists(path()));
    };
    refused([](BlendTrace& trace) { trace.pieces.pop_back(); });
    refused([](BlendTrace& trace) { trace.segments[1].position = 4; });
    refused([](BlendTrace& trace) { trace.segments[1].ids[0] = 5; });
    refused([](BlendTrace& trace) { trace.segments[3].ids.insert(trace.segments[3].ids.end(), {70, 71, 72}); });
    refused([](BlendTrace& trace) { trace.selection.positions = {5, 3}; });
    refused([](BlendTrace& trace) { trace.selection.positions = {12}; });
    refused([](BlendTrace& trace) { trace.selection.score.pop_back(); });
    refused([](BlendTrace& trace) { trace.layers.pop_back(); });
    refused([](BlendTrace& trace) { trace.tokens.reused += 1; });
    refused([](BlendTrace& trace) {
        DeviationReport report = *trace.deviation;
        report.full.suffix.pop_back();
        trace.deviation = std::make_shared<DeviationReport>(report);
    });
    refused([](BlendTrace& trace) {
        DeviationReport report = *trace.deviation;
        report.blend.kv.tokens = 7;
        report.blend.kv.layers = 4;
        trace.deviation = std::make_shared<DeviationReport>(report);
    });
    refused([](BlendTrace& trace) {
        DeviationReport report = *trace.deviation;
        report.reuse.attention.blocks = 4;
        trace.deviation = std::make_shared<DeviationReport>(report);
    });
}

TEST_F(TraceFile, WhatIsNoTraceIsRefused) {
    EXPECT_EQ(loaded(), StatusCode::NotFound);
    write("position,segment\r\n");
    EXPECT_EQ(loaded(), StatusCode::Refused);
    EXPECT_EQ(loadTrace(m_directory.path()).status().code(), StatusCode::Refused);
    ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
    EXPECT_EQ(loadTrace(path("pipe")).status().code(), StatusCode::Refused);
}

}  // namespace
}  // namespace engine::testing
