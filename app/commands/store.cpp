// `store`: looking after the KV store.
#include <ostream>

#include "app/commands/commands.h"
#include "app/names.h"
#include "app/progress_bar.h"
#include "app/terminal_text.h"
#include "app/units.h"

namespace app {

namespace {

std::string statsText(const engine::KvStoreStats& stats) {
    std::string text = countText(stats.records, "record") + " in " + countText(stats.segments, "segment") + "\n" +
                       bytesText(stats.diskBytes) + " on disk: " + bytesText(stats.liveBytes) + " in use, " +
                       bytesText(stats.garbageBytes) + " to be reclaimed" +
                       (stats.capBytes > 0 ? ", cap " + bytesText(stats.capBytes) : "") + "\n" +
                       countText(stats.quarantined, "damaged record") + " found so far\n";
    for (const storage::KvFingerprintStats& entry : stats.fingerprints)
        text += "model " + entry.fingerprint.id.hex().substr(0, 12) + ": " + countText(entry.records, "record") + ", " +
                countText(entry.tokens, "token") + ", " + bytesText(entry.liveBytes) + " as " +
                std::string(nameOf(entry.fingerprint.spec.dtype)) + ", " + countText(entry.pinned) + " pinned\n";
    return text;
}

ExitStatus stats(engine::Engine& engine, CommandContext& context) {
    const auto stats = engine.storeStats();
    if (!stats)
        return reportFailure(context, "store stats", stats.status());
    context.out << (context.json() ? storeStatsJson(*stats) : statsText(*stats));
    return ExitStatus::Done;
}

ExitStatus verify(engine::Engine& engine, const StoreCommand& command, CommandContext& context) {
    ProgressBar progress(context);
    const auto report = engine.storeVerify(command.part, command.modulus, progress, context.stop);
    progress.clear();
    if (!report)
        return reportFailure(context, "store verify", report.status());
    const bool cancelled = context.stop.stop_requested();
    engine::Result<std::vector<std::string>> library = std::vector<std::string>();
    if (!cancelled && command.part == 0)  // of several parts one looks at the library
        library = engine.verifyLibrary();
    if (!library)
        return reportFailure(context, "store verify", library.status());
    if (context.json()) {
        context.out << storeVerifyJson(*report, *library, cancelled);
    } else {
        context.out << countText(report->checked, "record") << " checked (" << bytesText(report->checkedBytes) << "), "
                    << countText(static_cast<std::int64_t>(report->damaged.size())) << " damaged\n";
        for (const storage::KvDamage& damage : report->damaged)
            context.out << "taken out: " << damage.key.hex() << ": " << damage.reason << '\n';
        if (!report->damaged.empty())
            context.out << "what was taken out is computed again when a question or `precompute` needs it\n";
        for (const std::string& damage : *library)
            context.out << "library: " << printable(damage, LineBreaks::Flatten) << '\n';
    }
    if (!library->empty())
        return reportFailure(
            context, "store verify",
            engine::Status(engine::StatusCode::Damaged, countText(static_cast<std::int64_t>(library->size())) +
                                                            " entries of the library are damaged (they stand above); import "
                                                            "the files again, or restore workspace.db from a copy"));
    return finished(context, cancelled);
}

ExitStatus evict(engine::Engine& engine, const StoreCommand& command, CommandContext& context) {
    const auto before = engine.storeStats();
    if (!before)
        return reportFailure(context, "store evict", before.status());
    const auto evicted = engine.storeEvict(command.toBytes, context.stop);
    if (!evicted)
        return reportFailure(context, "store evict", evicted.status());
    const auto after = engine.storeStats();
    if (!after)
        return reportFailure(context, "store evict", after.status());
    const std::uint64_t freed = before->diskBytes > after->diskBytes ? before->diskBytes - after->diskBytes : 0;
    if (context.json())
        context.out << storeEvictJson(freed, *after);
    else
        context.out << bytesText(freed) << " freed; " << countText(after->records, "record") << " and "
                    << bytesText(after->diskBytes) << " on disk left\n";
    const bool cancelled = context.stop.stop_requested();
    if (!cancelled && after->diskBytes > command.toBytes)
        say(context, "pinned records are not evicted; `cacheblend store unpin` allows it");
    return finished(context, cancelled);
}

ExitStatus compact(engine::Engine& engine, CommandContext& context) {
    ProgressBar progress(context);
    const auto report = engine.storeCompact(progress, context.stop);
    progress.clear();
    if (!report)
        return reportFailure(context, "store compact", report.status());
    if (context.json())
        context.out << storeCompactJson(*report);
    else
        context.out << bytesText(report->reclaimedBytes) << " reclaimed, " << countText(report->movedRecords, "record")
                    << " moved\n";
    return finished(context, context.stop.stop_requested());
}

ExitStatus rebuildIndex(engine::Engine& engine, CommandContext& context) {
    ProgressBar progress(context);
    const auto report = engine.storeRebuildIndex(progress, context.stop);
    progress.clear();
    if (!report)
        return reportFailure(context, "store rebuild-index", report.status());
    if (context.json())
        context.out << storeRebuildJson(*report);
    else
        context.out << countText(report->records, "record") << " found and verified, "
                    << countText(report->rejected, "damaged one") << " left out\n";
    return finished(context, context.stop.stop_requested());
}

ExitStatus pin(engine::Engine& engine, const StoreCommand& command, bool pinned, CommandContext& context) {
    const auto records = engine.storePin(command.collection, pinned);
    if (!records)
        return reportFailure(context,
                             std::string("store ") + (pinned ? "pin" : "unpin") + " of '" + command.collection + "'",
                             records.status());
    if (context.json())
        context.out << storePinJson(*records);
    else
        context.out << countText(*records, "record") << (pinned ? " pinned" : " unpinned") << '\n';
    return ExitStatus::Done;
}

}  // namespace

ExitStatus runStore(engine::Engine& engine, const StoreCommand& command, CommandContext& context) {
    switch (command.action) {
        case StoreAction::Stats:
            return stats(engine, context);
        case StoreAction::Verify:
            return verify(engine, command, context);
        case StoreAction::Evict:
            return evict(engine, command, context);
        case StoreAction::Compact:
            return compact(engine, context);
        case StoreAction::Pin:
            return pin(engine, command, true, context);
        case StoreAction::Unpin:
            return pin(engine, command, false, context);
        case StoreAction::RebuildIndex:
            return rebuildIndex(engine, context);
    }
    return ExitStatus::Failed;
}

}  // namespace app
