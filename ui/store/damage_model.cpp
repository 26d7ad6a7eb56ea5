// Damaged records and what was done about each.
#include "ui/store/damage_model.h"

#include "ui/text.h"

namespace ui {

DamageModel::DamageModel(QObject* parent)
    : RecordTable({{tr("Found"), [](const engine::DamageEvent& event) { return text::moment(event.foundAtMs); }},
                   {tr("Where"),
                    [](const engine::DamageEvent& event) {
                        return event.where.empty() ? tr("record %1").arg(text::fromUtf8(event.key.hex()).left(12))
                                                   : text::fromUtf8(event.where);
                    }},
                   {tr("What"), [](const engine::DamageEvent& event) { return text::fromUtf8(event.reason); }},
                   {tr("Done about it"), [](const engine::DamageEvent& event) { return text::fromUtf8(event.action); }}},
                  parent) {}

}  // namespace ui
