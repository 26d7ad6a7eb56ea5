// A trace's lists as CSV (RFC 4180: CRLF, quotes where needed). Numbers are the shortest text that reads back as the same value.
#include <array>
#include <charconv>
#include <string>

#include "engine/ingest/utf8.h"
#include "engine/trace.h"

namespace engine {
namespace {

/// Builds one table row by row.
class Table {
public:
    explicit Table(std::string_view header) : m_text(header) { m_text += "\r\n"; }

    template <class Number>
    requires std::is_arithmetic_v<Number> Table& cell(Number value) {
        separate();
        std::array<char, 40> digits{};
        m_text.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
        return *this;
    }
    Table& cell(std::string_view text) {
        separate();
        const bool quoted = text.find_first_of(",\"\r\n") != std::string_view::npos;
        if (quoted)
            m_text += '"';
        // A token may be part of a character: what is no UTF-8 is shown by U+FFFD, the token's id says which it was.
        for (std::size_t i = 0; i < text.size();) {
            const CodePoint point = codePointAt(text, i);
            const auto bytes = static_cast<std::size_t>(point.bytes);
            if (!point.valid)
                appendUtf8(m_text, kReplacementCharacter);
            else
                m_text.append(text.substr(i, bytes));
            if (text[i] == '"')
                m_text += '"';
            i += bytes;
        }
        if (quoted)
            m_text += '"';
        return *this;
    }
    void endRow() {
        m_text += "\r\n";
        m_rowBegun = false;
    }
    std::string take() { return std::move(m_text); }

private:
    void separate() {
        if (m_rowBegun)
            m_text += ',';
        m_rowBegun = true;
    }

    std::string m_text;
    bool m_rowBegun = false;
};

std::string_view nameOf(TokenFate fate) {
    switch (fate) {
        case TokenFate::Reused:
            return "reused";
        case TokenFate::Recomputed:
            return "recomputed";
        case TokenFate::Fresh:
            break;
    }
    return "new";
}

std::size_t index(int value) { return static_cast<std::size_t>(value); }

}  // namespace

std::string recomputeCsv(const BlendTrace& trace) {
    Table table("position,segment,document,token,text,fate,chosen,score,rank");
    const std::vector<TokenFate> fates = tokenFates(trace);
    const std::vector<int> ranks = scoreRanks(trace);
    auto chosen = trace.selection.positions.begin();
    std::size_t context = 0;
    for (int position = 0; position < trace.promptTokens(); ++position) {
        const int segment = trace.segmentAt(position);
        const PlanSegment* part = index(segment) < trace.segments.size() ? &trace.segments[index(segment)] : nullptr;
        const bool isContext = part != nullptr && part->kind == SegmentKind::Chunk;
        const bool isChosen = chosen != trace.selection.positions.end() && *chosen == position;
        chosen += isChosen ? 1 : 0;
        table.cell(position).cell(segment).cell(part != nullptr ? std::string_view(part->document) : std::string_view());
        table.cell(trace.promptIds[index(position)]).cell(trace.pieces[index(position)]);
        table.cell(nameOf(fates[index(position)])).cell(isChosen ? 1 : 0);
        if (isContext && context < trace.selection.score.size())
            table.cell(trace.selection.score[context]);
        else
            table.cell("");
        if (ranks[index(position)] > 0)
            table.cell(ranks[index(position)]);
        else
            table.cell("");
        table.endRow();
        context += isContext ? 1 : 0;
    }
    return table.take();
}

std::string kvDeviationCsv(const BlendTrace& trace) {
    Table table("layer,position,run,k,v");
    if (trace.deviation == nullptr)
        return table.take();
    const KvDeviation& reuse = trace.deviation->reuse.kv;
    const KvDeviation& blend = trace.deviation->blend.kv;
    for (int layer = 0; layer < reuse.layers; ++layer)
        for (int position = 0; position < reuse.tokens; ++position) {
            const std::size_t at = index(layer) * index(reuse.tokens) + index(position);
            table.cell(layer).cell(position).cell("reuse").cell(reuse.k[at]).cell(reuse.v[at]).endRow();
            table.cell(layer).cell(position).cell("blend").cell(blend.k[at]).cell(blend.v[at]).endRow();
        }
    return table.take();
}

std::string attentionBlocksCsv(const BlendTrace& trace) {
    Table table("layer,head,run,from,to,probability");
    if (trace.deviation == nullptr)
        return table.take();
    const struct {
        const char* name;
        const AttentionSummary& attention;
    } runs[] = {{"reuse", trace.deviation->reuse.attention},
                {"blend", trace.deviation->blend.attention},
                {"full", trace.deviation->full}};
    const AttentionSummary& shape = trace.deviation->full;
    for (int layer = 0; layer < shape.layers; ++layer)
        for (int head = 0; head < shape.heads; ++head)
            for (const auto& run : runs)
                for (int from = 0; from < shape.blocks; ++from)
                    for (int to = 0; to < shape.blocks; ++to) {
                        const int row = (layer * shape.heads + head) * shape.blocks + from;
                        table.cell(layer).cell(head).cell(run.name).cell(from).cell(to);
                        table.cell(run.attention.block[index(row) * index(shape.blocks) + index(to)]).endRow();
                    }
    return table.take();
}

std::string attentionDeviationCsv(const BlendTrace& trace) {
    Table table("layer,head,reuse,blend");
    if (trace.deviation == nullptr)
        return table.take();
    for (int layer = 0; layer < trace.layerCount; ++layer)
        for (int head = 0; head < trace.heads; ++head) {
            const std::size_t at = index(layer) * index(trace.heads) + index(head);
            table.cell(layer).cell(head).cell(trace.deviation->reuse.attentionDeviation[at]);
            table.cell(trace.deviation->blend.attentionDeviation[at]).endRow();
        }
    return table.take();
}

std::string layerTimesCsv(const BlendTrace& trace) {
    Table table("layer,load_begin,load_end,compute_begin,compute_end");
    for (std::size_t layer = 0; layer < trace.layers.size(); ++layer) {
        const LayerTiming& times = trace.layers[layer];
        table.cell(layer).cell(times.loadBegin).cell(times.loadEnd).cell(times.computeBegin).cell(times.computeEnd).endRow();
    }
    return table.take();
}

std::string stagesCsv(const BlendTrace& trace) {
    Table table("stage,ms");
    const Timings& ms = trace.ms;
    const std::pair<std::string_view, double> stages[] = {{"retrieve", ms.retrieve},
                                                          {"tokenize", ms.tokenize},
                                                          {"plan", ms.plan},
                                                          {"load", ms.load},
                                                          {"rotate", ms.rotate},
                                                          {"question_pass", ms.questionPass},
                                                          {"layers_before_check", ms.layersBeforeCheck},
                                                          {"check", ms.check},
                                                          {"recompute", ms.recompute},
                                                          {"first_token", ms.firstToken},
                                                          {"ttft", ms.ttft},
                                                          {"decode", ms.decode},
                                                          {"total", ms.total},
                                                          {"load_hidden", ms.loadHidden}};
    for (const auto& [name, value] : stages)
        table.cell(name).cell(value).endRow();
    return table.take();
}

std::string answerKlCsv(const BlendTrace& trace) {
    Table table("position,kl");
    if (trace.comparison)
        for (std::size_t position = 0; position < trace.comparison->kl.size(); ++position)
            table.cell(position).cell(trace.comparison->kl[position]).endRow();
    return table.take();
}

}  // namespace engine
