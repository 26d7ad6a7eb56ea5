// Words and units of the interface, once: every number with its unit and every state with its word comes from here.
#pragma once

#include <QString>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/types.h"

namespace ui::text {

QString fromUtf8(std::string_view utf8);
std::string toUtf8(const QString& text);

/// "1,834".
QString count(std::int64_t value);
/// "34.2 MiB", "512 bytes".
QString bytes(std::uint64_t value);
/// "0.42 ms", "12.3 ms", "840 ms", "2.41 s".
QString milliseconds(double ms);
/// "15 %", "12.5 %", of a share.
QString percent(double share);
/// "42 s", "3 min 20 s", "1 h 5 min".
QString duration(double seconds);
/// `value` with `decimals` digits after the point.
QString decimal(double value, int decimals);
/// "14:05", "12 May 14:05", "12 May 2025".
QString moment(std::int64_t msSinceEpoch);
/// "p. 12", "p. 12–13"; empty for formats without pages.
QString pages(int first, int last);
/// The last part of a path.
QString fileName(const QString& path);
/// Where a segment of a prompt comes from: "policy.pdf, p. 12".
QString place(const engine::PlanSegment& segment);

QString strategyName(engine::Strategy strategy);
/// What the strategy computes again, in one sentence.
QString strategyHint(engine::Strategy strategy);
QString stopReason(engine::StopReason reason);
QString kvSource(engine::KvSource source);
QString kvDtype(engine::KvDtype dtype);
QString fileState(const engine::FileInfo& file);
QString ingestState(engine::IngestState state);
QString storeGroup(engine::StoreGroup group);
/// "12 passages, 3,100 tokens, 68.2 MiB on disk, about 20 s".
QString forecast(const engine::PrecomputeForecast& forecast);
QString sentence(const engine::Status& status);

/// UTF-16 index of a character position of the engine, which counts Unicode code points.
qsizetype utf16Index(const QString& text, std::int64_t codePoint);

}  // namespace ui::text
