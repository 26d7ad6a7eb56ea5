// One list for the timeline, the comparison and their words.
#include "ui/inspector/stages.h"

#include <QCoreApplication>
#include <QLocale>

namespace ui {

namespace {

QString translated(const char* text) { return QCoreApplication::translate("ui::Stages", text); }

}  // namespace

std::vector<Stage> stagesOf(const engine::Timings& ms) {
    return {{translated("retrieve"), ms.retrieve, Role::FaintInk},
            {translated("tokenize"), ms.tokenize, Role::Reused},
            {translated("plan"), ms.plan, Role::FaintInk},
            {translated("load (waiting)"), ms.load, Role::Load},
            {translated("rotate"), ms.rotate, Role::Good},
            {translated("question pass"), ms.questionPass, Role::Fresh},
            {translated("layers before check"), ms.layersBeforeCheck, Role::Compute},
            {translated("check"), ms.check, Role::Warn},
            {translated("recompute"), ms.recompute, Role::Recomputed},
            {translated("first token"), ms.firstToken, Role::Accent}};
}

QString millisecondsText(double ms) {
    return translated("%1 ms").arg(QLocale().toString(ms, 'f', ms >= 100 ? 0 : ms >= 10 ? 1 : 2));
}

}  // namespace ui
