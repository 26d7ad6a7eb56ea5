// Builds ramps in Oklab and walks them by arc length.
#include "ui/theme/ramp.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace ui {

namespace {

struct Lab {
    double lightness, a, b;
};

Lab toLab(const Oklch& point) {
    const double angle = point.hue * std::numbers::pi / 180;
    return {point.lightness, point.chroma * std::cos(angle), point.chroma * std::sin(angle)};
}

double encode(double linear) {
    linear = std::clamp(linear, 0.0, 1.0);
    return linear <= 0.0031308 ? 12.92 * linear : 1.055 * std::pow(linear, 1 / 2.4) - 0.055;
}

double decode(int channel) {
    const double value = channel / 255.0;
    return value <= 0.04045 ? value / 12.92 : std::pow((value + 0.055) / 1.055, 2.4);
}

QRgb toRgb(const Lab& lab) {
    const double l = std::pow(lab.lightness + 0.3963377774 * lab.a + 0.2158037573 * lab.b, 3);
    const double m = std::pow(lab.lightness - 0.1055613458 * lab.a - 0.0638541728 * lab.b, 3);
    const double s = std::pow(lab.lightness - 0.0894841775 * lab.a - 1.2914855480 * lab.b, 3);
    const auto channel = [](double linear) { return static_cast<int>(std::lround(encode(linear) * 255)); };
    return qRgb(channel(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
                channel(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
                channel(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s));
}

Lab between(const Lab& one, const Lab& other, double share) {
    return {std::lerp(one.lightness, other.lightness, share), std::lerp(one.a, other.a, share),
            std::lerp(one.b, other.b, share)};
}

double distance(const Lab& one, const Lab& other) {
    return std::hypot(one.lightness - other.lightness, one.a - other.a, one.b - other.b);
}

/// `steps` colours at even distance along the points.
std::vector<QRgb> walk(const std::vector<Oklch>& points, int steps) {
    std::vector<double> length = {0};
    for (std::size_t i = 1; i < points.size(); ++i) {
        length.push_back(length.back() + distance(toLab(points[i - 1]), toLab(points[i])));
    }
    std::vector<QRgb> colors;
    std::size_t piece = 1;
    for (int i = 0; i < steps; ++i) {
        const double walked = length.back() * i / (steps - 1);
        while (piece + 1 < points.size() && length[piece] < walked) {
            ++piece;
        }
        const double share = (walked - length[piece - 1]) / (length[piece] - length[piece - 1]);
        colors.push_back(toRgb(between(toLab(points[piece - 1]), toLab(points[piece]), share)));
    }
    return colors;
}

}  // namespace

Ramp::Ramp(const std::vector<Oklch>& points) { std::ranges::copy(walk(points, kSteps), m_colors.begin()); }

Ramp::Ramp(const std::vector<Oklch>& toLow, const std::vector<Oklch>& toHigh) {
    std::ranges::copy(walk(toLow, kSteps / 2 + 1), m_colors.rend() - kSteps / 2 - 1);
    std::ranges::copy(walk(toHigh, kSteps / 2 + 1), m_colors.begin() + kSteps / 2);
}

std::size_t Ramp::index(double value) {
    return value > 0 ? static_cast<std::size_t>(std::lround(std::min(value, 1.0) * (kSteps - 1))) : 0;
}

QColor Ramp::inkOn(double value) const {
    const QRgb ground = at(value);
    const QRgb dark = qRgb(24, 24, 27);
    const QRgb light = qRgb(255, 255, 255);
    return QColor::fromRgb(contrastRatio(dark, ground) >= contrastRatio(light, ground) ? dark : light);
}

double relativeLuminance(QRgb color) {
    return 0.2126 * decode(qRed(color)) + 0.7152 * decode(qGreen(color)) + 0.0722 * decode(qBlue(color));
}

double contrastRatio(QRgb one, QRgb other) {
    const double a = relativeLuminance(one) + 0.05;
    const double b = relativeLuminance(other) + 0.05;
    return std::max(a, b) / std::min(a, b);
}

}  // namespace ui
