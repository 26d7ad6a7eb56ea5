// Chat templates: recognised by their text, never executed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/model/tokenizer.h"

namespace engine {

enum class ChatTemplateKind { ChatMl, Llama2, Llama3, Mistral, Zephyr, Plain };

std::string_view chatTemplateName(ChatTemplateKind kind);  // "ChatML", "Llama-2", "Llama-3", "Mistral", "Zephyr", "plain"

/// Which known template `templateText` is; Plain when it is empty or unknown.
ChatTemplateKind recogniseChatTemplate(std::string_view templateText);

/// A piece of a prompt: the template's own words (special tokens are parsed) or a person's (they are not).
struct PromptPiece {
    std::string text;
    SpecialTokens special = SpecialTokens::AsText;
};

/// The fixed start of every prompt: template start, BOS where the model expects it, system prompt, start of the user's turn, and
/// `lead` (a fixed text before the documents, such as "Documents:\n\n").
std::vector<PromptPiece> promptHead(ChatTemplateKind kind, const Vocabulary& vocabulary, std::string_view systemPrompt,
                                    std::string_view lead);
/// The end of the prompt: the question's text, then the template's tail up to where the answer starts.
std::vector<PromptPiece> promptSuffix(ChatTemplateKind kind, std::string_view question);

/// What stands between an answer's last token and the next answer: the end of the model's turn, the user's next one, the tail.
std::vector<PromptPiece> promptFollowUp(ChatTemplateKind kind, std::string_view question);

/// Ids of the pieces, one after the other.
/// `Start::Continued`: the first piece goes on where other text ended.
enum class Start { Fresh, Continued };
TokenIds encodePieces(const Tokenizer& tokenizer, const std::vector<PromptPiece>& pieces, Start start = Start::Fresh);

}  // namespace engine
