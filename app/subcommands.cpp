// The subcommands' own options.
#include "app/subcommands.h"

#include <algorithm>
#include <optional>
#include <type_traits>

#include "app/option_checks.h"
#include "app/units.h"

namespace app {

namespace {

double ratioOf(const std::string& text) {
    double value = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !(value >= 0 && value <= 1))
        wrong("--ratio", "'" + text + "' is not a number from 0 to 1");
    return value;
}

constexpr const char* kCommonFooter =
    "Common options (--workspace, --model, --json, ...) may stand here too: see `cacheblend --help`.";

CLI::Option* addCollection(CLI::App& app, std::string& name) {
    return app.add_option("--collection", name, "Name of the collection")->required()->type_name("NAME");
}

class ImportSubcommand : public Subcommand {
public:
    explicit ImportSubcommand(CLI::App& app) {
        app.add_option("PATH", m_command.request.paths, "Files, or folders with --recursive")->required()->type_name("");
        addCollection(app, m_command.request.collection);
        app.add_option("--chunk-tokens", m_command.request.chunkTokens,
                       "Greatest size of a chunk in tokens, header included")
            ->check(atLeast(engine::kLeastChunkTokens))
            ->capture_default_str()
            ->type_name("N");
        app.add_flag("--recursive", m_command.request.recursive, "Import the files in folders, and in their folders");
        app.add_flag("--watch", m_command.watch, "Go on, and import again what changes, until Ctrl-C");
        app.footer(
            "Files that failed are reported and the others kept; exit status 1 when files failed and none could be read.\n"
            "--watch holds the workspace only while it imports, so that questions can be asked in between; files that are\n"
            "deleted stay in the collection. With --json it writes a line whenever there was something to import.");
    }
    Command build() const override { return m_command; }

private:
    ImportCommand m_command;
};

class PrecomputeSubcommand : public Subcommand {
public:
    explicit PrecomputeSubcommand(CLI::App& app) {
        addCollection(app, m_collection);
        choose<engine::Anchor>(app.add_option("--anchor", m_anchor, "Fixed tokens that a chunk is computed behind"))
            ->capture_default_str();
        app.add_option("--budget", m_budget, "Stop before the store holds more bytes (512M, 2GiB); default: no budget")
            ->type_name("BYTES");
        app.footer("Resumable: what is in the store is not computed again. Ctrl-C keeps finished chunks.");
    }
    Command build() const override {
        PrecomputeCommand command;
        command.request.collection = m_collection;
        command.request.anchor = enumOf<engine::Anchor>(m_anchor);
        if (!m_budget.empty()) {
            command.request.budgetBytes = byteSizeOf("--budget", m_budget);
            if (command.request.budgetBytes == 0)
                wrong("--budget", "0 bytes hold nothing; leave the option out for no budget");
        }
        return command;
    }

private:
    std::string m_collection;
    std::string m_anchor = "none";
    std::string m_budget;
};

/// The options that `ask` and `plan` share.
class QueryArguments {
public:
    explicit QueryArguments(CLI::App& app) {
        app.add_option("QUESTION", m_query.question, "The question")->required()->type_name("");
        addCollection(app, m_query.collection);
        app.add_option("--top-k", m_query.topK, "Chunks to retrieve")
            ->check(atLeast(1))
            ->capture_default_str()
            ->type_name("N");
        app.add_option("--chunks", m_chunks,
                       "Use these chunks in this order instead of retrieving; ids as `chunks` lists them")
            ->allow_extra_args(false)
            ->delimiter(',')
            ->type_name("ID,ID,...");
        choose(app.add_option("--preset", m_preset,
                              "fast: query-value at 0.15; faithful: query-value at 0.30; exact: full prefill"),
               {"fast", "faithful", "exact"})
            ->capture_default_str();
        choose<engine::Strategy>(app.add_option("--strategy", m_strategy,
                                                "How tokens are chosen for recompute; default: the preset's, or cacheblend "
                                                "where loading is slow and no ratio is given"));
        app.add_option("--ratio", m_ratio, "Share of context tokens to recompute, 0 to 1; default: the preset's")
            ->type_name("R");
        choose<engine::Anchor>(app.add_option("--anchor", m_anchor, "Fixed tokens that chunks were precomputed behind"))
            ->capture_default_str();
        choose<engine::DeviationMetric>(
            app.add_option("--metric", m_metric, "cacheblend: deviation of values, keys, or both"))
            ->capture_default_str();
        app.add_option("--check-layer", m_query.blend.checkLayer, "cacheblend: layer whose deviation selects, from 1")
            ->check(atLeast(1))
            ->capture_default_str()
            ->type_name("N");
        app.add_option("--first", m_query.blend.first,
                       "Recompute the first K tokens of each chunk; with strategy first these and no others")
            ->check(atLeast(0))
            ->capture_default_str()
            ->type_name("K");
        choose<engine::MaskKind>(
            app.add_option("--mask", m_mask, "published: the bottom-right mask of the published code, for teaching"))
            ->capture_default_str();
        app.add_option("--max-tokens", m_query.sampling.maxTokens, "Greatest length of the answer in tokens")
            ->check(atLeast(1))
            ->capture_default_str()
            ->type_name("N");
        app.add_option("--temperature", m_query.sampling.temperature, "0 chooses the likeliest token always")
            ->check(CLI::Range(0.0, 100.0))
            ->capture_default_str()
            ->type_name("X");
        app.add_option("--seed", m_query.sampling.seed, "Of the random choice; used when the temperature is not 0")
            ->check(wholeNumber<std::uint64_t>(0))
            ->capture_default_str()
            ->type_name("N");
    }

