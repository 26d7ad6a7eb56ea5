// What this machine, this build, a model and a workspace are like.
#include "engine/doctor.h"

#include <sched.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>

#include "engine/backend/backend.h"
#include "engine/backend/cuda/load_module.h"
#include "engine/engine.h"
#include "engine/ingest/document_reader.h"
#include "engine/names.h"
#include "engine/session/devices.h"
#include "engine/session/model_info.h"
#include "engine/transformer/memory_plan.h"
#include "storage/file_system.h"
#include "storage/workspace_lock.h"

namespace engine {
namespace {

constexpr int kEstimateContext = 4096;  // tokens of the query that the memory estimate is made for

/// The text behind "key : " in a file such as /proc/cpuinfo; empty when there is none.
std::string procField(const char* path, std::string_view key) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        const std::size_t colon = line.find(':');
        if (colon == std::string::npos || line.compare(0, key.size(), key) != 0 ||
            line.find_first_not_of(" \t", key.size()) != colon)
            continue;
        const std::size_t begin = line.find_first_not_of(" \t", colon + 1);
        return begin == std::string::npos ? std::string() : line.substr(begin);
    }
    return {};
}

int usableCores() {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (::sched_getaffinity(0, sizeof set, &set) == 0)
        return CPU_COUNT(&set);
    return static_cast<int>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
}

std::vector<std::pair<std::string, bool>> processorFeatures() {
#if defined(__x86_64__)
    __builtin_cpu_init();
    return {{"avx2", __builtin_cpu_supports("avx2") != 0},
            {"fma", __builtin_cpu_supports("fma") != 0},
            {"f16c", __builtin_cpu_supports("f16c") != 0},
            {"avx512f", __builtin_cpu_supports("avx512f") != 0},
            {"avx512_bf16", __builtin_cpu_supports("avx512bf16") != 0},
            {"avx512_vnni", __builtin_cpu_supports("avx512vnni") != 0}};
#else
    return {};
#endif
}

/// The back end that the options come to, and the model's memory there.
void chooseBackend(const EngineOptions& options, const WeightFile* model, DoctorReport& report) {
    DeviceOptions wanted{options.backend,   options.precision, options.threads,
                         options.gpuLayers, kEstimateContext,  options.kvDtype};
    if (model == nullptr) {
        Result<std::unique_ptr<Backend>> backend = createBackend(wanted.backend, wanted.precision, wanted.threads);
        if (!backend.ok()) {
            report.backendMessage = backend.status().message();
            backend = createBackend(BackendKind::Auto, Precision::Auto, wanted.threads);
        }
        if (backend.ok()) {
            report.backend = (*backend)->name();
            report.precision = nameOf((*backend)->precision());
        }
        return;
    }
    wanted.positions = longestContext(model->config(), options.maxContext);  // as a session would decide
    Result<std::unique_ptr<Devices>> devices = Devices::open(*model, wanted, createBackend);
    if (!devices.ok()) {
        report.backendMessage = devices.status().message();
        wanted.backend = BackendKind::Auto;
        wanted.precision = Precision::Auto;
        devices = Devices::open(*model, wanted, createBackend);
        if (!devices.ok())
            return;
    }
    const LayerPlacement& placement = (*devices)->placement();
    report.backend = placement.name();
    report.precision = nameOf(placement.precision());
    MemoryEstimate estimate;
    estimate.model = describeModel(*model, options.model, options.kvDtype);
    std::vector<std::uint64_t> weights;
    for (int side = 0; side < placement.sides(); ++side)
        weights.push_back(planWeights(*model, placement.side(side), placement.layersOf(side, model->config().layers)));
    estimate.contextTokens = std::min(kEstimateContext, wanted.positions);
    estimate.devices = memoryOfRun(model->config(), placement, weights, estimate.contextTokens, options.kvDtype);
    estimate.notice = (*devices)->notice();
    report.model = std::move(estimate);
}

/// Free bytes of the file system that holds `path`, or would: of its nearest parent that exists.
std::uint64_t freeDiskBytes(std::string path) {
    for (;;) {
        struct statvfs info {};
        if (::statvfs(path.empty() ? "." : path.c_str(), &info) == 0)
            return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
        if (path.empty() || path == "/")
            return 0;
        const std::size_t slash = path.find_last_of('/');
        path = slash == std::string::npos ? std::string() : path.substr(0, std::max<std::size_t>(slash, 1));
    }
}

WorkspaceReport inspectWorkspace(const std::string& path) {
    WorkspaceReport report;
    report.path = path;
    report.freeDiskBytes = freeDiskBytes(path);
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) {
        report.state = errno == ENOENT ? WorkspaceState::Absent : WorkspaceState::Unusable;
        if (report.state == WorkspaceState::Unusable)
            report.message = std::strerror(errno);
        return report;
    }
    const Result<std::unique_ptr<storage::WorkspaceLock>> lock = storage::WorkspaceLock::acquire(path);
    if (!lock.ok() && lock.status().code() != StatusCode::ReadOnly) {
        report.state = lock.status().code() == StatusCode::Busy ? WorkspaceState::Busy : WorkspaceState::Unusable;
        report.message = lock.status().message();
        return report;
    }
    report.state = WorkspaceState::Usable;
    if (::stat((path + "/kvindex.db").c_str(), &info) != 0)
        return report;  // nothing stored yet; opening would make the index
    const std::unique_ptr<storage::FileSystem> fileSystem = storage::makePosixFileSystem();
    storage::KvStoreOptions options;
    options.directory = path;
    options.readOnly = true;
    Result<std::unique_ptr<storage::KvStore>> store = storage::KvStore::open(options, *fileSystem);
    Result<KvStoreStats> stats = store.ok() ? (*store)->stats() : Result<KvStoreStats>(store.status());
    if (stats.ok())
        report.store = *stats;
    else
        report.message = "the KV store cannot be read: " + stats.status().message();
    return report;
}

}  // namespace

bool MemoryEstimate::fits() const {
    return std::all_of(devices.begin(), devices.end(), [](const DeviceMemory& device) { return device.fits(); });
}

MachineReport inspectMachine() {
    MachineReport report;
    report.cpu = procField("/proc/cpuinfo", "model name");
    report.features = processorFeatures();
    report.cores = usableCores();
    report.memoryBytes =
        static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    report.memoryAvailableBytes = availableHostMemory();
    return report;
}

GpuReport inspectGpu() {
    const GpuState state = inspectCuda();
    return {state.reason.empty(), state.reason, state.message};
}

Result<DoctorReport> diagnose(const EngineOptions& options) {
    DoctorReport report;
    report.machine = inspectMachine();
    report.gpu = inspectGpu();
    std::unique_ptr<WeightFile> model;
    if (options.model.empty()) {
        report.modelMessage = "no model is named";
    } else {
        Result<std::unique_ptr<WeightFile>> opened = WeightFile::open(options.model);
        if (opened.ok())
            model = std::move(*opened);
        else
            report.modelMessage = opened.status().message();
    }
    chooseBackend(options, model.get(), report);
    if (model != nullptr && !report.model)
        report.modelMessage = "there is no back end to reckon its memory for";
    report.workspace = inspectWorkspace(options.workspace);
    const Result<std::string> worker = findDocumentWorker();
    if (worker.ok())
        report.documentWorker = *worker;
    else
        report.documentWorkerMessage = worker.status().message();
    report.versions = {{"compiler", __VERSION__}};
    return report;
}

}  // namespace engine
