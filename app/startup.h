// From environment and common options to EngineOptions: data folders, the default model, temporary workspaces, fetching the model.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/command_context.h"
#include "app/command_line.h"

namespace app {

/// File name of the embedded model in the models folder.
inline constexpr std::string_view kEmbeddedModel = "SmolLM2-135M-Instruct.Q4_1.gguf";

/// $XDG_DATA_HOME/cacheblend-workbench, else $HOME/.local/share/cacheblend-workbench. A relative XDG_DATA_HOME is ignored, as the
/// XDG specification asks. Error: NotFound, neither is set.
engine::Result<std::string> dataFolder(const Environment& environment);
/// `given`, else dataFolder(). Error: NotFound.
engine::Result<std::string> workspacePath(const std::optional<std::string>& given, const Environment& environment);
/// Where fetched models lie: dataFolder()/models.
engine::Result<std::string> modelsFolder(const Environment& environment);
/// `given`, else $CACHEBLEND_MODEL, else the embedded model's file. Error: NotFound, with how to get it.
engine::Result<std::string> modelPath(const std::optional<std::string>& given, const Environment& environment);
/// GGUF files and folders with a config.json in the models folder, sorted.
engine::Result<std::vector<std::string>> localModels(const Environment& environment);

/// Optional: options without a model when none is named and the embedded one is not there.
enum class ModelNeed { Required, Optional };

/// The options for Engine::open. Errors: NotFound (model or data folder).
engine::Result<engine::EngineOptions> engineOptions(const CommonOptions& common, ModelNeed need,
                                                    const Environment& environment);

/// A directory that exists as long as this object; its contents go with it.
class TemporaryDirectory {
public:
    /// In $TMPDIR, else /var/tmp, which lies on a disk more often than /tmp (a benchmark's cold state needs one). Error: IoError.
    static engine::Result<TemporaryDirectory> create(const Environment& environment);
    TemporaryDirectory(TemporaryDirectory&& other) noexcept;
    TemporaryDirectory& operator=(TemporaryDirectory&& other) noexcept;
    ~TemporaryDirectory();

    const std::string& path() const { return m_path; }

private:
    explicit TemporaryDirectory(std::string path) : m_path(std::move(path)) {}
    void remove();

    std::string m_path;  // empty = nothing to remove
};

/// The installed script that fetches the embedded model: ../libexec/cacheblend-workbench/fetch_model.sh beside the folder that
/// the program lies in. Error: NotFound.
engine::Result<std::string> findFetchScript();
/// Runs the script with its output on stderr and waits for it; a stop ends it. Returns its exit status. Errors: IoError, Cancelled.
engine::Result<int> runFetchScript(const std::string& script, std::stop_token stop);

}  // namespace app
