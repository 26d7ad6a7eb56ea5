// Encoding of test files.
#include "tests/engine/model/gguf_writer.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace gguf_test {

Key& File::key(const std::string& name) {
    for (Key& one : keys) {
        if (one.name == name)
            return one;
    }
    throw std::logic_error("no key " + name);
}

Tensor& File::tensor(const std::string& name) {
    for (Tensor& one : tensors) {
        if (one.name == name)
            return one;
    }
    throw std::logic_error("no tensor " + name);
}

void File::remove(const std::string& name) {
    const std::size_t before = keys.size() + tensors.size();
    std::erase_if(keys, [&](const Key& one) { return one.name == name; });
    std::erase_if(tensors, [&](const Tensor& one) { return one.name == name; });
    if (keys.size() + tensors.size() == before)
        throw std::logic_error("nothing is called " + name);
    place();
}

void File::put(const std::string& name, std::uint32_t type, const std::string& encoded) {
    for (Key& one : keys) {
        if (one.name == name) {
            one.type = type;
            one.value = encoded;
            return;
        }
    }
    keys.push_back({name, type, encoded});
}

void File::set(const std::string& name, const std::vector<std::string>& values) {
    Bytes bytes;
    bytes.number(static_cast<std::uint32_t>(kString)).number(static_cast<std::uint64_t>(values.size()));
    for (const std::string& value : values)
        bytes.text(value);
    put(name, kArray, bytes.str());
}

void File::set(const std::string& name, const std::vector<std::int32_t>& values) {
    Bytes bytes;
    bytes.number(static_cast<std::uint32_t>(kI32)).number(static_cast<std::uint64_t>(values.size()));
    for (const std::int32_t value : values)
        bytes.number(value);
    put(name, kArray, bytes.str());
}

void File::set(const std::string& name, const std::vector<float>& values) {
    Bytes bytes;
    bytes.number(static_cast<std::uint32_t>(kF32)).number(static_cast<std::uint64_t>(values.size()));
    for (const float value : values)
        bytes.number(value);
    put(name, kArray, bytes.str());
}

void File::addTensor(const std::string& name, std::vector<std::uint64_t> extents) {
    std::uint64_t elements = 1;
    for (const std::uint64_t extent : extents)
        elements *= extent;
    Bytes data;
    for (std::uint64_t i = 0; i < elements; ++i)
        data.number(0.01F * static_cast<float>(i % 100) + 1);
    tensors.push_back({name, std::move(extents), 0, 0, data.str(), std::nullopt});
    place();
}

void File::place() {
    std::uint64_t end = 0;
    for (Tensor& one : tensors) {
        one.offset = end;
        end += one.data.size();
        end += (alignment - end % alignment) % alignment;
    }
}

Bytes File::header() const {
    Bytes bytes;
    bytes.raw(magic).number(version);
    bytes.number(tensorCount.value_or(tensors.size())).number(keyCount.value_or(keys.size()));
    for (const Key& one : keys)
        bytes.text(one.name).number(one.type).raw(one.value);
    for (const Tensor& one : tensors) {
        bytes.text(one.name).number(one.dimensions.value_or(static_cast<std::uint32_t>(one.extents.size())));
        for (const std::uint64_t extent : one.extents)
            bytes.number(extent);
        bytes.number(one.type).number(one.offset);
    }
    return bytes;
}

std::size_t File::headerBytes() const { return header().str().size(); }

std::string File::encode() const {
    Bytes bytes = header();
    bytes.pad(alignment);
    for (const Tensor& one : tensors)
        bytes.raw(one.data).pad(alignment);
    bytes.raw(tail);
    return bytes.str();
}

