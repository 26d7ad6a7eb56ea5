// Devices: a device first, its memory against the plan, then the processor for what does not fit.
#include "engine/session/devices.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>

#include "engine/transformer/memory_plan.h"

namespace engine {
namespace {

std::string gibibytes(std::uint64_t bytes) {
    const std::uint64_t tenths = (bytes * 10 + (1ULL << 30U) - 1) / (1ULL << 30U);
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " GiB";
}

/// What the whole model would need on the device, and what is free there.
std::string shortage(const WeightFile& file, const Backend& device, const DeviceOptions& options) {
    const MemoryPlan plan = planMemory(file, device, {0, file.config().layers}, options.positions, options.kvDtype);
    return "too_little_memory: " + gibibytes(plan.total() + kDeviceReserveBytes) + " needed on the GPU (weights " +
           gibibytes(plan.weights) + ", KV of " + std::to_string(options.positions) + " tokens " + gibibytes(plan.cache) +
           ", scratch " + gibibytes(plan.scratch + kDeviceReserveBytes) + "), " + gibibytes(device.freeBytes()) + " free";
}

/// The processor's back end in this precision, or, where it cannot, in its own.
Result<std::unique_ptr<Backend>> createHost(const DeviceOptions& options, const BackendFactory& create,
                                            Precision precision) {
    Result<std::unique_ptr<Backend>> host = create(BackendKind::Auto, precision, options.threads);
    return host.ok() ? std::move(host) : create(BackendKind::Auto, Precision::Auto, options.threads);
}

}  // namespace

Result<std::unique_ptr<Devices>> Devices::withoutGpu(const DeviceOptions& options, const BackendFactory& create,
                                                     Precision precision, const std::string& notice) {
    Result<std::unique_ptr<Backend>> host = createHost(options, create, precision);
    if (!host.ok())
        return host.status();
    std::unique_ptr<Devices> devices(new Devices());
    devices->m_backends.push_back(std::move(*host));
    devices->m_placement = std::make_unique<LayerPlacement>(*devices->m_backends.front());
    devices->m_notice = notice;
    return devices;
}

Result<std::unique_ptr<Devices>> Devices::open(const WeightFile& file, const DeviceOptions& options,
                                               const BackendFactory& create) {
    const int layers = file.config().layers;
    std::unique_ptr<Devices> devices(new Devices());
    if (options.backend == BackendKind::Cuda && options.gpuLayers == 0)
        return withoutGpu(options, create, options.precision,
                          "no layer is given to the GPU: the processor computes everything");
    Result<std::unique_ptr<Backend>> made = create(options.backend, options.precision, options.threads);
    if (!made.ok() && options.backend == BackendKind::Cuda && made.status().code() == StatusCode::OutOfMemory)
        return withoutGpu(options, create, options.precision,
                          made.status().message() + "; the processor computes everything");
    if (!made.ok())
        return made.status();
    std::unique_ptr<Backend> device = std::move(*made);
    if (options.backend != BackendKind::Cuda) {
        devices->m_backends.push_back(std::move(device));
        devices->m_placement = std::make_unique<LayerPlacement>(*devices->m_backends.front());
        return devices;
    }
    const int fitting = layersThatFit(file, *device, options.positions, options.kvDtype);
    const int given = options.gpuLayers < 0 ? fitting : std::min(options.gpuLayers, layers);
    if (given == 0)
        return withoutGpu(options, create, device->precision(),
                          shortage(file, *device, options) + "; the processor computes everything");
    devices->m_gpuLayers = given;
    if (given == layers) {
        devices->m_placement = std::make_unique<LayerPlacement>(*device);
        devices->m_backends.push_back(std::move(device));
        return devices;
    }
    Result<std::unique_ptr<Backend>> host = createHost(options, create, device->precision());
    if (!host.ok())
        return host.status();
    devices->m_placement = std::make_unique<LayerPlacement>(**host, *device, layers - given);
    devices->m_notice = (options.gpuLayers < 0 ? shortage(file, *device, options) + "; the" : std::string("the")) +
                        " last " + std::to_string(given) + " of " + std::to_string(layers) +
                        " layers are computed by the GPU, the others by the processor";
    devices->m_backends.push_back(std::move(*host));
    devices->m_backends.push_back(std::move(device));
    return devices;
}

int longestContext(const ModelConfig& config, int asked) {
    constexpr int kMostContext = 32768;
    return std::min(config.contextLength, asked > 0 ? asked : kMostContext);
}

std::uint64_t availableHostMemory() {
    constexpr const char* kField = "MemAvailable:";
    std::ifstream file("/proc/meminfo");
    for (std::string line; std::getline(file, line);)
        if (line.rfind(kField, 0) == 0)
            return std::strtoull(line.c_str() + std::char_traits<char>::length(kField), nullptr, 10) * 1024;
    return 0;
}

std::vector<DeviceMemory> memoryOfRun(const ModelConfig& config, const LayerPlacement& placement,
                                      const std::vector<std::uint64_t>& weights, int positions, KvDtype stored) {
    std::vector<DeviceMemory> memory;
    for (int side = 0; side < placement.sides(); ++side) {
        const Backend& backend = placement.side(side);
        const LayerSpan layers = placement.layersOf(side, config.layers);
        const MemoryPlan plan = planRun(config, backend, layers, positions, stored);
        DeviceMemory device;
        device.backend = backend.name();
        device.layers = layers.count;
        device.weights = weights[static_cast<std::size_t>(side)];
        device.cache = plan.cache;
        device.scratch = plan.scratch;
        const std::uint64_t free = backend.freeBytes();  // the greatest number: plain host memory
        device.free = free == std::numeric_limits<std::uint64_t>::max() ? availableHostMemory() : free;
        memory.push_back(std::move(device));
    }
    return memory;
}

}  // namespace engine
