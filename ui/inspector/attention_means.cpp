// Means are taken in double: 30 layers × 9 heads of small floats.
#include "ui/inspector/attention_means.h"

#include <limits>

namespace ui {

namespace {

std::size_t index(int value) { return static_cast<std::size_t>(value); }

struct Range {
    int begin, end;
};

Range rangeOf(int chosen, int count) { return chosen >= 0 && chosen < count ? Range{chosen, chosen + 1} : Range{0, count}; }

}  // namespace

std::vector<float> attentionBlocks(const engine::AttentionSummary& attention, int layer, int head) {
    const int blocks = attention.blocks;
    std::vector<float> result(index(blocks) * index(blocks), std::numeric_limits<float>::quiet_NaN());
    const Range layers = rangeOf(layer, attention.layers);
    const Range heads = rangeOf(head, attention.heads);
    for (int from = 0; from < blocks; ++from) {
        std::vector<double> sum(index(blocks), 0);
        int counted = 0;
        for (int l = layers.begin; l < layers.end; ++l) {
            if (attention.rowsComputed[index(l) * index(blocks) + index(from)] == 0) {
                continue;
            }
            for (int h = heads.begin; h < heads.end; ++h, ++counted) {
                const std::size_t row = (index(l * attention.heads + h) * index(blocks) + index(from)) * index(blocks);
                for (int to = 0; to < blocks; ++to) {
                    sum[index(to)] += static_cast<double>(attention.block[row + index(to)]);
                }
            }
        }
        for (int to = 0; to < blocks && counted > 0; ++to) {
            result[index(from) * index(blocks) + index(to)] = static_cast<float>(sum[index(to)] / counted);
        }
    }
    return result;
}

std::vector<float> suffixAttention(const engine::AttentionSummary& attention, int layer, int head) {
    const Range layers = rangeOf(layer, attention.layers);
    const Range heads = rangeOf(head, attention.heads);
    std::vector<double> sum(index(attention.context), 0);
    int counted = 0;
    for (int l = layers.begin; l < layers.end; ++l) {
        for (int h = heads.begin; h < heads.end; ++h, ++counted) {
            const float* row = attention.suffix.data() + index(l * attention.heads + h) * index(attention.context);
            for (std::size_t p = 0; p < sum.size(); ++p) {
                sum[p] += static_cast<double>(row[p]);
            }
        }
    }
    std::vector<float> result;
    result.reserve(sum.size());
    for (const double value : sum) {
        result.push_back(static_cast<float>(counted > 0 ? value / counted : 0));
    }
    return result;
}

}  // namespace ui
