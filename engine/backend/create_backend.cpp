// Chooses and creates a back end.
#include "engine/backend/backend.h"
#ifdef ENGINE_WITH_CPU_BACKEND
#include "engine/backend/cpu/cpu_backend.h"
#endif
#include "engine/backend/cuda/load_module.h"
#include "engine/backend/reference/reference_backend.h"
#include "engine/machine_peak.h"

namespace engine {

Result<std::unique_ptr<Backend>> createBackend(BackendKind kind, Precision precision, int threads) {
    if (threads < 0 || threads > kMostThreads)
        return Status(StatusCode::InvalidArgument,
                      "the number of compute threads must lie between 1 and " + std::to_string(kMostThreads));
    if (kind == BackendKind::Cuda) {
        return createCudaBackend(precision);
    }
#ifdef ENGINE_WITH_CPU_BACKEND
    if (kind == BackendKind::Auto || kind == BackendKind::Cpu) {
        return createCpuBackend(precision, threads);
    }
#else
    if (kind == BackendKind::Cpu) {
        return Status(StatusCode::Unsupported,
                      "this build has no cpu back end (it was configured with WITH_ONEDNN=OFF); use `reference`");
    }
#endif
    if (precision == Precision::Bf16) {
        return Status(StatusCode::Unsupported, "the reference back end computes in f32 only; ask for f32 or leave it open");
    }
    return createReferenceBackend(threads);
}

Result<MachinePeak> measureMachinePeak(int threads) {
#ifdef ENGINE_WITH_CPU_BACKEND
    return measureCpuPeak(threads);
#else
    (void)threads;
    return Status(StatusCode::Unsupported, "this build has no cpu back end (it was configured with WITH_ONEDNN=OFF)");
#endif
}

}  // namespace engine
