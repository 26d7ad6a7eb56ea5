// Bursts on the device: the launches of a decoded token, some ten a layer and each of little work, become one graph, which is launched at once.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "engine/backend/cuda/cuda_backend.h"
#include "engine/backend/cuda/device.h"
#include "engine/backend/cuda/memory_pool.h"
#include "engine/backend/cuda/uploads.h"

namespace engine::cuda {

/// Takes the launches of a burst as a list and gives it to the stream at the burst's end, or as soon as anything but a launch is put into the
/// stream (a copy, a product of cuBLASLt, an event: whoever asks for Stream::get()). A list that was given before is launched as a graph;
/// it is made when a list comes for the second time, so what comes once costs nothing.
///
/// What makes lists of one token after the other equal: weights, scratch, cache and logits stay where they are; arrays that change (ids,
/// positions, limits) lie in slots, places of a device block that are given out in the same order in each burst and filled by one copy before
/// the list; attention divides keys by a limit rounded up (limitBucket).
///
/// Why a kept graph never touches memory that is no longer its own: it is launched only in place of a list that was just recorded and equals
/// it in every byte of every argument. So each pointer in it was handed to an operation in this burst and is held now, whoever held it in
/// the meantime; graphs that are not launched read and write nothing, and they have kernels only, no copies, no memory of their own. Within
/// a burst a block may go back to the pool while a list not yet given still names it: its next owner uses it in the order of the same stream,
/// or asks for Stream::get() to order another one behind it; and the pool asks for it before it frees a block (MemoryPool).
///
/// A graph that cannot be made or launched never fails an answer: from then on lists are given launch by launch, and if the device is broken
/// those launches tell. One thread.
class BurstRecorder final : private LaunchRecorder {
public:
    /// What an array in a slot is for: equal arrays of one use share a slot.
    enum class Use { Ids, Rows, Positions, Limits };

    /// All outlive this. `memory`: for the slots, when the first is needed.
    BurstRecorder(Stream& stream, MemoryPool& memory, UploadRing& uploads, Bursts bursts)
        : m_stream(stream), m_memory(memory), m_uploads(uploads), m_wanted(bursts == Bursts::AsGraphs) {}

    /// Calls `work`; all it launched has been given to the stream on return. If it throws, what was not given by then never is.
    void run(const std::function<void()>& work);
    /// Where the values lie on the device for the rest of this burst, or null: outside of bursts, or no slot is left.
    const int* place(Use use, std::span<const int> values);

private:
    static constexpr std::size_t kMostGraphs = 16;       // a conversation needs one for each 256 keys that it grows by
    static constexpr std::size_t kMostSeen = 16;         // lists that came once, the newest ones
    static constexpr int kLeastCommands = 4;             // of a graph: fewer launches are about as fast by themselves
    static constexpr std::size_t kSlotBytes = 16 << 10;  // all slots of a burst; a decoded token needs three of 64 bytes

    struct Slot {
        Use use;
        std::size_t at, count;  // in m_values
    };
    struct Known {
        CommandList list;
        GraphExec graph;
        std::uint64_t used;
    };
    CommandList& commands() override { return m_list; }
    void flush() override;
    void fillSlots();
    /// The graph that does what m_given does, made now if m_given comes for the second time; null = none.
    cudaGraphExec_t graphOfGiven();
    GraphExec makeGraph(const CommandList& list);
    void giveUpGraphs();

    Stream& m_stream;
    MemoryPool& m_memory;
    UploadRing& m_uploads;
    bool m_wanted;              // false after a failure, too; then bursts are not recorded
    Stream m_capture;           // nothing ever runs on it: launches into it become a graph
    Buffer m_block;             // [kSlotBytes] on the device
    std::vector<int> m_values;  // of the slots of this burst, as m_block is to be
    std::size_t m_filled = 0;   // values that m_block has
    std::vector<Slot> m_slots;
    CommandList m_list;               // not yet given
    CommandList m_given;              // being given
    std::vector<CommandList> m_seen;  // oldest first
    std::vector<Known> m_known;
    std::uint64_t m_clock = 0;
};

}  // namespace engine::cuda
