// The back ends of a session, and which of a model's layers each computes: decided by what fits into a device's memory.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/backend/layer_placement.h"
#include "engine/model/weight_file.h"
#include "engine/types.h"

namespace engine {

/// Makes a back end; createBackend, or a test's.
using BackendFactory = std::function<Result<std::unique_ptr<Backend>>(BackendKind, Precision, int threads)>;

/// What placing needs to know besides the model.
struct DeviceOptions {
    BackendKind backend = BackendKind::Auto;
    Precision precision = Precision::Auto;
    int threads = 0;
    int gpuLayers = -1;  // −1 = as many as fit
    int positions = 0;   // longest prompt with its answer
    KvDtype kvDtype = KvDtype::F16;
};

/// Owns the back ends; they outlive everything in their memory. Constant. One thread.
class Devices {
public:
    /// A GPU that is asked for and has too little memory is given the last layers that fit, the processor the others; a notice says so.
    /// Errors: Unsupported with the reason why there is no such device.
    static Result<std::unique_ptr<Devices>> open(const WeightFile& file, const DeviceOptions& options,
                                                 const BackendFactory& create);
    /// All layers on the processor, in the same precision where it can. `notice` says why.
    static Result<std::unique_ptr<Devices>> withoutGpu(const DeviceOptions& options, const BackendFactory& create,
                                                       Precision precision, const std::string& notice);

    const LayerPlacement& placement() const { return *m_placement; }
    /// Whether some layers are computed by a device with memory of its own.
    bool usesGpu() const { return m_gpuLayers > 0; }
    int gpuLayers() const { return m_gpuLayers; }
    /// What a person should know about where the model is computed; empty = as asked.
    const std::string& notice() const { return m_notice; }

private:
    Devices() = default;

    std::vector<std::unique_ptr<Backend>> m_backends;
    std::unique_ptr<const LayerPlacement> m_placement;
    int m_gpuLayers = 0;
    std::string m_notice;
};

/// Tokens of the longest prompt with its answer: what was asked for, else the model's own context, at most 32,768.
int longestContext(const ModelConfig& config, int asked);

/// Memory that the system could still give to this program without swapping; 0 = not known.
std::uint64_t availableHostMemory();

/// What a run of `positions` tokens takes on each side. `weights`: planWeights of each side.
std::vector<DeviceMemory> memoryOfRun(const ModelConfig& config, const LayerPlacement& placement,
                                      const std::vector<std::uint64_t>& weights, int positions, KvDtype stored);

}  // namespace engine
