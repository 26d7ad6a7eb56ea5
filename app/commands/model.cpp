// `model`: the embedded model and local ones.
#include <algorithm>
#include <ostream>

#include "app/commands/commands.h"
#include "app/startup.h"
#include "app/terminal_text.h"
#include "app/units.h"

namespace app {

namespace {

std::string infoText(const engine::ModelInfo& info) {
    const auto line = [](std::string_view label, const std::string& value) {
        return std::string(label) + std::string(16 - label.size(), ' ') + printable(value, LineBreaks::Flatten) + "\n";
    };
    return line("name", info.name) + line("file", info.path) + line("architecture", info.architecture) +
           line("quantisation", info.quantisation) +
           line("parameters", countText(info.parameters) + ", " + bytesText(info.weightBytes)) +
           line("layers", std::to_string(info.layers) + " of " + std::to_string(info.hidden) + ", " +
                              std::to_string(info.heads) + " heads, " + std::to_string(info.kvHeads) + " for KV, of " +
                              std::to_string(info.headDim)) +
           line("vocabulary", countText(info.vocabulary) + ", " + info.tokenizer) + line("RoPE", info.rope) +
           line("chat template", info.chatTemplate) + line("context", countText(info.contextLength) + " tokens") +
           line("KV", bytesText(info.kvBytesPerToken) + " per token") +
           line("can be blended", info.canBlend ? "yes" : "no: " + info.whyNot);
}

ExitStatus info(const ModelCommand& command, const CommonOptions& common, const Environment& environment,
                const EngineDoor& door, CommandContext& context) {
    const auto path = modelPath(command.path.empty() ? common.model : command.path, environment);
    if (!path)
        return reportOpenFailure(context, "model", path.status());
    const auto info = door.inspectModel(*path, common.kvDtype);
    if (!info)
        return reportOpenFailure(context, "model " + *path, info.status());
    context.out << (context.json() ? modelInfoJson(*info) : infoText(*info));
    return ExitStatus::Done;
}

ExitStatus list(const CommonOptions& common, const Environment& environment, const EngineDoor& door,
                CommandContext& context) {
    const auto folder = modelsFolder(environment);
    if (!folder)
        return reportFailure(context, "models folder", folder.status());
    const auto paths = localModels(environment);
    if (!paths)
        return reportFailure(context, "models folder", paths.status());
    const auto standard = modelPath(common.model, environment);
    std::vector<LocalModel> models;
    for (const std::string& path : *paths) {
        const bool embedded = path == *folder + "/" + std::string(kEmbeddedModel);
        models.push_back({path, embedded, standard && *standard == path, door.inspectModel(path, common.kvDtype)});
    }
    std::stable_partition(models.begin(), models.end(), [](const LocalModel& model) { return model.embedded; });
    if (context.json()) {
        context.out << modelListJson(*folder, models);
        return ExitStatus::Done;
    }
    TextTable table(
        {{"quantisation", Align::Left}, {"size", Align::Right}, {"KV/token", Align::Right}, {"model", Align::Left}});
    for (const LocalModel& model : models) {
        const std::string marks = std::string(model.embedded ? " (embedded)" : "") + (model.isDefault ? " (default)" : "");
        if (model.info)
            table.addRow(
                {model.info->quantisation, bytesText(model.info->weightBytes), bytesText(model.info->kvBytesPerToken),
                 printable(model.path, LineBreaks::Flatten) + marks +
                     (model.info->canBlend ? ""
                                           : ": cannot be blended: " + printable(model.info->whyNot, LineBreaks::Flatten))});
        else
            table.addRow({"", "", "",
                          printable(model.path, LineBreaks::Flatten) + marks +
                              ": refused: " + printable(model.info.status().message(), LineBreaks::Flatten)});
    }
    context.out << table.text();
    if (std::none_of(models.begin(), models.end(), [](const LocalModel& model) { return model.embedded; }))
        say(context, "the embedded model is not there; `cacheblend model fetch` brings it to " + *folder);
    return ExitStatus::Done;
}

ExitStatus fetch(CommandContext& context) {
    const auto script = findFetchScript();
    if (!script)
        return reportFailure(context, "model fetch", script.status());
    const auto status = runFetchScript(*script, context.stop);
    if (!status)
        return reportFailure(context, "model fetch", status.status());
    if (*status != 0)
        return reportFailure(
            context, "model fetch",
            engine::Status(engine::StatusCode::IoError,
                           *script + " ended with status " + std::to_string(*status) + "; its messages stand above"));
    return ExitStatus::Done;
}

}  // namespace

ExitStatus runModel(const ModelCommand& command, const CommonOptions& common, const Environment& environment,
                    const EngineDoor& door, CommandContext& context) {
    switch (command.action) {
        case ModelAction::List:
            return list(common, environment, door, context);
        case ModelAction::Info:
            return info(command, common, environment, door, context);
        case ModelAction::Fetch:
            return fetch(context);
    }
    return ExitStatus::Failed;
}

}  // namespace app
