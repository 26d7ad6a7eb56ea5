// Name, A, B, B − A with its sign, unit.
#include "ui/compare/figures_model.h"

#include <QLocale>

namespace ui {

namespace {

using namespace Qt::StringLiterals;

QString number(double value, int decimals) { return QLocale().toString(value, 'f', decimals).replace(u'-', u'−'); }

QString difference(const FigureRow& row) {
    const double by = row.b - row.a;
    const QString text = number(by, row.decimals);
    const QString nothing = number(0, row.decimals);
    return row.a == row.b                              ? u"0"_s
           : text == nothing || text == u'−' + nothing ? nothing
           : by > 0                                    ? QString(u'+' + text)
                                                       : text;
}

}  // namespace

FiguresModel::FiguresModel(QObject* parent)
    : RecordTable(
          {{tr("Figure"), [](const FigureRow& row) { return row.name; }},
           {tr("A"), [](const FigureRow& row) { return row.known ? number(row.a, row.decimals) : u"–"_s; }, Align::Right},
           {tr("B"), [](const FigureRow& row) { return row.known ? number(row.b, row.decimals) : u"–"_s; }, Align::Right},
           {tr("B − A"), [](const FigureRow& row) { return row.known ? difference(row) : u"–"_s; }, Align::Right},
           {tr("Unit"), [](const FigureRow& row) { return row.unit; }}},
          parent) {}

}  // namespace ui
