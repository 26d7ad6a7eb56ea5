// The JSON of the command line, field by field: scripts and benchmarks read it.
#include "app/json_output.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/fake_engine/fake_engine.h"

namespace app {
namespace {

using testing_engine::exampleAnswer;
using testing_engine::exampleModel;
using testing_engine::examplePlan;

TEST(JsonOutput, AnswerHasTheFieldsOfTheContract) {
    engine::BlendPlan plan = examplePlan();
    plan.segments[2].document = "Notes";
    engine::Answer answer = exampleAnswer(plan);
    engine::Comparison comparison;
    comparison.meanKl = 0.375;
    comparison.top1Equal = true;
    comparison.firstDivergingToken = 1;
    comparison.fullAnswer = "Forty-three.";
    comparison.fullTtftMs = 128;
    comparison.chargedWork = 0.4375;
    answer.comparison = comparison;
    EXPECT_EQ(answerJson(plan, answer, exampleModel()), R"({
  "answer": "Forty-two.",
  "stop_reason": "eos",
  "strategy": "query-value",
  "ratio": 0.15,
  "anchor": "none",
  "metric": "v",
  "check_layer": 1,
  "first": 0,
  "mask": "exact",
  "backend": "cpu",
  "precision": "bf16",
  "model": "Tiny",
  "tokens": {
    "prompt": 180,
    "reused": 95,
    "recomputed": 15,
    "new": 70,
    "generated": 2
  },
  "head": {
    "tokens": 10,
    "source": "store"
  },
  "chunks": [
    {
      "id": "abababababababababababababababababababababababababababababababab",
      "document": "Valley survey",
      "path": "/papers/survey.pdf",
      "header": "Valley survey › Springs",
      "pages": [
        3,
        4
      ],
      "begin": 1201,
      "end": 2210,
      "position": 10,
      "tokens": 100,
      "source": "store",
      "prefix_exact": false,
      "score": 7.1
    },
    {
      "id": "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
      "document": "Notes",
      "path": "/papers/survey.pdf",
      "header": "Valley survey › Springs",
      "pages": [],
      "begin": 1201,
      "end": 2210,
      "position": 110,
      "tokens": 50,
      "source": "miss",
      "prefix_exact": false,
      "score": 2.25
    }
  ],
  "ms": {
    "retrieve": 1.5,
    "tokenize": 0.25,
    "plan": 0.125,
    "load": 2.0,
    "rotate": 3.0,
    "question_pass": 4.0,
    "layers_before_check": 0.0,
    "check": 0.0,
    "recompute": 20.0,
    "first_token": 1.125,
    "ttft": 32.0,
    "decode": 8.0,
    "total": 40.0,
    "load_hidden": 5.5
  },
  "bytes_loaded": 2304000,
  "bytes_from_ram": 0,
  "charged_work": 0.4375,
  "ids": [
    7,
    8
  ],
  "notes": [],
  "compare": {
    "kl": 0.375,
    "top1_equal": true,
    "first_diverging_token": 1,
    "full_answer": "Forty-three.",
    "full_ttft_ms": 128.0,
    "charged_work": 0.4375
  }
}
)");
}

TEST(JsonOutput, WithoutComparisonThereIsNoCompare) {
    const engine::BlendPlan plan = examplePlan();
    EXPECT_EQ(answerJson(plan, exampleAnswer(plan), exampleModel()).find("\"compare\""), std::string::npos);
}

TEST(JsonOutput, SourcesAreThoseOfTheRunNotOfThePlan) {
    const engine::BlendPlan plan = examplePlan();
    engine::Answer answer = exampleAnswer(plan);
    auto trace = std::make_shared<engine::BlendTrace>(*answer.trace);
    trace->segments[1].source = engine::KvSource::Damaged;
    answer.trace = trace;
    EXPECT_NE(answerJson(plan, answer, exampleModel()).find("\"source\": \"damaged\""), std::string::npos);
}

TEST(JsonOutput, PlanTellsWhatWillBeLoadedAndComputed) {
    engine::BlendPlan plan = examplePlan();
    plan.segments.erase(plan.segments.begin() + 1, plan.segments.end());
    plan.memory = {{"cpu", 2, 1000, 200, 30, 1000, 4000}, {"cuda", 10, 5000, 1000, 300, 0, 6299}};
    engine::ModelInfo model = exampleModel();
    model.backend = "cpu+cuda";
    model.gpuLayers = 10;
    EXPECT_EQ(planJson(plan, model), R"({
  "question": "How many springs?",
  "collection": "papers",
  "strategy": "query-value",
  "ratio": 0.15,
  "anchor": "none",
  "metric": "v",
  "check_layer": 1,
  "first": 0,
  "mask": "exact",
  "backend": "cpu+cuda",
  "gpu_layers": 10,
  "precision": "bf16",
  "model": "Tiny",
  "tokens": {
    "prompt": 180,
    "context": 150,
    "suffix": 20
  },
  "hits": 1,
  "misses": 1,
  "bytes_to_load": 2304000,
  "bytes_from_ram": 0,
  "controller": {
    "adaptive": false,
    "asked_ratio": 0.0,
    "computed_instead": 0,
    "forecast_load_ms": 0.0,
    "forecast_hiding_ms": 0.0
  },
  "memory": [
    {
      "backend": "cpu",
      "layers": 2,
      "weights": 1000,
      "kv_cache": 200,
      "scratch": 30,
      "needed": 1230,
      "held": 1000,
      "free": 4000,
      "fits": true
    },
    {
      "backend": "cuda",
      "layers": 10,
      "weights": 5000,
      "kv_cache": 1000,
      "scratch": 300,
      "needed": 6300,
      "held": 0,
      "free": 6299,
      "fits": false
    }
  ],
  "charged_work": 0.5,
  "forecast_ttft_ms": 118.5,
  "forecast_full_ttft_ms": 840.25,
  "head": {
    "tokens": 10,
    "source": "store"
  },
  "chunks": [],
  "suffix": "How many springs?",
  "notes": [],
  "ms": {
    "retrieve": 1.5,
    "tokenize": 0.25,
    "plan": 0.125
  }
}
)");
}

