// What the document worker writes to its standard output, and the parent's distrustful reading of it. Byte-exact in
// README.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/ingest/document_reader.h"

namespace engine {

/// Bytes of text a document may have; the tokenizers are linear up to here.
inline constexpr std::uint64_t kMaxTextBytes = std::uint64_t{64} << 20;
/// Bytes of a whole answer: text, page map and sections.
inline constexpr std::uint64_t kMaxAnswerBytes = kMaxTextBytes + (std::uint64_t{32} << 20);
/// Magic, version and payload length.
inline constexpr std::size_t kAnswerHeadBytes = 16;

/// The answer's bytes, head included.
std::string encodeAnswer(const Result<ParsedDocument>& result);

/// Payload length of an answer's head. Error: Refused (no answer, another version, over the limit).
Result<std::uint64_t> answerPayloadBytes(std::string_view head);

/// The document or the worker's own reason. Nothing is believed: lengths, UTF-8, control characters, ranges inside the text
/// and their order are checked. Error: Refused for an answer that breaks a rule.
Result<ParsedDocument> decodeAnswer(std::string_view payload);

}  // namespace engine
