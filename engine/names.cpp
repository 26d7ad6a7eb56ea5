// The names of the engine's values.
#include "engine/names.h"

namespace engine {

std::string_view nameOf(Strategy value) {
    switch (value) {
        case Strategy::Full:
            return "full";
        case Strategy::Prefix:
            return "prefix";
        case Strategy::Reuse:
            return "reuse";
        case Strategy::CacheBlend:
            return "cacheblend";
        case Strategy::First:
            return "first";
        case Strategy::Query:
            return "query";
        case Strategy::QueryValue:
            return "query-value";
    }
    return "";
}

std::string_view nameOf(DeviationMetric value) {
    switch (value) {
        case DeviationMetric::K:
            return "k";
        case DeviationMetric::V:
            return "v";
        case DeviationMetric::Kv:
            return "kv";
    }
    return "";
}

std::string_view nameOf(Anchor value) {
    switch (value) {
        case Anchor::None:
            return "none";
        case Anchor::Bos:
            return "bos";
        case Anchor::Head:
            return "head";
    }
    return "";
}

std::string_view nameOf(MaskKind value) {
    switch (value) {
        case MaskKind::Exact:
            return "exact";
        case MaskKind::Published:
            return "published";
    }
    return "";
}

std::string_view nameOf(BackendKind value) {
    switch (value) {
        case BackendKind::Auto:
            return "auto";
        case BackendKind::Reference:
            return "reference";
        case BackendKind::Cpu:
            return "cpu";
        case BackendKind::Cuda:
            return "cuda";
    }
    return "";
}

std::string_view nameOf(Precision value) {
    switch (value) {
        case Precision::Auto:
            return "auto";
        case Precision::Bf16:
            return "bf16";
        case Precision::F32:
            return "f32";
    }
    return "";
}

std::string_view nameOf(KvDtype value) {
    switch (value) {
        case KvDtype::F16:
            return "f16";
        case KvDtype::Bf16:
            return "bf16";
        case KvDtype::F32:
            return "f32";
        case KvDtype::Int8:
            return "int8";
    }
    return "";
}

std::string_view nameOf(KvSource value) {
    switch (value) {
        case KvSource::Store:
            return "store";
        case KvSource::Miss:
            return "miss";
        case KvSource::Damaged:
            return "damaged";
        case KvSource::Ram:
            return "ram";
        case KvSource::Slow:
            return "slow";
    }
    return "";
}

std::string_view nameOf(StopReason value) {
    switch (value) {
        case StopReason::EndOfText:
            return "eos";
        case StopReason::Length:
            return "length";
        case StopReason::Cancelled:
            return "cancelled";
    }
    return "";
}

std::string_view nameOf(IngestState value) {
    switch (value) {
        case IngestState::Indexed:
            return "indexed";
        case IngestState::Unchanged:
            return "unchanged";
        case IngestState::Skipped:
            return "skipped";
        case IngestState::Failed:
            return "failed";
    }
    return "";
}

template <>
std::vector<Strategy> allOf() {
    return {Strategy::Full,  Strategy::Prefix, Strategy::Reuse,     Strategy::CacheBlend,
            Strategy::First, Strategy::Query,  Strategy::QueryValue};
}

template <>
std::vector<DeviationMetric> allOf() {
    return {DeviationMetric::V, DeviationMetric::K, DeviationMetric::Kv};
}

template <>
std::vector<Anchor> allOf() {
    return {Anchor::None, Anchor::Bos, Anchor::Head};
}

template <>
std::vector<MaskKind> allOf() {
    return {MaskKind::Exact, MaskKind::Published};
}

template <>
std::vector<BackendKind> allOf() {
    return {BackendKind::Auto, BackendKind::Reference, BackendKind::Cpu, BackendKind::Cuda};
}

template <>
std::vector<Precision> allOf() {
    return {Precision::Auto, Precision::Bf16, Precision::F32};
}

template <>
std::vector<KvDtype> allOf() {
    return {KvDtype::F16, KvDtype::Bf16, KvDtype::F32, KvDtype::Int8};
}

}  // namespace engine
