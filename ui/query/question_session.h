// The question at hand: what is asked of what, the plan preview, the passages chosen, and the run in progress. No widgets.
#pragma once

#include <QObject>
#include <QString>
#include <QTimer>
#include <memory>
#include <optional>
#include <vector>

#include "ui/engine_bridge.h"
#include "ui/query/card_model.h"

namespace ui {

/// GUI thread. Typing and every change of an option ask for a new plan; asking runs the plan as it is drawn.
class QuestionSession : public QObject {
    Q_OBJECT
public:
    explicit QuestionSession(EngineBridge& bridge, QObject* parent = nullptr);

    CardModel& cards() { return m_cards; }
    const CardModel& cards() const { return m_cards; }
    const QString& question() const { return m_question; }
    const QString& collection() const { return m_collection; }
    const engine::BlendOptions& blend() const { return m_blend; }
    const std::optional<engine::BlendPlan>& plan() const { return m_plan; }
    /// Excluded by hand for this question.
    const std::vector<std::pair<engine::ChunkId, QString>>& excluded() const { return m_excluded; }
    bool isAnswering() const { return m_run != 0; }
    bool isMeasuring() const { return m_measuring != 0; }
    bool isFollowUp() const { return m_followUpOf != 0; }
    bool isHandOrdered() const { return m_handOrdered; }

    void setQuestion(const QString& question);
    void setCollection(const QString& collection);
    void setBlend(const engine::BlendOptions& blend);
    void setTopK(int topK);
    int topK() const { return m_topK; }
    void setMaxTokens(int tokens);
    int maxTokens() const { return m_sampling.maxTokens; }
    /// The next question goes on from this answer; 0 = a new conversation.
    void followUp(std::uint64_t run);
    void restoreExcluded();
    void addPassage(const engine::ChunkInfo& chunk);
    /// Plans again at once, e.g. when KV has been computed meanwhile.
    void refresh();

    /// Runs the plan; waits for it when it is not there yet.
    void ask();
    void stop();
    /// The full prefill and full reuse beside a plan that has been run.
    void measure(const engine::BlendPlan& plan);

signals:
    /// plan() is new, or gone.
    void planChanged();
    void planFailed(const QString& why);
    void answerStarted(const engine::BlendPlan& plan);
    void textArrived(const QString& piece);
    void firstTokenArrived(const engine::Timings& timings);
    void answered(const engine::Answer& answer);
    void answerFailed(const QString& why);
    void measureStarted();
    void measured(const engine::Answer& answer);
    void measureFailed(const QString& why);
    void collectionChanged(const QString& collection);
    void followUpChanged();

private:
    engine::Query query() const;
    void requestPlan();
    void chooseAndPlan(const engine::BlendPlan& retrieved);
    void takePlan(engine::BlendPlan plan);
    void dropPlan();
    void readPreviews();

    EngineBridge& m_bridge;
    CardModel m_cards;
    QTimer m_typing{this};  // a plan is asked for when typing rests
    QString m_question;
    QString m_collection;
    engine::BlendOptions m_blend;
    engine::SamplingOptions m_sampling;
    int m_topK = 6;
    std::uint64_t m_followUpOf = 0;
    bool m_handOrdered = false;
    std::vector<std::pair<engine::ChunkId, QString>> m_excluded;
    std::optional<engine::BlendPlan> m_plan;
    bool m_planPending = false;
    bool m_askWhenPlanned = false;
    CommandId m_run = 0;
    CommandId m_measuring = 0;
};

}  // namespace ui
