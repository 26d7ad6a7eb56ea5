// Everything that a test of blending needs, opened on a model: back end, store and catalog in a temporary workspace.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "engine/blend/blender.h"
#include "engine/blend/planner.h"
#include "engine/kv/kv_key.h"
#include "engine/model/weight_file.h"
#include "storage/catalog.h"
#include "storage/file_system.h"
#include "storage/kv_store.h"

/// A folder that is removed with its contents when the test ends.
class TemporaryFolder {
public:
    TemporaryFolder();
    ~TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    std::string path() const { return m_path.string(); }

private:
    std::filesystem::path m_path;
};

/// Path of the default model; fails the program with a sentence when it was not fetched.
std::string defaultModelPath();
/// Path of a random model made at build time, for example "random-llama.gguf".
std::string randomModelPath(const std::string& name);

/// Which arithmetic a test runs with.
struct BenchSettings {
    std::string model;
    engine::BackendKind backend = engine::BackendKind::Reference;
    engine::Precision precision = engine::Precision::F32;
    engine::KvDtype kvDtype = engine::KvDtype::F32;
    std::unique_ptr<engine::Backend> (*create)(engine::Precision) = nullptr;  // instead of `backend`
    int firstLayers = 0;                                                      // computed by another back end
    engine::BackendKind firstBackend = engine::BackendKind::Reference;
    std::unique_ptr<engine::Backend> (*createFirst)(engine::Precision) = nullptr;  // instead of `firstBackend`
};

/// Throws std::runtime_error with the failed step's message when the model cannot be opened.
class ModelBench {
public:
    explicit ModelBench(const BenchSettings& settings);

    /// Puts the KV of the head and of given chunks, each without an anchor, into the store. Throws as the constructor does.
    void precompute(std::span<const std::string> chunks);

    TemporaryFolder folder;
    std::unique_ptr<storage::FileSystem> fileSystem;
    std::unique_ptr<engine::WeightFile> weights;
    std::unique_ptr<engine::Tokenizer> tokenizer;
    std::unique_ptr<engine::Backend> backend;
    std::unique_ptr<engine::Backend> firstBackend;  // null unless layers were given to it
    std::unique_ptr<storage::Catalog> catalog;
    std::unique_ptr<storage::KvStore> store;
    engine::KvSpec spec;
    engine::FingerprintId fingerprint;
    std::unique_ptr<engine::Transformer> model;
    std::unique_ptr<engine::Blender> blender;
    std::unique_ptr<engine::Planner> planner;
};
