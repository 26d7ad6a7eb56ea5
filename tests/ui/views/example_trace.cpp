// Plausible numbers from a seeded generator: deviation is greatest at chunk starts and grows with depth, as in real runs.
#include "tests/ui/views/example_trace.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace ui_test {

namespace {

using namespace engine;

constexpr const char* kWords[] = {" the",  " station", " logger",  " must",  " be",    " read",   " every",   " morning",
                                  ",",     " and",     " the",     " rain",  " gauge", " is",     " emptied", ".",
                                  " When", " the",     " battery", " falls", " below", " eleven", " volts",   " it",
                                  " goes", " to",      " sleep",   ".",      " A",     " spare",  " lies",    " in",
                                  " the",  " cup",     "board",    ".",      "\n"};

std::size_t index(int value) { return static_cast<std::size_t>(value); }

class Maker {
public:
    explicit Maker(const TraceShape& shape) : m_shape(shape), m_random(shape.seed) {}

    std::shared_ptr<const BlendTrace> make() {
        m_trace->model = "example model";
        m_trace->backend = "reference";
        m_trace->precision = "f32";
        m_trace->layerCount = m_shape.layers;
        m_trace->heads = m_shape.heads;
        m_trace->kvHeads = 1;
        m_trace->question = "When does the logger go to sleep?";
        m_trace->collection = "stations";
        m_trace->options.ratio = m_shape.ratio;
        addPrompt();
        choose();
        addTimes();
        m_trace->answer = "The logger goes to sleep when the battery falls below eleven volts. [1]";
        m_trace->answerIds = {11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22};
        if (m_shape.compared || m_shape.measured) {
            m_trace->comparison = comparison(0.02);
        }
        if (m_shape.measured) {
            measure();
        }
        return m_trace;
    }

private:
    double uniform() { return std::uniform_real_distribution<>(0, 1)(m_random); }

    void addToken(const std::string& piece) {
        m_trace->pieces.push_back(piece);
        m_trace->promptIds.push_back(static_cast<TokenId>(100 + m_random() % 1000));
    }

    void addSegment(SegmentKind kind, int number, int tokens) {
        PlanSegment segment;
        segment.kind = kind;
        segment.position = static_cast<int>(m_trace->pieces.size());
        segment.source = kind == SegmentKind::Chunk && number == m_shape.missingChunk ? KvSource::Miss : KvSource::Store;
        segment.prefixExact = kind == SegmentKind::Head;
        if (kind == SegmentKind::Chunk) {
            segment.document = number % 2 == 0 ? "Wren logger manual" : "Station handbook";
            segment.path = "/library/manual-" + std::to_string(number) + ".pdf";
            segment.header = "Wren logger manual › Battery\n";
            segment.firstPage = segment.lastPage = 3 + number;
            segment.score = 9.5 - number;
            segment.chunk.digest.bytes[0] = static_cast<std::uint8_t>(number + 1);
            std::vector<std::string> pieces = {"Wren", " logger", " manual", " ›", " Battery", "\n"};
            if (m_shape.cutCharacter && number == 0) {
                pieces.insert(pieces.end(),
                              {"Temp", " 4", "\xe2\x84", "\x83", " at", " night", "."});  // ℃ cut after two bytes
            }
            for (std::size_t word = 0; static_cast<int>(pieces.size()) < tokens; ++word) {
                pieces.emplace_back(kWords[(word + index(number) * 5) % std::size(kWords)]);
            }
            pieces.resize(index(tokens));
            for (const std::string& piece : pieces) {
                addToken(piece);
            }
        } else {
            for (int i = 0; i < tokens; ++i) {
                addToken(i == 0 ? "<|im_start|>" : i == 1 ? "system" : i == 2 ? "\n" : i + 1 == tokens ? "\n" : " careful");
            }
        }
        segment.ids.assign(m_trace->promptIds.end() - tokens, m_trace->promptIds.end());
        m_trace->segments.push_back(segment);
    }

