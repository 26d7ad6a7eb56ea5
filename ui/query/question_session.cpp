// The question at hand.
#include "ui/query/question_session.h"

#include <algorithm>

#include "ui/text.h"

namespace ui {

namespace {

constexpr int kTypingRestMs = 120;

Card cardOf(const engine::PlanSegment& segment) {
    Card card;
    card.chunk = segment.chunk;
    card.place = text::place(segment);
    card.header = text::fromUtf8(segment.header);
    card.score = segment.score;
    card.source = segment.source;
    card.tokens = segment.tokens();
    card.begin = segment.begin;
    card.end = segment.end;
    return card;
}

}  // namespace

QuestionSession::QuestionSession(EngineBridge& bridge, QObject* parent) : QObject(parent), m_bridge(bridge) {
    m_typing.setSingleShot(true);
    m_typing.setInterval(kTypingRestMs);
    connect(&m_typing, &QTimer::timeout, this, &QuestionSession::requestPlan);
    connect(&m_cards, &CardModel::editedByHand, this, [this] {
        m_handOrdered = true;
        requestPlan();
    });
    connect(&m_cards, &CardModel::excluded, this, [this](const engine::ChunkId& chunk, const QString& place) {
        m_excluded.emplace_back(chunk, place);
        requestPlan();
    });
    connect(&m_bridge, &EngineBridge::answerText, this, [this](CommandId id, const QString& piece) {
        if (id == m_run)
            emit textArrived(piece);
    });
    connect(&m_bridge, &EngineBridge::firstToken, this, [this](CommandId id, const engine::Timings& timings) {
        if (id == m_run)
            emit firstTokenArrived(timings);
    });
    connect(&m_bridge, &EngineBridge::opened, this, [this] { refresh(); });
}

void QuestionSession::setQuestion(const QString& question) {
    if (question == m_question)
        return;
    m_question = question;
    m_handOrdered = false;
    m_excluded.clear();
    m_planPending = true;
    m_typing.start();
}

void QuestionSession::setCollection(const QString& collection) {
    if (collection == m_collection)
        return;
    m_collection = collection;
    m_handOrdered = false;
    m_excluded.clear();
    m_cards.setCards({});
    emit collectionChanged(collection);
    refresh();
}

void QuestionSession::setBlend(const engine::BlendOptions& blend) {
    m_blend = blend;
    requestPlan();
}

void QuestionSession::setTopK(int topK) {
    m_topK = topK;
    m_handOrdered = false;
    requestPlan();
}

void QuestionSession::setMaxTokens(int tokens) {
    m_sampling.maxTokens = tokens;
    requestPlan();
}

void QuestionSession::followUp(std::uint64_t run) {
    m_followUpOf = run;
    emit followUpChanged();
    requestPlan();
}

void QuestionSession::restoreExcluded() {
    m_excluded.clear();
    m_handOrdered = false;
    requestPlan();
}

void QuestionSession::addPassage(const engine::ChunkInfo& chunk) {
    Card card;
    card.chunk = chunk.record.id;
    card.document = chunk.record.document;
    const QString pages = text::pages(chunk.record.firstPage, chunk.record.lastPage);
    card.place = text::fromUtf8(chunk.documentTitle);
    if (!pages.isEmpty())
        card.place += QStringLiteral(", ") + pages;
    card.header = text::fromUtf8(chunk.record.header);
    card.preview = text::fromUtf8(chunk.text).simplified();
    card.source = chunk.inStore ? engine::KvSource::Store : engine::KvSource::Miss;
    card.tokens = chunk.record.tokens;
    card.begin = chunk.record.begin;
    card.end = chunk.record.end;
    card.pinned = true;  // chosen by hand: stays when the question changes
    m_cards.add(card);
}

void QuestionSession::refresh() { requestPlan(); }

engine::Query QuestionSession::query() const {
    engine::Query query;
    query.question = text::toUtf8(m_question.trimmed());
    query.collection = text::toUtf8(m_collection);
    query.topK = m_topK;
    query.followUpOf = m_followUpOf;
    query.blend = m_blend;
    query.sampling = m_sampling;
    return query;
}

void QuestionSession::dropPlan() {
    m_planPending = false;
    m_askWhenPlanned = false;
    m_plan.reset();
    emit planChanged();
}

void QuestionSession::requestPlan() {
    m_typing.stop();
    if (m_question.trimmed().isEmpty() || !m_bridge.isOpen() || (m_collection.isEmpty() && m_followUpOf == 0)) {
        dropPlan();
        return;
    }
    m_planPending = true;
    engine::Query query = this->query();
    if (m_followUpOf == 0 && m_handOrdered) {
        for (const Card& card : m_cards.cards())
            query.chunks.push_back(card.chunk);
        if (query.chunks.empty()) {
            dropPlan();
            emit planFailed(tr("No passages are chosen. Bring back an excluded one, or change the question."));
            return;
        }
    }
    const bool pinned =
        std::any_of(m_cards.cards().begin(), m_cards.cards().end(), [](const Card& card) { return card.pinned; });
    const bool choosing = m_followUpOf == 0 && !m_handOrdered && (pinned || !m_excluded.empty());
    if (choosing)
        query.topK += static_cast<int>(m_excluded.size());
    m_bridge.plan(query, this, [this, choosing](engine::Result<engine::BlendPlan> plan) {
        if (!plan) {
            dropPlan();
            emit planFailed(text::sentence(plan.status()));
        } else if (choosing) {
            chooseAndPlan(*plan);
        } else {
            takePlan(std::move(*plan));
        }
    });
}

void QuestionSession::chooseAndPlan(const engine::BlendPlan& retrieved) {
    // Pinned passages first, then what was retrieved, without what was excluded.
    engine::Query query = this->query();
    std::vector<Card> cards;
    const auto take = [&](Card card) {
        const bool out = std::any_of(m_excluded.begin(), m_excluded.end(),
                                     [&](const auto& excluded) { return excluded.first == card.chunk; });
        const bool twice = std::find(query.chunks.begin(), query.chunks.end(), card.chunk) != query.chunks.end();
        if (out || twice)
            return;
        query.chunks.push_back(card.chunk);
        cards.push_back(std::move(card));
    };
    for (const Card& card : m_cards.cards()) {
        if (card.pinned)
            take(card);
    }
    for (const engine::PlanSegment& segment : retrieved.segments) {
        if (segment.kind == engine::SegmentKind::Chunk && static_cast<int>(query.chunks.size()) < m_topK)
            take(cardOf(segment));
    }
    m_cards.setCards(cards);
    if (query.chunks.empty()) {
        dropPlan();
        emit planFailed(tr("No passages are chosen. Bring back an excluded one, or change the question."));
        return;
    }
    m_bridge.plan(query, this, [this](engine::Result<engine::BlendPlan> plan) {
        if (plan) {
            takePlan(std::move(*plan));
        } else {
            dropPlan();
            emit planFailed(text::sentence(plan.status()));
        }
    });
}

void QuestionSession::takePlan(engine::BlendPlan plan) {
    m_planPending = false;
    m_plan = std::move(plan);
    if (m_plan->followUpOf == 0) {
        std::vector<Card> cards;
        for (engine::PlanSegment& segment : m_plan->segments) {
            if (segment.kind != engine::SegmentKind::Chunk)
                continue;
            if (segment.score == 0) {  // picked by hand: the score it was retrieved with is still known
                for (const Card& card : m_cards.cards())
                    segment.score = card.chunk == segment.chunk ? card.score : segment.score;
            }
            cards.push_back(cardOf(segment));
        }
        m_cards.setCards(std::move(cards));
        readPreviews();
    }
    emit planChanged();
    if (m_askWhenPlanned)
        ask();
}

void QuestionSession::readPreviews() {
    for (const Card& card : m_cards.cards()) {
        if (!card.preview.isEmpty())
            continue;
        m_bridge.chunk(card.chunk, this, [this](engine::Result<engine::ChunkInfo> chunk) {
            if (chunk)
                m_cards.setPreview(chunk->record.id, chunk->record.document, text::fromUtf8(chunk->text));
        });
    }
}

void QuestionSession::ask() {
    if (isAnswering() || m_question.trimmed().isEmpty())
        return;
    if (m_planPending || !m_plan) {
        m_askWhenPlanned = true;
        if (!m_planPending || m_typing.isActive())
            requestPlan();
        return;
    }
    m_askWhenPlanned = false;
    const engine::BlendPlan plan = *m_plan;
    m_run = m_bridge.ask(plan, this, [this](engine::Result<engine::Answer> answer) {
        m_run = 0;
        if (answer)
            emit answered(*answer);
        else
            emit answerFailed(text::sentence(answer.status()));
    });
    emit answerStarted(plan);
}

void QuestionSession::stop() {
    m_askWhenPlanned = false;
    if (m_run != 0)
        m_bridge.stop(m_run);
    else if (m_measuring != 0)
        m_bridge.stop(m_measuring);
}

void QuestionSession::measure(const engine::BlendPlan& plan) {
    if (isMeasuring())
        return;
    m_measuring = m_bridge.measureDeviation(plan, this, [this](engine::Result<engine::Answer> answer) {
        m_measuring = 0;
        if (answer)
            emit measured(*answer);
        else
            emit measureFailed(text::sentence(answer.status()));
    });
    emit measureStarted();
}

}  // namespace ui
