// The loader's side of the store: descriptors, verified heads and hash state of its own, nothing shared with the engine's
// thread.
#include <iterator>
#include <map>
#include <utility>

#include "storage/kv/kv_store_impl.h"

namespace storage {
namespace {

constexpr std::size_t kMaxOpenSegments = 64;
constexpr std::size_t kMaxHeads = 4096;

/// Needs only the extent: the segment's path follows from it and the segment's header names the shape.
class SegmentCacheReader final : public KvReader {
public:
    SegmentCacheReader(FileSystem& fileSystem, std::string directory)
        : m_fileSystem(fileSystem), m_directory(std::move(directory)) {}

    Status readLayer(const KvExtent& extent, int layer, std::span<std::byte> destination) override {
        const Status status = read(extent, layer, destination);
        if (!status.ok() && status.code() != StatusCode::InvalidArgument)
            forget(extent.segment);
        return status.ok() ? status : status.withContext("reading record " + extent.key.hex());
    }

private:
    struct OpenSegment {
        std::unique_ptr<SegmentReader> reader;
        std::uint64_t lastUse = 0;
        std::map<std::uint64_t, RecordHead> heads;  // by record offset, each verified when it was read
    };

    Status read(const KvExtent& extent, int layer, std::span<std::byte> destination) {
        Result<OpenSegment*> segment = open(extent);
        if (!segment)
            return segment.status();
        auto head = (*segment)->heads.find(extent.recordOffset);
        if (head == (*segment)->heads.end()) {
            Result<RecordHead> fresh = (*segment)->reader->readHead(extent.recordOffset);
            if (!fresh)
                return fresh.status();
            if ((*segment)->heads.size() >= kMaxHeads)
                (*segment)->heads.clear();
            head = (*segment)->heads.emplace(extent.recordOffset, *std::move(fresh)).first;
        }
        if (head->second.key != extent.key || head->second.tokens != extent.tokens)
            return Status(StatusCode::Damaged, (*segment)->reader->file().path() + ", offset " +
                                                   std::to_string(extent.recordOffset) + ": another record stands there");
        return (*segment)->reader->readLayer(head->second, layer, destination);
    }

    Result<OpenSegment*> open(const KvExtent& extent) {
        auto known = m_segments.find(extent.segment);
        if (known != m_segments.end() && known->second.reader->header().fingerprint.id != extent.fingerprint) {
            m_segments.erase(known);
            known = m_segments.end();
        }
        if (known == m_segments.end()) {
            Result<std::unique_ptr<SegmentReader>> reader = SegmentReader::open(
                m_fileSystem, m_directory + "/kv/" + extent.fingerprint.hex() + "/" + segmentFileName(extent.segment),
                extent.segment, extent.fingerprint);
            if (!reader)
                return reader.status();
            if (m_segments.size() >= kMaxOpenSegments)
                closeOldest();
            known = m_segments.emplace(extent.segment, OpenSegment{*std::move(reader), 0, {}}).first;
        }
        known->second.lastUse = ++m_uses;
        return &known->second;
    }

    void closeOldest() {
        auto oldest = m_segments.begin();
        for (auto at = std::next(oldest); at != m_segments.end(); ++at)
            if (at->second.lastUse < oldest->second.lastUse)
                oldest = at;
        m_segments.erase(oldest);
    }

    void forget(SegmentId segment) { m_segments.erase(segment); }

    FileSystem& m_fileSystem;
    const std::string m_directory;
    std::map<SegmentId, OpenSegment> m_segments;
    std::uint64_t m_uses = 0;
};

}  // namespace

std::unique_ptr<KvReader> KvStoreImpl::reader() {
    return std::make_unique<SegmentCacheReader>(m_fileSystem, m_options.directory);
}

}  // namespace storage
