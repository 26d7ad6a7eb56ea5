// FORMAT.md's worked example is made again from the code, so that the document stays true.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "storage/segment/writer.h"
#include "tests/storage/kv_workspace.h"
#include "tests/storage/temporary_directory.h"

namespace storage::testing {
namespace {

/// Sixteen bytes a line with their offset; lines of zeros are left out.
std::string dump(const std::vector<std::byte>& bytes) {
    std::string text;
    bool skipped = false;
    for (std::size_t line = 0; line < bytes.size(); line += 16) {
        const std::span<const std::byte> part = std::span(bytes).subspan(line, 16);
        if (std::all_of(part.begin(), part.end(), [](std::byte byte) { return byte == std::byte{0}; })) {
            text += skipped ? "" : "*\n";
            skipped = true;
            continue;
        }
        skipped = false;
        char buffer[32];
        std::snprintf(buffer, sizeof buffer, "%06zx ", line);
        text += buffer;
        for (const std::byte byte : part) {
            std::snprintf(buffer, sizeof buffer, " %02x", static_cast<unsigned>(byte));
            text += buffer;
        }
        text += "  ";
        for (const std::byte byte : part) {
            const auto character = static_cast<unsigned char>(byte);
            text += character >= 0x20 && character < 0x7f ? static_cast<char>(character) : '.';
        }
        text += '\n';
    }
    char end[32];
    std::snprintf(end, sizeof end, "%06zx\n", bytes.size());
    return text + end;
}

TEST(FormatDocumentTest, WorkedExampleIsWhatTheCodeWrites) {
    // As described above the example in FORMAT.md.
    SegmentHeader header;
    header.id = SegmentId{1};
    for (std::size_t i = 0; i < 16; ++i)
        header.uuid[i] = static_cast<std::byte>(0xa0 + i);
    header.fingerprint.id.digest.bytes.fill(0xf1);
    header.fingerprint.spec = {1, 1, 2, KvDtype::F16};
    header.fingerprint.fieldsJson = R"({"model":"tiny"})";
    KvKey key;
    key.digest.bytes.fill(0x2b);
    const std::vector<std::byte> k{std::byte{0x00}, std::byte{0x3c}, std::byte{0x00}, std::byte{0x40}};  // 1.0, 2.0 in fp16
    const std::vector<std::byte> v{std::byte{0x00}, std::byte{0x42}, std::byte{0x00}, std::byte{0x44}};  // 3.0, 4.0
    const std::vector<std::span<const std::byte>> slices{k, v};
    const TemporaryDirectory directory;
    const std::string path = directory.path() + "/" + segmentFileName(header.id);
    const std::unique_ptr<FileSystem> fileSystem = makePosixFileSystem();
    {
        Result<std::unique_ptr<SegmentWriter>> writer = SegmentWriter::create(*fileSystem, path, header);
        ASSERT_TRUE(writer.ok()) << writer.status().message();
        ASSERT_TRUE((*writer)->append(7, key, 1, slices).ok());
        ASSERT_TRUE((*writer)->sync().ok());
    }
    std::stringstream document;
    document << std::ifstream(FORMAT_DOCUMENT).rdbuf();
    const std::string text = document.str();
    const std::string fence = "```hexdump\n";
    const std::size_t begin = text.find(fence);
    ASSERT_NE(begin, std::string::npos) << "FORMAT.md has no example";
    const std::size_t first = begin + fence.size();
    EXPECT_EQ(text.substr(first, text.find("```", first) - first), dump(readFile(path)));
}

}  // namespace
}  // namespace storage::testing