TEST(JsonOutput, ImportTellsEachFileAndTotals) {
    engine::IngestReport report;
    report.files = {{"/a.pdf", engine::IngestState::Indexed, "", 3, 12, 2900},
                    {"/b.txt", engine::IngestState::Unchanged, "", 0, 4, 900},
                    {"/c.png", engine::IngestState::Skipped, "images are not read", 0, 0, 0},
                    {"/d.pdf", engine::IngestState::Failed, "encrypted", 0, 0, 0}};
    EXPECT_EQ(importJson("papers", report, JsonLayout::Document), R"({
  "collection": "papers",
  "files": [
    {
      "path": "/a.pdf",
      "status": "indexed",
      "reason": "",
      "pages": 3,
      "chunks": 12,
      "tokens": 2900
    },
    {
      "path": "/b.txt",
      "status": "unchanged",
      "reason": "",
      "pages": 0,
      "chunks": 4,
      "tokens": 900
    },
    {
      "path": "/c.png",
      "status": "skipped",
      "reason": "images are not read",
      "pages": 0,
      "chunks": 0,
      "tokens": 0
    },
    {
      "path": "/d.pdf",
      "status": "failed",
      "reason": "encrypted",
      "pages": 0,
      "chunks": 0,
      "tokens": 0
    }
  ],
  "totals": {
    "files": 4,
    "indexed": 1,
    "unchanged": 1,
    "skipped": 1,
    "failed": 1,
    "pages": 3,
    "chunks": 16,
    "tokens": 3800
  },
  "cancelled": false
}
)");
}

TEST(JsonOutput, PrecomputeTellsTheRate) {
    engine::PrecomputeReport report;
    report.chunksDone = 4;
    report.chunksAlready = 2;
    report.tokens = 1000;
    report.bytes = 23040000;
    report.ms = 2000;
    EXPECT_EQ(precomputeJson(report), R"({
  "chunks_done": 4,
  "chunks_already": 2,
  "tokens": 1000,
  "bytes": 23040000,
  "ms": 2000.0,
  "tokens_per_second": 500.0,
  "budget_reached": false,
  "cancelled": false
}
)");
    EXPECT_NE(precomputeJson({}).find("\"tokens_per_second\": 0.0"), std::string::npos)
        << "nothing done is no rate, not infinity";
}

