// `tokenize` and `logits`: the model without documents.
#include <array>
#include <cerrno>
#include <fstream>
#include <iostream>
#include <system_error>

#include "app/commands/commands.h"
#include "app/terminal_text.h"
#include "app/units.h"

namespace app {

namespace {

engine::Result<std::string> readAll(std::istream& stream, const std::string& name) {
    std::string text;
    std::array<char, 65536> block{};
    do {
        stream.read(block.data(), block.size());
        text.append(block.data(), static_cast<std::size_t>(stream.gcount()));
    } while (stream);
    if (stream.bad())  // a folder, or a broken disk
        return engine::Status(engine::StatusCode::IoError, name + ": cannot be read to its end; give a file of text");
    return text;
}

engine::Result<std::string> readText(const std::string& path) {
    if (path == "-")
        return readAll(std::cin, "standard input");
    std::ifstream file(path, std::ios::binary);
    if (!file)
        return engine::Status(engine::StatusCode::IoError,
                              path + ": cannot be opened: " + std::generic_category().message(errno));
    return readAll(file, path);
}

/// A token's text between quotes, so that its spaces are seen.
std::string quoted(const std::string& piece) {
    std::string text = "'";
    text += printable(piece, LineBreaks::Flatten);
    return text += '\'';
}

}  // namespace

ExitStatus runTokenize(engine::Engine& engine, const TokenizeCommand& command, CommandContext& context) {
    std::string text;
    if (command.text) {
        text = *command.text;
    } else {
        auto read = readText(command.path);
        if (!read)
            return reportFailure(context, "tokenize", read.status());
        text = std::move(*read);
    }
    const auto ids = engine.tokenize(text, command.special);
    if (!ids)
        return reportFailure(context, "tokenize", ids.status());
    std::vector<std::string> pieces;
    for (const engine::TokenId id : *ids)
        pieces.push_back(engine.piece(id));
    if (context.json()) {
        context.out << tokenizeJson(*ids, pieces);
        return ExitStatus::Done;
    }
    TextTable table({{"id", Align::Right}, {"piece", Align::Left}});
    for (std::size_t i = 0; i < ids->size(); ++i)
        table.addRow({std::to_string((*ids)[i]), quoted(pieces[i])});
    context.out << table.text() << countText(static_cast<std::int64_t>(ids->size()), "token") << "\n";
    return ExitStatus::Done;
}

ExitStatus runLogits(engine::Engine& engine, const LogitsCommand& command, CommandContext& context) {
    const auto text = readText(command.idsPath);
    if (!text)
        return reportFailure(context, "logits", text.status());
    const auto ids = tokenIdsOf(*text);
    if (!ids)
        return reportFailure(context, "logits of " + command.idsPath, ids.status());
    const auto logits = engine.logits(*ids, command.top, command.greedy, context.stop);
    if (!logits)
        return reportFailure(context, "logits", logits.status());
    if (context.json()) {
        context.out << logitsJson(*logits, command.greedy > 0);
        return ExitStatus::Done;
    }
    TextTable table({{"id", Align::Right}, {"logit", Align::Right}, {"piece", Align::Left}});
    for (const engine::TokenLogit& entry : logits->top)
        table.addRow(
            {std::to_string(entry.id), decimalText(static_cast<double>(entry.logit), 4), quoted(engine.piece(entry.id))});
    context.out << table.text();
    if (command.greedy > 0) {
        context.out << "greedy:";
        for (const engine::TokenId id : logits->greedy)
            context.out << ' ' << id;
        context.out << '\n';
    }
    context.out << "prefill of " << countText(static_cast<std::int64_t>(ids->size()), "token") << " in "
                << millisecondsText(logits->prefillMs) << '\n';
    return ExitStatus::Done;
}

}  // namespace app
