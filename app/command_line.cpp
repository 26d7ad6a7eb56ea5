// The arguments as values: the whole grammar, its help and its errors.
#include "app/command_line.h"

#include <algorithm>
#include <memory>

#include "app/option_checks.h"
#include "app/subcommands.h"

namespace app {

namespace {

/// Help that names defaults in words: "--top-k N    Chunks to retrieve; default: 6".
class HelpFormatter : public CLI::Formatter {
public:
    HelpFormatter() { column_width(kColumn); }
    std::string make_option_opts(const CLI::Option* option) const override {
        const std::string type = option->get_type_size() == 0 ? "" : option->get_type_name();
        const std::string name = type.substr(0, type.find(':'));  // behind the colon stand the checks
        return name.empty() ? "" : " " + name;
    }
    std::string make_option_desc(const CLI::Option* option) const override {
        const std::string standard = option->get_default_str();
        return option->get_description() + (option->get_required() ? "; required" : "") +
               (standard.empty() ? "" : "; default: " + standard);
    }

private:
    static constexpr std::size_t kColumn = 30;
};

/// The whole grammar; made anew for every parse.
class Grammar {
public:
    Grammar() : m_app("Answers from documents by blending precomputed KV caches.", "cacheblend") {
        m_app.set_version_flag("--version", std::string("cacheblend " CACHEBLEND_VERSION), "Print the version and exit");
        m_app.formatter(std::make_shared<HelpFormatter>());
        m_app.require_subcommand(1);
        m_app.failure_message(CLI::FailureMessage::simple);
        m_app
            .add_option("--workspace", m_workspace,
                        "Where collections and KV are kept; default: $XDG_DATA_HOME/cacheblend-workbench")
            ->check(notEmpty())
            ->type_name("DIR");
        m_app
            .add_option(
                "--model", m_model,
                "GGUF file, or folder with config.json and safetensors; default: $CACHEBLEND_MODEL, else the embedded one")
            ->check(notEmpty())
            ->type_name("FILE_OR_DIR");
        choose<engine::BackendKind>(m_app.add_option("--backend", m_backend, "What computes"))->capture_default_str();
        m_app.add_option("--threads", m_common.threads, "Compute threads; default: one a physical core")
            ->check(wholeNumber<int>(1, engine::kMostThreads))
            ->type_name("N");
        m_app
            .add_option(
                "--gpu-layers", m_common.gpuLayers,
                "With --backend cuda: the last N layers are computed by the GPU, the others by the processor; default: as "
                "many as fit")
            ->check(atLeast(0))
            ->type_name("N");
        choose<engine::KvDtype>(m_app.add_option("--kv-dtype", m_kvDtype, "Stored KV"))->capture_default_str();
        choose<engine::Precision>(m_app.add_option("--precision", m_precision, "Of the cpu and cuda back ends"))
            ->capture_default_str();
        m_app
            .add_option("--ram-tier", m_ramTier,
                        "KV kept in memory between the questions of one run (0, 512M, 2GiB); default: 512 MiB")
            ->type_name("SIZE");
        m_app
            .add_option(
                "--read-rate", m_readRate,
                "Reads KV no faster than so many bytes a second (500MB, 1GB), as from a slower disk; default: no limit")
            ->type_name("SIZE");
        m_app.add_flag("--json", m_common.json, "One JSON document on stdout (eval: one a line) and nothing else");
        m_app.add_flag("--quiet", m_common.quiet, "No progress, no messages but errors");
        m_app.footer(
            "These options may stand before or after the command; `cacheblend COMMAND --help` tells a command's own.\n"
            "With --json times are in milliseconds and sizes in bytes.\n"
            "Exit status: 0 done, 1 failed, 2 wrong usage, 3 store damaged, 4 model or file refused, 130 interrupted.");
        m_subcommands = addSubcommands(m_app);
    }

    std::variant<CommandLine, HelpText, UsageError> parse(std::vector<std::string> arguments) {
        std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
        try {
            m_app.parse(arguments);
            for (const auto& [app, subcommand] : m_subcommands)
                if (app->parsed())
                    return CommandLine{common(), subcommand->build()};
            wrong("COMMAND", "none is given");
        } catch (const CLI::CallForHelp&) {
            return HelpText{m_app.help()};
        } catch (const CLI::CallForVersion& version) {
            return HelpText{std::string(version.what()) + "\n"};
        } catch (const CLI::ParseError& error) {
            std::string command = "cacheblend";
            for (const auto& [app, subcommand] : m_subcommands)
                if (app->parsed())
                    command += " " + app->get_name();
            const std::vector<std::string> left = m_app.remaining(false);
            const bool unknown = command == "cacheblend" && !left.empty() && left.front().front() != '-';
            return UsageError{(unknown ? "'" + left.front() + "' is not a command" : std::string(error.what())) + "; see `" +
                              command + " --help`"};
        }
    }

private:
    CommonOptions common() const {
        CommonOptions common = m_common;
        if (!m_workspace.empty())
            common.workspace = m_workspace;
        if (!m_model.empty())
            common.model = m_model;
        common.backend = enumOf<engine::BackendKind>(m_backend);
        if (common.gpuLayers >= 0 && common.backend != engine::BackendKind::Cuda)
            wrong("--gpu-layers", "no GPU is asked for; add --backend cuda");
        common.precision = enumOf<engine::Precision>(m_precision);
        common.kvDtype = enumOf<engine::KvDtype>(m_kvDtype);
        if (!m_ramTier.empty())
            common.ramTierBytes = byteSizeOf("--ram-tier", m_ramTier);
        if (!m_readRate.empty())
            common.readBytesPerSecond = byteSizeOf("--read-rate", m_readRate);
        return common;
    }

    CLI::App m_app;
    CommonOptions m_common;
    std::string m_workspace;
    std::string m_model;
    std::string m_backend = "auto";
    std::string m_precision = "auto";
    std::string m_kvDtype = "f16";
    std::string m_ramTier;
    std::string m_readRate;
    std::vector<NamedSubcommand> m_subcommands;
};

}  // namespace

std::variant<CommandLine, HelpText, UsageError> parseCommandLine(const std::vector<std::string>& arguments) {
    return Grammar().parse(arguments);
}

}  // namespace app
