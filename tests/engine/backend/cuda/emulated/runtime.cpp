// Streams, events and memory of the emulated device.
#include <cuda_runtime.h>

#include <cstdio>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <vector>

struct EmulatedEvent {
    std::uint64_t recorded = 0;  // marks put into streams
    std::uint64_t passed = 0;    // marks that a stream has come to
    std::int64_t passedAt = 0;   // the last of them, on the device's clock
    bool timing = false;
};

namespace {

struct Operation {
    std::function<void()> work;      // or
    EmulatedEvent* event = nullptr;  // a mark to record, or to wait for
    std::uint64_t mark = 0;
    bool waits = false;
    std::int64_t takes = 0;     // ns
    std::int64_t askedFor = 0;  // on the device's clock
};

constexpr std::int64_t kCopyTakes = 1'000;  // ns, and one more a byte

}  // namespace

struct EmulatedGraph {
    std::vector<std::function<void()>> nodes;  // one behind the other
};
struct EmulatedGraphExec {
    std::vector<std::function<void()>> nodes;
};
struct EmulatedStream {
    std::deque<Operation> operations;
    std::int64_t time = 0;                   // when it had worked off the last one, on the device's clock
    std::unique_ptr<EmulatedGraph> capture;  // while capturing
    bool invalid = false;                    // the capture
};

namespace {

/// The one emulated device. Tests use it from one thread.
struct Device {
    std::set<EmulatedStream*> streams;
    std::set<EmulatedGraph*> graphs;
    std::set<EmulatedGraphExec*> executables;
    std::map<void*, std::size_t> memory;
    std::map<const void*, int> sharedLimits;
    std::size_t used = 0;
    std::size_t limit = std::size_t{4} << 30U;
    cudaError_t error = cudaSuccess;
    bool broken = false;
    bool refusesGraphs = false;
    bool refusesGraphLaunches = false;
    std::int64_t hostTime = 0;  // on the device's clock: what the host has waited for
    emulated::Counters counters;
    std::function<void()> hostWaits;
    std::mt19937 random{11};
};

Device& device() {
    static Device& instance = *new Device;  // never destroyed: back ends that live to the end of the program still use it
    return instance;
}

bool runnable(const EmulatedStream& stream) {
    if (stream.operations.empty())
        return false;
    const Operation& next = stream.operations.front();
    return !next.waits || next.event->passed >= next.mark;
}

/// Does one operation of a stream chosen at random among those that can go on. Returns whether there was one.
bool step() {
    std::array<EmulatedStream*, 16> ready{};
    std::size_t count = 0;
    for (EmulatedStream* stream : device().streams)
        if (runnable(*stream) && count < ready.size())
            ready[count++] = stream;
    if (count == 0)
        return false;
    EmulatedStream& stream = *ready[device().random() % count];
    const Operation operation = std::move(stream.operations.front());
    stream.operations.pop_front();
    device().counters.operations += 1;
    stream.time = std::max(stream.time, operation.askedFor) + operation.takes;
    if (operation.work) {
        operation.work();
    } else if (operation.waits) {
        stream.time = std::max(stream.time, operation.event->passedAt);
    } else {
        operation.event->passed = std::max(operation.event->passed, operation.mark);
        operation.event->passedAt = stream.time;
    }
    return true;
}

void put(EmulatedStream& stream, Operation operation) {
    operation.askedFor = device().hostTime;
    stream.operations.push_back(std::move(operation));
}

template <class Done>
void runUntil(Done done) {
    device().counters.waits += done() ? 0 : 1;
    while (!done())
        if (!step())
            emulated::fail("the host waits for what never happens");
}

void runAll() {
    while (step()) {
    }
}

/// What a capture does not allow: it is invalid from then on, and the call fails. Returns whether a stream is capturing.
bool disturbsCapture() {
    bool capturing = false;
    for (EmulatedStream* stream : device().streams)
        if (stream->capture != nullptr)
            capturing = stream->invalid = true;
    return capturing;
}

cudaError_t failed(cudaError_t error) { return device().error = error; }

void mustNotCapture(const EmulatedStream& stream) {
    if (stream.capture != nullptr)
        emulated::fail("an event in a captured stream, which is not emulated");
}

void* poisoned(std::size_t bytes) {
    void* data = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
    if (data != nullptr)
        std::memset(data, 0xff, bytes);
    return data;
}

cudaError_t allocate(void** data, std::size_t bytes, bool onDevice) {
    if (disturbsCapture())
        return failed(cudaErrorStreamCaptureUnsupported);
    if (onDevice && device().used + bytes > device().limit) {
        device().error = cudaErrorMemoryAllocation;
        return cudaErrorMemoryAllocation;
    }
    *data = poisoned(bytes);
    if (onDevice) {
        device().memory.emplace(*data, bytes);
        device().used += bytes;
    }
    return cudaSuccess;
}

}  // namespace