TEST(JsonOutput, EvaluationLinesNameTheSettingThatWasAskedFor) {
    engine::BlendPlan plan = examplePlan();
    plan.options.ratio = 1;  // as a planner may settle it for `full`
    const EvalRowKey key{"case-1", engine::Strategy::Full, {0.3, "0.30"}};
    const std::string line = evalLine(key, true, plan, exampleAnswer(plan), exampleModel());
    EXPECT_EQ(
        line.rfind(
            R"({"id":"case-1","correct":true,"answer":"Forty-two.","stop_reason":"eos","strategy":"full","ratio":0.3,)", 0),
        0U)
        << line;
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    EXPECT_EQ(evalFailureLine(key, "too long"),
              "{\"id\":\"case-1\",\"strategy\":\"full\",\"ratio\":0.3,\"error\":\"too long\"}\n");
}

TEST(JsonOutput, EvaluationSummaryHasNullWhereNothingWasMeasured) {
    EvalSummary summary;
    summary.strategy = engine::Strategy::Query;
    summary.cases = 2;
    summary.correct = 0.5;
    summary.meanTtftMs = 12.5;
    summary.meanChargedWork = 0.25;
    EXPECT_EQ(evalSummaryLine(summary),
              R"({"summary":{"strategy":"query","ratio":0.15,"cases":2,"failed":0,"kl_mean":null,"kl_median":null,)"
              R"("top1_agreement":null,"correct":0.5,"ttft_ms":12.5,"over_full":null,"charged_work":0.25}})"
              "\n");
}

TEST(JsonOutput, DumpHoldsSelectionScoresLogitsAndKl) {
    engine::Answer answer = exampleAnswer(examplePlan());
    answer.comparison = engine::Comparison{};
    answer.comparison->kl = {0.5, 0.25};
    auto trace = std::make_shared<engine::BlendTrace>(*answer.trace);
    trace->selection = {{12, 40}, {0.5F, 7.1F}, 0.5F};
    answer.trace = trace;
    EXPECT_EQ(
        evalDumpJson(answer),
        R"({"selected":[12,40],"score":[0.5,7.1],"top20":[{"id":7,"logit":12.5},{"id":3,"logit":11.25}],"kl":[0.5,0.25]})"
        "\n");
}

TEST(JsonOutput, TokensAndLogits) {
    EXPECT_EQ(tokenizeJson({1, 22}, {"a", " b\xFF"}), "{\"ids\":[1,22],\"pieces\":[\"a\",\" b\uFFFD\"]}\n");
    engine::PromptLogits logits;
    logits.top = {{9, 3.5F}};
    logits.greedy = {9, 4};
    logits.prefillMs = 2;
    logits.decodeMs = 1;
    EXPECT_EQ(logitsJson(logits, true), R"({
  "top": [
    {
      "id": 9,
      "logit": 3.5
    }
  ],
  "greedy": [
    9,
    4
  ],
  "prefill_ms": 2.0,
  "decode_ms": 1.0
}
)");
    EXPECT_EQ(logitsJson(logits, false).find("greedy"), std::string::npos);
}

TEST(JsonOutput, ChunksTellWhereTheirKvIs) {
    engine::ChunkInfo chunk;
    chunk.record.begin = 5;
    chunk.record.end = 25;
    chunk.record.tokens = 9;
    chunk.record.firstPage = chunk.record.lastPage = 2;
    chunk.record.header = "Title › Section";
    chunk.documentTitle = "Title";
    chunk.text = "Twenty characters ok";
    chunk.inStore = true;
    chunk.score = 3.5;
    EXPECT_EQ(chunksJson({chunk}, true), R"({
  "rows": [
    {
      "id": "0000000000000000000000000000000000000000000000000000000000000000",
      "document": "Title",
      "pages": [
        2,
        2
      ],
      "begin": 5,
      "end": 25,
      "tokens": 9,
      "header": "Title › Section",
      "text": "Twenty characters ok",
      "kv": "disk",
      "score": 3.5
    }
  ]
}
)");
    EXPECT_EQ(chunksJson({}, false), "{\n  \"rows\": []\n}\n");
}

