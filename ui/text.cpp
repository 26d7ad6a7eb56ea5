// Words and units of the interface.
#include "ui/text.h"

#include <QCoreApplication>
#include <QDateTime>
#include <QLocale>
#include <cmath>

namespace ui::text {

namespace {

QString tr(const char* source) { return QCoreApplication::translate("ui::text", source); }

/// Three significant digits, no exponent.
QString threeDigits(double value) {
    const double size = std::abs(value);
    return decimal(value, size >= 100 ? 0 : size >= 10 ? 1 : 2);
}

}  // namespace

QString fromUtf8(std::string_view utf8) { return QString::fromUtf8(utf8.data(), static_cast<qsizetype>(utf8.size())); }

std::string toUtf8(const QString& text) { return text.toStdString(); }

QString count(std::int64_t value) { return QLocale().toString(static_cast<qlonglong>(value)); }

QString decimal(double value, int decimals) { return QLocale().toString(value, 'f', decimals); }

QString bytes(std::uint64_t value) {
    if (value < 1024)
        return value == 1 ? tr("1 byte") : tr("%1 bytes").arg(count(static_cast<std::int64_t>(value)));
    static constexpr const char* units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double scaled = static_cast<double>(value) / 1024;
    int unit = 0;
    while (scaled >= 1023.5 && unit < 5) {
        scaled /= 1024;
        ++unit;
    }
    return threeDigits(scaled) + QChar(0x00A0) + QLatin1String(units[unit]);
}

QString milliseconds(double ms) {
    if (std::abs(ms) < 999.5)
        return threeDigits(ms) + QChar(0x00A0) + QStringLiteral("ms");
    return threeDigits(ms / 1000) + QChar(0x00A0) + QStringLiteral("s");
}

QString percent(double share) {
    const double value = share * 100;
    const bool whole = std::abs(value - std::round(value)) < 0.05 || std::abs(value) >= 99.95;
    return decimal(value, whole ? 0 : 1) + QChar(0x00A0) + QLatin1Char('%');
}

QString duration(double seconds) {
    const auto whole = static_cast<qint64>(std::ceil(seconds));
    if (whole < 60)
        return tr("%1 s").arg(whole);
    if (whole < 3600)
        return tr("%1 min %2 s").arg(whole / 60).arg(whole % 60);
    return tr("%1 h %2 min").arg(whole / 3600).arg(whole % 3600 / 60);
}

QString moment(std::int64_t msSinceEpoch) {
    const QDateTime then = QDateTime::fromMSecsSinceEpoch(msSinceEpoch);
    const QDate today = QDate::currentDate();
    if (then.date() == today)
        return QLocale().toString(then, QStringLiteral("HH:mm"));
    return QLocale().toString(
        then, then.date().year() == today.year() ? QStringLiteral("d MMM HH:mm") : QStringLiteral("d MMM yyyy"));
}

QString pages(int first, int last) {
    if (first <= 0)
        return {};
    return first == last || last <= 0 ? tr("p. %1").arg(first) : tr("p. %1–%2").arg(first).arg(last);
}

QString fileName(const QString& path) { return path.section(QLatin1Char('/'), -1); }

QString place(const engine::PlanSegment& segment) {
    if (segment.kind == engine::SegmentKind::Head)
        return tr("Prompt head");
    QString name = fileName(fromUtf8(segment.path));
    if (name.isEmpty())
        name = fromUtf8(segment.document);
    const QString range = pages(segment.firstPage, segment.lastPage);
    if (!range.isEmpty())
        return name + QStringLiteral(", ") + range;
    // Without pages the section tells where: the header is "title › section".
    const QString section = fromUtf8(segment.header).section(QStringLiteral(" › "), 1);
    return section.isEmpty() ? name : name + QStringLiteral(" › ") + section;
}

QString strategyName(engine::Strategy strategy) {
    switch (strategy) {
        case engine::Strategy::Full:
            return tr("Full prefill");
        case engine::Strategy::Prefix:
            return tr("Prefix cache");
        case engine::Strategy::Reuse:
            return tr("Full reuse");
        case engine::Strategy::CacheBlend:
            return tr("CacheBlend");
        case engine::Strategy::First:
            return tr("First tokens");
        case engine::Strategy::Query:
            return tr("Query attention");
        case engine::Strategy::QueryValue:
            return tr("Query × value");
    }
    return {};
}

QString strategyHint(engine::Strategy strategy) {
    switch (strategy) {
        case engine::Strategy::Full:
            return tr("Computes every token: the reference that the others are compared with.");
        case engine::Strategy::Prefix:
            return tr("Reuses only what stands exactly at the prompt's beginning.");
        case engine::Strategy::Reuse:
            return tr("Computes the question alone; every cached token is used as it is.");
        case engine::Strategy::CacheBlend:
            return tr("Computes again the tokens whose KV deviates most at the check layer.");
        case engine::Strategy::First:
            return tr("Computes again the first tokens of each chunk.");
        case engine::Strategy::Query:
            return tr("Computes again the tokens that the question attends to most.");
        case engine::Strategy::QueryValue:
            return tr("Computes again the tokens with the greatest attention × value for this question.");
    }
    return {};
}

QString stopReason(engine::StopReason reason) {
    switch (reason) {
        case engine::StopReason::EndOfText:
            return tr("the model ended its answer");
        case engine::StopReason::Length:
            return tr("the length limit was reached");
        case engine::StopReason::Cancelled:
            return tr("stopped by you");
    }
    return {};
}

QString kvSource(engine::KvSource source) {
    switch (source) {
        case engine::KvSource::Store:
            return tr("cached");
        case engine::KvSource::Miss:
            return tr("not cached");
        case engine::KvSource::Damaged:
            return tr("damaged, set aside");
        case engine::KvSource::Ram:
            return tr("cached, in memory");
        case engine::KvSource::Slow:
            return tr("computed: loading takes longer");
    }
    return {};
}

QString kvDtype(engine::KvDtype dtype) {
    switch (dtype) {
        case engine::KvDtype::F32:
            return tr("32-bit float");
        case engine::KvDtype::F16:
            return tr("16-bit float");
        case engine::KvDtype::Bf16:
            return tr("bfloat16");
        case engine::KvDtype::Int8:
            return tr("8-bit integer");
    }
    return {};
}

QString fileState(const engine::FileInfo& file) {
    switch (file.source.state) {
        case storage::SourceState::Indexed:
            return file.chunks > 0 && file.chunksWithKv >= file.chunks ? tr("Ready") : tr("Indexed");
        case storage::SourceState::Skipped:
            return tr("Skipped");
        case storage::SourceState::Failed:
            return tr("Failed");
    }
    return {};
}

QString ingestState(engine::IngestState state) {
    switch (state) {
        case engine::IngestState::Indexed:
            return tr("indexed");
        case engine::IngestState::Unchanged:
            return tr("unchanged");
        case engine::IngestState::Skipped:
            return tr("skipped");
        case engine::IngestState::Failed:
            return tr("failed");
    }
    return {};
}

QString storeGroup(engine::StoreGroup group) {
    switch (group) {
        case engine::StoreGroup::Collection:
            return tr("Collections");
        case engine::StoreGroup::Document:
            return tr("Documents");
        case engine::StoreGroup::Fingerprint:
            return tr("Models");
    }
    return {};
}

QString forecast(const engine::PrecomputeForecast& forecast) {
    const QString size =
        tr("%1 passages, %2 tokens, %3 on disk").arg(count(forecast.chunks), count(forecast.tokens), bytes(forecast.bytes));
    return forecast.ms > 0 ? tr("%1, about %2").arg(size, duration(forecast.ms / 1000)) : size;
}

QString sentence(const engine::Status& status) {
    QString message = fromUtf8(status.message());
    if (!message.isEmpty())
        message[0] = message[0].toUpper();
    return message;
}

qsizetype utf16Index(const QString& text, std::int64_t codePoint) {
    qsizetype index = 0;
    for (std::int64_t passed = 0; passed < codePoint && index < text.size(); ++passed)
        index += text[index].isHighSurrogate() && index + 1 < text.size() ? 2 : 1;
    return index;
}

}  // namespace ui::text
