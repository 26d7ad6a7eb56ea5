// Each kind of broken, hostile or foreign file has its own reason, and the reader goes on with the next file.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "tests/engine/ingest/document_files.h"

namespace engine {
namespace {

void expectReason(const Result<ParsedDocument>& result, StatusCode code, const std::string& reason) {
    EXPECT_EQ(result.status().code(), code) << result.status().message();
    EXPECT_NE(result.status().message().find(reason), std::string::npos) << result.status().message();
}

void expectSkipped(const std::string& name, std::string_view bytes, const std::string& reason) {
    SCOPED_TRACE(name);
    const Result<ParsedDocument> result = readBytes(name, bytes);
    expectReason(result, StatusCode::Unsupported, reason);
    EXPECT_TRUE(result.status().message().starts_with("skipped: ")) << result.status().message();
}

void expectRefused(const std::string& name, std::string_view bytes, const std::string& reason) {
    SCOPED_TRACE(name);
    expectReason(readBytes(name, bytes), StatusCode::Refused, reason);
}

// ---- what is no file ----

TEST(BrokenFiles, MissingFile) {
    expectReason(readDocument("/nonexistent/file.txt", workerOptions(), {}), StatusCode::NotFound,
                 "/nonexistent/file.txt does not exist");
}

TEST(BrokenFiles, Directory) {
    const TemporaryDirectory directory;
    expectReason(readDocument(directory.path(""), workerOptions(), {}), StatusCode::Unsupported, "a directory");
}

TEST(BrokenFiles, NamedPipeIsNotWaitedFor) {
    const TemporaryDirectory directory;
    ASSERT_EQ(::mkfifo(directory.path("pipe.txt").c_str(), 0600), 0);
    expectReason(readDocument(directory.path("pipe.txt"), workerOptions(), {}), StatusCode::Unsupported, "a named pipe");
}

TEST(BrokenFiles, Device) {
    expectReason(readDocument("/dev/zero", workerOptions(), {}), StatusCode::Unsupported, "a device");
}

TEST(BrokenFiles, Socket) {
    const TemporaryDirectory directory;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, directory.path("socket").c_str(), sizeof address.sun_path - 1);
    const int descriptor = ::socket(AF_UNIX, SOCK_STREAM, 0);
    ASSERT_EQ(::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    expectReason(readDocument(directory.path("socket"), workerOptions(), {}), StatusCode::Unsupported, "a socket");
    ::close(descriptor);
}

TEST(BrokenFiles, UnreadablePermissions) {
    const TemporaryDirectory directory;
    const std::string path = directory.write("secret.txt", "Hello.");
    ASSERT_EQ(::chmod(path.c_str(), 0), 0);
    const bool root = ::geteuid() == 0;
    constexpr uid_t kNobody = 65534;
    ::chmod(directory.path("").c_str(), 0755);
    const DocumentReaderOptions options = workerOptions();
    ASSERT_TRUE(!root || ::seteuid(kNobody) == 0);
    const Result<ParsedDocument> result = readDocument(path, options, {});
    ASSERT_TRUE(!root || ::seteuid(0) == 0);
    expectReason(result, StatusCode::IoError, "Permission denied");
}

TEST(BrokenFiles, FileLargerThanAnyDocument) {
    const TemporaryDirectory directory;
    const std::string path = directory.write("huge.txt", "Hello.");
    ASSERT_EQ(::truncate(path.c_str(), off_t{300} << 20), 0);  // sparse
    expectReason(readDocument(path, workerOptions(), {}), StatusCode::Refused, "300 MiB");
}

// ---- what is no document ----

TEST(BrokenFiles, EmptyFile) {
    expectSkipped("empty.txt", "", "the file is empty");
    expectSkipped("empty.txt.gz", gzipped(""), "empty behind its gzip packing");
    expectSkipped("blank.txt", " \r\n\t\n", "no text");
}

TEST(BrokenFiles, ForeignFormatsAreNamed) {
    expectSkipped("picture.txt", std::string("\x89PNG\r\n\x1A\n\0\0\0\rIHDR", 16), "a PNG image");
    expectSkipped("program.pdf",
                  std::string("\x7F"
                              "ELF\2\1\1\0\0\0",
                              10),
                  "a program");
    expectSkipped("old.doc", std::string("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1\0\0", 10), "an old Microsoft Office file");
    expectSkipped("letter.rtf", "{\\rtf1\\ansi Hello}", "an RTF document");
    expectSkipped("letter.docx", zipOf({storedEntry("word/document.xml", "<w/>")}), "a Microsoft Office file");
    expectSkipped("things.zip", zipOf({storedEntry("a.txt", "a")}), "a ZIP archive");
    expectSkipped("backup.tar", std::string("file") + std::string(253, '\0') + "ustar" + std::string(300, '\0'),
                  "a tar archive");
    expectSkipped("noise.txt", std::string("ab\0cd", 5), "binary content");
    expectSkipped("style.css", "body { color: red }", ".css files");
    expectSkipped("data.json", "{\"a\": 1}", ".json files");
}

// ---- PDF ----

TEST(BrokenFiles, PdfWithoutHeader) { expectRefused("paper.pdf", "Dear reader, this is only text.", "no PDF header"); }

TEST(BrokenFiles, TruncatedPdf) {
    const std::string pdf = pdfOf({{{"Hello there."}}, "Greeting", {}, ""});
    ASSERT_TRUE(readBytes("whole.pdf", pdf).ok());
    expectRefused("half.pdf", std::string_view(pdf).substr(0, pdf.size() / 2), "truncated PDF");
}

TEST(BrokenFiles, DamagedPdf) { expectRefused("rubble.pdf", "%PDF-1.4\nrubble rubble rubble\n%%EOF\n", "damaged PDF"); }

TEST(BrokenFiles, EncryptedPdf) {
    PdfParts parts{{{"Secret."}}, "Secret", {}, ""};
    const std::string zeros(64, '0');
    parts.trailer = "/Encrypt << /Filter /Standard /V 1 /R 2 /O <" + zeros + "> /U <" + zeros + "> /P -4 >> /ID [<00> <00>]";
    expectRefused("secret.pdf", pdfOf(parts), "encrypted PDF");
}

TEST(BrokenFiles, PdfWithoutText) { expectSkipped("scan.pdf", pdfOf({{{}, {}}, "", {}, ""}), "scanned pages"); }

// ---- gzip ----

TEST(BrokenFiles, GzipBomb) {
    expectRefused("bomb.txt.gz", gzippedRun(std::uint64_t{3} << 20), "a gzip bomb");
    // Many members of one bomb each are one bomb.
    const std::string member = gzippedRun(std::uint64_t{600} << 10);
    expectRefused("bombs.txt.gz", member + member + member, "a gzip bomb");
}

TEST(BrokenFiles, ASmallRunIsNoBomb) { EXPECT_TRUE(readBytes("run.txt.gz", gzippedRun(500'000)).ok()); }

TEST(BrokenFiles, TruncatedGzip) {
    const std::string packed = gzipped("Hello there, this is a text of some length.");
    for (const std::size_t length : {5u, 12u, 30u})
        expectRefused("half.txt.gz", std::string_view(packed).substr(0, length), "truncated gzip");
    expectRefused("half.txt.gz", std::string_view(packed).substr(0, packed.size() - 3), "truncated gzip");
}

TEST(BrokenFiles, DamagedGzip) {
    std::string packed = gzipped("Hello there, this is a text of some length.");
    packed[20] ^= 1;
    expectRefused("damaged.txt.gz", packed, "damaged gzip");
    expectRefused("tail.txt.gz", gzipped("Hello.") + "rubbish", "damaged gzip");
}

TEST(BrokenFiles, GzipInsideGzip) { expectRefused("twice.txt.gz.gz", gzipped(gzipped("Hello.")), "gzip inside gzip"); }

TEST(BrokenFiles, PackedForeignFormat) {
    expectSkipped("picture.gz", gzipped(std::string("\x89PNG\r\n\x1A\n\0", 9)), "a PNG image");
}

// ---- EPUB ----

TEST(BrokenFiles, EpubThatIsNoArchive) { expectRefused("book.epub", "Once upon a time", "no ZIP archive"); }

TEST(BrokenFiles, TruncatedEpub) {
    const std::string epub = epubOf(smallEpub());
    ASSERT_TRUE(readBytes("whole.epub", epub).ok());
    expectRefused("half.epub", std::string_view(epub).substr(0, epub.size() / 2), "truncated ZIP archive");
}

TEST(BrokenFiles, EpubWithoutContainer) {
    EpubParts parts = smallEpub();
    parts.container.clear();
    expectRefused("book.epub", epubOf(parts), "container.xml");
}

TEST(BrokenFiles, EpubWithDamagedXml) {
    EpubParts parts = smallEpub();
    parts.package.resize(parts.package.size() / 2);
    expectRefused("book.epub", epubOf(parts), "is damaged: line");
}

TEST(BrokenFiles, EpubWithDoctypeOrEntities) {
    EpubParts parts = smallEpub();
    const std::string declaration = "<?xml version=\"1.0\"?>";
    parts.package.replace(0, declaration.size(), "<!DOCTYPE package [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;\">]>");
    expectRefused("book.epub", epubOf(parts), "DOCTYPE");
    parts = smallEpub();
    parts.container.replace(0, declaration.size(), "<!DOCTYPE container SYSTEM \"file:///etc/passwd\">");
    expectRefused("book.epub", epubOf(parts), "DOCTYPE");
}

TEST(BrokenFiles, EpubNestedTooDeeply) {
    EpubParts parts = smallEpub();
    std::string deep;
    for (int i = 0; i < 300; ++i)
        deep += "<x>";
    for (int i = 0; i < 300; ++i)
        deep += "</x>";
    parts.package.insert(parts.package.find("<manifest>"), deep);
    expectRefused("book.epub", epubOf(parts), "nested too deeply");
}

TEST(BrokenFiles, EpubWithDamagedChapter) {
    EpubParts parts = smallEpub();
    std::string epub = epubOf(parts);
    epub[epub.find("Waves rose")] = 'w';
    expectRefused("book.epub", epub, "one.xhtml is damaged");
}

TEST(BrokenFiles, EpubWithMissingChapter) {
    EpubParts parts = smallEpub();
    parts.chapters.pop_back();
    expectRefused("book.epub", epubOf(parts), "no entry OEBPS/text/chapter two.xhtml");
}

TEST(BrokenFiles, EncryptedEpub) {
    EpubParts parts = smallEpub();
    parts.more.push_back(
        storedEntry("META-INF/encryption.xml",
                    "<encryption xmlns=\"urn:oasis:names:tc:opendocument:xmlns:container\"><EncryptedData>"
                    "<CipherData><CipherReference URI=\"OEBPS/text/one.xhtml\"/></CipherData></EncryptedData>"
                    "</encryption>"));
    expectRefused("book.epub", epubOf(parts), "DRM");
    parts = smallEpub();
    parts.chapters.pop_back();
    ZipEntry locked = storedEntry("OEBPS/text/chapter two.xhtml", "0123456789abcdef");
    locked.flags = 1;
    parts.more.push_back(locked);
    expectRefused("book.epub", epubOf(parts), "is encrypted");
}

TEST(BrokenFiles, ObscuredFontsAreNoProtection) {
    EpubParts parts = smallEpub();
    parts.more.push_back(
        storedEntry("META-INF/encryption.xml",
                    "<encryption><EncryptedData><CipherData><CipherReference URI=\"OEBPS/font.ttf\"/></CipherData>"
                    "</EncryptedData></encryption>"));
    EXPECT_TRUE(readBytes("book.epub", epubOf(parts)).ok());
}

TEST(BrokenFiles, ZipBombs) {
    EpubParts parts = smallEpub();
    const std::uint32_t declared = 4u << 20;
    parts.more = {{"run", deflatedRun(declared), 8, declared, 0, 0}};
    expectRefused("ratio.epub", epubOf(parts), "a ZIP bomb: an entry grows");
    parts.more = {{"large", std::string(std::size_t{4} << 20, 'x'), 0, 600u << 20, 0, 0}};
    expectRefused("large.epub", epubOf(parts), "a ZIP bomb: more than 512 MiB");
    parts.more.assign(10'001, storedEntry("", ""));
    for (std::size_t i = 0; i < parts.more.size(); ++i)
        parts.more[i].name = std::to_string(i);
    expectRefused("many.epub", epubOf(parts), "a ZIP bomb: 10");
}

TEST(BrokenFiles, ZipBombThatLiesAboutItsSize) {
    EpubParts parts = smallEpub();
    const std::uint64_t count = std::uint64_t{8} << 20;
    parts.chapters.pop_back();
    parts.more = {{"OEBPS/text/chapter two.xhtml", deflatedRun(count), 8, 100, 0, 0}};
    expectRefused("lies.epub", epubOf(parts), "");
}

// ---- HTML ----

TEST(BrokenFiles, HtmlInACharsetThatIsNotRead) {
    expectSkipped("page.html", "<html><head><meta charset=\"Shift_JIS\"></head><body>\x93\x8C\x8B\x9E</body></html>",
                  "shift_jis");
}

TEST(BrokenFiles, DeeplyNestedHtmlNeitherCrashesNorLosesText) {
    std::string html;
    for (int i = 0; i < 3000; ++i)
        html += "<div>";
    const Result<ParsedDocument> result = readBytes("deep.html", html + "At the bottom.");
    ASSERT_TRUE(result.ok()) << result.status().message();
    EXPECT_EQ(result->text, "At the bottom.");
}

TEST(BrokenFiles, TextLongerThanTheLimit) {
    std::string text;
    const std::string line = "A line of text that is repeated very often in this file.\n";
    while (text.size() < (std::size_t{66} << 20))
        text += line;
    expectRefused("long.txt", text, "64 MiB");
}

}  // namespace
}  // namespace engine