TEST(JsonOutput, DocumentsNameTheirFilesAndWhatWasNotIndexed) {
    engine::DocumentRecord document;
    document.id.value = 4;
    document.title = "Title";
    document.mediaType = "text/plain";
    document.characters = 120;
    engine::SourceRecord indexed, failed;
    indexed.path = "/a.txt";
    indexed.state = storage::SourceState::Indexed;
    indexed.document.value = 4;
    failed.path = "/b.pdf";
    failed.reason = "encrypted";
    EXPECT_EQ(documentsJson({document}, {indexed, failed}), R"({
  "rows": [
    {
      "id": 4,
      "title": "Title",
      "media_type": "text/plain",
      "pages": 0,
      "characters": 120,
      "content": "0000000000000000000000000000000000000000000000000000000000000000",
      "paths": [
        "/a.txt"
      ]
    }
  ],
  "not_indexed": [
    {
      "path": "/b.pdf",
      "status": "failed",
      "reason": "encrypted"
    }
  ]
}
)");
}

TEST(JsonOutput, StoreReports) {
    EXPECT_EQ(storePinJson(3), "{\n  \"records\": 3\n}\n");
    EXPECT_EQ(storeRebuildJson({7, 1}), "{\n  \"records\": 7,\n  \"rejected\": 1\n}\n");
    EXPECT_EQ(storeCompactJson({4096, 2}), "{\n  \"reclaimed_bytes\": 4096,\n  \"moved_records\": 2\n}\n");
    engine::KvVerifyReport verify;
    verify.checked = 10;
    verify.checkedBytes = 40960;
    verify.damaged.resize(1);
    verify.damaged[0].reason = "layer 7: checksum mismatch";
    const std::string text = storeVerifyJson(verify, {"document 3: its text is damaged"}, false);
    EXPECT_NE(
        text.find("\"checked\": 10,\n  \"checked_bytes\": 40960,\n  \"damaged\": 1,\n  \"repaired\": 1,\n  \"entries\": ["),
        std::string::npos)
        << text;
    EXPECT_NE(text.find("\"reason\": \"layer 7: checksum mismatch\""), std::string::npos);
    EXPECT_NE(text.find("\"library_damage\": [\n    \"document 3: its text is damaged\"\n  ]"), std::string::npos) << text;
    engine::KvStoreStats stats;
    stats.records = 2;
    stats.fingerprints.resize(2);
    stats.fingerprints[0].fingerprint.fieldsJson = R"({"model":"Tiny"})";
    stats.fingerprints[1].fingerprint.fieldsJson = "not JSON";
    const std::string statsText = storeStatsJson(stats);
    EXPECT_NE(statsText.find("\"fields\": {\n        \"model\": \"Tiny\"\n      }"), std::string::npos) << statsText;
    EXPECT_NE(statsText.find("\"fields\": null"), std::string::npos) << "damaged fields must not break the document";
}