File smallModel(const std::string& architecture) {
    File file;
    const std::string a = architecture + ".";
    file.set("general.architecture", architecture);
    file.set("general.name", "small");
    file.set(a + "block_count", std::uint32_t{1});
    file.set(a + "context_length", std::uint32_t{128});
    file.set(a + "embedding_length", std::uint32_t{32});
    file.set(a + "feed_forward_length", std::uint32_t{64});
    file.set(a + "attention.head_count", std::uint32_t{2});
    file.set(a + "attention.head_count_kv", std::uint32_t{1});
    file.set(a + "attention.layer_norm_rms_epsilon", 1e-5F);
    file.set(a + "rope.freq_base", 10000.0F);
    file.set("tokenizer.ggml.model", "gpt2");
    file.set("tokenizer.ggml.pre", "smollm");
    file.set("tokenizer.ggml.tokens",
             std::vector<std::string>{"<|endoftext|>", "<|im_start|>", "<|im_end|>", "a", "b", "c", "ab", "abc"});
    file.set("tokenizer.ggml.token_type", std::vector<std::int32_t>{3, 3, 3, 1, 1, 1, 1, 1});
    file.set("tokenizer.ggml.merges", std::vector<std::string>{"a b", "ab c"});
    file.set("tokenizer.ggml.bos_token_id", std::uint32_t{1});
    file.set("tokenizer.ggml.eos_token_id", std::uint32_t{2});
    file.set("tokenizer.ggml.add_bos_token", false);
    file.set("tokenizer.chat_template", "<|im_start|>");

    file.addTensor("token_embd.weight", {32, 8});
    file.addTensor("blk.0.attn_norm.weight", {32});
    file.addTensor("blk.0.attn_q.weight", {32, 32});
    file.addTensor("blk.0.attn_k.weight", {32, 16});
    file.addTensor("blk.0.attn_v.weight", {32, 16});
    if (architecture == "qwen2") {
        file.addTensor("blk.0.attn_q.bias", {32});
        file.addTensor("blk.0.attn_k.bias", {16});
        file.addTensor("blk.0.attn_v.bias", {16});
    }
    if (architecture == "qwen3") {
        file.addTensor("blk.0.attn_q_norm.weight", {16});
        file.addTensor("blk.0.attn_k_norm.weight", {16});
    }
    file.addTensor("blk.0.attn_output.weight", {32, 32});
    file.addTensor("blk.0.ffn_norm.weight", {32});
    file.addTensor("blk.0.ffn_gate.weight", {32, 64});
    file.addTensor("blk.0.ffn_up.weight", {32, 64});
    file.addTensor("blk.0.ffn_down.weight", {64, 32});
    file.addTensor("output_norm.weight", {32});
    return file;
}

TemporaryFile::TemporaryFile(const std::string& content, const std::string& suffix) {
    m_path = ::testing::TempDir() + "weights_test_XXXXXX" + suffix;
    const int descriptor = ::mkstemps(m_path.data(), static_cast<int>(suffix.size()));
    if (descriptor < 0)
        throw std::runtime_error("no temporary file " + m_path);
    ::close(descriptor);
    overwrite(content);
}

TemporaryFile::~TemporaryFile() { ::unlink(m_path.c_str()); }

void TemporaryFile::overwrite(const std::string& content) const {
    std::ofstream(m_path, std::ios::binary | std::ios::trunc) << content;
}

void TemporaryFile::overwriteStart(const std::string& content) const {
    std::ofstream(m_path, std::ios::binary | std::ios::in | std::ios::out) << content;
}

void TemporaryFile::truncate(std::size_t bytes) const { std::filesystem::resize_file(m_path, bytes); }

TemporaryFolder::TemporaryFolder() {
    m_path = ::testing::TempDir() + "weights_test_XXXXXX";
    if (!::mkdtemp(m_path.data()))
        throw std::runtime_error("no temporary folder " + m_path);
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code error;
    std::filesystem::remove_all(m_path, error);
}

void TemporaryFolder::write(const std::string& name, const std::string& content) const {
    std::ofstream(file(name), std::ios::binary | std::ios::trunc) << content;
}

void TemporaryFolder::overwriteStart(const std::string& name, const std::string& content) const {
    std::ofstream(file(name), std::ios::binary | std::ios::in | std::ios::out) << content;
}

}  // namespace gguf_test
