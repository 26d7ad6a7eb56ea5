// Name, A, B, B − A with its sign, unit.
#include "ui/compare/figures_model.h"

#include <QLocale>
#include <cmath>

namespace ui {

namespace {

using namespace Qt::StringLiterals;

enum Column { kName, kA, kB, kDifference, kUnit, kColumns };

QString number(double value, int decimals) { return QLocale().toString(value, 'f', decimals).replace(u'-', u'−'); }

bool isFigure(int column) { return column == kA || column == kB || column == kDifference; }

QVariant alignmentOf(int column) {
    return QVariant::fromValue(Qt::Alignment(Qt::AlignVCenter | (isFigure(column) ? Qt::AlignRight : Qt::AlignLeft)));
}

}  // namespace

void FiguresModel::show(std::vector<FigureRow> rows) {
    beginResetModel();
    m_rows = std::move(rows);
    endResetModel();
}

int FiguresModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_rows.size());
}

int FiguresModel::columnCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : kColumns; }

QVariant FiguresModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid()) {
        return {};
    }
    if (role == Qt::TextAlignmentRole) {
        return alignmentOf(index.column());
    }
    if (role != Qt::DisplayRole) {
        return {};
    }
    const FigureRow& row = m_rows[static_cast<std::size_t>(index.row())];
    if (!row.known && isFigure(index.column())) {
        return u"–"_s;
    }
    switch (index.column()) {
        case kName:
            return row.name;
        case kA:
            return number(row.a, row.decimals);
        case kB:
            return number(row.b, row.decimals);
        case kDifference: {
            const double difference = row.b - row.a;
            const QString text = number(difference, row.decimals);
            const QString nothing = number(0, row.decimals);
            return row.a == row.b                              ? u"0"_s
                   : text == nothing || text == u'−' + nothing ? nothing
                   : difference > 0                            ? u'+' + text
                                                               : text;
        }
        default:
            return row.unit;
    }
}

QVariant FiguresModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal) {
        return {};
    }
    if (role == Qt::TextAlignmentRole) {
        return alignmentOf(section);
    }
    if (role != Qt::DisplayRole) {
        return {};
    }
    switch (section) {
        case kName:
            return tr("Figure");
        case kA:
            return tr("A");
        case kB:
            return tr("B");
        case kDifference:
            return tr("B − A");
        case kUnit:
            return tr("Unit");
        default:
            return {};
    }
}

}  // namespace ui
