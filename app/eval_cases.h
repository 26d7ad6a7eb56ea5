// The cases of `eval` and `verify`: JSON lines to prompts, and what counts as a right answer.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "engine/types.h"

namespace app {

struct EvalCase {
    std::string id;
    engine::GivenPrompt prompt;
    std::vector<std::string> answers;  // any of them is right
};

/// One JSON object a line: {"id","head","chunks":[…],"question","answers":[…]}, optionally "raw"; blank lines are skipped, further
/// fields ignored. `answers` may be left out (nothing is right then). Error: InvalidArgument, "NAME:LINE: reason".
engine::Result<std::vector<EvalCase>> parseEvalCases(std::istream& lines, const std::string& name);
/// The same of a file; "-" = standard input. Errors: those, and IoError.
engine::Result<std::vector<EvalCase>> readEvalCases(const std::string& path);

/// Whether any of `answers` occurs in `text`, A–Z and a–z alike.
bool containsAnswer(std::string_view text, const std::vector<std::string>& answers);

}  // namespace app
