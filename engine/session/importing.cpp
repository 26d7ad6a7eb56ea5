// Importing files into collections.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <unordered_map>
#include <unordered_set>

#include <sys/stat.h>

#include "engine/ingest/chunker.h"
#include "engine/ingest/document_reader.h"
#include "engine/ingest/utf8.h"
#include "engine/session/engine_impl.h"
#include "storage/digest.h"

namespace engine {
namespace {

namespace fs = std::filesystem;

// Originals are kept in the workspace, so a file must fit into memory once.
constexpr std::uint64_t kMostFileBytes = std::uint64_t{256} << 20;

/// Files named by the request, directories walked in name order. What cannot be walked is named in `problems`.
std::vector<std::string> filesOf(const IngestRequest& request, std::vector<IngestFile>& problems) {
    std::vector<std::string> files;
    const auto problem = [&](const std::string& path, IngestState state, std::string reason) {
        IngestFile file;
        file.path = path;
        file.state = state;
        file.reason = std::move(reason);
        problems.push_back(std::move(file));
    };
    for (const std::string& path : request.paths) {
        std::error_code error;
        const fs::path absolute = fs::absolute(path, error).lexically_normal();
        const fs::file_status status = fs::status(absolute, error);
        if (!fs::exists(status)) {
            const bool absent = !error || status.type() == fs::file_type::not_found;
            problem(path, IngestState::Failed,
                    absent ? "no such file or folder" : "cannot be looked at: " + error.message());
        } else if (!fs::is_directory(status)) {
            files.push_back(absolute.string());
        } else if (!request.recursive) {
            problem(path, IngestState::Skipped, "is a folder; import folders with --recursive");
        } else {
            std::vector<std::string> found;
            std::vector<fs::path> folders{absolute};
            while (!folders.empty()) {
                const fs::path folder = std::move(folders.back());
                folders.pop_back();
                error.clear();
                fs::directory_iterator entry(folder, error);
                for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
                    std::error_code ignored;
                    if (entry->path().filename().string().starts_with("."))
                        continue;
                    if (entry->is_directory(ignored) && !entry->is_symlink(ignored))
                        folders.push_back(entry->path());
                    else if (entry->is_regular_file(ignored))
                        found.push_back(entry->path().string());
                }
                if (error)  // the others go on
                    problem(folder.string(), IngestState::Failed, "cannot be listed: " + error.message());
            }
            std::sort(found.begin(), found.end());
            files.insert(files.end(), found.begin(), found.end());
        }
    }
    std::unordered_set<std::string> seen;
    std::erase_if(files, [&](const std::string& file) { return !seen.insert(file).second; });
    return files;
}

Result<std::vector<std::byte>> readFile(const std::string& path, std::uint64_t sizeBytes) {
    if (sizeBytes > kMostFileBytes)
        return Status(StatusCode::Unsupported, "is larger than " + std::to_string(kMostFileBytes >> 20) + " MiB");
    std::ifstream stream(path, std::ios::binary);
    std::vector<std::byte> bytes(sizeBytes);
    if (!stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size())))
        return Status(StatusCode::IoError, "cannot be read: no permission, or it changed while it was read");
    return bytes;
}

std::int64_t nanoseconds(const timespec& time) { return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; }

/// Whether the file has the size and time that `source` was told by.
bool isUnchanged(const SourceRecord& source) {
    struct stat info {};
    return ::stat(source.path.c_str(), &info) == 0 && static_cast<std::uint64_t>(info.st_size) == source.sizeBytes &&
           nanoseconds(info.st_mtim) == source.modifiedNs;
}

IngestState ledgerState(const Status& status) {
    return status.code() == StatusCode::Unsupported ? IngestState::Skipped : IngestState::Failed;
}

int sumTokens(const std::vector<ChunkRecord>& chunks) {
    int tokens = 0;
    for (const ChunkRecord& chunk : chunks)
        tokens += chunk.tokens;
    return tokens;
}

}  // namespace

Result<IngestReport> EngineImpl::ingest(const IngestRequest& request, JobObserver& observer, std::stop_token stop) {
    return guarded([&]() -> Result<IngestReport> {
        if (Status status = needModel(); !status.ok())
            return status;
        if (request.chunkTokens < kLeastChunkTokens || request.chunkTokens > m_maxContext / 2)
            return Status(StatusCode::InvalidArgument, "the chunk size must lie between " +
                                                           std::to_string(kLeastChunkTokens) + " and " +
                                                           std::to_string(m_maxContext / 2) + " tokens for this model");
        IngestReport report;
        const std::vector<std::string> files = filesOf(request, report.files);
        for (const IngestFile& problem : report.files)
            observer.fileDone(problem);
        if (files.empty() && !report.files.empty())
            return report;  // wrong paths make no collection
        if (const Result<CollectionId> id = m_catalog->ensureCollection(request.collection); !id.ok())
            return id.status();
        const Result<CollectionRecord> collection = collectionNamed(request.collection);
        if (!collection.ok())
            return collection.status();
        const Result<std::vector<DocumentRecord>> documents = m_catalog->documents(collection->id);
        if (!documents.ok())
            return documents.status();
        std::unordered_map<std::int64_t, int> pagesOf;  // documents' pages
        for (const DocumentRecord& document : *documents)
            pagesOf[document.id.value] = document.pages;
        const auto total = static_cast<std::int64_t>(files.size());
        for (std::int64_t i = 0; i < total; ++i) {
            observer.progress("importing", i, total, "files");
            if (stop.stop_requested()) {
                report.cancelled = true;
                break;
            }
            IngestFile file = ingestFile(files[static_cast<std::size_t>(i)], *collection, pagesOf, request, stop);
            if (stop.stop_requested() && file.state == IngestState::Failed) {
                report.cancelled = true;
                break;
            }
            observer.fileDone(file);
            report.files.push_back(std::move(file));
        }
        if (!report.cancelled)
            observer.progress("importing", total, total, "files");
        return report;
    });
}