    void addPrompt() {
        if (m_shape.headTokens > 0) {
            addSegment(SegmentKind::Head, 0, m_shape.headTokens);
        }
        for (int chunk = 0; chunk < m_shape.chunks; ++chunk) {
            addSegment(SegmentKind::Chunk, chunk, m_shape.chunkTokens);
        }
        for (int i = 0; i < m_shape.suffixTokens; ++i) {
            addToken(i == 0 ? "When" : i + 1 == m_shape.suffixTokens ? "?" : " then");
        }
    }

    void choose() {
        struct Candidate {
            float score;
            int position;
        };
        std::vector<Candidate> candidates;
        int context = 0;
        for (const PlanSegment& segment : m_trace->segments) {
            if (segment.kind != SegmentKind::Chunk) {
                continue;
            }
            for (int i = 0; i < segment.tokens(); ++i, ++context) {
                const float score = static_cast<float>(std::exp(-i / 9.0) + 0.2 * uniform() * uniform());
                m_trace->selection.score.push_back(score);
                if (segment.source == KvSource::Store) {
                    candidates.push_back({score, segment.position + i});
                }
            }
        }
        std::ranges::stable_sort(candidates, [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
        const auto chosen = std::min(static_cast<std::size_t>(m_shape.ratio * context), candidates.size());
        for (std::size_t i = 0; i < chosen; ++i) {
            m_trace->selection.positions.push_back(candidates[i].position);
            m_trace->selection.threshold = candidates[i].score;
        }
        std::ranges::sort(m_trace->selection.positions);
        TokenCounts& counts = m_trace->tokens;
        counts.prompt = m_trace->promptTokens();
        counts.recomputed = static_cast<int>(chosen);
        counts.fresh = m_shape.suffixTokens + (m_shape.missingChunk >= 0 ? m_shape.chunkTokens : 0);
        counts.reused = counts.prompt - counts.recomputed - counts.fresh;
        counts.generated = 12;
        m_trace->chargedWork = m_shape.ratio + 2.0 * m_shape.suffixTokens / counts.prompt;
    }

    void addTimes() {
        double load = 0;
        double compute = 2;
        for (int layer = 0; layer < m_shape.layers; ++layer) {
            LayerTiming times;
            times.loadBegin = load;
            load += 0.8 + 0.4 * uniform();
            times.loadEnd = load;
            times.computeBegin = std::max(compute, load);
            compute = times.computeBegin + 3 + uniform();
            times.computeEnd = compute;
            m_trace->layers.push_back(times);
        }
        Timings& ms = m_trace->ms;
        ms.retrieve = 0.6;
        ms.tokenize = 0.4;
        ms.plan = 3.5;
        ms.load = 1.2;
        ms.rotate = 2.1;
        ms.questionPass = 0.3 * compute;
        ms.check = 0.02;
        ms.recompute = 0.7 * compute;
        ms.firstToken = 2.2;
        ms.ttft = ms.retrieve + ms.tokenize + ms.plan + ms.load + ms.rotate + ms.questionPass + ms.check + ms.recompute +
                  ms.firstToken;
        ms.decode = 240;
        ms.total = ms.ttft + ms.decode;
        ms.loadHidden = load - ms.load;
        m_trace->bytesLoaded = 4096U * index(m_trace->promptTokens());
    }

    Comparison comparison(double scale) {
        Comparison result;
        for (int i = 0; i < 12; ++i) {
            result.kl.push_back(scale * uniform() * (i + 1));
            result.meanKl += result.kl.back() / 12;
        }
        result.top1Equal = true;
        result.firstDivergingToken = 7;
        result.fullAnswer = "The logger goes to sleep when the voltage is under eleven volts. [1]";
        result.fullTtftMs = m_trace->ms.ttft / std::max(0.05, m_trace->chargedWork);
        result.chargedWork = m_trace->chargedWork;
        return result;
    }

    KvDeviation kvDeviation(double scale, bool blended) {
        const std::vector<TokenFate> fates = tokenFates(*m_trace);
        KvDeviation result{m_shape.layers, m_trace->promptTokens(), {}, {}};
        const std::size_t values = index(result.layers) * index(result.tokens);
        result.k.reserve(values);
        result.v.reserve(values);
        for (int layer = 0; layer < result.layers; ++layer) {
            const double depth = static_cast<double>(layer) / std::max(1, result.layers - 1);
            for (int token = 0; token < result.tokens; ++token) {
                const int segment = m_trace->segmentAt(token);
                const bool context = index(segment) < m_trace->segments.size() &&
                                     m_trace->segments[index(segment)].kind == SegmentKind::Chunk;
                const double start = context ? std::exp(-(token - m_trace->segments[index(segment)].position) / 12.0) : 0;
                const bool again = blended && fates[index(token)] != TokenFate::Reused;
                const double value = context ? scale * depth * (again ? 0.1 : 1) * (0.2 + 2 * start + 0.3 * uniform()) : 0;
                result.k.push_back(static_cast<float>(value));
                result.v.push_back(static_cast<float>(value * 0.4));
            }
        }
        return result;
    }

    AttentionSummary attention(double concentration, bool allRows) {
        AttentionSummary result;
        result.layers = m_shape.layers;
        result.heads = m_shape.heads;
        result.context = m_trace->suffixBegin();
        result.blocks = static_cast<int>(m_trace->segments.size()) + 1;
        for (int layer = 0; layer < result.layers; ++layer) {
            for (int block = 0; block < result.blocks; ++block) {
                const bool computed = allRows || block + 1 == result.blocks || (block > 0 && concentration > 1);
                result.rowsComputed.push_back(computed ? 7 : 0);
            }
            for (int head = 0; head < result.heads; ++head) {
                std::vector<double> weight;
                double sum = 0;
                for (int p = 0; p < result.context; ++p) {
                    weight.push_back(std::pow(uniform(), 6 * concentration) + (p == 0 ? 30 : 0));
                    sum += weight.back();
                }
                for (const double own : weight) {
                    result.suffix.push_back(static_cast<float>(0.8 * own / sum));
                }
                for (int from = 0; from < result.blocks; ++from) {
                    std::vector<double> row;
                    double all = 0;
                    for (int to = 0; to < result.blocks; ++to) {
                        row.push_back(to > from ? 0
                                                : (to == from ? 2.0
                                                   : to == 0  ? 1.5
                                                              : 0.5 * uniform() * concentration) +
                                                      0.02);
                        all += row.back();
                    }
                    const bool computed = result.rowsComputed[index(layer) * index(result.blocks) + index(from)] > 0;
                    for (const double own : row) {
                        result.block.push_back(static_cast<float>(computed ? own / all : 0));
                    }
                }
            }
        }
        return result;
    }

    RunDeviation runDeviation(double scale, bool blended) {
        RunDeviation run;
        run.kv = kvDeviation(scale, blended);
        run.attention = attention(blended ? 1.1 : 0.8, false);
        for (int i = 0; i < m_shape.layers * m_shape.heads; ++i) {
            run.attentionDeviation.push_back(static_cast<float>(scale * uniform() * uniform()));
        }
        run.comparison = comparison(blended ? 0.02 : 0.2);
        run.answer = blended ? m_trace->answer : "The logger is a station.";
        run.ttftMs = blended ? m_trace->ms.ttft : m_trace->ms.ttft / 3;
        return run;
    }

    void measure() {
        auto report = std::make_shared<DeviationReport>();
        report->full = attention(1.2, true);
        report->reuse = runDeviation(1.0, false);
        report->blend = runDeviation(0.9, true);
        m_trace->comparison = report->blend.comparison;
        m_trace->deviation = std::move(report);
    }

    TraceShape m_shape;
    std::mt19937 m_random;
    std::shared_ptr<BlendTrace> m_trace = std::make_shared<BlendTrace>();
};

}  // namespace

std::shared_ptr<const engine::BlendTrace> exampleTrace(const TraceShape& shape) { return Maker(shape).make(); }

TraceShape longPrompt() {
    TraceShape shape;
    shape.headTokens = 32;
    shape.suffixTokens = 32;
    shape.chunks = 32;
    shape.chunkTokens = 254;
    shape.layers = 30;
    shape.heads = 9;
    return shape;
}

}  // namespace ui_test
