// The exactness gate: the laws on real prompts with the session's model and back end.
#include "engine/laws/laws.h"
#include "engine/session/engine_impl.h"

namespace engine {
namespace {

/// Three short passages that differ in a fact each, so that what is computed again matters.
std::vector<GivenPrompt> builtInCases() {
    GivenPrompt prompt;
    prompt.chunks = {
        "Harbour guide › Opening hours\nThe north pier opens at six in the morning and closes at nine in the evening from "
        "April to "
        "October. In winter it closes at five. The ticket office stands beside the lighthouse and sells day passes "
        "only.\n\n",
        "Harbour guide › Ferries\nThe ferry to the island leaves every forty minutes and takes bicycles free of charge. The "
        "last boat "
        "back sails at half past eight. In a storm the crossing is cancelled and the bus over the dam runs instead.\n\n",
        "Harbour guide › Lost property\nThings found on the pier are kept for six weeks in the ticket office. Whoever lost "
        "a key asks "
        "the harbour master, whose number is 4417. Umbrellas are given to the sailing school at the end of the season.\n\n"};
    prompt.question = "Which number does the harbour master have?";
    return {prompt};
}

}  // namespace

Result<GateReport> EngineImpl::verifyExactness(const std::vector<GivenPrompt>& cases, JobObserver& observer,
                                               std::stop_token stop) {
    return computing([&]() -> Result<GateReport> {
        if (Status status = needTransformer(); !status.ok())
            return status;
        const std::vector<GivenPrompt> prompts = cases.empty() ? builtInCases() : cases;
        GateReport report;
        const auto total = static_cast<std::int64_t>(prompts.size() * Laws::all().size());
        for (std::size_t i = 0; i < prompts.size(); ++i) {
            if (prompts[i].chunks.size() < 2)
                return Status(StatusCode::InvalidArgument, "case " + std::to_string(i + 1) + " needs at least two chunks");
            Laws laws({*m_transformer, *m_blender, *m_planner, *m_store, m_spec, m_fingerprint}, prompts[i]);
            if (Status status = laws.prepare(); !status.ok())
                return status;
            for (const Laws::Named& law : Laws::all()) {
                if (stop.stop_requested())
                    return Status(StatusCode::Cancelled, "stopped while checking the laws");
                observer.progress("checking", static_cast<std::int64_t>(report.checks.size()), total, "laws");
                GateCheck check = (laws.*law.check)();
                if (prompts.size() > 1)
                    check.name += " (case " + std::to_string(i + 1) + ")";
                report.checks.push_back(std::move(check));
            }
        }
        observer.progress("checking", total, total, "laws");
        return report;
    });
}

}  // namespace engine
