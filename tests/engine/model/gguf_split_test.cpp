// Models in several GGUF files: the parts form one model, and parts that do not fit are refused.
#include <gtest/gtest.h>

#include <functional>

#include "engine/model/weight_file.h"
#include "tests/engine/model/gguf_writer.h"

namespace {

using engine::StatusCode;
using engine::TensorRole;
using engine::WeightFile;
using gguf_test::Bytes;
using gguf_test::File;
using gguf_test::smallModel;

/// The small model in two parts: the second holds the last three tensors.
struct Split {
    File first = smallModel();
    File second;

    Split() {
        second.tensors.assign(first.tensors.end() - 3, first.tensors.end());
        first.tensors.resize(first.tensors.size() - 3);
        first.place(), second.place();
        mark(first, 0, 2), mark(second, 1, 2);
    }
    static void mark(File& file, int number, int count) {
        file.put("split.no", gguf_test::kU16, Bytes().number(static_cast<std::uint16_t>(number)).str());
        file.put("split.count", gguf_test::kU16, Bytes().number(static_cast<std::uint16_t>(count)).str());
        file.put("split.tensors.count", gguf_test::kI32,
                 Bytes().number(static_cast<std::int32_t>(smallModel().tensors.size())).str());
    }
};

TEST(GgufSplit, PartsFormOneModel) {
    const gguf_test::TemporaryFolder folder;
    const Split split;
    folder.write("m-00001-of-00002.gguf", split.first.encode());
    folder.write("m-00002-of-00002.gguf", split.second.encode());
    const auto opened = WeightFile::open(folder.file("m-00001-of-00002.gguf"));
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    EXPECT_EQ((*opened)->files(),
              (std::vector<std::string>{folder.file("m-00001-of-00002.gguf"), folder.file("m-00002-of-00002.gguf")}));
    const auto down = (*opened)->read(TensorRole::Down, 0);
    ASSERT_TRUE(down.ok());
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(down->data.data()), down->data.size()),
              smallModel().tensor("blk.0.ffn_down.weight").data);
}

TEST(GgufSplit, PartsThatDoNotFitAreRefusedWithTheirReason) {
    struct SplitCase {
        const char* reason;
        std::function<void(Split&, std::string& first, std::string& second)> breakIt;
        StatusCode code = StatusCode::Refused;
    };
    const SplitCase cases[] = {
        {"part 2 of 2: ", [](Split&, std::string&, std::string& second) { second = "other.gguf"; }, StatusCode::NotFound},
        {"this is part 2; open the first part",
         [](Split&, std::string& first, std::string&) { first = "m-00002-of-00002.gguf"; }},
        {"its keys say part 1 of 2, its name part 2 of 2",
         [](Split& s, std::string&, std::string&) { Split::mark(s.second, 0, 2); }},
        {"its keys say part 1 of 3, its name part 1 of 2",
         [](Split& s, std::string&, std::string&) { Split::mark(s.first, 0, 3); }},
        {"its keys say part 1 of 2, its name part 1 of 1",
         [](Split&, std::string& first, std::string&) { first = "whole.gguf"; }},
        {"'split.tensors.count' says 13",
         [](Split& s, std::string&, std::string&) {
             s.first.put("split.tensors.count", gguf_test::kI32, Bytes().number(std::int32_t{13}).str());
         }},
        {"'output_norm.weight': appears twice",
         [](Split& s, std::string&, std::string&) {
             s.second.tensors[0].name = "output_norm.weight";
             s.first.addTensor("output_norm.weight", {32});
             s.second.tensors.pop_back();
         }},
        {"0 parts, allowed are", [](Split&, std::string& first, std::string&) { first = "m-00001-of-00000.gguf"; }},
        {"99999 parts, allowed are", [](Split&, std::string& first, std::string&) { first = "m-00001-of-99999.gguf"; }},
    };
    for (const SplitCase& one : cases) {
        SCOPED_TRACE(one.reason);
        const gguf_test::TemporaryFolder folder;
        Split split;
        std::string first = "m-00001-of-00002.gguf";
        std::string second = "m-00002-of-00002.gguf";
        one.breakIt(split, first, second);
        folder.write(second, split.second.encode());
        folder.write(first, split.first.encode());
        const auto opened = WeightFile::open(folder.file(first));
        ASSERT_FALSE(opened.ok());
        EXPECT_EQ(opened.status().code(), one.code);
        EXPECT_NE(opened.status().message().find(one.reason), std::string::npos) << opened.status().message();
    }
}

}  // namespace
