// How text is cut into words before byte-level BPE merges inside each word.
#pragma once

#include <cstddef>
#include <string_view>

#include "engine/model/vocabulary.h"

namespace engine {

/// Bytes of the first word of `rest` (not empty): what the pattern below matches first. Cutting a text word after word is
/// linear in its length; the words joined are the text, whatever bytes it has. A byte that is not UTF-8 counts as neither
/// letter, number nor space.
///  Gpt2     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
///  Smollm   every \p{N} is a word and an end of text for the others, which are Gpt2's
///  Qwen2    (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
///  LlamaBpe as Qwen2, with \p{N}{1,3}
std::size_t firstWordBytes(PreTokenizer kind, std::string_view rest);

std::string_view preTokenizerName(PreTokenizer kind);  // "gpt-2", "smollm", "qwen2", "llama-bpe": GGUF's names

}  // namespace engine
