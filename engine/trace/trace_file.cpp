// Trace files. All numbers little-endian:
//
//   magic "CBWTRACE" ‖ version u32 ‖ sections u32 ‖ { tag u32 ‖ length u64 ‖ bytes } … ‖ SHA-256 of all before it
//
// Sections in this order, each once: subject, prompt, work, answer, and deviation when it was measured. Their fields are described
// in trace_fields.h; lists are a u64 count and their elements.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "engine/trace.h"
#include "engine/trace/byte_archive.h"
#include "engine/trace/trace_checks.h"
#include "engine/trace/trace_fields.h"
#include "storage/digest.h"

namespace engine {
namespace {

constexpr std::string_view kMagic = "CBWTRACE";
constexpr std::uint32_t kTraceVersion = 2;
constexpr std::size_t kHeaderBytes = 16;
constexpr std::size_t kDigestBytes = 32;
constexpr std::uint64_t kMostFileBytes = std::uint64_t{4} << 30;

enum class Section : std::uint32_t { Subject = 1, Prompt, Work, Answer, Deviation };

Status statusOfErrno(const std::string& action, const std::string& path, int error) {
    const StatusCode code = error == ENOSPC || error == EDQUOT ? StatusCode::NoSpace
                            : error == ENOENT                  ? StatusCode::NotFound
                                                               : StatusCode::IoError;
    return Status(code, "cannot " + action + " " + path + ": " + std::strerror(error));
}

/// Closes on destruction.
class Descriptor {
public:
    explicit Descriptor(int fd) : m_fd(fd) {}
    ~Descriptor() {
        if (m_fd >= 0)
            ::close(m_fd);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const { return m_fd; }

private:
    int m_fd;
};

template <class T, class Describe>
void addSection(ByteWriter& file, Section tag, const T& value, Describe describe) {
    ByteWriter body;
    describe(body, value);
    file.number(static_cast<std::uint32_t>(tag));
    file.text(body.written());
}

std::string bytesOf(const BlendTrace& trace) {
    ByteWriter file;
    file.bytes(std::span(reinterpret_cast<const std::uint8_t*>(kMagic.data()), kMagic.size()));
    file.number(kTraceVersion);
    file.number(trace.deviation == nullptr ? std::uint32_t{4} : std::uint32_t{5});
    addSection(file, Section::Subject, trace, [](auto& a, auto& t) { describeSubject(a, t); });
    addSection(file, Section::Prompt, trace, [](auto& a, auto& t) { describePrompt(a, t); });
    addSection(file, Section::Work, trace, [](auto& a, auto& t) { describeWork(a, t); });
    addSection(file, Section::Answer, trace, [](auto& a, auto& t) { describeAnswer(a, t); });
    if (trace.deviation != nullptr)
        addSection(file, Section::Deviation, *trace.deviation, [](auto& a, auto& t) { describeDeviation(a, t); });
    const Digest digest = storage::digestOf(std::as_bytes(std::span(file.written())));
    file.bytes(digest.bytes);
    return file.written();
}

Status writeAll(int fd, std::string_view bytes, const std::string& path) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return statusOfErrno("write", path, errno);
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return ::fsync(fd) == 0 ? Status() : statusOfErrno("sync", path, errno);
}

std::string folderOf(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

Result<std::vector<std::byte>> readAll(const std::string& path) {
    // Non-blocking: a FIFO must not hang the program. It is refused below.
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (file.get() < 0)
        return statusOfErrno("open", path, errno);
    struct stat info {};
    if (::fstat(file.get(), &info) != 0)
        return statusOfErrno("look at", path, errno);
    if (!S_ISREG(info.st_mode))
        return Status(StatusCode::Refused, path + " is not a trace: it is not a regular file");
    if (static_cast<std::uint64_t>(info.st_size) > kMostFileBytes)
        return Status(StatusCode::Refused, path + " is not a trace: it is larger than any");
    std::vector<std::byte> bytes(static_cast<std::size_t>(info.st_size));
    std::size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t count = ::read(file.get(), bytes.data() + done, bytes.size() - done);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return statusOfErrno("read", path, errno);
        if (count == 0)
            return Status(StatusCode::Damaged, path + " became shorter while it was read");
        done += static_cast<std::size_t>(count);
    }
    return bytes;
}

/// Reads the next section into `value`; false unless it has that tag and exactly these fields.
template <class T, class Describe>
bool takeSection(ByteTaker& file, Section expected, T& value, Describe describe) {
    std::uint32_t tag = 0;
    std::string body;
    file.number(tag);
    file.text(body);
    if (!file.ok() || tag != static_cast<std::uint32_t>(expected))
        return false;
    ByteTaker fields{std::as_bytes(std::span(body))};
    describe(fields, value);
    return fields.ok() && fields.atEnd();
}

bool takeTrace(std::span<const std::byte> body, std::uint32_t sections, BlendTrace& trace) {
    ByteTaker file(body);
    if (!takeSection(file, Section::Subject, trace, [](auto& a, auto& t) { describeSubject(a, t); }) ||
        !takeSection(file, Section::Prompt, trace, [](auto& a, auto& t) { describePrompt(a, t); }) ||
        !takeSection(file, Section::Work, trace, [](auto& a, auto& t) { describeWork(a, t); }) ||
        !takeSection(file, Section::Answer, trace, [](auto& a, auto& t) { describeAnswer(a, t); }))
        return false;
    if (sections == 5) {
        auto report = std::make_shared<DeviationReport>();
        if (!takeSection(file, Section::Deviation, *report, [](auto& a, auto& t) { describeDeviation(a, t); }))
            return false;
        trace.deviation = std::move(report);
    }
    return file.atEnd();
}

}  // namespace

Status saveTrace(const BlendTrace& trace, const std::string& path) {
    if (const std::string fault = faultOf(trace); !fault.empty())
        return Status(StatusCode::InvalidArgument, "this trace cannot be saved: " + fault);
    const std::string bytes = bytesOf(trace);
    const std::string temporary = path + ".part-" + std::to_string(::getpid());
    Status status;
    {
        const Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666));
        if (file.get() < 0)
            return statusOfErrno("write", path, errno);
        status = writeAll(file.get(), bytes, path);
    }
    if (status.ok() && ::rename(temporary.c_str(), path.c_str()) != 0)
        status = statusOfErrno("write", path, errno);
    if (!status.ok()) {
        ::unlink(temporary.c_str());
        return status;
    }
    const Descriptor folder(::open(folderOf(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder.get() < 0 || ::fsync(folder.get()) != 0)
        return statusOfErrno("sync the folder of", path, errno);
    return {};
}

Result<std::shared_ptr<const BlendTrace>> loadTrace(const std::string& path) {
    const Result<std::vector<std::byte>> bytes = readAll(path);
    if (!bytes.ok())
        return bytes.status();
    if (bytes->size() < kMagic.size() || std::memcmp(bytes->data(), kMagic.data(), kMagic.size()) != 0)
        return Status(StatusCode::Refused, path + " is not a trace of this program");
    if (bytes->size() < kHeaderBytes + kDigestBytes)
        return Status(StatusCode::Damaged, "the trace " + path + " is damaged: it was cut off");
    const std::span<const std::byte> file(*bytes);
    ByteTaker header(file.subspan(kMagic.size()));
    std::uint32_t version = 0;
    std::uint32_t sections = 0;
    header.number(version);
    header.number(sections);
    if (version != kTraceVersion)
        return Status(StatusCode::Refused, "the trace " + path + " has format version " + std::to_string(version) +
                                               "; this program reads version " + std::to_string(kTraceVersion));
    const std::span<const std::byte> signedBytes = file.first(file.size() - kDigestBytes);
    const Digest digest = storage::digestOf(signedBytes);
    if (std::memcmp(digest.bytes.data(), bytes->data() + signedBytes.size(), kDigestBytes) != 0)
        return Status(StatusCode::Damaged, "the trace " + path + " is damaged: its checksum does not match");
    auto trace = std::make_shared<BlendTrace>();
    if ((sections != 4 && sections != 5) || !takeTrace(signedBytes.subspan(kHeaderBytes), sections, *trace))
        return Status(StatusCode::Damaged, "the trace " + path + " is damaged: a field is out of its range");
    if (const std::string fault = faultOf(*trace); !fault.empty())
        return Status(StatusCode::Damaged, "the trace " + path + " is damaged: " + fault);
    return std::shared_ptr<const BlendTrace>(std::move(trace));
}

}  // namespace engine
