// The parent's side of reading a document: looks at the file without reading it, runs the worker, checks its answer.
#include "engine/ingest/document_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

#include "engine/ingest/worker_answer.h"
#include "engine/ingest/worker_process.h"

namespace engine {
namespace {

/// Files above this are not read at all.
constexpr std::int64_t kMaxFileBytes = std::int64_t{256} << 20;
constexpr const char* kWorkerName = "cacheblend-document-worker";
constexpr const char* kInstalledPlace = "../libexec/cacheblend-workbench/";  // from the program's folder
constexpr const char* kWorkerVariable = "CACHEBLEND_DOCUMENT_WORKER";
#ifdef CACHEBLEND_WITH_DOCUMENTS
constexpr bool kWithDocuments = true;
#else
constexpr bool kWithDocuments = false;
#endif
constexpr const char* kBuiltWithout = "this program was built without document reading (WITH_DOCUMENTS=OFF)";

class OpenFile {
public:
    explicit OpenFile(int descriptor) : m_descriptor(descriptor) {}
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;
    ~OpenFile() {
        if (m_descriptor >= 0)
            ::close(m_descriptor);
    }
    int get() const { return m_descriptor; }

private:
    int m_descriptor;
};

Status cannotOpen(const std::string& path) {
    const int error = errno;
    if (error == ENOENT || error == ENOTDIR)
        return Status(StatusCode::NotFound, path + " does not exist");
    return Status(StatusCode::IoError, "cannot open " + path + ": " + std::strerror(error));
}

/// Ok for a regular file that may be read; otherwise why not.
Status checkKind(const struct stat& file) {
    const auto skipped = [](const char* why) { return Status(StatusCode::Unsupported, std::string("skipped: ") + why); };
    switch (file.st_mode & S_IFMT) {
        case S_IFREG:
            break;
        case S_IFDIR:
            return skipped("a directory, not a document; import it with its files (recursive)");
        case S_IFIFO:
            return skipped("a named pipe, not a document");
        case S_IFSOCK:
            return skipped("a socket, not a document");
        default:
            return skipped("a device, not a document");
    }
    if (file.st_size == 0)
        return skipped("the file is empty");
    if (file.st_size > kMaxFileBytes)
        return Status(StatusCode::Refused, "the file has " + std::to_string(file.st_size >> 20) +
                                               " MiB; documents are read up to " + std::to_string(kMaxFileBytes >> 20) +
                                               " MiB");
    return {};
}

bool isExecutable(const std::string& path) { return ::access(path.c_str(), X_OK) == 0; }

}  // namespace

Result<ParsedDocument> readDocument(const std::string& path, const DocumentReaderOptions& options, std::stop_token stop) {
    if (!kWithDocuments)
        return Status(StatusCode::Unsupported, std::string("skipped: ") + kBuiltWithout);
    if (stop.stop_requested())
        return Status(StatusCode::Cancelled, "reading was cancelled");
    struct stat before {};
    if (::stat(path.c_str(), &before) != 0)
        return cannotOpen(path);
    // Looked at before it is opened, because opening a device can do something; and after, because the name may change
    // hands.
    if (Status kind = checkKind(before); !kind.ok())
        return kind;
    const OpenFile file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (file.get() < 0)
        return cannotOpen(path);
    struct stat opened {};
    if (::fstat(file.get(), &opened) != 0)
        return cannotOpen(path);
    if (Status kind = checkKind(opened); !kind.ok())
        return kind;

    WorkerRequest request;
    request.worker = options.worker;
    request.arguments = {"--memory", std::to_string(options.memoryBytes), "--cpu", std::to_string(options.cpuSeconds),
                         "--name",   path.substr(path.rfind('/') + 1)};
    request.file = file.get();
    request.memoryBytes = options.memoryBytes;
    request.cpuSeconds = options.cpuSeconds;
    request.wall = std::chrono::seconds(options.wallSeconds);
    Result<std::string> answer = runDocumentWorker(request, stop);
    if (!answer.ok())
        return answer.status();
    return decodeAnswer(*answer);
}

Result<std::string> findDocumentWorker() {
    if (!kWithDocuments)
        return Status(StatusCode::NotFound, kBuiltWithout);
    if (const char* named = std::getenv(kWorkerVariable); named != nullptr && *named != '\0') {
        if (isExecutable(named))
            return std::string(named);
        return Status(StatusCode::NotFound, std::string(kWorkerVariable) + " names " + named + ", which cannot be executed");
    }
    std::array<char, PATH_MAX> buffer;
    const ssize_t length = ::readlink("/proc/self/exe", buffer.data(), buffer.size());
    if (length <= 0)
        return Status(StatusCode::NotFound,
                      std::string("cannot tell where this program lies; name the worker in ") + kWorkerVariable);
    const std::string self(buffer.data(), static_cast<std::size_t>(length));
    const std::string folder = self.substr(0, self.rfind('/') + 1);
    for (const char* place : {"", kInstalledPlace})
        if (const std::string worker = folder + place + kWorkerName; isExecutable(worker))
            return worker;
    return Status(StatusCode::NotFound, "there is no document worker at " + folder + kInstalledPlace + kWorkerName +
                                            "; reinstall the program, or name the worker in " + kWorkerVariable);
}

}  // namespace engine
