// `collections`, `documents`, `chunks`: what the workspace holds.
#include <ostream>

#include "app/commands/commands.h"
#include "app/names.h"
#include "app/terminal_text.h"
#include "app/units.h"

namespace app {

ExitStatus runCollections(engine::Engine& engine, const CollectionsCommand&, CommandContext& context) {
    const auto collections = engine.collections();
    if (!collections)
        return reportFailure(context, "collections", collections.status());
    if (context.json()) {
        context.out << collectionsJson(*collections);
        return ExitStatus::Done;
    }
    TextTable table(
        {{"documents", Align::Right}, {"chunks", Align::Right}, {"with kv", Align::Right}, {"collection", Align::Left}});
    for (const engine::CollectionInfo& info : *collections)
        table.addRow({countText(info.record.documents), countText(info.record.chunks), countText(info.chunksWithKv),
                      printable(info.record.name, LineBreaks::Flatten)});
    context.out << table.text();
    return ExitStatus::Done;
}

ExitStatus runDocuments(engine::Engine& engine, const DocumentsCommand& command, CommandContext& context) {
    const auto documents = engine.documents(command.collection);
    if (!documents)
        return reportFailure(context, "documents of '" + command.collection + "'", documents.status());
    const auto sources = engine.sources(command.collection);
    if (!sources)
        return reportFailure(context, "files of '" + command.collection + "'", sources.status());
    if (context.json()) {
        context.out << documentsJson(*documents, *sources);
        return ExitStatus::Done;
    }
    TextTable table({{"id", Align::Right},
                     {"pages", Align::Right},
                     {"characters", Align::Right},
                     {"type", Align::Left},
                     {"title", Align::Left}});
    for (const engine::DocumentRecord& document : *documents)
        table.addRow({std::to_string(document.id.value), document.pages > 0 ? countText(document.pages) : "",
                      countText(document.characters), document.mediaType, printable(document.title, LineBreaks::Flatten)});
    context.out << table.text();
    for (const engine::SourceRecord& source : *sources)
        if (source.document == engine::DocumentId{})
            context.out << nameOf(source.state) << "  " << printable(source.path, LineBreaks::Flatten) << ": "
                        << printable(source.reason, LineBreaks::Flatten) << '\n';
    return ExitStatus::Done;
}

ExitStatus runChunks(engine::Engine& engine, const ChunksCommand& command, CommandContext& context) {
    const auto chunks = engine.chunks({command.collection, {}, command.search, 0, command.limit});
    if (!chunks)
        return reportFailure(context, "chunks of '" + command.collection + "'", chunks.status());
    const bool searched = !command.search.empty();
    if (context.json()) {
        context.out << chunksJson(*chunks, searched);
        return ExitStatus::Done;
    }
    for (const engine::ChunkInfo& chunk : *chunks) {
        context.out << chunk.record.id.hex() << "  " << countText(chunk.record.tokens, "token") << ", kv "
                    << (chunk.inStore ? "disk" : "none");
        if (chunk.record.firstPage > 0)
            context.out << ", p. " << chunk.record.firstPage
                        << (chunk.record.lastPage > chunk.record.firstPage ? "–" + std::to_string(chunk.record.lastPage)
                                                                           : "");
        if (searched)
            context.out << ", score " << decimalText(chunk.score, 1);
        constexpr int kPreview = 160;  // code points
        context.out << '\n'
                    << printable(chunk.record.header, LineBreaks::Flatten) << '\n'
                    << shortened(printable(chunk.text, LineBreaks::Flatten), kPreview) << "\n\n";
    }
    context.out << countText(static_cast<std::int64_t>(chunks->size()), "chunk") << "\n";
    return ExitStatus::Done;
}

}  // namespace app
