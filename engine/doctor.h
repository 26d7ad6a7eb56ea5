// What this machine, this build, a model and a workspace are like, told without opening them for work.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/types.h"

namespace engine {

/// The processor and memory.
struct MachineReport {
    std::string cpu;                                     // "AMD EPYC 9354P"; empty when the system does not say
    std::vector<std::pair<std::string, bool>> features;  // instruction sets the cpu back end asks about, in a fixed order
    int cores = 0;                                       // that this process may run on
    std::uint64_t memoryBytes = 0;
    std::uint64_t memoryAvailableBytes = 0;  // without swapping; 0 = not known
};

struct GpuReport {
    bool available = false;
    std::string reason;   // no_module, no_driver, driver_too_old, no_device, unsupported_architecture, too_little_memory
    std::string message;  // the device and its memory; or the reason for people, with what to do
};

/// Memory that a model needs here, of its header alone.
struct MemoryEstimate {
    ModelInfo model;
    std::vector<DeviceMemory> devices;  // of one query of `contextTokens`, where its layers would be computed
    int contextTokens = 0;
    std::string notice;  // why not all of it is computed where it was asked for; else empty

    bool fits() const;
};

enum class WorkspaceState { Absent, Usable, Busy, Unusable };

struct WorkspaceReport {
    std::string path;
    WorkspaceState state = WorkspaceState::Absent;
    std::string message;                // Busy: who holds it; Unusable: why
    std::uint64_t freeDiskBytes = 0;    // where the workspace is or would be
    std::optional<KvStoreStats> store;  // when it could be read without disturbing anyone
};

struct DoctorReport {
    MachineReport machine;
    std::string backend;  // what BackendKind and Precision of the options come to here
    std::string precision;
    std::string backendMessage;  // why not, when the back end asked for is not to be had; else empty
    GpuReport gpu;
    std::optional<MemoryEstimate> model;
    std::string modelMessage;  // why there is no estimate
    WorkspaceReport workspace;
    std::string documentWorker;  // path; empty when not found
    std::string documentWorkerMessage;
    std::vector<std::pair<std::string, std::string>> versions;  // what, version
};

MachineReport inspectMachine();
/// Takes some hundred ms where there is a driver: its library is loaded.
GpuReport inspectGpu();

/// Opens neither engine nor model weights, and writes nothing. `options.model` may be empty (no estimate). Only a failure to look
/// at all is an error; everything found wrong is part of the report.
Result<DoctorReport> diagnose(const EngineOptions& options);

}  // namespace engine
