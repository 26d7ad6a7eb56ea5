// Owners of streams, events and graphs of the current device, and the one check of what CUDA calls return. Move-only; released without a throw.
#pragma once

#include <cuda_runtime.h>

#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "engine/backend/cuda/command_list.h"

#define CUDA_CHECK(call) ::engine::cuda::check((call), #call, __FILE__, __LINE__)

namespace engine::cuda {

/// Throws OutOfDeviceMemory for a failed allocation, else std::runtime_error with the call and its place.
void check(cudaError_t result, const char* call, const char* file, int line);

/// An allocation that the device (or pinned host memory) had no room for; the message begins with the reason code too_little_memory. The
/// session stays usable.
class OutOfDeviceMemory : public std::bad_alloc {
public:
    explicit OutOfDeviceMemory(std::string message) : m_message(std::move(message)) {}
    const char* what() const noexcept override { return m_message.c_str(); }

private:
    std::string m_message;
};

/// An order of work on the device, beside the default stream and not waiting for it. Kernel launches can be taken by a recorder for a
/// while; all else asks for get(), which gives the stream the launches taken so far first: the order is always that of the calls.
class Stream {
public:
    Stream() { CUDA_CHECK(cudaStreamCreateWithFlags(&m_stream, cudaStreamNonBlocking)); }
    ~Stream() {
        if (m_stream != nullptr)
            cudaStreamDestroy(m_stream);
    }
    Stream(Stream&& other) noexcept
        : m_stream(std::exchange(other.m_stream, nullptr)), m_recorder(std::exchange(other.m_recorder, nullptr)) {}
    Stream& operator=(Stream&&) = delete;

    cudaStream_t get() const {
        if (m_recorder != nullptr)
            m_recorder->flush();
        return m_stream;
    }
    void synchronise() const { CUDA_CHECK(cudaStreamSynchronize(get())); }
    /// Who takes the launches; null = the device.
    LaunchRecorder* recorder() const { return m_recorder; }
    void recordTo(LaunchRecorder* recorder) { m_recorder = recorder; }

private:
    cudaStream_t m_stream = nullptr;
    LaunchRecorder* m_recorder = nullptr;
};

/// A mark in a stream. Before the first record it counts as passed.
class Event {
public:
    enum class Timing { No, Yes };
    explicit Event(Timing timing = Timing::No) {
        CUDA_CHECK(cudaEventCreateWithFlags(&m_event, timing == Timing::Yes ? cudaEventDefault : cudaEventDisableTiming));
    }
    ~Event() {
        if (m_event != nullptr)
            cudaEventDestroy(m_event);
    }
    Event(Event&& other) noexcept : m_event(std::exchange(other.m_event, nullptr)) {}
    Event& operator=(Event&&) = delete;

    void record(const Stream& stream) { CUDA_CHECK(cudaEventRecord(m_event, stream.get())); }
    /// What is put into `stream` from now on comes after the mark.
    void holdBack(const Stream& stream) const { CUDA_CHECK(cudaStreamWaitEvent(stream.get(), m_event, 0)); }
    /// The host waits. Returns whether the device is sound.
    bool await() const noexcept { return cudaEventSynchronize(m_event) == cudaSuccess; }
    /// Milliseconds from an earlier mark; both with timing, and passed.
    float msSince(const Event& earlier) const {
        float ms = 0;
        CUDA_CHECK(cudaEventElapsedTime(&ms, earlier.m_event, m_event));
        return ms;
    }

private:
    cudaEvent_t m_event = nullptr;
};

struct GraphDeleter {
    void operator()(cudaGraph_t graph) const { cudaGraphDestroy(graph); }
    void operator()(cudaGraphExec_t graph) const {
        cudaGraphExecDestroy(graph);
    }  // one under way is freed when it has ended
};
using Graph = std::unique_ptr<std::remove_pointer_t<cudaGraph_t>, GraphDeleter>;
using GraphExec = std::unique_ptr<std::remove_pointer_t<cudaGraphExec_t>, GraphDeleter>;

}  // namespace engine::cuda
