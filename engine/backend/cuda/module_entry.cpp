// The module's only exported function.
#include <cstring>
#include <exception>
#include <string>

#include "engine/backend/cuda/cuda_backend.h"
#include "engine/backend/cuda/cuda_module.h"
#include "engine/backend/cuda/device.h"
#include "engine/backend/cuda/inspect_device.h"
#include "engine/backend/cuda/measure_peak.h"

namespace {

using engine::cuda::ModuleAnswer;
using engine::cuda::ModuleTask;

constexpr int kPeakSize = 8192;
constexpr std::uint64_t kPeakBytes = 512U << 20U;

void answer(ModuleAnswer& to, const std::string& reason, const std::string& message) {
    to = {};
    reason.copy(to.reason, sizeof to.reason - 1);
    message.copy(to.message, sizeof to.message - 1);
}

}  // namespace

extern "C" __attribute__((visibility("default"))) void engineCudaOpen(const engine::cuda::ModuleRequest* request,
                                                                      ModuleAnswer* to) {
    try {
        if (std::strcmp(request->identity, engine::cuda::kModuleIdentity) != 0) {
            answer(*to, "no_module", "the CUDA module beside the program belongs to another version of it");
            return;
        }
        const engine::cuda::DeviceState state = engine::cuda::inspectDevice();
        answer(*to, state.reason, state.message);
        if (!state.reason.empty())
            return;
        if (request->task == ModuleTask::CreateBackend)
            to->backend = engine::cuda::createBackendOnDevice(request->precision).release();
        else if (request->task == ModuleTask::MeasurePeak)
            to->peak = engine::cuda::measureDevicePeak(kPeakSize, kPeakBytes);
    } catch (const engine::cuda::OutOfDeviceMemory& error) {
        answer(*to, "too_little_memory", error.what());
    } catch (const std::exception& error) {
        answer(*to, "no_device", error.what());
    }
}