    engine::Query build() const {
        engine::Query query = m_query;
        query.blend.strategy = m_preset == "exact" ? engine::Strategy::Full : engine::Strategy::QueryValue;
        query.blend.ratio = m_preset == "exact" ? 1 : m_preset == "faithful" ? 0.30 : 0.15;
        if (!m_strategy.empty())
            query.blend.strategy = enumOf<engine::Strategy>(m_strategy);
        query.blend.adaptive = m_ratio.empty();
        if (m_strategy.empty() && query.blend.adaptive)
            query.strategyChoice = engine::StrategyChoice::ByLoading;
        if (!m_ratio.empty())
            query.blend.ratio = ratioOf(m_ratio);
        query.blend.anchor = enumOf<engine::Anchor>(m_anchor);
        query.blend.metric = enumOf<engine::DeviationMetric>(m_metric);
        query.blend.mask = enumOf<engine::MaskKind>(m_mask);
        if (query.question.find_first_not_of(" \t\n") == std::string::npos)
            wrong("QUESTION", "the question is empty");
        for (const std::string& id : m_chunks) {
            const auto digest = storage::Digest::fromHex(id);
            if (!digest)
                wrong("--chunks", "'" + id + "' is not a chunk's id (64 hexadecimal digits, see `cacheblend chunks`)");
            query.chunks.push_back(engine::ChunkId{*digest});
        }
        return query;
    }

private:
    engine::Query m_query;
    std::vector<std::string> m_chunks;
    std::string m_preset = "fast";
    std::string m_strategy;
    std::string m_ratio;
    std::string m_anchor = "none";
    std::string m_metric = "v";
    std::string m_mask = "exact";
};

class AskSubcommand : public Subcommand {
public:
    explicit AskSubcommand(CLI::App& app) : m_arguments(app) {
        app.add_flag("--compare", m_compare, "Compare with a full prefill of the same prompt");
        app.add_flag("--measure", m_measure,
                     "Compare, and measure how far KV and attention lie from a full prefill's; see them with --trace");
        app.add_option("--trace", m_trace, "Save what happened; `trace show` replays it without a model")->type_name("FILE");
    }
    Command build() const override { return AskCommand{m_arguments.build(), m_compare, m_measure, m_trace}; }

private:
    QueryArguments m_arguments;
    bool m_compare = false;
    bool m_measure = false;
    std::string m_trace;
};

class PlanSubcommand : public Subcommand {
public:
    explicit PlanSubcommand(CLI::App& app) : m_arguments(app) {}
    Command build() const override { return PlanCommand{m_arguments.build()}; }

private:
    QueryArguments m_arguments;
};

std::vector<engine::Strategy> strategiesOf(const std::vector<std::string>& names) {
    std::vector<engine::Strategy> strategies;
    for (const std::string& name : names) {
        const auto strategy = enumOf<engine::Strategy>(name);
        if (std::find(strategies.begin(), strategies.end(), strategy) != strategies.end())
            wrong("--strategy", "'" + name + "' is given twice");
        strategies.push_back(strategy);
    }
    return strategies;
}

class EvalSubcommand : public Subcommand {
public:
    explicit EvalSubcommand(CLI::App& app) {
        app.add_option(
               "--cases", m_command.casesPath,
               "One JSON object a line: id, head, chunks, question, answers, and raw if head and question are to be used "
               "as they are; - is standard input")
            ->required()
            ->type_name("FILE");
        choose<engine::Strategy>(
            app.add_option("--strategy", m_strategies, "May be given several times; default: query-value"))
            ->allow_extra_args(false)
            ->delimiter(',');
        app.add_option("--ratio", m_ratios,
                       "Share of context tokens to recompute; may be given several times; default: 0.15")
            ->allow_extra_args(false)
            ->delimiter(',')
            ->type_name("R");
        choose<engine::Anchor>(app.add_option("--anchor", m_anchor, "Fixed tokens that chunks are precomputed behind"))
            ->capture_default_str();
        app.add_flag("--compare", m_command.compare, "Compare each answer with a full prefill's");
        app.add_option("--max-tokens", m_command.maxTokens, "Greatest length of an answer in tokens")
            ->check(atLeast(1))
            ->capture_default_str()
            ->type_name("N");
        app.add_option("--dump", m_command.dumpFolder,
                       "Write ID.STRATEGY.RATIO.json with selection, scores, logits and KL per answer; implies --compare")
            ->type_name("DIR");
        app.footer(
            "Works in a temporary workspace unless --workspace is given. Chunks are precomputed before the clock starts.\n"
            "With --json: a line per case, strategy and ratio, then a summary line per strategy and ratio.");
    }
    Command build() const override {
        EvalCommand command = m_command;
        command.anchor = enumOf<engine::Anchor>(m_anchor);
        command.compare = command.compare || !command.dumpFolder.empty();
        if (!m_strategies.empty())
            command.strategies = strategiesOf(m_strategies);
        if (!m_ratios.empty())
            command.ratios.clear();
        for (const std::string& text : m_ratios) {
            const double value = ratioOf(text);
            for (const RatioOption& other : command.ratios)
                if (other.value == value)
                    wrong("--ratio", "'" + text + "' is given twice");
            command.ratios.push_back({value, text});
        }
        return command;
    }

private:
    EvalCommand m_command;
    std::vector<std::string> m_strategies;
    std::vector<std::string> m_ratios;
    std::string m_anchor = "none";
};

class BenchSubcommand : public Subcommand {
public:
    explicit BenchSubcommand(CLI::App& app) {
        app.add_option("--lengths", m_command.lengths, "Context lengths in tokens; default: 512,2048,4096")
            ->allow_extra_args(false)
            ->delimiter(',')
            ->check(atLeast(1))
            ->type_name("N,N,...");
        app.add_option("--chunks", m_command.chunks, "Chunks a context is cut into")
            ->check(atLeast(1))
            ->capture_default_str()
            ->type_name("N");
        app.add_option("--generate", m_command.generate, "Tokens to decode; 0 leaves decoding out")
            ->check(atLeast(0))
            ->capture_default_str()
            ->type_name("N");
        app.add_option("--repeat", m_command.repeat, "Measured runs, after one that is not")
            ->check(atLeast(1))
            ->capture_default_str()
            ->type_name("N");
        app.add_option("--ratio", m_ratio, "Share of context tokens to recompute")->capture_default_str()->type_name("R");
        choose<engine::Strategy>(
            app.add_option("--strategy", m_strategies, "May be given several times; full is always measured; default: all"))
            ->allow_extra_args(false)
            ->delimiter(',');
        app.add_flag("--peak", m_command.peak,
                     "First measure what the processor, the memory and a GPU in use can do at best (some two seconds)");
        app.add_option("--synthetic", m_command.synthetic,
                       "A shape with made-up weights in memory, no model file: llama-3.1-8b, mistral-7b, qwen2.5-7b, tiny")
            ->type_name("NAME");
        app.footer(
            "Works in a temporary workspace of its own (in TMPDIR, else /var/tmp); --workspace is not used.\n"
            "cold: nothing in memory, the store's pages dropped before each run; warm: as the run before left them, in "
            "memory.\n"
            "Times in ms, rates in tokens/s: median, least and greatest of the measured runs. Strategies take turns.\n"
            "rate: operations that prefill needed, or weights and KV that decoding read, a second; of peak: with --peak.\n"
            "over_full: median TTFT over full's of the same context and state. stage_sum_over_ttft: the run whose stages\n"
            "fit its TTFT worst. Lengths that do not fit the model's context are left out, with a message.");
    }
    Command build() const override {
        BenchCommand command = m_command;
        command.ratio = ratioOf(m_ratio);
        command.strategies = strategiesOf(m_strategies);
        for (const int length : command.lengths)
            if (length < command.chunks * kLeastChunkTokens)
                wrong("--lengths", std::to_string(length) + " tokens cannot be cut into " + std::to_string(command.chunks) +
                                       " chunks of at least " + std::to_string(kLeastChunkTokens) + " tokens");
        return command;
    }

private:
    static constexpr int kLeastChunkTokens = 8;  // shorter ones cannot all be made distinct

