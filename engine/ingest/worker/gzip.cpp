// gzip members one behind the other, with limits on what comes out.
#include <zlib.h>

#include <algorithm>
#include <array>
#include <string>

#include "engine/ingest/worker/limits.h"
#include "engine/ingest/worker/readers.h"

namespace engine::worker {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{256} << 10;
/// zlib: 15 bits of window, 16 added for a gzip wrapper only.
constexpr int kGzipWindowBits = 15 + 16;

Status refused(std::string why) { return Status(StatusCode::Refused, std::move(why)); }

class Inflater {
public:
    Inflater() { m_ready = inflateInit2(&m_stream, kGzipWindowBits) == Z_OK; }
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;
    ~Inflater() { inflateEnd(&m_stream); }
    bool ready() const { return m_ready; }
    z_stream& stream() { return m_stream; }

private:
    z_stream m_stream{};
    bool m_ready = false;
};

}  // namespace

Result<std::string> unpackGzip(std::string_view bytes) {
    Inflater inflater;
    if (!inflater.ready())
        return Status(StatusCode::OutOfMemory, "no memory to unpack a gzip file");
    z_stream& stream = inflater.stream();
    // zlib's interface is not const-correct; it only reads the input.
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    std::string unpacked;
    std::string block(kBlockBytes, '\0');
    for (;;) {
        stream.next_out = reinterpret_cast<Bytef*>(block.data());
        stream.avail_out = static_cast<uInt>(block.size());
        const int state = inflate(&stream, Z_NO_FLUSH);
        unpacked.append(block.data(), block.size() - stream.avail_out);
        const std::uint64_t packed = bytes.size() - stream.avail_in;
        if (unpacked.size() > kMaxUnpackedBytes)
            return refused("a gzip bomb, or a file too large: more than " + std::to_string(kMaxUnpackedBytes >> 20) +
                           " MiB come out of it");
        if (unpacked.size() > kRatioFreeBytes && unpacked.size() / kMaxRatio > packed)
            return refused("a gzip bomb: more than " + std::to_string(kMaxRatio) + " times its size comes out of it");
        if (state == Z_STREAM_END) {
            // Zero padding behind the last member is common on tapes and in block-wise copies.
            const std::string_view rest = bytes.substr(bytes.size() - stream.avail_in);
            if (rest.find_first_not_of('\0') == std::string_view::npos)
                return unpacked;
            if (!rest.starts_with("\x1F\x8B"))
                return refused("damaged gzip file: something else follows its end");
            inflateReset(&stream);
            continue;
        }
        if (state == Z_BUF_ERROR || (state == Z_OK && stream.avail_in == 0 && stream.avail_out != 0))
            return refused("truncated gzip file: its end is missing");
        if (state == Z_MEM_ERROR)
            return Status(StatusCode::OutOfMemory, "no memory to unpack a gzip file");
        if (state != Z_OK)
            return refused("damaged gzip file: its contents fail their check");
    }
}

}  // namespace engine::worker
