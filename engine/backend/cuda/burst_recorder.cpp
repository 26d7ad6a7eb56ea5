// BurstRecorder: recording, slots, and the lists that are known.
#include "engine/backend/cuda/burst_recorder.h"

#include <algorithm>
#include <cstring>

namespace engine::cuda {

void BurstRecorder::run(const std::function<void()>& work) {
    if (!m_wanted || m_stream.recorder() != nullptr)
        return work();
    struct Recording {
        BurstRecorder& owner;
        explicit Recording(BurstRecorder& recorder) : owner(recorder) { owner.m_stream.recordTo(&owner); }
        ~Recording() {
            owner.m_stream.recordTo(nullptr);
            owner.m_list.clear();
            owner.m_values.clear();
            owner.m_slots.clear();
            owner.m_filled = 0;
        }
    };
    const Recording recording(*this);
    work();
    flush();
}

const int* BurstRecorder::place(Use use, std::span<const int> values) {
    if (m_stream.recorder() == nullptr)
        return nullptr;
    if (m_block.data() == nullptr)
        m_block = m_memory.take(kSlotBytes);
    const auto* block = static_cast<const int*>(m_block.data());
    for (const Slot& slot : m_slots)
        if (slot.use == use && slot.count == values.size() &&
            std::memcmp(m_values.data() + slot.at, values.data(), values.size_bytes()) == 0)
            return block + slot.at;
    constexpr std::size_t kStep = 64 / sizeof(int);
    const std::size_t at = (m_values.size() + kStep - 1) / kStep * kStep;
    if (at + values.size() > kSlotBytes / sizeof(int))
        return nullptr;
    m_values.resize(at);
    m_values.insert(m_values.end(), values.begin(), values.end());
    m_slots.push_back({use, at, values.size()});
    return block + at;
}

void BurstRecorder::fillSlots() {
    // Places are not given out twice in a burst, and the last burst's readers come before this copy in the stream. The host's side goes through
    // the ring of pinned memory, whose parts are not written before their copies were read.
    const std::size_t first = std::exchange(m_filled, m_values.size());
    if (first < m_values.size())
        m_uploads.upload(static_cast<int*>(m_block.data()) + first, m_values.data() + first,
                         (m_values.size() - first) * sizeof(int));
}

void BurstRecorder::flush() {
    if (m_list.empty())
        return;
    std::swap(m_list, m_given);  // fillSlots() and get() come here again, and find nothing to give
    m_list.clear();
    fillSlots();
    const cudaStream_t stream = m_stream.get();
    if (const cudaGraphExec_t graph = graphOfGiven(); graph != nullptr) {
        if (cudaGraphLaunch(graph, stream) == cudaSuccess)
            return;
        giveUpGraphs();
    }
    CUDA_CHECK(m_given.issue(stream));
}

cudaGraphExec_t BurstRecorder::graphOfGiven() {
    if (!m_wanted || m_given.size() < kLeastCommands)
        return nullptr;
    const auto known = std::find_if(m_known.begin(), m_known.end(), [&](const Known& one) { return one.list == m_given; });
    if (known != m_known.end()) {
        known->used = ++m_clock;
        return known->graph.get();
    }
    const auto seen = std::find(m_seen.begin(), m_seen.end(), m_given);
    if (seen == m_seen.end()) {
        if (m_seen.size() == kMostSeen)
            m_seen.erase(m_seen.begin());
        m_seen.push_back(m_given);
        return nullptr;
    }
    m_seen.erase(seen);
    GraphExec graph = makeGraph(m_given);
    if (graph == nullptr) {
        giveUpGraphs();
        return nullptr;
    }
    if (m_known.size() == kMostGraphs)
        m_known.erase(std::min_element(m_known.begin(), m_known.end(),
                                       [](const Known& a, const Known& b) { return a.used < b.used; }));
    m_known.push_back({m_given, std::move(graph), ++m_clock});
    return m_known.back().graph.get();
}

GraphExec BurstRecorder::makeGraph(const CommandList& list) {
    const cudaStream_t stream = m_capture.get();
    // Other threads (a loader that pins memory) may call what they like meanwhile: the mode asks this one only.
    if (cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal) != cudaSuccess)
        return nullptr;
    const cudaError_t issued = list.issue(stream);
    cudaGraph_t captured = nullptr;
    const cudaError_t ended = cudaStreamEndCapture(stream, &captured);
    const Graph graph(captured);
    cudaGraphExec_t made = nullptr;
    if (issued != cudaSuccess || ended != cudaSuccess || cudaGraphInstantiate(&made, captured, 0) != cudaSuccess)
        return nullptr;
    return GraphExec(made);
}

void BurstRecorder::giveUpGraphs() {
    static_cast<void>(cudaGetLastError());  // an error that stays is the next launch's, too
    m_wanted = false;
    m_seen.clear();
    m_known.clear();
}

}  // namespace engine::cuda
