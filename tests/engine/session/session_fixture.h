// An engine on a temporary workspace with the small random model, and verbs to use it.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "engine/engine.h"
#include "tests/engine/blend/model_bench.h"

class SessionFixture : public testing::Test {
protected:
    SessionFixture() { reopen(); }

    void reopen(const std::string& model = "random-llama.gguf") {
        m_engine.reset();
        m_options.model = model.empty() ? "" : randomModelPath(model);
        reopenWith(m_options);
    }

    void reopenWith(engine::EngineOptions options) {
        options.workspace = m_folder.path() + "/workspace";
        auto opened = engine::Engine::open(options);
        if (!opened.ok())
            throw std::runtime_error(opened.status().message());
        m_engine = std::move(*opened);
    }

    std::string write(const std::string& name, const std::string& text) {
        const std::string path = m_folder.path() + "/" + name;
        std::ofstream(path, std::ios::binary) << text;
        return path;
    }

    engine::IngestReport import(const std::vector<std::string>& paths, int chunkTokens = 64,
                                const std::string& collection = "notes") {
        engine::IngestRequest request;
        request.paths = paths;
        request.collection = collection;
        request.chunkTokens = chunkTokens;
        auto report = m_engine->ingest(request, m_silent, {});
        EXPECT_TRUE(report.ok()) << report.status().message();
        return std::move(*report);
    }

    engine::PrecomputeReport precompute(engine::Anchor anchor = engine::Anchor::None) {
        engine::PrecomputeRequest request;
        request.collection = "notes";
        request.anchor = anchor;
        auto report = m_engine->precompute(request, m_silent, {});
        EXPECT_TRUE(report.ok()) << report.status().message();
        return *report;
    }

    static engine::Query question(const std::string& text) {
        engine::Query query;
        query.question = text;
        query.collection = "notes";
        query.topK = 3;
        query.sampling.maxTokens = 6;
        return query;
    }

    engine::BlendPlan plan(const engine::Query& query) {
        auto plan = m_engine->plan(query);
        EXPECT_TRUE(plan.ok()) << plan.status().message();
        return std::move(*plan);
    }

    engine::Answer ask(const engine::Query& query) {
        engine::QueryObserver observer;
        auto answer = m_engine->run(plan(query), observer, {});
        EXPECT_TRUE(answer.ok()) << answer.status().message();
        return std::move(*answer);
    }

    class SilentJob final : public engine::JobObserver {
    public:
        void progress(std::string_view, std::int64_t, std::int64_t, std::string_view) override {}
    };

    TemporaryFolder m_folder;
    engine::EngineOptions m_options;
    SilentJob m_silent;
    std::unique_ptr<engine::Engine> m_engine;
};

/// `paragraphs` paragraphs of a few sentences, each different; paragraph `edited` (if any) says something else.
inline std::string longText(int paragraphs, int edited = -1) {
    std::string text = "# Log of the mill\n\n";
    for (int i = 0; i < paragraphs; ++i) {
        text += "On day " + std::to_string(i) + " the wheel turned " + std::to_string((i * 37) % 91) + " times. ";
        text += i == edited ? "Then somebody changed this very line. " : "The miller wrote it down in the book. ";
        text += "Water stood at mark " + std::to_string((i * 53) % 29) + " and the wind came from the west.\n\n";
    }
    return text;
}
