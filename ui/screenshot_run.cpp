// One picture of the window.
#include "ui/screenshot_run.h"

#include <QImage>
#include <QPixmap>
#include <algorithm>

#include "ui/collections/library_view.h"
#include "ui/inspection_cursor.h"
#include "ui/query/ask_view.h"
#include "ui/query/turn_view.h"
#include "ui/text.h"

namespace ui {

namespace {

constexpr int kSettleMs = 120;   // the views' own short timers (typing, refreshing) are shorter
constexpr int kQuietRounds = 6;  // so long must nothing be outstanding

}  // namespace

ScreenshotRun::ScreenshotRun(MainWindow& window, ScreenshotOrder order, QObject* parent)
    : QObject(parent), m_window(window), m_order(std::move(order)) {
    m_settle.setInterval(kSettleMs);
    connect(&m_settle, &QTimer::timeout, this, &ScreenshotRun::settle);
}

void ScreenshotRun::begin() {
    m_window.resize(m_order.size);
    m_window.show();
    connect(&m_window, &MainWindow::started, this, [this](bool open) {
        if (open)
            opened();
        else if (m_order.trace.isEmpty() && !m_order.question.isEmpty())
            fail(tr("the workspace could not be opened"));
        else
            opened();
    });
    connect(&m_window, &MainWindow::traceFailed, this, &ScreenshotRun::fail);
    m_window.start();
}

void ScreenshotRun::opened() {
    if (!m_order.trace.isEmpty()) {
        connect(&m_window, &MainWindow::traceShown, this, [this] { m_settle.start(); });
        m_window.setMode(m_order.mode);
        m_window.openTrace(m_order.trace);
        return;
    }
    if (!m_window.isWelcoming()) {
        m_window.setMode(m_order.mode);
        m_window.setLayout(m_order.layout);
    }
    if (!m_order.collection.isEmpty()) {
        if (m_window.library().collections().rowOf(m_order.collection) < 0) {
            fail(tr("there is no collection %1").arg(m_order.collection));
            return;
        }
        m_window.library().chooseCollection(m_order.collection);
        m_window.ask().chooseCollection(m_order.collection);
    }
    if (m_order.question.isEmpty()) {
        m_settle.start();
        return;
    }
    connect(&m_window.ask().session(), &QuestionSession::answered, this, &ScreenshotRun::answered);
    connect(&m_window.ask().session(), &QuestionSession::answerFailed, this, &ScreenshotRun::fail);
    connect(&m_window.ask().session(), &QuestionSession::planFailed, this, &ScreenshotRun::fail);
    connect(&m_window.ask().session(), &QuestionSession::measureFailed, this, &ScreenshotRun::fail);
    connect(&m_window.ask().session(), &QuestionSession::measured, this, [this] {
        if (m_order.mode == Mode::Compare && m_runs == 1) {
            m_window.pinTrace();
            m_window.ask().chooseStrategy(engine::Strategy::QueryValue);
            QTimer::singleShot(0, this, &ScreenshotRun::ask);
        } else {
            m_settle.start();
        }
    });
    // Compare shows full reuse beside the usual strategy.
    if (m_order.mode == Mode::Compare)
        m_window.ask().chooseStrategy(engine::Strategy::Reuse);
    m_window.ask().setQuestion(m_order.question);
    ask();
}

void ScreenshotRun::ask() { m_window.ask().session().ask(); }

void ScreenshotRun::answered() {
    ++m_runs;
    const bool measures = m_order.mode == Mode::Inspect || m_order.mode == Mode::Compare;
    if (measures) {
        m_window.ask().measureNewest();
        return;
    }
    if (m_order.openCitation) {
        for (const engine::PlanSegment& segment : m_window.ask().turns().back()->data().plan.segments) {
            if (segment.kind == engine::SegmentKind::Chunk) {
                emit m_window.ask().turns().back()->citationActivated(segment);
                break;
            }
        }
    }
    m_settle.start();
}

void ScreenshotRun::settle() {
    if (!m_pointed) {
        m_pointed = true;
        m_window.inspect().showPanel(m_order.panel);
        if (m_window.trace() && m_order.token >= 0)
            m_window.cursor().setToken(std::min(m_order.token, m_window.trace()->promptTokens() - 1));
    }
    m_quietRounds = m_window.bridge().isIdle() ? m_quietRounds + 1 : 0;
    if (m_quietRounds >= kQuietRounds)
        grab();
}

void ScreenshotRun::grab() {
    m_settle.stop();
    if (m_over)
        return;
    m_over = true;
    const QPixmap picture = m_window.grab();
    if (picture.isNull() || !picture.save(m_order.path, "PNG"))
        emit finished(tr("%1 could not be written").arg(m_order.path));
    else
        emit finished({});
}

void ScreenshotRun::fail(const QString& why) {
    if (m_over)
        return;
    m_over = true;
    m_settle.stop();
    emit finished(why);
}

}  // namespace ui