namespace emulated {

void enqueue(cudaStream_t stream, std::function<void()> work, std::int64_t takes) {
    if (device().streams.count(stream) == 0)
        fail("work for a stream that does not exist, or for the default one");
    if (stream->capture != nullptr)
        stream->capture->nodes.push_back(std::move(work));
    else
        put(*stream, {std::move(work), nullptr, 0, false, takes, 0});
}

void enqueueKernel(cudaStream_t stream, std::function<void()> work) {
    enqueue(stream, std::move(work), kKernelTakes);
    device().counters.launches += stream->capture == nullptr ? 1 : 0;
}

void checkShared(const void* kernel, std::size_t bytes) {
    constexpr std::size_t kPlain = 48 * 1024;
    constexpr std::size_t kMost = 99 * 1024;  // the least of the architectures that are built for
    const auto known = device().sharedLimits.find(kernel);
    if (bytes > kMost ||
        (bytes > kPlain && (known == device().sharedLimits.end() || static_cast<std::size_t>(known->second) < bytes)))
        fail("a launch with more shared memory than the kernel may have");
}

void breakDevice(bool broken) { device().broken = broken; }

void whenTheHostWaits(std::function<void()> told) { device().hostWaits = std::move(told); }

void refuseGraphs(bool refuse) { device().refusesGraphs = refuse; }

void refuseGraphLaunches(bool refuse) { device().refusesGraphLaunches = refuse; }

std::size_t livingGraphs() { return device().graphs.size() + device().executables.size(); }

std::size_t usedDeviceMemory() { return device().used; }

void limitDeviceMemory(std::size_t bytes) { device().limit = bytes; }

Counters counters() { return device().counters; }

}  // namespace emulated

