// Which context tokens are computed again: the ranking step of every selective strategy.
#pragma once

#include <span>
#include <vector>

#include "engine/backend/backend.h"
#include "engine/blend/prompt_layout.h"

namespace engine {

/// Chooses the ⌊ratio · (N − forced context tokens)⌋ candidates of greatest score; ties go to the lower position, NaN ranks first.
/// Candidates are the context tokens that are not forced. `score`: [N] in prompt order, or
/// empty: nothing is ranked, only the forced tokens remain. The selection's positions hold the chosen
/// *and* the forced tokens that have a cached KV (what a reader calls "recomputed"), ascending.
TokenSelection selectTokens(const PromptLayout& layout, std::span<const float> score, double ratio);

/// How many are chosen by rank.
int chosenCount(const PromptLayout& layout, double ratio);
/// The same choice where the score lies, not waited for: rows of all forced positions and of what is chosen. `score`: [1, N] f32 on `backend`;
/// `ofPosition`: [T], see RowChoice.
ChosenRows chooseRows(const PromptLayout& layout, Backend& backend, TensorView score, double ratio,
                      std::span<const int> ofPosition);
/// What selectTokens would tell of it. `rows`: positions of those rows, ascending; `score`: [N].
TokenSelection selectionOf(const PromptLayout& layout, std::span<const int> rows, std::vector<float> score);

/// EPIC's rule as a score: minus the token's offset in its chunk. [N]
std::vector<float> offsetScore(const PromptLayout& layout);

}  // namespace engine
