// The prompt drawn to scale.
#include "ui/query/prompt_strip.h"

#include <QHelpEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QToolTip>
#include <algorithm>

#include "ui/text.h"
#include "ui/widgets/table_export.h"

namespace ui {

namespace {

using namespace Qt::StringLiterals;

constexpr int kBlockHeight = 22;

}  // namespace

PromptStrip::PromptStrip(Theme& theme, QWidget* parent) : QWidget(parent), m_theme(theme) {
    setFocusPolicy(Qt::StrongFocus);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    setMouseTracking(true);
    makeExportable(*this, *this);
    connect(&theme, &Theme::changed, this, qOverload<>(&QWidget::update));
}

void PromptStrip::showPlan(const std::optional<engine::BlendPlan>& plan) {
    m_blocks.clear();
    m_tokens = 0;
    m_current = -1;
    QStringList words;
    if (plan) {
        int position = 0;
        if (plan->followUpOf != 0) {
            m_blocks.push_back({tr("conversation so far"),
                                tr("%1 tokens of the conversation are kept").arg(text::count(plan->keptTokens)),
                                tr("conversation so far"), tr("kept"), 0, plan->keptTokens, -1, Role::Reused, false});
            position = plan->keptTokens;
        }
        int row = 0;
        for (const engine::PlanSegment& segment : plan->segments) {
            const bool head = segment.kind == engine::SegmentKind::Head;
            const bool hit = engine::isHit(segment.source);
            Block block;
            block.label = head ? QString() : QString::number(row + 1);
            block.place = text::place(segment);
            block.source = text::kvSource(segment.source);
            block.begin = segment.position;
            block.tokens = segment.tokens();
            block.row = head ? -1 : row;
            block.color = hit ? Role::Reused : Role::Fresh;
            block.hatched = !hit;
            block.tip = tr("%1: tokens %2 to %3, %4")
                            .arg(block.place, text::count(segment.position),
                                 text::count(segment.position + segment.tokens() - 1), block.source);
            row += head ? 0 : 1;
            position = segment.position + segment.tokens();
            m_blocks.push_back(block);
        }
        const int suffix = static_cast<int>(plan->suffix.size());
        m_blocks.push_back({tr("question"), tr("The question: %1 tokens, always computed").arg(text::count(suffix)),
                            tr("question"), tr("computed"), position, suffix, -1, Role::Fresh, false});
        m_tokens = position + suffix;
        for (const Block& block : m_blocks)
            words << block.tip;
    }
    setAccessibleDescription(words.join(QStringLiteral("; ")));
    announcePlot(*this);
    update();
}

QRectF PromptStrip::rectOf(const Block& block, double width) const {
    const double scale = width / std::max(m_tokens, 1);
    return {block.begin * scale, 2, std::max(block.tokens * scale - 2, 2.0), kBlockHeight};
}

const PromptStrip::Block* PromptStrip::blockAt(const QPointF& point) const {
    for (const Block& block : m_blocks) {
        if (rectOf(block, width()).adjusted(0, -2, 2, 2).contains(point))
            return &block;
    }
    return nullptr;
}

void PromptStrip::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    paintPlot(painter, size());
    if (hasFocus()) {
        const bool one = m_current >= 0 && m_current < static_cast<int>(m_blocks.size());
        painter.setPen(QPen(m_theme.color(Role::Accent), one ? 2 : 1));
        painter.setBrush(Qt::NoBrush);
        painter.drawRoundedRect(one ? rectOf(m_blocks[static_cast<std::size_t>(m_current)], width())
                                    : QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5),
                                3, 3);
    }
}

