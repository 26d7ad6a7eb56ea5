// The words of the command line: stages of an answer's time, and names for what the engine has none for.
#pragma once

#include <array>
#include <string_view>

#include "engine/doctor.h"
#include "engine/names.h"
#include "engine/types.h"

namespace app {

using engine::allOf;
using engine::nameOf;
using engine::namesOf;
using engine::valueOf;

std::string_view nameOf(storage::SourceState value);
std::string_view nameOf(engine::WorkspaceState value);

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
