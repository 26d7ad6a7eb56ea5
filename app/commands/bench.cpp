// `bench`: prefill, decode, precompute, and time to first token of every strategy, cold and warm.
#include <algorithm>
#include <ostream>

#include "app/bench_report.h"
#include "app/commands/commands.h"
#include "app/names.h"
#include "app/progress_bar.h"
#include "app/terminal_text.h"
#include "app/units.h"

namespace app {

namespace {

using engine::Result;
using engine::Status;
using engine::StatusCode;
using engine::Strategy;

constexpr const char* kHead = "You answer from the given reports, briefly.";
constexpr const char* kQuestion = "Which report mentions the bridge, and what did the carts have to do?";
constexpr int kTemplateTokens = 64;  // more than any known chat template adds

std::string peakText(const engine::MachinePeak& peak) {
    return "peak of " + std::to_string(peak.threads) + " threads: fp32 " + decimalText(peak.f32Gflops, 0) +
           " GFLOP/s, bf16 " + (peak.bf16Gflops > 0 ? decimalText(peak.bf16Gflops, 0) + " GFLOP/s" : "none") + ", int8 " +
           decimalText(peak.int8Gops, 0) + " Gop/s, memory " + decimalText(peak.readGBs, 1) + " GB/s\n";
}

std::string peakText(const engine::GpuPeak& peak) {
    return "peak of the GPU: bf16 " + decimalText(peak.bf16Gflops / 1000, 0) + " TFLOP/s, memory " +
           decimalText(peak.memoryGBs, 0) + " GB/s, from pinned host memory " + decimalText(peak.uploadGBs, 1) + " GB/s\n";
}

std::string throughputText(const RateRow& row) {
    if (!row.throughput)
        return "";
    return row.kind == RateKind::Prefill ? decimalText(*row.throughput, 0) + " GFLOP/s"
                                         : decimalText(*row.throughput, 1) + " GB/s";
}

std::string benchTables(const BenchReport& report) {
    TextTable rates({{"", Align::Left},
                     {"tokens", Align::Right},
                     {"after", Align::Right},
                     {"tokens/s", Align::Right},
                     {"least", Align::Right},
                     {"greatest", Align::Right},
                     {"rate", Align::Right},
                     {"of peak", Align::Right}});
    for (const RateRow& row : report.rates)
        rates.addRow({std::string(nameOf(row.kind)), countText(row.tokens),
                      row.kind == RateKind::Decode ? countText(row.after) : "", decimalText(row.tokensPerSecond.median, 1),
                      decimalText(row.tokensPerSecond.min, 1), decimalText(row.tokensPerSecond.max, 1), throughputText(row),
                      row.ofPeak ? decimalText(*row.ofPeak, 3) : ""});
    TextTable ttft({{"context", Align::Right},
                    {"state", Align::Left},
                    {"strategy", Align::Left},
                    {"TTFT ms", Align::Right},
                    {"least", Align::Right},
                    {"greatest", Align::Right},
                    {"over full", Align::Right},
                    {"work", Align::Right},
                    {"load hidden ms", Align::Right}});
    for (const TtftRow& row : report.ttft)
        ttft.addRow({countText(row.context), std::string(nameOf(row.state)), std::string(nameOf(row.strategy)),
                     decimalText(row.ms.median, 1), decimalText(row.ms.min, 1), decimalText(row.ms.max, 1),
                     row.overFull ? decimalText(*row.overFull, 3) : "–", decimalText(row.chargedWork, 3),
                     decimalText(row.loadHidden, 1)});
    return printable(report.cpu, LineBreaks::Flatten) + ", " + std::to_string(report.threads) + " threads, " +
           printable(report.model, LineBreaks::Flatten) + ", " + report.backend + " " + report.precision + ", " +
           std::to_string(report.repeat) + " runs each; loaded in " + decimalText(report.loadMs, 0) + " ms\n" +
           (report.peak ? peakText(*report.peak) : "") + (report.gpuPeak ? peakText(*report.gpuPeak) : "") + "\n" +
           rates.text() + "\n" + ttft.text();
}

/// One benchmark; lives for one call.
class Benchmark {
public:
    Benchmark(engine::Engine& engine, const BenchCommand& command, CommandContext& context)
        : m_engine(engine), m_command(command), m_context(context), m_progress(context) {
        m_strategies = command.strategies.empty() ? allOf<Strategy>() : command.strategies;
        if (std::find(m_strategies.begin(), m_strategies.end(), Strategy::Full) == m_strategies.end())
            m_strategies.insert(m_strategies.begin(), Strategy::Full);
    }