IngestFile EngineImpl::ingestFile(const std::string& path, const CollectionRecord& collection,
                                  const std::unordered_map<std::int64_t, int>& pagesOf, const IngestRequest& request,
                                  std::stop_token stop) {
    IngestFile file;
    file.path = path;
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) {
        file.reason = "is not a regular file";
        return file;
    }
    SourceRecord source;
    source.collection = collection.id;
    source.path = path;
    source.sizeBytes = static_cast<std::uint64_t>(info.st_size);
    source.modifiedNs = nanoseconds(info.st_mtim);
    source.chunker = ChunkerSettings{request.chunkTokens, std::min(64, request.chunkTokens / 4)}.digest();

    const Result<std::optional<SourceRecord>> known = m_catalog->source(collection.id, path);
    if (known.ok() && known->has_value()) {
        const SourceRecord& before = **known;
        if (before.state == storage::SourceState::Indexed && before.sizeBytes == source.sizeBytes &&
            before.modifiedNs == source.modifiedNs && before.chunker == source.chunker) {
            file.state = IngestState::Unchanged;
            const auto pages = pagesOf.find(before.document.value);
            file.pages = pages == pagesOf.end() ? 0 : pages->second;
            const Result<std::vector<ChunkRecord>> chunks = m_catalog->chunksOfDocument(before.document, source.chunker);
            if (chunks.ok()) {
                file.chunks = static_cast<int>(chunks->size());
                file.tokens = sumTokens(*chunks);
            }
            return file;
        }
    }
    file = indexContent(source, request, std::move(stop));
    if (file.state == IngestState::Skipped || file.state == IngestState::Failed) {
        source.state = file.state == IngestState::Skipped ? storage::SourceState::Skipped : storage::SourceState::Failed;
        source.reason = file.reason;
        if (Status status = m_catalog->recordSource(source); !status.ok())
            file.reason += "; and the ledger could not be written: " + status.message();
    }
    return file;
}

IngestFile EngineImpl::indexContent(SourceRecord& source, const IngestRequest& request, std::stop_token stop) {
    IngestFile file;
    file.path = source.path;
    const auto failed = [&](const Status& status) {
        file.state = ledgerState(status);
        file.reason = status.message();
        if (const std::string_view said = "skipped: "; file.reason.starts_with(said))
            file.reason.erase(0, said.size());  // the state says so
        return file;
    };
    const Result<std::vector<std::byte>> bytes = readFile(source.path, source.sizeBytes);
    if (!bytes.ok())
        return failed(bytes.status());
    DocumentRecord document;
    document.content = storage::ContentDigest{storage::digestOf(*bytes)};
    const Result<std::optional<DocumentRecord>> known = m_catalog->documentByContent(document.content);
    if (!known.ok())
        return failed(known.status());

    ParsedDocument parsed;
    if (known->has_value()) {
        // The same content under another name, or touched: its text, title and page map stand already.
        document = **known;
        parsed = {document.mediaType, document.title, document.text, document.pages, document.pageMap, document.sections};
    } else {
        const Result<std::string> worker = findDocumentWorker();
        if (!worker.ok())
            return failed(worker.status());
        DocumentReaderOptions options;
        options.worker = *worker;
        Result<ParsedDocument> read = readDocument(source.path, options, std::move(stop));
        if (!read.ok())
            return failed(read.status());
        // The worker read the file by itself: the text is that of `bytes` only when nobody wrote in between.
        if (!isUnchanged(source))
            return failed(Status(StatusCode::IoError, "changed while it was read; import it again"));
        parsed = std::move(*read);
        // A file's name is any bytes.
        document.title = parsed.title.empty() ? oneLine(fs::path(source.path).filename().string()) : parsed.title;
        document.mediaType = parsed.mediaType;
        document.text = parsed.text;
        document.characters = std::count_if(parsed.text.begin(), parsed.text.end(),
                                            [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
        document.pages = parsed.pages;
        document.pageMap = parsed.pageMap;
        document.sections = parsed.sections;
    }
    const ChunkerSettings settings{request.chunkTokens, std::min(64, request.chunkTokens / 4)};
    const std::vector<ChunkRecord> chunks = chunkDocument(parsed, document.title, document.content, *m_tokenizer, settings);
    source.state = storage::SourceState::Indexed;
    const Result<DocumentId> id = m_catalog->indexDocument(source, document, chunks, *bytes);
    if (!id.ok())
        return failed(id.status());
    m_chunkKeys->learn(chunks, document.text);
    file.state = IngestState::Indexed;
    file.pages = document.pages;
    file.chunks = static_cast<int>(chunks.size());
    file.tokens = sumTokens(chunks);
    if (chunks.empty())
        file.reason = "holds no text";
    return file;
}

}  // namespace engine
