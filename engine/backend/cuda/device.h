// Owners of streams and events of the current device. Move-only; released without a throw.
#pragma once

#include <cuda_runtime.h>

#include <new>
#include <stdexcept>
#include <string>
#include <utility>

#include "engine/backend/cuda/kernels/launch.h"

namespace engine::cuda {

/// An allocation that the device (or pinned host memory) had no room for; the message begins with the reason code too_little_memory. The
/// session stays usable.
class OutOfDeviceMemory : public std::bad_alloc {
public:
    explicit OutOfDeviceMemory(std::string message) : m_message(std::move(message)) {}
    const char* what() const noexcept override { return m_message.c_str(); }

private:
    std::string m_message;
};

/// An order of work on the device, beside the default stream and not waiting for it.
class Stream {
public:
    Stream() { CUDA_CHECK(cudaStreamCreateWithFlags(&m_stream, cudaStreamNonBlocking)); }
    ~Stream() {
        if (m_stream != nullptr)
            cudaStreamDestroy(m_stream);
    }
    Stream(Stream&& other) noexcept : m_stream(std::exchange(other.m_stream, nullptr)) {}
    Stream& operator=(Stream&&) = delete;

    cudaStream_t get() const { return m_stream; }
    void synchronise() const { CUDA_CHECK(cudaStreamSynchronize(m_stream)); }

private:
    cudaStream_t m_stream = nullptr;
};

/// A mark in a stream. Before the first record it counts as passed.
class Event {
public:
    Event() { CUDA_CHECK(cudaEventCreateWithFlags(&m_event, cudaEventDisableTiming)); }
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

private:
    cudaEvent_t m_event = nullptr;
};

}  // namespace engine::cuda
