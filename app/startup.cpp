// Data folders, the default model, temporary workspaces, fetching the model.
#include "app/startup.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

namespace app {

namespace fs = std::filesystem;
using engine::Result;
using engine::Status;
using engine::StatusCode;

namespace {

std::optional<std::string> absolutePath(const Environment& environment, const std::string& name) {
    std::optional<std::string> value = environment(name);
    if (!value || value->empty() || value->front() != '/')
        return std::nullopt;
    return value;
}

Status systemFailure(const std::string& what, int error) {
    return Status(StatusCode::IoError, what + ": " + std::generic_category().message(error));
}

bool exists(const std::string& path) {
    std::error_code error;
    return fs::exists(path, error);
}

}  // namespace

Result<std::string> dataFolder(const Environment& environment) {
    if (const auto data = absolutePath(environment, "XDG_DATA_HOME"))
        return *data + "/cacheblend-workbench";
    if (const auto home = absolutePath(environment, "HOME"))
        return *home + "/.local/share/cacheblend-workbench";
    return Status(StatusCode::NotFound,
                  "neither XDG_DATA_HOME nor HOME names an absolute folder; set one, or give --workspace and --model");
}

Result<std::string> workspacePath(const std::optional<std::string>& given, const Environment& environment) {
    if (given)
        return *given;
    return dataFolder(environment);
}

Result<std::string> modelsFolder(const Environment& environment) {
    auto data = dataFolder(environment);
    if (!data)
        return data.status();
    return *data + "/models";
}

Result<std::string> modelPath(const std::optional<std::string>& given, const Environment& environment) {
    const auto named = [](const std::string& path, std::string_view origin) -> Result<std::string> {
        if (path.empty() || !exists(path))
            return Status(StatusCode::NotFound, "no such file or folder: '" + path + "' (" + std::string(origin) +
                                                    "); give a GGUF file, or a folder with config.json and safetensors");
        return path;
    };
    if (given)
        return named(*given, "from --model");
    if (const auto variable = environment("CACHEBLEND_MODEL"); variable && !variable->empty())
        return named(*variable, "from CACHEBLEND_MODEL");
    auto folder = modelsFolder(environment);
    if (!folder)
        return folder.status();
    const std::string path = *folder + "/" + std::string(kEmbeddedModel);
    if (!exists(path))
        return Status(StatusCode::NotFound, "the embedded model is not at " + path +
                                                "; run `cacheblend model fetch` or packaging/fetch_model.sh, or name "
                                                "another model with --model");
    return path;
}

Result<std::vector<std::string>> localModels(const Environment& environment) {
    auto folder = modelsFolder(environment);
    if (!folder)
        return folder.status();
    std::vector<std::string> models;
    std::error_code error;
    for (fs::directory_iterator entry(*folder, error), end; !error && entry != end; entry.increment(error)) {
        std::error_code ignored;  // an entry that cannot be looked at is no model
        const fs::path& path = entry->path();
        if (path.extension() == ".gguf" || fs::exists(path / "config.json", ignored))
            models.push_back(path.string());
    }
    if (error && error != std::errc::no_such_file_or_directory)
        return systemFailure(*folder + ": cannot be listed", error.value());
    std::sort(models.begin(), models.end());
    return models;
}

Result<engine::EngineOptions> engineOptions(const CommonOptions& common, ModelNeed need, const Environment& environment) {
    auto workspace = workspacePath(common.workspace, environment);
    if (!workspace)
        return workspace.status();
    auto model = modelPath(common.model, environment);
    if (!model && (need == ModelNeed::Required || common.model))
        return model.status();
    engine::EngineOptions options;
    options.workspace = *workspace;
    if (model)
        options.model = *model;
    options.backend = common.backend;
    options.precision = common.precision;
    options.kvDtype = common.kvDtype;
    options.threads = common.threads;
    options.gpuLayers = common.gpuLayers;
    options.ramTierBytes = common.ramTierBytes;
    options.readBytesPerSecond = common.readBytesPerSecond;
    return options;
}

Result<TemporaryDirectory> TemporaryDirectory::create(const Environment& environment) {
    std::string parent = absolutePath(environment, "TMPDIR").value_or("/var/tmp");
    if (!exists(parent))
        parent = "/tmp";
    std::string path = parent + "/cacheblend-XXXXXX";
    if (::mkdtemp(path.data()) == nullptr)
        return systemFailure("a temporary workspace cannot be made in " + parent + " (set TMPDIR to choose another place)",
                             errno);
    return TemporaryDirectory(path);
}

TemporaryDirectory::TemporaryDirectory(TemporaryDirectory&& other) noexcept : m_path(std::exchange(other.m_path, {})) {}

TemporaryDirectory& TemporaryDirectory::operator=(TemporaryDirectory&& other) noexcept {
    if (this != &other) {
        remove();
        m_path = std::exchange(other.m_path, {});
    }
    return *this;
}

TemporaryDirectory::~TemporaryDirectory() { remove(); }

void TemporaryDirectory::remove() {
    std::error_code ignored;  // nobody is left to be told; the folder's name says what it is
    if (!m_path.empty())
        fs::remove_all(m_path, ignored);
}

Result<std::string> findFetchScript() {
    std::error_code error;
    const fs::path program = fs::read_symlink("/proc/self/exe", error);
    if (error)
        return systemFailure("/proc/self/exe: cannot be read", error.value());
    const fs::path script = program.parent_path().parent_path() / "libexec/cacheblend-workbench/fetch_model.sh";
    if (!fs::exists(script, error))
        return Status(StatusCode::NotFound,
                      "the script " + script.string() +
                          " is not installed; run packaging/fetch_model.sh of the source tree, or put " +
                          std::string(kEmbeddedModel) + " into the models folder yourself");
    return script.string();
}

Result<int> runFetchScript(const std::string& script, std::stop_token stop) {
    posix_spawn_file_actions_t actions{};
    posix_spawnattr_t attributes{};
    sigset_t none{};
    sigemptyset(&none);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);  // stdout stays free for --json
    posix_spawnattr_setsigmask(&attributes, &none);  // this program blocks the signals that end it; the script must not
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    std::string program = script;
    std::array<char*, 2> arguments{program.data(), nullptr};
    pid_t child = 0;
    const int error = posix_spawn(&child, script.c_str(), &actions, &attributes, arguments.data(), environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0)
        return systemFailure(script + ": cannot be started", error);

    {
        const std::stop_callback forward(stop, [child] { ::kill(child, SIGTERM); });
        siginfo_t ended{};  // waited for without reaping: while a stop may come, the process id must stay the script's
        while (::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT) < 0) {
            if (errno != EINTR)
                return systemFailure(script + ": cannot be waited for", errno);
        }
    }
    int status = 0;
    if (::waitpid(child, &status, 0) < 0)
        return systemFailure(script + ": cannot be waited for", errno);
    if (stop.stop_requested())
        return Status(StatusCode::Cancelled, "fetching was stopped");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace app
