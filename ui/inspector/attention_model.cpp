// From, to, reuse, blend, full, blend − full; pairs a causal mask forbids are left out.
#include "ui/inspector/attention_model.h"

#include <cmath>

namespace ui {

namespace {

enum Column { kFrom, kTo, kReuse, kBlend, kFull, kDifference, kColumns };

struct Pair {
    int from, to;
};

/// Rows go through the lower triangle: (0,0), (1,0), (1,1), (2,0) …
Pair pairOf(int row) {
    const int from = static_cast<int>((std::sqrt(8.0 * row + 1) - 1) / 2);
    return {from, row - from * (from + 1) / 2};
}

}  // namespace

void AttentionModel::show(QStringList blocks, std::vector<float> reuse, std::vector<float> blend, std::vector<float> full) {
    beginResetModel();
    m_blocks = std::move(blocks);
    m_reuse = std::move(reuse);
    m_blend = std::move(blend);
    m_full = std::move(full);
    endResetModel();
}

int AttentionModel::rowCount(const QModelIndex& parent) const {
    const auto blocks = static_cast<int>(m_blocks.size());
    return parent.isValid() ? 0 : blocks * (blocks + 1) / 2;
}

int AttentionModel::columnCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : kColumns; }

QVariant AttentionModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid()) {
        return {};
    }
    if (role == Qt::TextAlignmentRole) {
        return QVariant::fromValue(
            Qt::Alignment(Qt::AlignVCenter | (index.column() <= kTo ? Qt::AlignLeft : Qt::AlignRight)));
    }
    if (role != Qt::DisplayRole) {
        return {};
    }
    const Pair pair = pairOf(index.row());
    const auto at = static_cast<std::size_t>(pair.from * m_blocks.size() + pair.to);
    const auto figure = [](float value) {
        return std::isnan(value) ? QStringLiteral("–") : QString::number(static_cast<double>(value), 'f', 4);
    };
    switch (index.column()) {
        case kFrom:
            return m_blocks[pair.from];
        case kTo:
            return m_blocks[pair.to];
        case kReuse:
            return figure(m_reuse[at]);
        case kBlend:
            return figure(m_blend[at]);
        case kFull:
            return figure(m_full[at]);
        default:
            return figure(m_blend[at] - m_full[at]);
    }
}

QVariant AttentionModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal) {
        return {};
    }
    if (role == Qt::TextAlignmentRole) {
        return QVariant::fromValue(Qt::Alignment(Qt::AlignVCenter | (section <= kTo ? Qt::AlignLeft : Qt::AlignRight)));
    }
    if (role != Qt::DisplayRole) {
        return {};
    }
    switch (section) {
        case kFrom:
            return tr("From");
        case kTo:
            return tr("To");
        case kReuse:
            return tr("Reuse");
        case kBlend:
            return tr("Blend");
        case kFull:
            return tr("Full");
        case kDifference:
            return tr("Blend − full");
        default:
            return {};
    }
}

}  // namespace ui
