// Damaged records, newest first, and what was done about each.
#pragma once

#include "engine/types.h"
#include "ui/widgets/record_table.h"

namespace ui {

class DamageModel : public RecordTable<engine::DamageEvent> {
    Q_OBJECT
public:
    enum Place { Found, Where, Reason, Action };

    explicit DamageModel(QObject* parent = nullptr);
};

}  // namespace ui
