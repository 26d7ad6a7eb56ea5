// What is being done.
#include "ui/shell/job_bar.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QProgressBar>
#include <QToolButton>
#include <algorithm>

#include "ui/icons.h"
#include "ui/text.h"

namespace ui {

namespace {

using namespace Qt::StringLiterals;

constexpr int kBarSteps = 1000;

}  // namespace

QString jobFigures(const JobState& job) {
    QStringList parts;
    if (!job.what.isEmpty() && job.what != job.title)
        parts << job.what;
    if (job.total > 0)
        parts << JobBar::tr("%1 of %2 %3").arg(text::count(job.done), text::count(job.total), job.unit).trimmed();
    if (job.ratePerSecond > 0)
        parts << JobBar::tr("%1 %2 a second")
                     .arg(text::decimal(job.ratePerSecond, job.ratePerSecond < 10 ? 1 : 0), job.unit)
                     .simplified();
    if (job.remainingSeconds > 0)
        parts << JobBar::tr("%1 left").arg(text::duration(job.remainingSeconds));
    return parts.join(u" · "_s);
}

JobBar::JobBar(Theme& theme, EngineBridge& bridge, QWidget* parent) : QWidget(parent), m_theme(theme), m_bridge(bridge) {
    auto* const line = new QHBoxLayout(this);
    line->setContentsMargins(12, 2, 0, 2);
    line->setSpacing(12);
    m_title = new QLabel(this);
    m_title->setObjectName(u"jobTitle"_s);
    m_title->setAccessibleName(tr("What is being done"));
    m_title->setTextFormat(Qt::PlainText);
    m_bar = new QProgressBar(this);
    m_bar->setObjectName(u"jobProgress"_s);
    m_bar->setAccessibleName(tr("How far it is"));
    m_bar->setTextVisible(false);
    m_bar->setFixedWidth(160);
    m_figures = new QLabel(this);
    m_figures->setObjectName(u"jobFigures"_s);
    m_figures->setAccessibleName(tr("How fast it is"));
    m_figures->setTextFormat(Qt::PlainText);
    m_figures->setProperty("quiet", true);
    m_stop = new QToolButton(this);
    m_stop->setObjectName(u"jobStop"_s);
    m_stop->setAccessibleName(tr("Stop it"));
    m_stop->setToolTip(tr("Stop: what is finished is kept"));
    line->addWidget(m_title);
    line->addWidget(m_bar);
    line->addWidget(m_figures);
    line->addWidget(m_stop);
    line->addStretch(1);
    connect(&bridge, &EngineBridge::jobsChanged, this, &JobBar::showJobs);
    connect(m_stop, &QToolButton::clicked, this, [this] {
        m_stop->setEnabled(false);
        m_bridge.stop(m_shown);
    });
    connect(&theme, &Theme::changed, this, &JobBar::dress);
    dress();
    showJobs();
}

void JobBar::dress() { m_stop->setIcon(icon(u"stop"_s, m_theme, Role::QuietInk)); }

void JobBar::say(const QString& sentence) {
    m_sentence = sentence;
    showJobs();
}

void JobBar::showJobs() {
    const auto& jobs = m_bridge.jobs();
    // The one that runs innermost: a question answered inside a job is what a person waits for.
    const auto running = std::find_if(jobs.rbegin(), jobs.rend(), [](const JobState& job) { return job.running; });
    const JobState* const job = running != jobs.rend() ? &*running : jobs.empty() ? nullptr : &jobs.front();
    m_bar->setVisible(job != nullptr);
    m_stop->setVisible(job != nullptr && job->canStop);
    m_figures->setVisible(job != nullptr);
    if (job == nullptr) {
        m_shown = 0;
        m_title->setText(m_sentence);
        return;
    }
    if (m_shown != job->id) {
        m_shown = job->id;
        m_stop->setEnabled(true);
    }
    const std::size_t others = jobs.size() - 1;
    m_title->setText(others == 0 ? job->title : tr("%1 (%2 more waiting)").arg(job->title).arg(others));
    if (job->total > 0) {
        m_bar->setRange(0, kBarSteps);
        m_bar->setValue(static_cast<int>(static_cast<double>(job->done) / static_cast<double>(job->total) * kBarSteps));
    } else {
        m_bar->setRange(0, 0);
    }
    m_figures->setText(jobFigures(*job));
}

}  // namespace ui
