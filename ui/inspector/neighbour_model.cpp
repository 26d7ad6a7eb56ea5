// Position, token, score, fate.
#include "ui/inspector/neighbour_model.h"

#include "ui/inspector/prompt_text.h"
#include "ui/inspector/trace_words.h"
#include "ui/widgets/legend.h"

namespace ui {

namespace {

enum Column { kPosition, kToken, kScore, kFate, kColumns };

}  // namespace

void NeighbourModel::show(std::shared_ptr<const engine::BlendTrace> trace, std::vector<TokenNeighbour> neighbours) {
    beginResetModel();
    m_trace = std::move(trace);
    m_neighbours = std::move(neighbours);
    endResetModel();
}

int NeighbourModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_neighbours.size());
}

int NeighbourModel::columnCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : kColumns; }

QVariant NeighbourModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid()) {
        return {};
    }
    if (role == Qt::TextAlignmentRole) {
        const bool figure = index.column() == kPosition || index.column() == kScore;
        return QVariant::fromValue(Qt::Alignment(Qt::AlignVCenter | (figure ? Qt::AlignRight : Qt::AlignLeft)));
    }
    if (role != Qt::DisplayRole) {
        return {};
    }
    const TokenNeighbour& neighbour = m_neighbours[static_cast<std::size_t>(index.row())];
    switch (index.column()) {
        case kPosition:
            return neighbour.position;
        case kToken:
            return visiblePiece(m_trace->pieces[static_cast<std::size_t>(neighbour.position)]);
        case kScore:
            return neighbour.score ? shortNumber(static_cast<double>(*neighbour.score)) : QStringLiteral("–");
        default:
            return fateText(neighbour.fate);
    }
}

QVariant NeighbourModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal) {
        return {};
    }
    if (role == Qt::TextAlignmentRole) {
        const bool figure = section == kPosition || section == kScore;
        return QVariant::fromValue(Qt::Alignment(Qt::AlignVCenter | (figure ? Qt::AlignRight : Qt::AlignLeft)));
    }
    if (role != Qt::DisplayRole) {
        return {};
    }
    switch (section) {
        case kPosition:
            return tr("Position");
        case kToken:
            return tr("Token");
        case kScore:
            return tr("Score");
        case kFate:
            return tr("Fate");
        default:
            return {};
    }
}

}  // namespace ui
