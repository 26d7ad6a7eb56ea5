// The words of the command line that the engine has no names for.
#include "app/names.h"

namespace app {

std::string_view nameOf(storage::SourceState value) {
    switch (value) {
        case storage::SourceState::Indexed:
            return "indexed";
        case storage::SourceState::Skipped:
            return "skipped";
        case storage::SourceState::Failed:
            return "failed";
    }
    return "";
}

std::string_view nameOf(engine::WorkspaceState value) {
    switch (value) {
        case engine::WorkspaceState::Absent:
            return "absent";
        case engine::WorkspaceState::Usable:
            return "usable";
        case engine::WorkspaceState::Busy:
            return "busy";
        case engine::WorkspaceState::Unusable:
            return "unusable";
    }
    return "";
}

double stageSum(const engine::Timings& timings) {
    double sum = 0;
    for (const Stage& stage : kStages)
        sum += timings.*stage.ms;
    return sum;
}

}  // namespace app
