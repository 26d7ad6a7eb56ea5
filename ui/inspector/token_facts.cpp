// Looks one token up in a trace.
#include "ui/inspector/token_facts.h"

#include <QCoreApplication>
#include <algorithm>
#include <cmath>

#include "ui/inspector/attention_means.h"
#include "ui/inspector/text_shading.h"
#include "ui/widgets/legend.h"

namespace ui {

namespace {

constexpr int kNeighbours = 4;
constexpr int kCharactersBehindPassage = 2;  // the engine ends each with an empty line

QString translated(const char* text) { return QCoreApplication::translate("ui::TokenFacts", text); }

std::size_t index(int value) { return static_cast<std::size_t>(value); }

std::vector<float> columnOf(const std::vector<float>& matrix, int layers, int tokens, int position) {
    std::vector<float> column;
    for (int layer = 0; layer < layers; ++layer) {
        column.push_back(matrix[index(layer) * index(tokens) + index(position)]);
    }
    return column;
}

std::vector<float> blockRow(const engine::AttentionSummary& attention, int block, int layer, int head) {
    const std::vector<float> blocks = attentionBlocks(attention, layer, head);
    const auto begin = blocks.begin() + std::ptrdiff_t{block} * attention.blocks;
    return {begin, begin + attention.blocks};
}

std::optional<float> scoreAt(const TraceIndex& lists, int position) {
    if (lists.scores.empty() || std::isnan(lists.scores[index(position)])) {
        return std::nullopt;
    }
    return lists.scores[index(position)];
}

}  // namespace

TraceIndex::TraceIndex(const engine::BlendTrace& trace)
    : fates(engine::tokenFates(trace)),
      ranks(engine::scoreRanks(trace)),
      scores(scoresByPosition(trace)),
      chosen(trace.promptIds.size(), 0) {
    for (const int position : trace.selection.positions) {
        chosen[index(position)] = 1;
    }
    ranked = ranks.empty() ? 0 : *std::ranges::max_element(ranks);
}

TokenFacts tokenFacts(const engine::BlendTrace& trace, const TraceIndex& lists, int position, int layer, int head) {
    TokenFacts facts;
    facts.position = position;
    facts.id = trace.promptIds[index(position)];
    facts.segment = trace.segmentAt(position);
    const bool inSuffix = index(facts.segment) >= trace.segments.size();
    facts.inSegment = position - (inSuffix ? trace.suffixBegin() : trace.segments[index(facts.segment)].position);
    facts.fate = lists.fates[index(position)];
    facts.chosen = lists.chosen[index(position)] != 0;
    facts.score = scoreAt(lists, position);
    facts.rank = lists.ranks[index(position)];
    facts.ranked = lists.ranked;
    facts.threshold = trace.selection.threshold;
    const int first = std::max(0, position - kNeighbours);
    const int last = std::min(trace.promptTokens() - 1, position + kNeighbours);
    for (int at = first; at <= last; ++at) {
        facts.neighbours.push_back({at, lists.fates[index(at)], scoreAt(lists, at)});
    }
    if (const engine::DeviationReport* report = trace.deviation.get()) {
        const auto column = [&](const std::vector<float>& matrix) {
            return columnOf(matrix, report->blend.kv.layers, report->blend.kv.tokens, position);
        };
        facts.kReuse = column(report->reuse.kv.k);
        facts.vReuse = column(report->reuse.kv.v);
        facts.kBlend = column(report->blend.kv.k);
        facts.vBlend = column(report->blend.kv.v);
        if (position < report->full.context) {
            const auto paid = [&](const engine::AttentionSummary& attention) {
                double sum = 0;
                int counted = 0;
                const bool oneLayer = layer >= 0 && layer < attention.layers;
                const bool oneHead = head >= 0 && head < attention.heads;
                for (int l = oneLayer ? layer : 0; l < (oneLayer ? layer + 1 : attention.layers); ++l) {
                    for (int h = oneHead ? head : 0; h < (oneHead ? head + 1 : attention.heads); ++h, ++counted) {
                        const std::size_t row = index(l * attention.heads + h) * index(attention.context);
                        sum += static_cast<double>(attention.suffix[row + index(position)]);
                    }
                }
                return static_cast<float>(sum / std::max(counted, 1));
            };
            facts.fromQuestion = {paid(report->reuse.attention), paid(report->blend.attention), paid(report->full)};
        }
        facts.blockReuse = blockRow(report->reuse.attention, facts.segment, layer, head);
        facts.blockBlend = blockRow(report->blend.attention, facts.segment, layer, head);
        facts.blockFull = blockRow(report->full, facts.segment, layer, head);
    }
    return facts;
}

std::optional<DocumentRange> documentRange(const engine::BlendTrace& trace, int position) {
    const int number = trace.segmentAt(position);
    if (number < 0 || number >= static_cast<int>(trace.segments.size())) {
        return {};
    }
    const engine::PlanSegment& segment = trace.segments[static_cast<std::size_t>(number)];
    if (segment.kind != engine::SegmentKind::Chunk) {
        return {};
    }
    // Characters that begin in a token: every byte but those that go on with one.
    const auto begun = [&](int from, int to) {
        std::int64_t count = 0;
        for (int at = from; at < to; ++at) {
            count += std::ranges::count_if(trace.pieces[static_cast<std::size_t>(at)],
                                           [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; });
        }
        return count;
    };
    const std::int64_t before = begun(segment.position, position);
    const std::int64_t own = begun(position, position + 1);
    // A passage's prompt text is its header line, the document's own text, and an empty line.
    const std::int64_t all = before + begun(position, segment.position + segment.tokens());
    const std::int64_t header = all - (segment.end - segment.begin) - kCharactersBehindPassage;
    const std::int64_t begin = segment.begin + before - header - (own == 0 ? 1 : 0);
    if (begin < segment.begin || begin >= segment.end) {
        return {};
    }
    return DocumentRange{number, begin, std::min(begin + std::max<std::int64_t>(own, 1), segment.end)};
}

QString whyText(const engine::BlendTrace& trace, const TokenFacts& facts) {
    if (facts.fate == engine::TokenFate::Fresh) {
        return index(facts.segment) >= trace.segments.size()
                   ? translated("New: the question is always computed; there is nothing to reuse.")
                   : translated("New: its chunk had no usable KV in the store, so it was computed in place.");
    }
    if (facts.fate == engine::TokenFate::Recomputed) {
        if (facts.rank > 0 && facts.score && facts.chosen) {
            return translated("Computed again: ranked %1 of %2, its score %3 is at or above the threshold %4.")
                .arg(facts.rank)
                .arg(facts.ranked)
                .arg(shortNumber(static_cast<double>(*facts.score)), shortNumber(static_cast<double>(facts.threshold)));
        }
        if (facts.chosen && trace.options.first > 0 && facts.inSegment < trace.options.first) {
            return translated("Computed again: one of the first %1 tokens of its chunk, which are always chosen.")
                .arg(trace.options.first);
        }
        return facts.chosen
                   ? translated("Computed again: chosen by its place in the chunk, without a score.")
                   : translated("Computed again: this strategy computes everything that it cannot take over exactly.");
    }
    if (facts.rank > 0 && facts.score) {
        return translated("Reused: ranked %1 of %2, its score %3 does not exceed the threshold %4.")
            .arg(facts.rank)
            .arg(facts.ranked)
            .arg(shortNumber(static_cast<double>(*facts.score)), shortNumber(static_cast<double>(facts.threshold)));
    }
    if (index(facts.segment) < trace.segments.size() &&
        trace.segments[index(facts.segment)].kind == engine::SegmentKind::Kept) {
        return translated("Reused: said earlier in the conversation; its KV was kept in memory and is exact.");
    }
    return index(facts.segment) < trace.segments.size() &&
                   trace.segments[index(facts.segment)].kind == engine::SegmentKind::Head
               ? translated("Reused: the prompt's fixed head; its stored KV is exact.")
               : translated("Reused: taken from the store, keys rotated to this position.");
}

}  // namespace ui
