// What the store holds, by collection, document or model.
#include "ui/store/usage_model.h"

#include <QCoreApplication>
#include <QJsonDocument>
#include <QJsonObject>
#include <algorithm>

#include "ui/text.h"

namespace ui {

namespace {

using namespace Qt::StringLiterals;

QString tr(const char* source) { return QCoreApplication::translate("ui::UsageModel", source); }

QJsonObject fields(const std::string& json) { return QJsonDocument::fromJson(QByteArray::fromStdString(json)).object(); }

QString shown(const QJsonValue& value) {
    const QString text = value.isString()
                             ? value.toString()
                             : QString::fromUtf8(QJsonDocument(QJsonObject{{u"v"_s, value}}).toJson(QJsonDocument::Compact))
                                   .section(u':', 1)
                                   .chopped(1);
    return text.size() > 24 ? text.left(12) + u'…' : text;
}

}  // namespace

QString fingerprintDifference(const std::string& fieldsJson, const std::string& currentJson) {
    const QJsonObject here = fields(fieldsJson);
    const QJsonObject current = fields(currentJson);
    QStringList differences;
    for (auto field = here.begin(); field != here.end(); ++field) {
        if (current.contains(field.key()) && current.value(field.key()) != field.value())
            differences << tr("%1 is %2, now %3")
                               .arg(QString(field.key()).replace(u'_', u' '), shown(field.value()),
                                    shown(current.value(field.key())));
    }
    return differences.join(u"; "_s);
}

int UsageModel::rowCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : static_cast<int>(m_usage.size()); }

int UsageModel::columnCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : ColumnCount; }

QString UsageModel::name(const engine::StoreUsage& usage) const {
    if (usage.group != engine::StoreGroup::Fingerprint)
        return text::fromUtf8(usage.name);
    const QJsonObject object = fields(usage.fingerprintJson);
    const QString model = object.value(u"model"_s).toString(object.value(u"name"_s).toString());
    return model.isEmpty() ? text::fromUtf8(usage.name).left(12) : model + u" · "_s + text::fromUtf8(usage.name).left(8);
}

QString UsageModel::note(const engine::StoreUsage& usage) const {
    if (usage.group != engine::StoreGroup::Fingerprint)
        return {};
    if (usage.current)
        return tr("applies to the opened model");
    const auto current = std::find_if(m_usage.begin(), m_usage.end(), [](const auto& other) { return other.current; });
    const QString why =
        current == m_usage.end() ? QString() : fingerprintDifference(usage.fingerprintJson, current->fingerprintJson);
    return why.isEmpty() ? tr("of another model: not used") : tr("not used: %1").arg(why);
}

QVariant UsageModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid())
        return {};
    const engine::StoreUsage& usage = m_usage[static_cast<std::size_t>(index.row())];
    const bool figures = index.column() >= Bytes && index.column() <= Pinned;
    if (role == Qt::TextAlignmentRole)
        return QVariant((figures ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
    if (role == kShareRole)
        return index.column() == Bytes ? QVariant(static_cast<double>(usage.bytes) / static_cast<double>(m_greatest))
                                       : QVariant();
    if (role == Qt::ToolTipRole)
        return index.column() == Note && !note(usage).isEmpty() ? note(usage) : name(usage);
    if (role != Qt::DisplayRole && role != kSortRole)
        return {};
    const bool sorting = role == kSortRole;
    switch (index.column()) {
        case Name:
            return name(usage);
        case Bytes:
            return sorting ? QVariant(static_cast<qulonglong>(usage.bytes)) : QVariant(text::bytes(usage.bytes));
        case Records:
            return sorting ? QVariant(static_cast<qlonglong>(usage.records)) : QVariant(text::count(usage.records));
        case Tokens:
            return sorting ? QVariant(static_cast<qlonglong>(usage.tokens)) : QVariant(text::count(usage.tokens));
        case Pinned:
            return sorting ? QVariant(static_cast<qlonglong>(usage.pinned))
                           : QVariant(usage.pinned > 0 ? text::count(usage.pinned) : QString());
        case Note:
            return note(usage);
        default:
            return {};
    }
}

QVariant UsageModel::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal)
        return {};
    if (role == Qt::TextAlignmentRole)
        return QVariant((section >= Bytes && section <= Pinned ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
    if (role != Qt::DisplayRole)
        return {};
    const bool models = !m_usage.empty() && m_usage.front().group == engine::StoreGroup::Fingerprint;
    switch (section) {
        case Name:
            return m_usage.empty()                                           ? tr("Name")
                   : m_usage.front().group == engine::StoreGroup::Collection ? tr("Collection")
                   : models                                                  ? tr("Model")
                                                                             : tr("Document");
        case Bytes:
            return tr("On disk");
        case Records:
            return tr("Passages");
        case Tokens:
            return tr("Tokens");
        case Pinned:
            return tr("Pinned");
        case Note:
            return models ? tr("Use") : QString();
        default:
            return {};
    }
}

void UsageModel::setUsage(std::vector<engine::StoreUsage> usage) {
    beginResetModel();
    m_usage = std::move(usage);
    m_greatest = 1;
    for (const engine::StoreUsage& entry : m_usage)
        m_greatest = std::max(m_greatest, entry.bytes);
    endResetModel();
}

}  // namespace ui