    Result<BenchReport> run() {
        const engine::ModelInfo& model = m_engine.model();
        BenchReport report;
        report.cpu = engine::inspectMachine().cpu;
        report.model = model.name;
        report.backend = model.backend;
        if (model.gpuLayers > 0)
            report.gpu = engine::inspectGpu().message;
        report.precision = model.precision;
        report.threads = model.threads;
        report.repeat = m_command.repeat;
        if (m_command.peak) {
            const auto peak = engine::measureMachinePeak(model.threads);
            if (!peak)
                return peak.status();
            report.peak = *peak;
            if (model.gpuLayers > 0) {
                const auto gpu = engine::measureGpuPeak();
                if (!gpu)
                    return gpu.status();
                report.gpuPeak = *gpu;
            }
        }
        const auto lengths = fittingLengths();
        if (!lengths)
            return lengths.status();
        m_total = static_cast<std::int64_t>(lengths->size()) * (m_command.repeat + 1) *
                  (2 + 2 * static_cast<std::int64_t>(m_strategies.size()));
        for (const int length : *lengths) {
            for (const auto part : {&Benchmark::measureModel, &Benchmark::measurePrecompute, &Benchmark::measureTtft}) {
                Status status = (this->*part)(length, report);
                m_progress.clear();
                if (!status.ok())
                    return status.withContext(countText(length) + " tokens");
            }
        }
        report.loadMs = m_engine.model().loadMs;
        relateToPeak(report);
        relateToFull(report.ttft);
        return report;
    }

private:
    /// The lengths whose prompts fit the model's context.
    Result<std::vector<int>> fittingLengths() {
        std::size_t room = kTemplateTokens + static_cast<std::size_t>(m_command.generate);
        for (const char* text : {kHead, kQuestion}) {
            const auto ids = m_engine.tokenize(text, false);
            if (!ids)
                return ids.status();
            room += ids->size();
        }
        const int context = m_engine.model().contextLength;
        std::vector<int> lengths;
        for (const int length : m_command.lengths) {
            if (static_cast<std::size_t>(length) + room <= static_cast<std::size_t>(context))
                lengths.push_back(length);
            else
                say(m_context, "bench: " + countText(length) + " tokens of context do not fit the model's " +
                                   countText(context) + " tokens; left out");
        }
        if (lengths.empty())
            return Status(StatusCode::InvalidArgument,
                          "no length fits the model's context of " + countText(context) + " tokens; give shorter --lengths");
        return lengths;
    }

