// Known bytes for numbered chunks, and looking at the files behind the store's back.
#include "tests/storage/kv_workspace.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "storage/digest.h"

namespace storage::testing {

namespace fs = std::filesystem;

FingerprintRecord fingerprintOf(int number, const KvSpec& spec) {
    FingerprintRecord record;
    record.id.digest = DigestBuilder().addText("fingerprint").addInteger(number).finish();
    record.spec = spec;
    record.fieldsJson = "{\"model\":\"test " + std::to_string(number) + "\"}";
    return record;
}

KvKey keyOf(int number) { return {DigestBuilder().addText("key").addInteger(number).finish()}; }

std::vector<std::vector<std::byte>> slicesOf(const FingerprintRecord& fingerprint, int number, int tokens) {
    std::vector<std::vector<std::byte>> slices;
    for (int slice = 0; slice < 2 * fingerprint.spec.layers; ++slice) {
        std::vector<std::byte> bytes(kvSliceBytes(fingerprint.spec, tokens));
        std::uint64_t state = 0;
        std::memcpy(&state, fingerprint.id.digest.bytes.data(), sizeof state);
        state ^= static_cast<std::uint64_t>(number) * 0x9e3779b97f4a7c15u + static_cast<std::uint64_t>(slice);
        for (std::byte& byte : bytes) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            byte = static_cast<std::byte>(state >> 56);
        }
        slices.push_back(std::move(bytes));
    }
    return slices;
}

Answer readBack(KvStore& store, const FingerprintRecord& fingerprint, int number) {
    const Result<std::optional<KvExtent>> found = store.find(fingerprint.id, keyOf(number));
    if (!found)
        return Answer::Damaged;
    if (!found->has_value())
        return Answer::Miss;
    const KvExtent extent = **found;
    if (extent.tokens < 1 || extent.tokens > 4096)
        return Answer::Damaged;
    const std::vector<std::vector<std::byte>> right = slicesOf(fingerprint, number, kTokens);
    const std::unique_ptr<KvReader> reader = store.reader();
    std::vector<std::byte> block(2 * kvSliceBytes(fingerprint.spec, extent.tokens));
    bool same = extent.tokens == kTokens;
    for (int layer = 0; layer < fingerprint.spec.layers; ++layer) {
        if (!reader->readLayer(extent, layer, block).ok())
            return Answer::Damaged;
        const std::vector<std::byte>& k = right[2 * static_cast<std::size_t>(layer)];
        const std::vector<std::byte>& v = right[2 * static_cast<std::size_t>(layer) + 1];
        same = same && block.size() == k.size() + v.size() && std::equal(k.begin(), k.end(), block.begin()) &&
               std::equal(v.begin(), v.end(), block.begin() + static_cast<std::ptrdiff_t>(k.size()));
    }
    return same ? Answer::Right : Answer::Wrong;
}

Status putChunk(KvStore& store, const FingerprintRecord& fingerprint, int number, int tokens) {
    const std::vector<std::vector<std::byte>> slices = slicesOf(fingerprint, number, tokens);
    const std::vector<std::span<const std::byte>> views(slices.begin(), slices.end());
    return store.put(fingerprint.id, keyOf(number), tokens, views);
}

std::vector<std::string> segmentFiles(const std::string& workspace) {
    std::vector<std::string> paths;
    std::error_code absent;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(workspace + "/kv", absent))
        if (entry.path().extension() == ".kv")
            paths.push_back(entry.path().string());
    std::sort(paths.begin(), paths.end(),
              [](const std::string& a, const std::string& b) { return fs::path(a).filename() < fs::path(b).filename(); });
    return paths;
}

std::uint64_t segmentBytesOnDisk(const std::string& workspace) {
    std::uint64_t bytes = 0;
    for (const std::string& path : segmentFiles(workspace))
        bytes += fs::file_size(path);
    return bytes;
}

std::vector<std::byte> readFile(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
}

void writeFile(const std::string& path, const std::vector<std::byte>& bytes) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

std::string treeDigest(const std::string& path) {
    std::vector<std::string> files;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(path))
        files.push_back(entry.path().string());
    std::sort(files.begin(), files.end());
    DigestBuilder builder;
    for (const std::string& file : files) {
        builder.addText(file);
        if (fs::is_regular_file(file)) {
            const std::vector<std::byte> bytes = readFile(file);
            builder.addInteger(static_cast<std::int64_t>(bytes.size())).addBytes(bytes);
        }
    }
    return builder.finish().hex();
}

}  // namespace storage::testing
