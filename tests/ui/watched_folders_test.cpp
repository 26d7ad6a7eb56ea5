// Watched folders: what is told, and what is not.
#include "ui/collections/watched_folders.h"

#include <QDir>
#include <QFile>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

using namespace Qt::StringLiterals;

namespace {

constexpr int kRestMs = 50;

void write(const QString& path, const QByteArray& text) {
    QFile file(path);
    QVERIFY(file.open(QIODevice::WriteOnly));
    QCOMPARE(file.write(text), text.size());
}

}  // namespace

class WatchedFoldersTest : public QObject {
    Q_OBJECT

private:
    std::unique_ptr<QTemporaryDir> m_folder;
    std::unique_ptr<ui::WatchedFolders> m_watched;
    std::unique_ptr<QSignalSpy> m_changed;

    void awaitChange() {
        QTRY_COMPARE(m_changed->size(), 1);
        QCOMPARE(m_changed->front().at(0).toString(), m_folder->path());
        QCOMPARE(m_changed->front().at(1).toString(), u"notes"_s);
        m_changed->clear();
    }

private slots:
    void init() {
        m_folder = std::make_unique<QTemporaryDir>();
        QVERIFY(QDir(m_folder->path()).mkdir(u"below"_s));
        write(m_folder->filePath(u"below/old.txt"_s), "one");
        m_watched = std::make_unique<ui::WatchedFolders>(kRestMs);
        m_watched->watch({{m_folder->path(), u"notes"_s}});
        m_changed = std::make_unique<QSignalSpy>(m_watched.get(), &ui::WatchedFolders::changed);
    }

    void aNewFileIsTold() {
        write(m_folder->filePath(u"new.txt"_s), "two");
        awaitChange();
    }

    void aFileOfASubfolderWrittenInPlaceIsTold() {
        write(m_folder->filePath(u"below/old.txt"_s), "one and more");
        awaitChange();
    }

    void aSubfolderMadeLaterIsWatchedToo() {
        QVERIFY(QDir(m_folder->path()).mkdir(u"later"_s));
        awaitChange();
        write(m_folder->filePath(u"later/new.txt"_s), "three");
        awaitChange();
    }

    void manyChangesInARowAreToldOnce() {
        for (int file = 0; file < 20; ++file)
            write(m_folder->filePath(u"%1.txt"_s.arg(file)), "text");
        awaitChange();
        QVERIFY(!m_changed->wait(4 * kRestMs));
    }

    void aFolderNoLongerWatchedIsSilent() {
        m_watched->watch({});
        write(m_folder->filePath(u"new.txt"_s), "two");
        QVERIFY(!m_changed->wait(4 * kRestMs));
    }
};

QTEST_GUILESS_MAIN(WatchedFoldersTest)
#include "watched_folders_test.moc"
