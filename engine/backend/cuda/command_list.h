// Kernel launches as values: recorded with copies of their arguments, compared, issued as often as wanted.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstring>
#include <tuple>
#include <type_traits>
#include <vector>

namespace engine::cuda {

/// Puts one launch into the stream. Kernels that ask for more than 48 KiB of shared memory are told so first.
template <class... Parameters>
cudaError_t launchNow(void (*kernel)(Parameters...), dim3 grid, int threads, std::size_t sharedBytes, cudaStream_t stream,
                      std::type_identity_t<Parameters>... arguments) {
    constexpr std::size_t kPlainShared = 48 * 1024;
    if (sharedBytes > kPlainShared) {
        const cudaError_t result =
            cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize,
                                 static_cast<int>(sharedBytes));
        if (result != cudaSuccess)
            return result;
    }
    cudaLaunchConfig_t config{};
    config.gridDim = grid;
    config.blockDim = dim3(static_cast<unsigned>(threads));
    config.dynamicSmemBytes = sharedBytes;
    config.stream = stream;
    return cudaLaunchKernelEx(&config, kernel, arguments...);
}

/// Launches in the order in which they were asked for. Two lists are equal when they would do the same: kernels, grids, blocks, shared
/// memory and the bytes of all arguments. One thread.
class CommandList {
public:
    /// Arguments are copied; what they point to is read when the list is issued.
    template <class... Parameters>
    void add(void (*kernel)(Parameters...), dim3 grid, int threads, std::size_t sharedBytes, Parameters... arguments) {
        static_assert((std::is_trivially_copyable_v<Parameters> && ...));
        m_commands.push_back({reinterpret_cast<Kernel>(kernel), &issueOne<Parameters...>, grid.x, grid.y, grid.z, threads,
                              sharedBytes, m_arguments.size()});
        (append(arguments), ...);
    }
    int size() const { return static_cast<int>(m_commands.size()); }
    bool empty() const { return m_commands.empty(); }
    void clear() {
        m_commands.clear();
        m_arguments.clear();
    }
    /// Each as a launch of its own; ends at the first that fails, with its error.
    cudaError_t issue(cudaStream_t stream) const {
        for (const Command& command : m_commands) {
            const cudaError_t result = command.issue(command, stream, m_arguments.data() + command.argumentsAt);
            if (result != cudaSuccess)
                return result;
        }
        return cudaSuccess;
    }
    bool operator==(const CommandList&) const = default;

private:
    using Kernel = void (*)();
    struct Command {
        Kernel kernel;
        cudaError_t (*issue)(const Command&, cudaStream_t, const std::byte* arguments);
        unsigned gridX, gridY, gridZ;
        int threads;
        std::size_t sharedBytes;
        std::size_t argumentsAt;  // of m_arguments
        bool operator==(const Command&) const = default;
    };

    /// Gaps within a structure hold whatever was there: cleared, so that equal arguments are equal bytes.
    template <class Value>
    void append(Value value) {
        __builtin_clear_padding(&value);
        const auto* bytes = reinterpret_cast<const std::byte*>(&value);
        m_arguments.insert(m_arguments.end(), bytes, bytes + sizeof value);
    }
    template <class... Parameters>
    static cudaError_t issueOne(const Command& command, cudaStream_t stream, const std::byte* arguments) {
        std::tuple<Parameters...> values;
        const auto take = [&](auto& value) {
            std::memcpy(&value, arguments, sizeof value);
            arguments += sizeof value;
        };
        std::apply([&](auto&... value) { (take(value), ...); }, values);
        return std::apply(
            [&](auto... value) {
                return launchNow(reinterpret_cast<void (*)(Parameters...)>(command.kernel),
                                 dim3(command.gridX, command.gridY, command.gridZ), command.threads, command.sharedBytes,
                                 stream, value...);
            },
            values);
    }

    std::vector<Command> m_commands;
    std::vector<std::byte> m_arguments;  // of all commands, one behind the other
};

/// Takes the launches of a stream (Stream::recordTo) while it is recorded.
class LaunchRecorder {
public:
    virtual CommandList& commands() = 0;
    /// Gives the stream what was taken so far.
    virtual void flush() = 0;

protected:
    ~LaunchRecorder() = default;
};

}  // namespace engine::cuda
