// Position, token, score, fate.
#include "ui/inspector/neighbour_model.h"

#include "ui/inspector/prompt_text.h"
#include "ui/inspector/trace_words.h"
#include "ui/widgets/legend.h"

namespace ui {

NeighbourModel::NeighbourModel(QObject* parent)
    : RecordTable({{tr("Position"), [](const TokenNeighbour& token) { return token.position; }, Align::Right},
                   {tr("Token"),
                    [this](const TokenNeighbour& token) {
                        return visiblePiece(m_trace->pieces[static_cast<std::size_t>(token.position)]);
                    }},
                   {tr("Score"),
                    [](const TokenNeighbour& token) {
                        return token.score ? shortNumber(static_cast<double>(*token.score)) : QStringLiteral("–");
                    },
                    Align::Right},
                   {tr("Fate"), [](const TokenNeighbour& token) { return fateText(token.fate); }}},
                  parent) {}

void NeighbourModel::show(std::shared_ptr<const engine::BlendTrace> trace, std::vector<TokenNeighbour> neighbours) {
    m_trace = std::move(trace);
    setRecords(std::move(neighbours));
}

}  // namespace ui