    BenchCommand m_command;
    std::string m_ratio = "0.15";
    std::vector<std::string> m_strategies;
};

class TokenizeSubcommand : public Subcommand {
public:
    explicit TokenizeSubcommand(CLI::App& app) {
        m_text = app.add_option("TEXT", m_value, "The text")->type_name("");
        app.add_option("--file", m_path, "Take the text from a file; - is standard input")->type_name("FILE");
        app.add_flag("--special", m_special, "Parse special tokens such as <|im_start|>");
    }
    Command build() const override {
        TokenizeCommand command;
        command.special = m_special;
        command.path = m_path;
        if (m_text->count() > 0)
            command.text = m_value;
        if (command.text.has_value() != m_path.empty())
            wrong("TEXT", "give either the text or --file");
        return command;
    }

private:
    CLI::Option* m_text = nullptr;
    std::string m_value;
    std::string m_path;
    bool m_special = false;
};

class LogitsSubcommand : public Subcommand {
public:
    explicit LogitsSubcommand(CLI::App& app) {
        app.add_option("--ids", m_command.idsPath, "File with a JSON array of token ids; - is standard input")
            ->required()
            ->type_name("FILE");
        app.add_option("--top", m_command.top, "How many of the greatest logits")
            ->check(atLeast(0))
            ->capture_default_str()
            ->type_name("N");
        app.add_option("--greedy", m_command.greedy, "Continue with so many tokens, each the likeliest")
            ->check(atLeast(0))
            ->capture_default_str()
            ->type_name("N");
    }
    Command build() const override { return m_command; }

private:
    LogitsCommand m_command;
};

class CollectionsSubcommand : public Subcommand {
public:
    explicit CollectionsSubcommand(CLI::App&) {}
    Command build() const override { return CollectionsCommand{}; }
};

class DocumentsSubcommand : public Subcommand {
public:
    explicit DocumentsSubcommand(CLI::App& app) { addCollection(app, m_command.collection); }
    Command build() const override { return m_command; }

private:
    DocumentsCommand m_command;
};

class ChunksSubcommand : public Subcommand {
public:
    explicit ChunksSubcommand(CLI::App& app) {
        addCollection(app, m_command.collection);
        app.add_option("--search", m_command.search, "Only chunks with any of these words, best first")->type_name("WORDS");
        app.add_option("--limit", m_command.limit, "At most so many; default: all")->check(atLeast(0))->type_name("N");
    }
    Command build() const override { return m_command; }

private:
    ChunksCommand m_command;
};

class StoreSubcommand : public Subcommand {
public:
    explicit StoreSubcommand(CLI::App& app) {
        const auto add = [&](StoreAction action, const char* name, const char* description) {
            CLI::App* sub = app.add_subcommand(name, description);
            sub->fallthrough();
            sub->footer(kCommonFooter);
            m_actions.emplace_back(sub, action);
            return sub;
        };
        add(StoreAction::Stats, "stats", "Records, bytes, damage found so far");
        add(StoreAction::Verify, "verify",
            "Check every byte: damaged records are taken out, to be computed again; a damaged library is exit status 3")
            ->add_option("--sample", m_sample, "Check each T-th record, from the N-th (0 to T-1); default: all")
            ->type_name("N/T");
        add(StoreAction::Evict, "evict", "Drop the least recently used records that are not pinned")
            ->add_option("--to", m_to, "Until the store takes no more bytes on disk (512M, 2GiB)")
            ->required()
            ->type_name("BYTES");
        add(StoreAction::Compact, "compact", "Give the bytes of dropped records back to the disk");
        addCollection(*add(StoreAction::Pin, "pin", "Protect a collection's records from eviction"), m_collection);
        addCollection(*add(StoreAction::Unpin, "unpin", "Allow eviction again"), m_collection);
        add(StoreAction::RebuildIndex, "rebuild-index", "Throw the index away and read it again from the records");
        app.require_subcommand(1);
    }
    Command build() const override {
        StoreCommand command;
        for (const auto& [app, action] : m_actions)
            if (app->parsed())
                command.action = action;
        command.collection = m_collection;
        if (!m_to.empty())
            command.toBytes = byteSizeOf("--to", m_to);
        if (!m_sample.empty())
            parseSample(command);
        return command;
    }

private:
    void parseSample(StoreCommand& command) const {
        const char* const end = m_sample.data() + m_sample.size();
        const auto part = std::from_chars(m_sample.data(), end, command.part);
        const bool slash = part.ec == std::errc() && part.ptr != end && *part.ptr == '/';
        const auto modulus = slash ? std::from_chars(part.ptr + 1, end, command.modulus) : part;
        if (!slash || modulus.ec != std::errc() || modulus.ptr != end || command.part < 0 || command.modulus <= command.part)
            wrong("--sample", "'" + m_sample + "' is not N/T with N from 0 to T-1, such as 0/10");
    }

