// `doctor`: what this machine, the model and the workspace are like.
#include <ostream>

#include "app/answer_text.h"
#include "app/commands/commands.h"
#include "app/names.h"
#include "app/terminal_text.h"
#include "app/units.h"

namespace app {

namespace {

std::string featuresText(const engine::MachineReport& machine) {
    std::string present, absent;
    for (const auto& [name, there] : machine.features) {
        std::string& list = there ? present : absent;
        list += (list.empty() ? "" : ", ") + name;
    }
    return (present.empty() ? "none of those asked about" : present) + (absent.empty() ? "" : "; not " + absent);
}

std::string modelText(const engine::MemoryEstimate& estimate) {
    return printable(estimate.model.name, LineBreaks::Flatten) + " (" + estimate.model.quantisation + "); a query of " +
           countText(estimate.contextTokens) + " tokens " +
           (estimate.fits() ? "fits" : "does NOT fit the available memory") +
           (estimate.notice.empty() ? "" : "; " + printable(estimate.notice, LineBreaks::Flatten)) +
           (estimate.model.canBlend ? "" : "; cannot be blended: " + printable(estimate.model.whyNot, LineBreaks::Flatten));
}

std::string workspaceText(const engine::WorkspaceReport& workspace) {
    std::string text = printable(workspace.path, LineBreaks::Flatten) + ": " + std::string(nameOf(workspace.state));
    if (!workspace.message.empty())
        text += ": " + printable(workspace.message, LineBreaks::Flatten);
    if (workspace.store)
        text += ", " + countText(workspace.store->records, "record") + ", " + bytesText(workspace.store->diskBytes) + ", " +
                countText(workspace.store->quarantined) + " damaged so far";
    return text + ", " + bytesText(workspace.freeDiskBytes) + " free on the disk";
}

}  // namespace

ExitStatus runDoctor(const engine::DoctorReport& report, CommandContext& context) {
    if (context.json()) {
        context.out << doctorJson(report);
        return ExitStatus::Done;
    }
    const engine::MachineReport& machine = report.machine;
    std::ostream& out = context.out;
    out << "processor   " << (machine.cpu.empty() ? "unknown" : printable(machine.cpu, LineBreaks::Flatten)) << ", "
        << machine.cores << (machine.cores == 1 ? " core\n" : " cores\n") << "features    " << featuresText(machine) << '\n'
        << "memory      " << bytesText(machine.memoryBytes);
    if (machine.memoryAvailableBytes > 0)
        out << ", " << bytesText(machine.memoryAvailableBytes) << " available";
    out << "\nback end    " << report.backend << ", " << report.precision;
    if (!report.backendMessage.empty())
        out << " (" << printable(report.backendMessage, LineBreaks::Flatten) << ')';
    out << "\nGPU         " << (report.gpu.available ? "available" : "none") << ": "
        << printable(report.gpu.message, LineBreaks::Flatten) << '\n'
        << "model       " << (report.model ? modelText(*report.model) : printable(report.modelMessage, LineBreaks::Flatten))
        << '\n';
    if (report.model)
        for (const engine::DeviceMemory& device : report.model->devices)
            out << "            " << memoryText(device) << '\n';
    out << "workspace   " << workspaceText(report.workspace) << '\n'
        << "documents   "
        << (report.documentWorker.empty() ? "no worker: " + printable(report.documentWorkerMessage, LineBreaks::Flatten)
                                          : printable(report.documentWorker, LineBreaks::Flatten))
        << '\n';
    for (const auto& [what, version] : report.versions)
        out << "version     " << what << ' ' << version << '\n';
    return ExitStatus::Done;
}

}  // namespace app
