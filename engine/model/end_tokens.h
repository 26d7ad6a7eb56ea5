// Tokens that end an answer.
#pragma once

#include "engine/model/vocabulary.h"

namespace engine {

/// Adds the end of sequence and the control tokens that are known to end a text or a turn, whatever the file calls its end of
/// sequence, to `stopIds`; leaves them ascending and without repetitions.
void addEndTokens(Vocabulary& vocabulary);

}  // namespace engine
