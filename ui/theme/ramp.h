// Colour ramps: from a number in [0, 1] to a colour, in even perceived steps.
#pragma once

#include <QColor>
#include <QRgb>
#include <array>
#include <vector>

namespace ui {

/// A point of Oklab written as lightness, chroma and hue (Ottosson 2020): equal distances look equally far apart.
struct Oklch {
    double lightness = 0;  // 0 black … 1 white
    double chroma = 0;
    double hue = 0;  // degrees
};

/// Constant after construction: colours at even Oklab distance along a curve through the given points.
class Ramp {
public:
    static constexpr int kSteps = 257;  // odd, so that 0.5 is a colour of its own

    Ramp() = default;
    explicit Ramp(const std::vector<Oklch>& points);
    /// Each side even in itself; both are walked from the middle, whose colour 0.5 has exactly.
    Ramp(const std::vector<Oklch>& toLow, const std::vector<Oklch>& toHigh);

    /// `value` is clamped to [0, 1]; NaN is the ramp's start.
    QRgb at(double value) const { return m_colors[index(value)]; }
    QColor color(double value) const { return QColor::fromRgb(at(value)); }
    /// Black or white ink, whichever reads better on the colour at `value`.
    QColor inkOn(double value) const;
    const std::array<QRgb, kSteps>& colors() const { return m_colors; }

private:
    static std::size_t index(double value);

    std::array<QRgb, kSteps> m_colors{};
};

/// WCAG's relative luminance, 0 … 1.
double relativeLuminance(QRgb color);
/// WCAG's contrast ratio, 1 … 21.
double contrastRatio(QRgb one, QRgb other);

}  // namespace ui