    std::vector<std::pair<CLI::App*, StoreAction>> m_actions;
    std::string m_sample;
    std::string m_to;
    std::string m_collection;
};

class TraceSubcommand : public Subcommand {
public:
    explicit TraceSubcommand(CLI::App& app) {
        CLI::App* show =
            app.add_subcommand("show", "Show a trace that `ask --trace` saved: answer, citations, counters, times");
        show->fallthrough();
        show->footer(kCommonFooter);
        show->add_option("FILE", m_command.path, "The trace")->required()->type_name("");
        show->add_option("--csv", m_command.csvFolder,
                         "Also write its tables into this folder: recompute, kv_deviation, attention_blocks, "
                         "attention_deviation, layer_times, stages, answer_kl")
            ->type_name("DIR");
        app.require_subcommand(1);
    }
    Command build() const override { return m_command; }

private:
    TraceCommand m_command;
};

class VerifySubcommand : public Subcommand {
public:
    explicit VerifySubcommand(CLI::App& app) {
        app.add_option("--cases", m_command.casesPath, "Prompts as for eval; default: built-in ones")->type_name("FILE");
        app.footer("Exit status 1 when a law does not hold.");
    }
    Command build() const override { return m_command; }

private:
    VerifyCommand m_command;
};

class DoctorSubcommand : public Subcommand {
public:
    explicit DoctorSubcommand(CLI::App&) {}
    Command build() const override { return DoctorCommand{}; }
};

class ModelSubcommand : public Subcommand {
public:
    explicit ModelSubcommand(CLI::App& app) {
        const auto add = [&](ModelAction action, const char* name, const char* description) {
            CLI::App* sub = app.add_subcommand(name, description);
            sub->fallthrough();
            sub->footer(kCommonFooter);
            m_actions.emplace_back(sub, action);
            return sub;
        };
        add(ModelAction::List, "list", "The models in the models folder, the embedded one first");
        add(ModelAction::Info, "info",
            "Architecture, quantisation, KV bytes per token, whether it can be blended and why not")
            ->add_option("FILE_OR_DIR", m_path, "GGUF file or safetensors folder; default: --model")
            ->type_name("");
        add(ModelAction::Fetch, "fetch",
            "Run the script that fetches the embedded model (the program itself uses no network)");
        app.require_subcommand(1);
    }
    Command build() const override {
        ModelCommand command;
        for (const auto& [app, action] : m_actions)
            if (app->parsed())
                command.action = action;
        command.path = m_path;
        return command;
    }

private:
    std::vector<std::pair<CLI::App*, ModelAction>> m_actions;
    std::string m_path;
};

template <class T>
void add(CLI::App& parent, std::vector<NamedSubcommand>& list, const char* name, const char* description) {
    CLI::App* app = parent.add_subcommand(name, description);
    app->fallthrough();
    app->footer("");
    list.push_back({app, std::make_unique<T>(*app)});
    const std::string own = app->get_footer();
    app->footer(own + (own.empty() ? "" : "\n") + kCommonFooter);
}

}  // namespace

