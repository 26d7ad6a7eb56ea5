// Speed: decaying least squares.
#include "engine/session/speed.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <sstream>

namespace engine {
namespace {

constexpr double kKept = 0.7;  // weight of the past at each new observation
constexpr const char* kVersion = "speed2";

/// What else runs on the machine can only make a run slower: a fast one is believed, a slow one up to twice what was expected.
double clipped(double found, double expected) { return expected > 0 ? std::min(found, expected * 2) : found; }

}  // namespace

void Speed::Rate::add(double newX, double newY) {
    if (newX <= 0 || !std::isfinite(newY) || newY < 0)
        return;
    newY = clipped(newY, at(newX));
    x = kKept * x + newX;
    y = kKept * y + newY;
}

void Speed::Line::add(double newX, double newY) {
    if (newX <= 0 || !std::isfinite(newY) || newY < 0)
        return;
    newY = n >= 3 ? clipped(newY, at(newX)) : newY;
    n = kKept * n + 1;
    x = kKept * x + newX;
    y = kKept * y + newY;
    xx = kKept * xx + newX * newX;
    xy = kKept * xy + newX * newY;
}

double Speed::Line::at(double value) const {
    if (x <= 0)
        return 0;
    const double spread = n * xx - x * x;
    // All observations of nearly one size say nothing of an offset.
    const double slope = spread > 0.01 * n * xx ? (n * xy - x * y) / spread : y / x;
    const double offset = (y - slope * x) / n;
    if (slope < 0 || offset < 0)
        return y / x * value;
    return offset + slope * value;
}

double Speed::passMs(const PassCost& pass) const {
    return pass.layers * (m_linear.at(pass.rows) + m_attention.at(pass.rowKeys));
}

void Speed::learn(const Prefill& prefill, const Timings& ms) {
    double computed = 0;
    for (const PassCost& pass : prefill.passes) {
        if (pass.layers == 0)
            continue;
        m_linear.add(pass.rows, pass.linearMs / pass.layers);
        m_attention.add(pass.rowKeys, pass.attentionMs / pass.layers);
        computed += pass.linearMs + pass.attentionMs;
    }
    m_load.add(static_cast<double>(prefill.bytesLoaded - prefill.bytesFromRam), ms.load + ms.loadHidden);
    m_rotate.add(static_cast<double>(prefill.bytesLoaded), ms.rotate);
    m_constant.add(1, std::max(0.0, ms.ttft - computed - ms.load - ms.rotate));
}

void Speed::learnPrecompute(std::int64_t tokens, double ms) { m_precompute.add(static_cast<double>(tokens), ms); }

double Speed::hidingMs(std::span<const PassCost> passes, const LoadCost& load) const {
    double ms = 0;
    for (const PassCost& pass : passes.first(std::min(passes.size(), load.hidingPasses)))
        ms += passMs(pass);
    return ms;
}

double Speed::forecastMs(std::span<const PassCost> passes, const LoadCost& load) const {
    if (!known())
        return 0;
    double computing = 0;
    for (const PassCost& pass : passes)
        computing += passMs(pass);
    const double waiting = std::max(0.0, readMs(load) - hidingMs(passes, load));
    return m_constant.at(1) + computing + m_rotate.at(static_cast<double>(load.bytes)) + waiting;
}

double Speed::forecastPrecomputeMs(std::int64_t tokens) const { return m_precompute.at(static_cast<double>(tokens)); }

std::string Speed::text() const {
    std::string text = kVersion;
    const auto add = [&](double value) {
        std::array<char, 40> digits{};
        text += ' ';
        text.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
    };
    for (const double value : {m_linear.n, m_linear.x, m_linear.y, m_linear.xx, m_linear.xy})
        add(value);
    for (const Rate* rate : {&m_attention, &m_load, &m_rotate, &m_constant, &m_precompute}) {
        add(rate->x);
        add(rate->y);
    }
    return text;
}

Speed Speed::fromText(const std::string& text) {
    Speed speed;
    std::istringstream words(text);
    std::string word;
    if (!(words >> word) || word != kVersion)
        return {};
    bool sound = true;
    const auto take = [&](double& value) {
        sound = sound && (words >> word);
        const auto read = std::from_chars(word.data(), word.data() + word.size(), value);
        sound = sound && read.ec == std::errc() && std::isfinite(value) && value >= 0;
    };
    for (double* value : {&speed.m_linear.n, &speed.m_linear.x, &speed.m_linear.y, &speed.m_linear.xx, &speed.m_linear.xy})
        take(*value);
    for (Rate* rate : {&speed.m_attention, &speed.m_load, &speed.m_rotate, &speed.m_constant, &speed.m_precompute}) {
        take(rate->x);
        take(rate->y);
    }
    return sound ? speed : Speed();
}

}  // namespace engine
