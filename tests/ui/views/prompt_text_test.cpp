// Bytes to characters to words: no character is lost, none is counted twice, wherever tokens cut them.
#include "ui/inspector/prompt_text.h"

#include <QTest>

#include "tests/ui/views/example_trace.h"

using namespace ui;
using namespace Qt::StringLiterals;

namespace {

engine::BlendTrace traceOf(std::vector<std::string> pieces, int suffix = 0) {
    engine::BlendTrace trace;
    trace.pieces = std::move(pieces);
    trace.promptIds.assign(trace.pieces.size(), 1);
    engine::PlanSegment segment;
    segment.ids.assign(trace.pieces.size() - static_cast<std::size_t>(suffix), 1);
    trace.segments.push_back(segment);
    return trace;
}

}  // namespace

class PromptTextTest : public QObject {
    Q_OBJECT

private slots:
    void TextIsTheBytesOfAllPieces() {
        const auto trace = ui_test::exampleTrace();
        std::string bytes;
        for (const std::string& piece : trace->pieces) {
            bytes += piece;
        }
        QCOMPARE(PromptText(*trace).text(), QString::fromStdString(bytes));
    }

    void CellsFollowEachOtherWithoutGap() {
        const auto trace = ui_test::exampleTrace();
        const PromptText text(*trace);
        QCOMPARE(text.tokens(), trace->promptTokens());
        QString joined;
        for (int cell = 0; cell < text.cells(); ++cell) {
            QVERIFY(text.firstToken(cell) < text.firstToken(cell + 1));
            joined += text.cellText(cell);
        }
        QCOMPARE(joined, text.text());
        QCOMPARE(text.firstToken(text.cells()), text.tokens());
    }

    void ATokenThatCutsACharacterSharesItsCell() {
        // U+1F327 (4 bytes) over three tokens, then a letter.
        const PromptText text(traceOf({"a", "\xf0\x9f", "\x8c", "\xa7", "b"}));
        QCOMPARE(text.text(), u"a🌧b"_s);
        QCOMPARE(text.cells(), 3);
        QCOMPARE(text.cellOfToken(1), 1);
        QCOMPARE(text.cellOfToken(3), 1);
        QCOMPARE(text.cellText(1), u"🌧"_s);
        QCOMPARE(text.firstToken(2), 4);
    }

    void ATokenThatEndsOneCharacterAndBeginsAnotherJoinsBoth() {
        // é and ü, cut as c3 | a9 c3 | bc.
        const PromptText text(traceOf({"\xc3", "\xa9\xc3", "\xbc"}));
        QCOMPARE(text.text(), u"éü"_s);
        QCOMPARE(text.cells(), 1);
    }

    void BytesThatAreNoCharacterAreShownAndKeepTheirToken() {
        const PromptText text(traceOf({"a", "\xff", "\xe2\x84", "b"}));
        QCOMPARE(text.text(), u"a\uFFFD\uFFFD\uFFFDb"_s);
        QCOMPARE(text.cells(), 4);
    }

    void EveryCharacterFindsItsCell() {
        const PromptText text(*ui_test::exampleTrace());
        for (int cell = 0; cell < text.cells(); ++cell) {
            for (int at = text.cellBegin(cell); at < text.cellBegin(cell + 1); ++at) {
                QCOMPARE(text.cellAt(at), cell);
            }
        }
    }

    void WordsStartAtSpacesAndSentencesAtTheirBeginning() {
        const PromptText text(traceOf({"The", " rain", "fall", " stops", ".", " It", " is", " dry", ".", "\n", "New"}));
        const std::vector<int> words = {0, 1, 1, 2, 2, 3, 4, 5, 5, 6, 7};
        QCOMPARE(text.units(Granularity::Word), words);
        const std::vector<int> sentences = {0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2};
        const std::vector<int>& found = text.units(Granularity::Sentence);
        QCOMPARE(found.back() - found.front(), 2);
        QCOMPARE(found[4], 0);
        QVERIFY(found[6] == 1);
        QCOMPARE(found.size(), sentences.size());
    }

    void NoUnitCrossesASegment() {
        const auto trace = ui_test::exampleTrace();
        const PromptText text(*trace);
        for (const Granularity granularity : {Granularity::Word, Granularity::Sentence, Granularity::Chunk}) {
            const std::vector<int>& units = text.units(granularity);
            for (int cell = 1; cell < text.cells(); ++cell) {
                const auto at = static_cast<std::size_t>(cell);
                if (units[at] == units[at - 1]) {
                    QCOMPARE(text.segmentOfToken(text.firstToken(cell)), text.segmentOfToken(text.firstToken(cell - 1)));
                }
            }
        }
        QCOMPARE(text.units(Granularity::Chunk).back() + 1, static_cast<int>(trace->segments.size()) + 1);
    }

    void SegmentsAreTheTraces() {
        const auto trace = ui_test::exampleTrace();
        const PromptText text(*trace);
        for (int token = 0; token < text.tokens(); ++token) {
            QCOMPARE(text.segmentOfToken(token), trace->segmentAt(token));
        }
    }

    void AFollowUpWithoutSegmentsIsOneSuffix() {
        engine::BlendTrace trace;
        trace.pieces = {"And", " then", "?"};
        trace.promptIds = {1, 2, 3};
        const PromptText text(trace);
        QCOMPARE(text.text(), u"And then?"_s);
        QCOMPARE(text.segments(), 1);
        QCOMPARE(text.segmentOfToken(2), 0);
    }

    void PiecesAreMadeVisible() {
        QCOMPARE(visiblePiece(" a\n\t"), u"␣a↵⇥"_s);
        QCOMPARE(visiblePiece("\xe2\x84"), u"\\xe2\\x84"_s);
    }
};

QTEST_MAIN(PromptTextTest)
#include "prompt_text_test.moc"