void PromptStrip::paintPlot(QPainter& painter, const QSize& size) const {
    const int width = size.width();
    painter.fillRect(QRect({0, 0}, size), m_theme.color(Role::Paper));
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setFont(m_theme.smallFont());
    const QFontMetrics metrics(m_theme.smallFont());
    if (m_blocks.empty()) {
        painter.setPen(QPen(m_theme.color(Role::Line), 1, Qt::DashLine));
        painter.drawRoundedRect(QRectF(0.5, 2.5, width - 1, kBlockHeight), 3, 3);
        painter.setPen(m_theme.color(Role::FaintInk));
        painter.drawText(QRect(0, 2, width, kBlockHeight), Qt::AlignCenter, tr("the prompt appears here as you type"));
        return;
    }
    int labelEnd = -1;
    for (const Block& block : m_blocks) {
        const QRectF rect = rectOf(block, width);
        QColor fill = m_theme.color(block.color);
        fill.setAlphaF(block.color == Role::Reused ? 0.45F : 0.85F);
        painter.setPen(Qt::NoPen);
        painter.setBrush(block.hatched ? QBrush(m_theme.color(Role::FreshTint)) : QBrush(fill));
        painter.drawRoundedRect(rect, 3, 3);
        if (block.hatched) {
            painter.setBrush(QBrush(m_theme.color(Role::Fresh), Qt::BDiagPattern));
            painter.drawRoundedRect(rect, 3, 3);
        }
        if (metrics.horizontalAdvance(block.label) + 8 < rect.width()) {
            const bool onColor = block.color == Role::Fresh && !block.hatched;
            painter.setPen(m_theme.color(onColor ? Role::Paper : Role::Ink));
            painter.drawText(rect, Qt::AlignCenter, block.label);
        }
        const QString position = text::count(block.begin);
        const int x = static_cast<int>(rect.x());
        const int end = x + metrics.horizontalAdvance(position);
        if (x > labelEnd + 8 && end < width - metrics.horizontalAdvance(text::count(m_tokens)) - 12) {
            painter.setPen(m_theme.color(Role::QuietInk));
            painter.drawText(QPointF(x, kBlockHeight + 4 + metrics.ascent()), position);
            labelEnd = end;
        }
    }
    painter.setPen(m_theme.color(Role::QuietInk));
    painter.drawText(QRectF(0, kBlockHeight + 4, width, metrics.height()), Qt::AlignRight | Qt::AlignTop,
                     text::count(m_tokens));
}

QByteArray PromptStrip::csv() const {
    QString csv = u"place,position,tokens,source\r\n"_s;
    for (const Block& block : m_blocks)
        csv += csvField(block.place) + u',' + QString::number(block.begin) + u',' + QString::number(block.tokens) + u',' +
               csvField(block.source) + u"\r\n"_s;
    return csv.toUtf8();
}

QString PromptStrip::currentText() const {
    return m_current >= 0 && m_current < static_cast<int>(m_blocks.size())
               ? m_blocks[static_cast<std::size_t>(m_current)].tip
               : accessibleDescription();
}

void PromptStrip::mousePressEvent(QMouseEvent* event) {
    const Block* const block = blockAt(event->position());
    if (block != nullptr && block->row >= 0)
        emit passageActivated(block->row);
}

void PromptStrip::keyPressEvent(QKeyEvent* event) {
    const int last = static_cast<int>(m_blocks.size()) - 1;
    if (event->key() == Qt::Key_Left || event->key() == Qt::Key_Right) {
        m_current = std::clamp(m_current + (event->key() == Qt::Key_Right ? 1 : -1), 0, std::max(last, 0));
        if (m_current <= last) {
            const Block& block = m_blocks[static_cast<std::size_t>(m_current)];
            setToolTip(block.tip);
            announcePlot(*this);
            if (block.row >= 0)
                emit passageActivated(block.row);
        }
        update();
    } else {
        QWidget::keyPressEvent(event);
    }
}

bool PromptStrip::event(QEvent* event) {
    if (event->type() == QEvent::ToolTip) {
        const auto* const help = static_cast<QHelpEvent*>(event);
        const Block* const block = blockAt(help->pos());
        QToolTip::showText(help->globalPos(), block != nullptr ? block->tip : QString(), this);
        return true;
    }
    return QWidget::event(event);
}

}  // namespace ui
