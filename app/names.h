// The words of the command line for the engine's values: strategies, anchors, back ends, stages. One spelling for options and JSON.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/doctor.h"
#include "engine/types.h"

namespace app {

std::string_view nameOf(engine::Strategy value);
std::string_view nameOf(engine::DeviationMetric value);
std::string_view nameOf(engine::Anchor value);
std::string_view nameOf(engine::MaskKind value);
std::string_view nameOf(engine::BackendKind value);
std::string_view nameOf(engine::Precision value);
std::string_view nameOf(engine::KvDtype value);
std::string_view nameOf(engine::KvSource value);
std::string_view nameOf(engine::StopReason value);
std::string_view nameOf(engine::IngestState value);
std::string_view nameOf(storage::SourceState value);
std::string_view nameOf(engine::WorkspaceState value);

/// Every value of an enum, in the order in which help and tables show them.
template <class Enum>
std::vector<Enum> allOf();
template <>
std::vector<engine::Strategy> allOf();
template <>
std::vector<engine::DeviationMetric> allOf();
template <>
std::vector<engine::Anchor> allOf();
template <>
std::vector<engine::MaskKind> allOf();
template <>
std::vector<engine::BackendKind> allOf();
template <>
std::vector<engine::Precision> allOf();
template <>
std::vector<engine::KvDtype> allOf();

/// The value of that name; empty when there is none.
template <class Enum>
std::optional<Enum> valueOf(std::string_view name) {
    for (const Enum value : allOf<Enum>())
        if (nameOf(value) == name)
            return value;
    return std::nullopt;
}

/// The names that valueOf() takes.
template <class Enum>
std::vector<std::string> namesOf() {
    std::vector<std::string> names;
    for (const Enum value : allOf<Enum>())
        names.emplace_back(nameOf(value));
    return names;
}

/// One part of the time to first token.
struct Stage {
    std::string_view name;   // as in JSON
    std::string_view label;  // for people
    double engine::Timings::*ms;
};

/// The stages that sum to `ttft`, in the order in which they happen.
inline constexpr std::array<Stage, 10> kStages{
    {{"retrieve", "retrieve", &engine::Timings::retrieve},
     {"tokenize", "tokenize", &engine::Timings::tokenize},
     {"plan", "plan", &engine::Timings::plan},
     {"load", "load", &engine::Timings::load},
     {"rotate", "rotate", &engine::Timings::rotate},
     {"question_pass", "question pass", &engine::Timings::questionPass},
     {"layers_before_check", "layers before check", &engine::Timings::layersBeforeCheck},
     {"check", "check", &engine::Timings::check},
     {"recompute", "recompute", &engine::Timings::recompute},
     {"first_token", "first token", &engine::Timings::firstToken}}};

/// Milliseconds of all stages together.
double stageSum(const engine::Timings& timings);

}  // namespace app
