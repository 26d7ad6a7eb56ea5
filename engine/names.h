// The names of the engine's values: one spelling for options, JSON, history and fingerprints.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/types.h"

namespace engine {

std::string_view nameOf(Strategy value);
std::string_view nameOf(DeviationMetric value);
std::string_view nameOf(Anchor value);
std::string_view nameOf(MaskKind value);
std::string_view nameOf(BackendKind value);
std::string_view nameOf(Precision value);
std::string_view nameOf(KvDtype value);
std::string_view nameOf(KvSource value);
std::string_view nameOf(StopReason value);
std::string_view nameOf(IngestState value);

/// Every value of an enum, in the order in which help and tables show them.
template <class Enum>
std::vector<Enum> allOf();
template <>
std::vector<Strategy> allOf();
template <>
std::vector<DeviationMetric> allOf();
template <>
std::vector<Anchor> allOf();
template <>
std::vector<MaskKind> allOf();
template <>
std::vector<BackendKind> allOf();
template <>
std::vector<Precision> allOf();
template <>
std::vector<KvDtype> allOf();

/// The value of that name; empty when there is none.
template <class Enum>
std::optional<Enum> valueOf(std::string_view name) {
    for (const Enum value : allOf<Enum>())
        if (nameOf(value) == name)
            return value;
    return std::nullopt;
}

/// The names that valueOf() takes.
template <class Enum>
std::vector<std::string> namesOf() {
    std::vector<std::string> names;
    for (const Enum value : allOf<Enum>())
        names.emplace_back(nameOf(value));
    return names;
}

}  // namespace engine
