// The tokens around one token, as a table.
#pragma once

#include <memory>

#include "ui/inspector/token_facts.h"
#include "ui/widgets/record_table.h"

namespace ui {

class NeighbourModel : public RecordTable<TokenNeighbour> {
    Q_OBJECT
public:
    explicit NeighbourModel(QObject* parent = nullptr);

    void show(std::shared_ptr<const engine::BlendTrace> trace, std::vector<TokenNeighbour> neighbours);
    /// Prompt position of a row.
    int position(int row) const { return record(row).position; }

private:
    std::shared_ptr<const engine::BlendTrace> m_trace;
};

}  // namespace ui