TEST(JsonOutput, BenchRowsHaveTheFieldsOfTheContract) {
    BenchReport report;
    report.cpu = "Some CPU";
    report.model = "Tiny";
    report.backend = "cpu";
    report.precision = "bf16";
    report.threads = 2;
    report.repeat = 3;
    report.rates = {{RateKind::Prefill, 512, 0, {100, 90, 110}, 350, 0.75},
                    {RateKind::Decode, 64, 512, {50, 40, 60}, {}, {}}};
    report.loadMs = 210;
    TtftRow row;
    row.context = 512;
    row.promptTokens = 560;
    row.strategy = engine::Strategy::CacheBlend;
    row.ratio = 0.15;
    row.state = CacheState::Warm;
    row.ms = {20, 19, 22};
    row.overFull = 0.25;
    row.chargedWork = 0.2;
    row.loadHidden = 1.5;
    row.loadHiddenShare = 0.75;
    row.stages.recompute = 20;
    row.stageSumOverTtft = 1;
    report.ttft = {row};
    EXPECT_EQ(benchJson(report), R"({
  "machine": {
    "cpu": "Some CPU",
    "threads": 2,
    "gpu": null
  },
  "model": "Tiny",
  "backend": "cpu",
  "precision": "bf16",
  "repeat": 3,
  "load_ms": 210.0,
  "rows": [
    {
      "kind": "prefill",
      "tokens": 512,
      "tokens_per_second": {
        "median": 100.0,
        "min": 90.0,
        "max": 110.0
      },
      "gflops": 350.0,
      "of_peak": 0.75
    },
    {
      "kind": "decode",
      "after": 512,
      "tokens": 64,
      "tokens_per_second": {
        "median": 50.0,
        "min": 40.0,
        "max": 60.0
      }
    },
    {
      "kind": "ttft",
      "context": 512,
      "prompt_tokens": 560,
      "strategy": "cacheblend",
      "ratio": 0.15,
      "state": "warm",
      "ms": {
        "median": 20.0,
        "min": 19.0,
        "max": 22.0
      },
      "over_full": 0.25,
      "charged_work": 0.2,
      "load_hidden": 1.5,
      "load_hidden_share": 0.75,
      "stages": {
        "retrieve": 0.0,
        "tokenize": 0.0,
        "plan": 0.0,
        "load": 0.0,
        "rotate": 0.0,
        "question_pass": 0.0,
        "layers_before_check": 0.0,
        "check": 0.0,
        "recompute": 20.0,
        "first_token": 0.0
      },
      "stage_sum_over_ttft": 1.0
    }
  ]
}
)");
}

TEST(JsonOutput, DoctorSaysWhyThereIsNoGpu) {
    engine::DoctorReport report;
    report.machine.cpu = "Some CPU";
    report.machine.features = {{"avx2", true}, {"avx512f", false}};
    report.gpu.reason = "no_module";
    report.gpu.message = "this build has no CUDA module";
    report.workspace.path = "/w";
    report.workspace.state = engine::WorkspaceState::Busy;
    report.workspace.message = "held by process 12";
    report.versions = {{"compiler", "12"}};
    const std::string text = doctorJson(report);
    report.model.emplace();
    report.model->devices = {{"cpu", 2, 1000, 200, 30, 0, 4000}, {"cuda", 10, 5000, 1000, 300, 0, 6299}};
    report.model->contextTokens = 4096;
    report.model->notice = "the last 10 of 12 layers";
    const auto memory = nlohmann::json::parse(doctorJson(report))["model"]["memory"];
    EXPECT_EQ(memory["weights"], 6000);
    EXPECT_EQ(memory["kv_cache"], 1200);
    EXPECT_EQ(memory["fits"], false) << "on the GPU it does not";
    EXPECT_EQ(memory["notice"], "the last 10 of 12 layers");
    EXPECT_EQ(memory["devices"][1]["backend"], "cuda");
    EXPECT_NE(text.find(R"("gpu": {
    "available": false,
    "reason": "no_module",
    "message": "this build has no CUDA module"
  })"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find(R"("features": {
      "avx2": true,
      "avx512f": false
    })"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("\"state\": \"busy\",\n    \"message\": \"held by process 12\""), std::string::npos) << text;
    EXPECT_NE(text.find("\"model\": null"), std::string::npos);
}

TEST(JsonOutput, TokenIdsAreAJsonArrayOfWholeNumbersFromZero) {
    EXPECT_EQ(tokenIdsOf("[1, 2,3]\n").value(), (engine::TokenIds{1, 2, 3}));
    for (const char* text : {"", "[]", "{}", "[1.5]", "[-1]", "[\"1\"]", "[1", "[2147483648]", "1", "[null]"})
        EXPECT_EQ(tokenIdsOf(text).status().code(), engine::StatusCode::InvalidArgument) << text;
}

}  // namespace
}  // namespace app