    /// Prose of at most `tokens` tokens, short of them by less than a word.
    Result<std::string> proseOf(int tokens) {
        const int seed = m_seed++;
        const auto fits = [&](const std::string& text) -> Result<bool> {
            const auto ids = m_engine.tokenize(text, false);
            if (!ids)
                return ids.status();
            return ids->size() <= static_cast<std::size_t>(tokens);
        };
        std::string text;
        for (int sentences = 2;; sentences *= 2) {
            text = benchText(seed, sentences);
            const auto whole = fits(text);
            if (!whole)
                return whole.status();
            if (!*whole)
                break;
        }
        std::vector<std::size_t> ends;  // of words
        for (std::size_t at = text.find(' '); at != std::string::npos; at = text.find(' ', at + 1))
            ends.push_back(at);
        std::size_t kept = 0;
        for (std::size_t low = 0, high = ends.size(); low < high;) {
            const std::size_t middle = (low + high) / 2;
            const auto part = fits(text.substr(0, ends[middle]));
            if (!part)
                return part.status();
            if (*part) {
                kept = middle;
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return text.substr(0, ends[kept]);
    }

    /// A prompt of chunks that no prompt before it had.
    Result<engine::GivenPrompt> freshPrompt(int length) {
        engine::GivenPrompt prompt;
        prompt.head = kHead;
        prompt.question = kQuestion;
        for (int chunk = 0; chunk < m_command.chunks; ++chunk) {
            const int tokens = length / m_command.chunks + (chunk < length % m_command.chunks ? 1 : 0);
            auto text = proseOf(tokens);
            if (!text)
                return text.status();
            prompt.chunks.push_back(std::move(*text));
        }
        return prompt;
    }

    void step() { m_progress.progress("bench", m_done++, m_total, "runs"); }

    Status stopped() const {
        return m_context.stop.stop_requested() ? Status(StatusCode::Cancelled, "the benchmark was stopped") : Status();
    }

    /// Prefill and decode of one text of `length` tokens.
    Status measureModel(int length, BenchReport& report) {
        auto ids = m_engine.tokenize(benchText(m_seed++, length), false);  // a sentence has more than one token
        if (!ids)
            return ids.status();
        ids->resize(static_cast<std::size_t>(length));
        std::vector<double> prefill, decode, gflops, gigabytes;
        int decoded = 0;
        for (int run = 0; run <= m_command.repeat; ++run) {
            step();
            const auto logits = m_engine.logits(*ids, 1, m_command.generate, m_context.stop);
            if (!logits)
                return logits.status();
            if (run == 0)
                continue;
            if (logits->prefillMs > 0) {
                prefill.push_back(length / logits->prefillMs * 1000);
                gflops.push_back(logits->prefillOperations / logits->prefillMs / 1e6);
            }
            if (logits->greedy.size() > 1 && logits->decodeMs > 0) {
                decoded = static_cast<int>(logits->greedy.size());
                decode.push_back((decoded - 1) / logits->decodeMs * 1000);  // the first one belongs to the prefill
                gigabytes.push_back(logits->decodeBytes / logits->decodeMs / 1e6);
            }
        }
        if (!prefill.empty())
            report.rates.push_back({RateKind::Prefill, length, 0, spreadOf(prefill), spreadOf(gflops).median, std::nullopt});
        if (!decode.empty())
            report.rates.push_back(
                {RateKind::Decode, decoded, length, spreadOf(decode), spreadOf(gigabytes).median, std::nullopt});
        else if (m_command.generate > 1)
            say(m_context, "bench: the model ended its text at once after " + countText(length) + " tokens; no decode rate");
        return stopped();
    }

    /// Precompute of prompts that are new each time; the first is the one whose TTFT is measured.
    Status measurePrecompute(int length, BenchReport& report) {
        std::vector<double> rates;
        std::int64_t tokens = 0;
        for (int run = 0; run <= m_command.repeat; ++run) {
            step();
            auto prompt = freshPrompt(length);
            if (!prompt)
                return prompt.status();
            engine::PrecomputeRequest request;
            request.given.push_back(*prompt);
            Quiet quiet;
            const auto done = m_engine.precompute(request, quiet, m_context.stop);
            if (!done)
                return done.status();
            if (done->cancelled)
                return Status(StatusCode::Cancelled, "the benchmark was stopped");
            if (run == 0) {
                m_prompt = std::move(*prompt);
            } else if (done->ms > 0) {
                tokens = done->tokens;
                rates.push_back(static_cast<double>(done->tokens) / done->ms * 1000);
            }
        }
        if (!rates.empty())
            report.rates.push_back(
                {RateKind::Precompute, static_cast<int>(tokens), 0, spreadOf(rates), std::nullopt, std::nullopt});
        return stopped();
    }

    Result<TtftSample> ask(Strategy strategy) {
        engine::Query query;
        query.question = m_prompt.question;
        query.given = m_prompt;
        query.blend.strategy = strategy;
        query.blend.ratio = m_command.ratio;
        query.sampling.maxTokens = 1;
        const auto plan = m_engine.plan(query);
        if (!plan)
            return plan.status();
        engine::QueryObserver silent;
        const auto answer = m_engine.run(*plan, silent, m_context.stop);
        if (!answer)
            return answer.status();
        if (answer->stopReason == engine::StopReason::Cancelled)
            return Status(StatusCode::Cancelled, "the benchmark was stopped");
        return TtftSample{answer->ms, answer->chargedWork, answer->tokens.prompt,
                          answer->bytesLoaded - answer->bytesFromRam};
    }

    /// Strategies take turns within a run, beginning with another one each time, so that a drift of the machine hits all alike.
    Status measureTtft(int length, BenchReport& report) {
        const std::size_t count = m_strategies.size();
        for (const CacheState state : {CacheState::Cold, CacheState::Warm}) {
            std::vector<std::vector<TtftSample>> samples(count);
            for (int run = 0; run <= m_command.repeat; ++run) {
                for (std::size_t turn = 0; turn < count; ++turn) {
                    const std::size_t which = (turn + static_cast<std::size_t>(run)) % count;
                    step();
                    if (state == CacheState::Cold)
                        if (Status dropped = m_engine.dropCaches(); !dropped.ok())
                            return dropped.withContext("dropping the store's pages");
                    auto sample = ask(m_strategies[which]);
                    if (!sample)
                        return sample.status().withContext(nameOf(m_strategies[which]));
                    if (run > 0)
                        samples[which].push_back(*sample);
                }
            }
            for (std::size_t which = 0; which < count; ++which)
                report.ttft.push_back(ttftRow(length, m_strategies[which], m_command.ratio, state, samples[which]));
        }
        return stopped();
    }

    class Quiet : public engine::JobObserver {
    public:
        void progress(std::string_view, std::int64_t, std::int64_t, std::string_view) override {}
    };

    engine::Engine& m_engine;
    const BenchCommand& m_command;
    CommandContext& m_context;
    ProgressBar m_progress;
    std::vector<Strategy> m_strategies;
    engine::GivenPrompt m_prompt;  // precomputed; its TTFT is measured
    int m_seed = 1;                // of the next text
    std::int64_t m_done = 0;       // runs
    std::int64_t m_total = 0;
};

}  // namespace

ExitStatus runBench(engine::Engine& engine, const BenchCommand& command, CommandContext& context) {
    const auto report = Benchmark(engine, command, context).run();
    if (!report)
        return reportFailure(context, "bench", report.status());
    context.out << (context.json() ? benchJson(*report) : benchTables(*report));
    return ExitStatus::Done;
}

}  // namespace app
