// Chat templates: what each writes around the system text, the user's turn and the answer.
#include "engine/model/chat_template.h"

#include <array>

namespace engine {

namespace {

/// The words of a template, in prompt order. Sources: the models' own published template texts.
struct TemplateWords {
    ChatTemplateKind kind;
    std::string_view name;
    std::string_view beforeSystem;  // unused without a system text
    std::string_view afterSystem;
    std::string_view beforeUser;   // starts the user's turn
    std::string_view afterUser;    // ends it; the answer follows
    bool systemInUserTurn;         // beforeSystem … afterSystem stands behind beforeUser
    std::string_view afterAnswer;  // ends the model's turn
};

constexpr std::array kTemplates = {
    TemplateWords{ChatTemplateKind::ChatMl, "ChatML", "<|im_start|>system\n", "<|im_end|>\n", "<|im_start|>user\n",
                  "<|im_end|>\n<|im_start|>assistant\n", false, "<|im_end|>\n"},
    TemplateWords{ChatTemplateKind::Llama2, "Llama-2", "<<SYS>>\n", "\n<</SYS>>\n\n", "[INST] ", " [/INST]", true,
                  " </s><s>"},
    TemplateWords{ChatTemplateKind::Llama3, "Llama-3", "<|start_header_id|>system<|end_header_id|>\n\n", "<|eot_id|>",
                  "<|start_header_id|>user<|end_header_id|>\n\n",
                  "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n", false, "<|eot_id|>"},
    TemplateWords{ChatTemplateKind::Mistral, "Mistral", "", "\n\n", "[INST] ", " [/INST]", true, "</s>"},
    TemplateWords{ChatTemplateKind::Zephyr, "Zephyr", "<|system|>\n", "</s>\n", "<|user|>\n", "</s>\n<|assistant|>\n", false,
                  "</s>\n"},
    // A model without a template continues text; the word says where its answer starts.
    TemplateWords{ChatTemplateKind::Plain, "plain", "", "\n\n", "", "\nAnswer:", true, "\n\n"},
};

const TemplateWords& wordsOf(ChatTemplateKind kind) {
    for (const TemplateWords& words : kTemplates) {
        if (words.kind == kind)
            return words;
    }
    return kTemplates.back();
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// Collects pieces; neighbours of one kind become one, and empty ones vanish.
class PieceList {
public:
    void addTemplate(std::string_view text) { add(text, SpecialTokens::Parse); }
    void addText(std::string_view text) { add(text, SpecialTokens::AsText); }
    std::vector<PromptPiece> take() { return std::move(m_pieces); }

private:
    void add(std::string_view text, SpecialTokens special) {
        if (text.empty())
            return;
        if (m_pieces.empty() || m_pieces.back().special != special)
            m_pieces.push_back({std::string(), special});
        m_pieces.back().text += text;
    }

    std::vector<PromptPiece> m_pieces;
};

}  // namespace

std::string_view chatTemplateName(ChatTemplateKind kind) { return wordsOf(kind).name; }

ChatTemplateKind recogniseChatTemplate(std::string_view templateText) {
    if (contains(templateText, "<|start_header_id|>"))
        return ChatTemplateKind::Llama3;
    if (contains(templateText, "<|im_start|>"))
        return ChatTemplateKind::ChatMl;
    if (contains(templateText, "[INST]"))
        return contains(templateText, "<<SYS>>") ? ChatTemplateKind::Llama2 : ChatTemplateKind::Mistral;
    // Others use <|user|> too and end turns with a token of their own; Zephyr's turns end with EOS.
    const bool endsTurnsWithEos = contains(templateText, "eos_token") || contains(templateText, "</s>");
    if (contains(templateText, "<|user|>") && endsTurnsWithEos && !contains(templateText, "<|end|>"))
        return ChatTemplateKind::Zephyr;
    return ChatTemplateKind::Plain;
}

std::vector<PromptPiece> promptHead(ChatTemplateKind kind, const Vocabulary& vocabulary, std::string_view systemPrompt,
                                    std::string_view lead) {
    const TemplateWords& words = wordsOf(kind);
    PieceList head;
    const auto addSystem = [&] {
        if (systemPrompt.empty())
            return;
        head.addTemplate(words.beforeSystem);
        head.addText(systemPrompt);
        head.addTemplate(words.afterSystem);
    };
    const std::string bos =
        vocabulary.addBos && vocabulary.bos ? vocabulary.pieces.at(static_cast<std::size_t>(*vocabulary.bos)) : "";
    // Where a turn starts with the BOS token itself (SmolLM's <|im_start|>) there is one, not two.
    const std::string_view start = words.systemInUserTurn || systemPrompt.empty() ? words.beforeUser : words.beforeSystem;
    if (!start.starts_with(bos))
        head.addTemplate(bos);
    if (words.systemInUserTurn) {
        head.addTemplate(words.beforeUser);
        addSystem();
    } else {
        addSystem();
        head.addTemplate(words.beforeUser);
    }
    head.addText(lead);
    return head.take();
}

std::vector<PromptPiece> promptSuffix(ChatTemplateKind kind, std::string_view question) {
    PieceList suffix;
    suffix.addText(question);
    suffix.addTemplate(wordsOf(kind).afterUser);
    return suffix.take();
}

std::vector<PromptPiece> promptFollowUp(ChatTemplateKind kind, std::string_view question) {
    const TemplateWords& words = wordsOf(kind);
    PieceList turn;
    turn.addTemplate(words.afterAnswer);
    turn.addTemplate(words.beforeUser);
    turn.addText(question);
    turn.addTemplate(words.afterUser);
    return turn.take();
}

TokenIds encodePieces(const Tokenizer& tokenizer, const std::vector<PromptPiece>& pieces, Start start) {
    TokenIds ids;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        const PromptPiece& piece = pieces[i];
        const TokenIds next = i == 0 && start == Start::Fresh ? tokenizer.encode(piece.text, piece.special)
                                                              : tokenizer.encodeContinuation(piece.text, piece.special);
        ids.insert(ids.end(), next.begin(), next.end());
    }
    return ids;
}

}  // namespace engine