std::vector<NamedSubcommand> addSubcommands(CLI::App& app) {
    std::vector<NamedSubcommand> list;
    add<ImportSubcommand>(app, list, "import", "Read documents, cut them into chunks, index their text");
    add<PrecomputeSubcommand>(app, list, "precompute", "Compute the KV of a collection's chunks into the store");
    add<AskSubcommand>(app, list, "ask", "Answer a question from a collection");
    add<PlanSubcommand>(app, list, "plan", "Show what `ask` would load and compute, without running the model");
    add<EvalSubcommand>(app, list, "eval", "Replay given prompts with strategies and ratios, and compare");
    add<BenchSubcommand>(app, list, "bench",
                         "Measure prefill, decode, precompute, and time to first token of every strategy");
    add<TokenizeSubcommand>(app, list, "tokenize", "Token ids of a text");
    add<LogitsSubcommand>(app, list, "logits", "Logits of given token ids");
    add<CollectionsSubcommand>(app, list, "collections", "List the collections");
    add<DocumentsSubcommand>(app, list, "documents", "List a collection's documents");
    add<ChunksSubcommand>(app, list, "chunks", "List or search a collection's chunks");
    add<StoreSubcommand>(app, list, "store", "Look after the KV store");
    add<TraceSubcommand>(app, list, "trace", "Replay what a question did, without a model");
    add<VerifySubcommand>(app, list, "verify", "Check the laws of blending with this model");
    add<DoctorSubcommand>(app, list, "doctor", "What this machine, the model and the workspace are like");
    add<ModelSubcommand>(app, list, "model", "The embedded model and local ones");
    return list;
}

}  // namespace app
