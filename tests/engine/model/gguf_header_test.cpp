// Each rule of the GGUF format, broken once, is refused with its own reason; nothing crashes on a cut or altered file.
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <random>

#include "engine/model/weight_file.h"
#include "tests/engine/model/gguf_writer.h"

namespace {

using engine::StatusCode;
using engine::WeightFile;
using gguf_test::Bytes;
using gguf_test::File;
using gguf_test::smallModel;
using gguf_test::TemporaryFile;

constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max();

struct Case {
    const char* rule;
    std::function<void(File&)> breakIt;
    const char* reason;  // part of the message
    StatusCode code = StatusCode::Refused;
};

std::string arrayOf(std::uint32_t elementType, std::uint64_t count, const std::string& elements) {
    return Bytes().number(elementType).number(count).raw(elements).str();
}

const std::vector<Case>& headerCases() {
    static const std::vector<Case> cases = {
        {"magic", [](File& f) { f.magic = "GGML"; }, "magic number is not \"GGUF\""},
        {"version 1", [](File& f) { f.version = 1; }, "GGUF version 1 is not supported", StatusCode::Unsupported},
        {"version 4", [](File& f) { f.version = 4; }, "GGUF version 4 is not supported", StatusCode::Unsupported},
        {"version 0", [](File& f) { f.version = 0; }, "GGUF version 0 is not supported", StatusCode::Unsupported},
        {"big-endian", [](File& f) { f.version = 0x03000000; }, "big-endian", StatusCode::Unsupported},
        {"key count above the limit", [](File& f) { f.keyCount = 65537; }, "declares 65537 keys, more than the limit"},
        {"tensor count above the limit", [](File& f) { f.tensorCount = 65537; },
         "declares 65537 tensors, more than the limit"},
        {"key count near 2^64", [](File& f) { f.keyCount = kHuge; }, "keys, more than the limit"},
        {"tensor count near 2^64", [](File& f) { f.tensorCount = kHuge; }, "tensors, more than the limit"},
        {"key count beyond the bytes", [](File& f) { f.keyCount = 65000; }, "bytes can hold"},
        {"tensor count beyond the bytes", [](File& f) { f.tensorCount = 65000; }, "bytes can hold"},
        {"one key too many", [](File& f) { f.keyCount = f.keys.size() + 1; }, "tensor 0: its name has"},
        {"key of no bytes", [](File& f) { f.keys[3].name.clear(); }, "its name has 0 bytes"},
        {"key of 65536 bytes", [](File& f) { f.keys[3].name.assign(65536, 'k'); }, "its name has 65536 bytes"},
        {"key twice", [](File& f) { f.keys.push_back(f.keys[2]); }, "key 'llama.block_count': appears twice"},
        {"value type 13", [](File& f) { f.keys[3].type = 13; }, "value type 13 is unknown"},
        {"value type 2^32-1", [](File& f) { f.keys[3].type = 0xffffffff; }, "value type 4294967295 is unknown"},
        {"string beyond the file",
         [](File& f) { f.put("x", gguf_test::kString, Bytes().number(std::uint64_t{1} << 23).str()); },
         "key 'x': the file ends inside it"},
        {"string above 16 MiB",
         [](File& f) { f.put("x", gguf_test::kString, Bytes().number((std::uint64_t{16} << 20) + 1).str()); },
         "string of 16777217 bytes, the limit is 16 MiB"},
        {"string of 2^64-1 bytes", [](File& f) { f.put("x", gguf_test::kString, Bytes().number(kHuge).str()); },
         "the limit is 16 MiB"},
        {"boolean 2", [](File& f) { f.put("x", gguf_test::kBool, "\2"); }, "boolean is 2"},
        {"array of arrays", [](File& f) { f.put("x", gguf_test::kArray, arrayOf(gguf_test::kArray, 1, arrayOf(4, 0, ""))); },
         "key 'x': arrays of arrays"},
        {"array of an unknown type", [](File& f) { f.put("x", gguf_test::kArray, arrayOf(13, 0, "")); },
         "array element type 13 is unknown"},
        {"array above 64 Mi elements", [](File& f) { f.put("x", gguf_test::kArray, arrayOf(0, (64 << 20) + 1, "")); },
         "array of 67108865 elements"},
        {"array of 2^64-1 elements", [](File& f) { f.put("x", gguf_test::kArray, arrayOf(gguf_test::kF64, kHuge, "")); },
         "the limit is 67108864"},
        {"array longer than the file", [](File& f) { f.put("x", gguf_test::kArray, arrayOf(gguf_test::kF64, 1 << 20, "")); },
         "array of 1048576 elements is longer than the rest"},
        {"strings longer than the file",
         [](File& f) { f.put("x", gguf_test::kArray, arrayOf(gguf_test::kString, 1 << 20, "")); },
         "array of 1048576 elements is longer than the rest"},
        {"string element above 16 MiB",
         [](File& f) {
             f.put("x", gguf_test::kArray,
                   arrayOf(gguf_test::kString, 2, Bytes().text("ok").number((std::uint64_t{16} << 20) + 1).str()));
         },
         "element 1 is a string of 16777217 bytes"},
        {"string element beyond the file",
         [](File& f) {
             f.put("x", gguf_test::kArray, arrayOf(gguf_test::kString, 1, Bytes().number(std::uint64_t{1} << 23).str()));
         },
         "key 'x': the file ends inside it"},
        {"boolean element 7", [](File& f) { f.put("x", gguf_test::kArray, arrayOf(gguf_test::kBool, 2, "\1\7")); },
         "element 1: boolean is 7"},
        {"alignment not a power of two", [](File& f) { f.set("general.alignment", std::uint32_t{48}); },
         "48 is not a power of two"},
        {"alignment 0", [](File& f) { f.set("general.alignment", std::uint32_t{0}); }, "0 is not a power of two"},
        {"alignment 2 MiB", [](File& f) { f.set("general.alignment", std::uint32_t{2 << 20}); },
         "2097152 is not a power of two"},
        {"alignment of another type",
         [](File& f) { f.put("general.alignment", gguf_test::kU64, Bytes().number(kHuge).str()); },
         "must be of type uint32"},
        {"tensor name of no bytes", [](File& f) { f.tensors[0].name.clear(); }, "tensor 0: its name has 0 bytes"},
        {"tensor name of 65 bytes", [](File& f) { f.tensors[0].name.assign(65, 't'); }, "tensor 0: its name has 65 bytes"},
        {"tensor name of 2^64-1 bytes",
         [](File& f) { f.put("x", gguf_test::kString, Bytes().text("").number(kHuge).str()), f.keyCount = f.keys.size(); },
         "its name has 18446744073709551615 bytes"},
        {"tensor twice", [](File& f) { f.tensors[1].name = f.tensors[0].name; },
         "tensor 'token_embd.weight': appears twice"},
        {"no dimensions", [](File& f) { f.tensors[0].extents.clear(); }, "has 0 dimensions"},
        {"five dimensions",
         [](File& f) {
             f.tensors[0].extents = {32, 2, 2, 2, 1};
         },
         "has 5 dimensions"},
        {"2^32-1 dimensions", [](File& f) { f.tensors[0].dimensions = 0xffffffff; }, "has 4294967295 dimensions"},
        {"dimension 0",
         [](File& f) {
             f.tensors[0].extents = {32, 0};
         },
         "dimension 1 is 0"},
        {"dimension 2^31",
         [](File& f) {
             f.tensors[0].extents = {32, std::uint64_t{1} << 31};
         },
         "dimension 1 is 2147483648"},
        {"dimension 2^64-1",
         [](File& f) {
             f.tensors[0].extents = {kHuge, 8};
         },
         "dimension 0 is 18446744073709551615"},
        {"product of dimensions overflows",
         [](File& f) {
             f.tensors[0].extents = {1U << 30, 1U << 30, 1U << 30};
         },
         "product of its dimensions overflows"},
        {"bytes overflow",
         [](File& f) {
             f.tensors[0].extents = {1U << 30, 1U << 30, 8};
         },
         "size in bytes overflows"},
        {"removed tensor type", [](File& f) { f.tensors[0].type = 4; }, "tensor type 4 (Q4_2)", StatusCode::Unsupported},
        {"IQ tensor type", [](File& f) { f.tensors[0].type = 20; }, "tensor type 20 (IQ4_NL)", StatusCode::Unsupported},
        {"integer tensor type", [](File& f) { f.tensors[0].type = 24; }, "tensor type 24 (I8)", StatusCode::Unsupported},
        {"unknown tensor type", [](File& f) { f.tensors[0].type = 1000; }, "tensor type 1000 is not",
         StatusCode::Unsupported},
        {"row no multiple of the block",
         [](File& f) {
             f.tensors[1].extents = {33};
             f.tensors[1].type = 3;
         },
         "row length 33 is not a multiple of the 32 elements of a Q4_1 block"},
        {"row of 32 in a K format", [](File& f) { f.tensors[0].type = 12; }, "multiple of the 256 elements of a Q4_K block"},
        {"offset not aligned", [](File& f) { f.tensors[1].offset += 4; }, "is not a multiple of the alignment 32"},
        {"tensors overlap", [](File& f) { f.tensors[2].offset = f.tensors[1].offset; }, "overlaps the tensor before it"},
        {"tensors out of order", [](File& f) { std::swap(f.tensors[2].offset, f.tensors[3].offset); }, "out of order"},
        {"tensor beyond the file", [](File& f) { f.tensors.back().offset += 1 << 20; }, "lie outside the file"},
        {"offset near 2^64", [](File& f) { f.tensors.back().offset = kHuge - 31; }, "lie outside the file"},
        {"last tensor half outside", [](File& f) { f.tensors.back().data.resize(32); }, "lie outside the file"},
        {"no data section",
         [](File& f) {
             for (gguf_test::Tensor& tensor : f.tensors)
                 tensor.data.clear();
         },
         "lie outside the file"},
    };
    return cases;
}

TEST(GgufHeader, TheSmallModelOpens) {
    for (const char* architecture : {"llama", "qwen2", "qwen3"}) {
        const TemporaryFile file(smallModel(architecture).encode());
        const auto opened = WeightFile::open(file.path());
        ASSERT_TRUE(opened.ok()) << opened.status().message();
        EXPECT_EQ((*opened)->config().architecture, architecture);
    }
}

TEST(GgufHeader, EachBrokenRuleIsRefusedByItsReason) {
    const TemporaryFile file("");
    for (const Case& one : headerCases()) {
        SCOPED_TRACE(one.rule);
        File model = smallModel();
        one.breakIt(model);
        file.overwrite(model.encode());
        const auto opened = WeightFile::open(file.path());
        ASSERT_FALSE(opened.ok());
        EXPECT_EQ(opened.status().code(), one.code);
        EXPECT_NE(opened.status().message().find(one.reason), std::string::npos) << opened.status().message();
        EXPECT_EQ(opened.status().message().find(file.path()), 0U) << "the message begins with the path";
    }
}

TEST(GgufHeader, Version2OpensLikeVersion3) {
    File model = smallModel();
    model.version = 2;
    const TemporaryFile file(model.encode());
    EXPECT_TRUE(WeightFile::open(file.path()).ok());
}

TEST(GgufHeader, OtherAlignmentsAreHonoured) {
    for (const std::uint32_t alignment : {1U, 8U, 4096U, 1U << 20}) {
        File model = smallModel();
        model.set("general.alignment", alignment);
        model.alignment = alignment;
        model.place();
        const TemporaryFile file(model.encode());
        const auto opened = WeightFile::open(file.path());
        ASSERT_TRUE(opened.ok()) << opened.status().message();
        const auto norm = (*opened)->read(engine::TensorRole::OutputNorm, 0);
        ASSERT_TRUE(norm.ok());
        EXPECT_EQ(std::string(reinterpret_cast<const char*>(norm->data.data()), norm->data.size()),
                  model.tensor("output_norm.weight").data);
    }
}

TEST(GgufHeader, GapsBetweenTensorsAndBytesBehindThemAreAllowed) {
    File model = smallModel();
    model.tensors.back().offset += 64;
    model.tensors[model.tensors.size() - 2].data.append(64, '\0');
    model.tail = "something else";
    const TemporaryFile file(model.encode());
    EXPECT_TRUE(WeightFile::open(file.path()).ok());
}

TEST(GgufHeader, EveryTruncationIsRefused) {
    const File model = smallModel();
    const std::string bytes = model.encode();
    const TemporaryFile file(bytes);
    for (std::size_t size = bytes.size() - 1; size + 1 > 0; --size) {
        if (size > model.headerBytes() && size % 64 != 0)
            continue;
        file.truncate(size);
        const auto opened = WeightFile::open(file.path());
        // The last tensor's padding is not needed.
        const bool complete = size >= bytes.size() - 32 && opened.ok();
        EXPECT_TRUE(complete || opened.status().code() == StatusCode::Refused) << size;
    }
}

TEST(GgufHeader, FileCutShortAfterOpeningIsAnErrorNotASignal) {
    const std::string bytes = smallModel().encode();
    const TemporaryFile file(bytes);
    const auto opened = WeightFile::open(file.path());
    ASSERT_TRUE(opened.ok());
    file.truncate(bytes.size() / 2);
    const auto tensor = (*opened)->read(engine::TensorRole::OutputNorm, 0);
    ASSERT_FALSE(tensor.ok());
    EXPECT_EQ(tensor.status().code(), StatusCode::IoError);
    EXPECT_NE(tensor.status().message().find("cut short"), std::string::npos) << tensor.status().message();
    EXPECT_NE(tensor.status().message().find("output_norm.weight"), std::string::npos) << tensor.status().message();
}

TEST(GgufHeader, RandomChangesOfHeaderBytesNeverCrash) {
    const File model = smallModel();
    const std::string bytes = model.encode();
    const TemporaryFile file(bytes);
    std::mt19937 generator(20);
    int refused = 0;
    for (int round = 0; round < 3000; ++round) {
        std::string altered = bytes.substr(0, model.headerBytes());
        const int changes = 1 + static_cast<int>(generator() % 4);
        for (int i = 0; i < changes; ++i)
            altered[generator() % altered.size()] = static_cast<char>(generator());
        file.overwriteStart(altered);
        const auto opened = WeightFile::open(file.path());
        if (!opened) {
            ++refused;
            EXPECT_FALSE(opened.status().message().empty());
        } else {
            for (const auto role : {engine::TensorRole::TokenEmbedding, engine::TensorRole::Query, engine::TensorRole::Down})
                EXPECT_TRUE((*opened)->has(role, 0));
        }
    }
    EXPECT_GT(refused, 1500);  // most bytes of a header matter
}

TEST(GgufHeader, NamesInMessagesArePrintable) {
    File model = smallModel();
    model.addTensor("evil\n\x1b[2J\xff", {32});
    const TemporaryFile file(model.encode());
    const auto opened = WeightFile::open(file.path());
    ASSERT_FALSE(opened.ok());
    EXPECT_NE(opened.status().message().find("'evil\\x0a\\x1b[2J\\xff'"), std::string::npos) << opened.status().message();
}

TEST(GgufHeader, PipesAndDirectoriesAreNotOpened) {
    const gguf_test::TemporaryFolder folder;
    const auto missing = WeightFile::open(folder.file("none.gguf"));
    EXPECT_EQ(missing.status().code(), StatusCode::NotFound);
    const auto device = WeightFile::open("/dev/zero");
    EXPECT_EQ(device.status().code(), StatusCode::Refused);
    EXPECT_NE(device.status().message().find("not a regular file"), std::string::npos);
}

}  // namespace
