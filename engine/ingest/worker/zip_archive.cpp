// libzip over a buffer. Declared sizes are checked first, real ones while they come out.
#include "engine/ingest/worker/zip_archive.h"

#include <zip.h>

#include "engine/ingest/worker/limits.h"

namespace engine::worker {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{64} << 10;

Status refused(std::string why) { return Status(StatusCode::Refused, std::move(why)); }

Status bomb(const std::string& detail) { return refused("a ZIP bomb: " + detail); }

bool isOverRatio(std::uint64_t unpacked, std::uint64_t packed) {
    return unpacked > kRatioFreeBytes && unpacked / kMaxRatio > packed;
}

Status checkEntries(zip* archive, std::uint64_t fileBytes) {
    const std::int64_t entries = zip_get_num_entries(archive, 0);
    if (entries > kMaxZipEntries)
        return bomb(std::to_string(entries) + " entries, at most " + std::to_string(kMaxZipEntries) + " are read");
    std::uint64_t total = 0;
    for (std::int64_t i = 0; i < entries; ++i) {
        zip_stat_t stat;
        if (zip_stat_index(archive, static_cast<zip_uint64_t>(i), 0, &stat) != 0 || (stat.valid & ZIP_STAT_SIZE) == 0)
            continue;
        if (stat.size > kMaxZipBytes || total + stat.size > kMaxZipBytes)
            return bomb("more than " + std::to_string(kMaxZipBytes >> 20) + " MiB would come out of it");
        total += stat.size;
        if ((stat.valid & ZIP_STAT_COMP_SIZE) != 0 && isOverRatio(stat.size, stat.comp_size))
            return bomb("an entry grows more than " + std::to_string(kMaxRatio) + " times");
    }
    if (isOverRatio(total, fileBytes))
        return bomb("it grows more than " + std::to_string(kMaxRatio) + " times");
    return {};
}

struct FileClose {
    void operator()(zip_file_t* file) const { zip_fclose(file); }
};

}  // namespace

void ZipArchive::Close::operator()(zip* archive) const { zip_discard(archive); }

Result<ZipArchive> ZipArchive::open(std::string_view bytes) {
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t* source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
    if (source == nullptr)
        return Status(StatusCode::OutOfMemory, "no memory to read a ZIP archive");
    zip_t* handle = zip_open_from_source(source, ZIP_RDONLY, &error);
    if (handle == nullptr) {
        zip_source_free(source);
        const std::string why = zip_error_strerror(&error);
        zip_error_fini(&error);
        return refused("damaged or truncated ZIP archive: " + why);
    }
    ZipArchive archive(handle);
    if (Status checked = checkEntries(handle, bytes.size()); !checked.ok())
        return checked;
    return archive;
}

bool ZipArchive::contains(const std::string& name) const { return zip_name_locate(m_archive.get(), name.c_str(), 0) >= 0; }

Result<std::string> ZipArchive::read(const std::string& name) {
    const std::int64_t found = zip_name_locate(m_archive.get(), name.c_str(), 0);
    zip_stat_t stat;
    if (found < 0 || zip_stat_index(m_archive.get(), static_cast<zip_uint64_t>(found), 0, &stat) != 0)
        return refused("the archive has no entry " + name);
    if ((stat.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && stat.encryption_method != ZIP_EM_NONE)
        return refused("the archive's entry " + name + " is encrypted; save a copy without a password");
    const std::unique_ptr<zip_file_t, FileClose> file(zip_fopen_index(m_archive.get(), static_cast<zip_uint64_t>(found), 0));
    if (file == nullptr)
        return refused("the archive's entry " + name + " cannot be read: " + zip_strerror(m_archive.get()));
    std::string content;
    std::string block(kBlockBytes, '\0');
    for (;;) {
        const std::int64_t count = zip_fread(file.get(), block.data(), block.size());
        if (count < 0)
            return refused("the archive's entry " + name + " is damaged");
        if (count == 0)
            return content;
        content.append(block.data(), static_cast<std::size_t>(count));
        m_unpackedBytes += static_cast<std::uint64_t>(count);
        if (m_unpackedBytes > kMaxZipBytes)
            return bomb("more than " + std::to_string(kMaxZipBytes >> 20) + " MiB come out of it");
        if (isOverRatio(content.size(), stat.comp_size))
            return bomb("its entry " + name + " grows more than " + std::to_string(kMaxRatio) + " times");
    }
}

}  // namespace engine::worker
