// The tokenizer's data from a GGUF header.
#pragma once

#include "engine/model/gguf_fields.h"
#include "engine/model/vocabulary.h"

namespace engine {

/// Errors: IoError, Refused (the key and what is wrong with it), Unsupported (tokenizer or pre-tokenizer, by name).
Result<Vocabulary> readGgufVocabulary(GgufFields& fields);

}  // namespace engine