const char* cudaGetErrorString(cudaError_t error) {
    if (error == cudaErrorIllegalAddress)
        return "an illegal memory access was encountered";
    return error == cudaErrorMemoryAllocation ? "out of memory" : "an error";
}
const char* cudaGetErrorName(cudaError_t error) {
    if (error == cudaErrorIllegalAddress)
        return "cudaErrorIllegalAddress";
    return error == cudaErrorMemoryAllocation ? "cudaErrorMemoryAllocation" : "cudaErrorUnknown";
}
cudaError_t cudaGetLastError() { return std::exchange(device().error, cudaSuccess); }
cudaError_t cudaGetDevice(int* number) {
    *number = 0;
    return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr, int) {
    *value = 8;  // few, so that small problems are divided and undivided
    return cudaSuccess;
}
cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
    *total = device().limit;
    *free = device().limit - std::min(device().limit, device().used);
    return cudaSuccess;
}
cudaError_t cudaMalloc(void** data, std::size_t bytes) { return allocate(data, bytes, true); }
cudaError_t cudaFree(void* data) {
    if (disturbsCapture())
        return failed(cudaErrorStreamCaptureUnsupported);
    runAll();
    const auto found = device().memory.find(data);
    if (found == device().memory.end())
        emulated::fail("cudaFree of what cudaMalloc did not give");
    device().used -= found->second;
    device().memory.erase(found);
    std::free(data);
    return cudaSuccess;
}
cudaError_t cudaHostAlloc(void** data, std::size_t bytes, unsigned) { return allocate(data, bytes, false); }
cudaError_t cudaFreeHost(void* data) {
    runAll();
    std::free(data);
    return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
    *stream = new EmulatedStream;
    device().streams.insert(*stream);
    return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    if (stream->capture != nullptr)
        emulated::fail("a stream that is destroyed while capturing");
    runAll();
    device().streams.erase(stream);
    delete stream;
    return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    if (device().broken)
        return cudaErrorIllegalAddress;
    if (stream->capture != nullptr) {
        stream->invalid = true;
        return failed(cudaErrorStreamCaptureUnsupported);
    }
    if (device().hostWaits && !stream->operations.empty())
        device().hostWaits();
    runUntil([&] { return stream->operations.empty(); });
    device().hostTime = std::max(device().hostTime, stream->time);
    return cudaSuccess;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
    mustNotCapture(*stream);
    put(*stream, {{}, event, event->recorded, true, 0, 0});
    return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
    *event = new EmulatedEvent;
    (*event)->timing = flags != cudaEventDisableTiming;
    return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
    runAll();
    delete event;
    return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    mustNotCapture(*stream);
    put(*stream, {{}, event, ++event->recorded, false, 0, 0});
    return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    if (device().broken)
        return cudaErrorIllegalAddress;
    runUntil([&, mark = event->recorded] { return event->passed >= mark; });
    device().hostTime = std::max(device().hostTime, event->passedAt);
    return cudaSuccess;
}
cudaError_t cudaEventElapsedTime(float* ms, cudaEvent_t begin, cudaEvent_t end) {
    if (!begin->timing || !end->timing || begin->recorded == 0 || end->recorded == 0)
        emulated::fail("a time of events that have none");
    if (begin->passed < begin->recorded || end->passed < end->recorded)
        return failed(cudaErrorNotReady);
    *ms = static_cast<float>(static_cast<double>(end->passedAt - begin->passedAt) / 1e6);
    return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t stream) {
    if (device().broken)
        return cudaErrorIllegalAddress;
    emulated::enqueue(
        stream, [=] { std::memset(to, value, bytes); }, kCopyTakes);
    return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
    if (device().broken)
        return cudaErrorIllegalAddress;
    if (kind == cudaMemcpyDeviceToHost)
        device().counters.bytesToHost += bytes;
    emulated::enqueue(
        stream, [=] { std::memcpy(to, from, bytes); }, kCopyTakes + static_cast<std::int64_t>(bytes));
    return cudaSuccess;
}
cudaError_t cudaMemcpy2DAsync(void* to, std::size_t toPitch, const void* from, std::size_t fromPitch, std::size_t width,
                              std::size_t height, cudaMemcpyKind, cudaStream_t stream) {
    if (width > toPitch || width > fromPitch)
        emulated::fail("a copy of rows wider than their distance");
    emulated::enqueue(
        stream,
        [=] {
            for (std::size_t row = 0; row < height; ++row)
                std::memcpy(static_cast<char*>(to) + row * toPitch, static_cast<const char*>(from) + row * fromPitch, width);
        },
        kCopyTakes + static_cast<std::int64_t>(width * height));
    return cudaSuccess;
}
cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute, int value) {
    device().sharedLimits[kernel] = value;
    return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
    if (device().broken)
        return cudaErrorIllegalAddress;
    if (stream->capture != nullptr)
        return failed(cudaErrorIllegalState);
    stream->capture = std::make_unique<EmulatedGraph>();
    stream->invalid = false;
    return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
    *graph = nullptr;
    if (stream->capture == nullptr)
        return failed(cudaErrorIllegalState);
    const std::unique_ptr<EmulatedGraph> captured = std::move(stream->capture);
    if (stream->invalid)
        return failed(cudaErrorStreamCaptureInvalidated);
    *graph = new EmulatedGraph(std::move(*captured));
    device().graphs.insert(*graph);
    return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
    if (device().broken)
        return cudaErrorIllegalAddress;
    if (device().graphs.count(graph) == 0)
        emulated::fail("a graph that does not exist is instantiated");
    if (device().refusesGraphs)
        return failed(cudaErrorMemoryAllocation);
    *executable = new EmulatedGraphExec{graph->nodes};
    device().executables.insert(*executable);
    device().counters.graphs += 1;
    return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
    if (device().broken)
        return cudaErrorIllegalAddress;
    if (device().executables.count(executable) == 0)
        emulated::fail("a graph that does not exist is launched");
    if (device().refusesGraphLaunches)
        return failed(cudaErrorMemoryAllocation);
    if (stream->capture != nullptr)
        emulated::fail("a graph within a graph, which is not emulated");
    for (const std::function<void()>& node : executable->nodes)
        emulated::enqueue(stream, node, emulated::kKernelTakes);
    device().counters.graphLaunches += 1;
    return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
    if (device().graphs.erase(graph) == 0)
        emulated::fail("a graph that does not exist is destroyed");
    delete graph;
    return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
    if (device().executables.erase(executable) == 0)
        emulated::fail("an executable graph that does not exist is destroyed");
    delete executable;
    return cudaSuccess;
}
