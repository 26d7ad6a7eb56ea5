// Turns a list of merges into SentencePiece scores, where both cut every text alike.
#pragma once

#include "engine/model/vocabulary.h"

namespace engine {

/// A SentencePiece BPE model joins two neighbours whenever their text together is a piece, best score first. A
/// tokenizer.json made from such a model lists all those pairs as merges, best first. This goes back: sets `scores` and
/// clears `merges`. Of pairs that make the same piece the leftmost in the text is joined first, as SentencePiece does.
/// Errors: Refused (a merge without its piece), Unsupported (merges of one piece apart from each other, or a pair of pieces
/// that is no merge though its text is a piece: then no scores give the same tokens).
Status scoreByMerges(Vocabulary& vocabulary);

}  // namespace engine
