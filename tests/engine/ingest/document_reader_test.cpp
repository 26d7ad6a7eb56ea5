// Laws of reading documents: text, title, sections and pages of every format.
#include "engine/ingest/document_reader.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "engine/ingest/utf8.h"
#include "tests/engine/ingest/document_files.h"

namespace engine {
namespace {

ParsedDocument read(const std::string& name, std::string_view bytes) {
    Result<ParsedDocument> result = readBytes(name, bytes);
    EXPECT_TRUE(result.ok()) << name << ": " << result.status().message();
    return result.ok() ? std::move(*result) : ParsedDocument();
}

/// The text from a character on, up to the line's end.
std::string lineAt(const ParsedDocument& document, std::int64_t character) {
    std::size_t at = 0;
    for (std::int64_t i = 0; i < character; ++i)
        at += static_cast<std::size_t>(codePointAt(document.text, at).bytes);
    return document.text.substr(at, document.text.find('\n', at) - at);
}

std::vector<std::string> sectionLines(const ParsedDocument& document) {
    std::vector<std::string> lines;
    for (const storage::SectionMark& mark : document.sections)
        lines.push_back(std::to_string(mark.level) + " " + mark.title + " = " + lineAt(document, mark.begin));
    return lines;
}

using Lines = std::vector<std::string>;

// ---- plain text ----

TEST(PlainText, IsKeptWithNormalisedNewlines) {
    EXPECT_EQ(read("a.txt", "one\r\ntwo\rthree\n\n\n\nfour  \n  five").text, "one\ntwo\nthree\n\nfour\n  five");
    EXPECT_EQ(read("a.txt", "no newline at the end").text, "no newline at the end");
    EXPECT_EQ(read("README", "no ending\n").mediaType, "text/plain");
}

TEST(PlainText, ControlCharactersGoAndOthersStay) {
    EXPECT_EQ(read("a.txt",
                   "a\x01\x02"
                   "b\tc\x1B[31m d\fe")
                  .text,
              "ab\tc[31m d\n\ne");
    const std::string special = "\u202Eabc\u202C \u200B\u00AD\u2066x\u2069 👩‍🚀 \u0301e";
    EXPECT_EQ(read("a.txt", special).text, special);
}

TEST(PlainText, EncodingsAreRecognised) {
    EXPECT_EQ(read("a.txt", "\xEF\xBB\xBFwörld").text, "wörld");
    EXPECT_EQ(read("a.txt", "w\xF6rld \x80 \x93quoted\x94").text, "wörld € “quoted”");
    EXPECT_EQ(read("a.txt", std::string_view("\xFF\xFEw\0\xF6\0\x3C\xD8\x0D\xDF", 10)).text, "wö🌍");
    EXPECT_EQ(read("a.txt", std::string_view("\xFE\xFF\0w\0\xF6\xD8\x3C", 8)).text, "wö\uFFFD");
}

TEST(PlainText, UnderlinedAndNumberedHeadingsAreSections) {
    const ParsedDocument document =
        read("a.txt",
             "The Manual\n**********\n\nIntro.\n\n1. Scope\n========\n\nText.\n\nPurpose\n-------\n\nMore.\n\n"
             "2.1.\u00A0What is\nthis about?\n\nThis.\n\n2.1.1 It is not so.\n\n1.1. a\n1.2. b\n");
    EXPECT_EQ(sectionLines(document), (Lines{"1 The Manual = The Manual", "2 1. Scope = 1. Scope", "3 Purpose = Purpose",
                                             "2 2.1. What is this about? = 2.1.\u00A0What is"}));
    EXPECT_EQ(document.title, "The Manual");
}

TEST(PlainText, WithoutAHeadingHasNoTitle) { EXPECT_EQ(read("a.txt", "Just words.\nAnd more.").title, ""); }

TEST(PlainText, GzipIsUnpacked) {
    const ParsedDocument document = read("a.txt.gz", gzipped("Packed words."));
    EXPECT_EQ(document.text, "Packed words.");
    EXPECT_EQ(document.mediaType, "text/plain");
    EXPECT_EQ(read("two.gz", gzipped("One. ") + gzipped("Two.") + std::string(512, '\0')).text, "One. Two.");
}

// ---- Markdown ----

TEST(Markdown, IsReadableTextWithSections) {
    const ParsedDocument document =
        read("a.md",
             "# The *Big* Title\n\nSome **bold** and `code` with a [link](http://x.example/).\nSecond line &amp; more.\n\n"
             "Sub\n---\n\n- one\n- two\n  1. inner\n\n```sh\nls -l\n\n  indented\n```\n\n> quoted\n\n| a | b "
             "|\n|---|---|\n| 1 | 2 |\n");
    EXPECT_EQ(document.mediaType, "text/markdown");
    EXPECT_EQ(document.title, "The Big Title");
    EXPECT_EQ(document.text,
              "The Big Title\n\nSome bold and code with a link. Second line & more.\n\nSub\n\n- one\n- two\n  1. inner\n\n"
              "ls -l\n\n  indented\n\nquoted\n\n| a | b |\n|---|---|\n| 1 | 2 |");
    EXPECT_EQ(sectionLines(document), (Lines{"1 The Big Title = The Big Title", "2 Sub = Sub"}));
}

TEST(Markdown, FrontMatterGivesTheTitle) {
    const ParsedDocument document = read("a.md", "---\r\ntitle: \"Notes: on cheese\"\r\ndate: 2020\r\n---\r\n\r\nText.\r\n");
    EXPECT_EQ(document.title, "Notes: on cheese");
    EXPECT_EQ(document.text, "Text.");
}

TEST(Markdown, HtmlInsideBecomesText) {
    EXPECT_EQ(read("a.md", "Before<br>after\n\n<div><b>bold</b> block<script>alert(1)</script></div>\n\nLast").text,
              "Before\nafter\n\nbold block\n\nLast");
}

// ---- HTML ----

TEST(Html, KeepsTextAndDropsChrome) {
    const ParsedDocument document = read(
        "a.html",
        "<!DOCTYPE html><html><head><title>My\n Page</title><style>p{}</style><script>var "
        "a='<p>no</p>';</script></head><body>"
        "<nav>Home | About</nav><div role=navigation>Menu</div><h1>Head&shy;ing<a class=headerlink href=#x>¶</a></h1>"
        "<p>First&nbsp;paragraph &lt;b&gt; &eacute; &#8212; <b>bold</b>.<br>Next line.</p><p>Second<!-- comment -->.</p>"
        "<div hidden>secret</div><div style='DISPLAY : none'>secret</div><noscript>enable</noscript>"
        "<h2>Sub</h2><ul><li>one<li>two<ol start=3><li>deep</ol></ul><pre>\n  code\n\n   more\n</pre>10<sup>6</sup>"
        "<table><tr><th>Name<th>Age</tr><tr><td>Ann<td><td>7</tr></table></body></html>");
    EXPECT_EQ(document.title, "My Page");
    EXPECT_EQ(document.text,
              "Head\u00ADing\n\nFirst paragraph <b> é — bold.\nNext line.\n\nSecond.\n\nSub\n\n- one\n- two\n  3. deep\n\n"
              "  code\n\n   more\n\n10^6\n\nName | Age\nAnn | | 7");
    EXPECT_EQ(sectionLines(document), (Lines{"1 Head\u00ADing = Head\u00ADing", "2 Sub = Sub"}));
}

TEST(Html, TheMainElementIsTheContent) {
    EXPECT_EQ(
        read("a.html", "<html><body><div>Banner</div><main><p>Content.</p></main><div>Footer</div></body></html>").text,
        "Content.");
}

TEST(Html, TablesThatArrangeThePageAreParagraphs) {
    EXPECT_EQ(read("a.html", "<table><tr><td><h1>Left</h1><p>Text.</p><td><p>a</p><p>b</p></table>").text,
              "Left\n\nText.\n\na\n\nb");
}

TEST(Html, CharsetsAreDecoded) {
    EXPECT_EQ(read("a.html", "<meta charset=iso-8859-15><p>\xA4 w\xF6rld").text, "€ wörld");
    EXPECT_EQ(read("a.html", "<p>w\xF6rld\x85").text, "wörld…");
    EXPECT_EQ(read("a.html", "<meta charset=utf-8><p>w\xF6rld").text, "w\uFFFDrld");
}

TEST(Html, IsRecognisedWithoutAnEnding) { EXPECT_EQ(read("page", "\n<!doctype HTML><p>Hi.").mediaType, "text/html"); }

TEST(Html, CharacterReferencesMakeNoControlCharacters) {
    const ParsedDocument document = read("a.html", "<title>a&#10;b&#1;</title><p>x&#0;y&#1;z&#13;q&#x202e;</p>");
    EXPECT_TRUE(isUtf8(document.text));
    for (const char c : document.text)
        EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 || c == '\n') << static_cast<int>(c);
    EXPECT_EQ(document.title, "a b");
}

// ---- PDF ----

TEST(Pdf, PagesTitleAndOutlineAreFound) {
    PdfParts parts;
    parts.title = "On Bees";
    parts.outline = {"Hives", "Honey"};
    parts.pages = {
        {"Contents", "", "Hives . . . . . . . . . 2", "Honey . . . . . . . . . 3", "Index . . . . . . . . . . 9"},
        {"1 Hives", "", "Bees live in hives that people make for them out of wood or straw, and", "they like it there."},
        {"2 Honey", "", "Honey is sweet."}};
    const ParsedDocument document = read("bees.pdf", pdfOf(parts));
    EXPECT_EQ(document.mediaType, "application/pdf");
    EXPECT_EQ(document.title, "On Bees");
    EXPECT_EQ(document.pages, 3);
    ASSERT_EQ(document.pageMap.size(), 3u);
    EXPECT_EQ(lineAt(document, document.pageMap[1].begin), "1 Hives");
    EXPECT_EQ(lineAt(document, document.pageMap[2].begin), "2 Honey");
    EXPECT_EQ(document.pageMap[2].end, countCharacters(document.text));
    EXPECT_EQ(sectionLines(document), (Lines{"1 Hives = 1 Hives", "1 Honey = 2 Honey"}));
    EXPECT_NE(document.text.find("straw, and they like it there."), std::string::npos) << document.text;
}

TEST(Pdf, RunningHeadsAndPageNumbersGo) {
    PdfParts parts;
    for (int page = 1; page <= 12; ++page) {
        const std::string number = std::to_string(page);
        parts.pages.push_back({"The Annual Report", "", "Alpha" + number + " was seen in that year.",
                               "Beta" + number + " was not.", "Gamma" + number + " came later.", "", number});
    }
    const ParsedDocument document = read("report.pdf", pdfOf(parts));
    EXPECT_EQ(document.text.find("Annual"), std::string::npos) << document.text;
    for (int page = 1; page <= 12; ++page) {
        const std::string line = lineAt(document, document.pageMap[static_cast<std::size_t>(page - 1)].begin);
        EXPECT_TRUE(line.starts_with("Alpha" + std::to_string(page) + " was")) << line;
    }
}

TEST(Pdf, AContentsPageIsNotWhereTheSectionsStart) {
    const std::vector<std::string> titles{"Apples", "Pears", "Plums", "Figs", "Dates", "Quinces", "Grapes"};
    for (const bool outline : {true, false})
        for (const std::string number : {"", " 12"}) {
            // Without an outline only numbers make a line a heading; writers print contents with and without leading dots.
            PdfParts parts;
            std::vector<std::string> headings;
            for (std::size_t i = 0; i < titles.size(); ++i)
                headings.push_back((outline ? "" : "1." + std::to_string(i + 1) + " ") + titles[i]);
            if (outline)
                parts.outline = titles;
            parts.pages.emplace_back();
            for (const std::string& heading : headings)
                parts.pages[0].push_back(heading + number);
            for (std::size_t i = 0; i < titles.size(); ++i)
                parts.pages.push_back({headings[i], "", "They grow on trees in " + titles[i] + " orchards.",
                                       "People eat them.", "", std::to_string(i + 2)});
            const ParsedDocument document = read("fruit.pdf", pdfOf(parts));
            ASSERT_EQ(document.sections.size(), titles.size()) << outline << number << "\n" << document.text;
            for (std::size_t i = 0; i < titles.size(); ++i) {
                EXPECT_EQ(document.sections[i].title, headings[i]);
                EXPECT_EQ(document.sections[i].begin, document.pageMap[i + 1].begin) << outline << number;
            }
            EXPECT_TRUE(lineAt(document, 0).starts_with(headings[0] + number)) << "the contents themselves stay";
        }
}

/// Pages that follow a table of contents: each says its heading and then something of its own.
void addFruitPages(PdfParts& parts, const std::vector<std::string>& headings) {
    for (std::size_t i = 0; i < headings.size(); ++i)
        parts.pages.push_back({headings[i], "",
                               "They grow on trees in orchard number " + std::to_string(i) + " of the valley.",
                               "People eat them.", "", std::to_string(i + 2)});
}

void expectSectionsBehindContents(const PdfParts& parts, const std::vector<std::string>& titles) {
    const ParsedDocument document = read("fruit.pdf", pdfOf(parts));
    ASSERT_EQ(document.sections.size(), titles.size()) << document.text;
    for (std::size_t i = 0; i < titles.size(); ++i) {
        EXPECT_EQ(document.sections[i].title, titles[i]);
        EXPECT_EQ(document.sections[i].begin, document.pageMap[i + 1].begin) << document.text;
    }
}

TEST(Pdf, AShortTableOfContentsIsNotWhereTheSectionsStart) {
    for (const bool outline : {true, false})
        for (const std::size_t count : {2U, 3U, 5U}) {
            std::vector<std::string> titles{"Apples", "Pears", "Plums", "Figs", "Dates"};
            titles.resize(count);
            for (std::size_t i = 0; !outline && i < count; ++i)
                titles[i].insert(0, "1." + std::to_string(i + 1) + " ");
            PdfParts parts;
            if (outline)
                parts.outline = titles;
            parts.pages.push_back({"Contents"});
            parts.pages[0].insert(parts.pages[0].end(), titles.begin(), titles.end());
            addFruitPages(parts, titles);
            parts.pages.push_back({"That was all that is to say of them.", "", std::to_string(count + 2)});
            SCOPED_TRACE(std::to_string(count) + (outline ? " in the outline" : " by number"));
            expectSectionsBehindContents(parts, titles);
        }
}

TEST(Pdf, PageNumbersInAColumnOfTheirOwnMakeNoSections) {
    const std::vector<std::string> titles{"Apples", "Pears", "Plums", "Figs", "Dates", "Quinces", "Grapes"};
    for (const bool between : {true, false}) {
        PdfParts parts;
        parts.outline = titles;
        parts.pages.push_back({"Contents", ""});
        for (std::size_t i = 0; i < titles.size(); ++i) {
            parts.pages[0].push_back(titles[i]);
            if (between)
                parts.pages[0].push_back(std::to_string(i + 2));
        }
        for (std::size_t i = 0; !between && i < titles.size(); ++i)
            parts.pages[0].push_back(std::to_string(i + 2));
        addFruitPages(parts, titles);
        expectSectionsBehindContents(parts, titles);
    }
}

TEST(Pdf, ContentsMayShareAPageWithTheFirstSection) {
    const std::vector<std::string> titles{"Apples", "Pears", "Plums", "Figs"};
    PdfParts parts;
    parts.outline = titles;
    parts.pages.push_back({"Fruit of the valley", "", "Apples", "Pears", "Plums", "Figs", "", "Apples", "",
                           "They are the first that this book tells of, and the best.", "", "1"});
    addFruitPages(parts, {"Pears", "Plums", "Figs"});
    const ParsedDocument document = read("fruit.pdf", pdfOf(parts));
    ASSERT_EQ(document.sections.size(), titles.size()) << document.text;
    EXPECT_EQ(document.sections[0].begin, static_cast<std::int64_t>(document.text.rfind("Apples"))) << document.text;
    for (std::size_t i = 1; i < titles.size(); ++i)
        EXPECT_EQ(document.sections[i].begin, document.pageMap[i].begin) << document.text;
}

TEST(Pdf, HeadingsInARowThatAreSaidOnceAreSections) {
    PdfParts parts;
    parts.outline = {"Part One", "Trees", "Apples", "Pears"};
    parts.pages = {{"Part One", "Trees", "Apples", "", "They grow on trees.", "", "1"},
                   {"Pears", "", "They grow on trees, too.", "People eat them.", "", "2"}};
    const ParsedDocument document = read("fruit.pdf", pdfOf(parts));
    ASSERT_EQ(document.sections.size(), 4U) << document.text;
    EXPECT_EQ(document.sections[0].begin, 0);
}

TEST(Pdf, WithoutAnOutlineTheContentsTellWhereALongHeadingEnds) {
    PdfParts parts;
    parts.pages = {
        {"1.1. Purpose .......... 2", "1.2. /bin : Commands (for use by all users) .......... 3", "1.3. Rest .......... 4"},
        {"1.1. Purpose", "", "This tells what it is for, at some length and in words.", "", "2"},
        {"1.2. /bin : Commands (for", "use by all users)", "", "There are many, all of them",
         "1.74 times faster than before.", "", "3"},
        {"1.3. Rest", "", "Nothing is left to say about it here.", "", "4"}};
    const ParsedDocument document = read("manual.pdf", pdfOf(parts));
    ASSERT_EQ(document.sections.size(), 3U) << document.text;
    EXPECT_EQ(document.sections[1].title, "1.2. /bin : Commands (for use by all users)");
    EXPECT_EQ(document.sections[1].begin, document.pageMap[2].begin);
}

TEST(Pdf, HeadingsThatDifferByANumberOnlyAreNoRunningHeads) {
    PdfParts parts;
    for (int page = 1; page <= 8; ++page) {
        const std::string title = "Version 4." + std::to_string(page);
        parts.outline.push_back(title);
        parts.pages.push_back(
            {title, "", "A change was made.", "It was a good one.", "More followed.", "", std::to_string(page)});
    }
    const ParsedDocument document = read("changes.pdf", pdfOf(parts));
    EXPECT_EQ(document.sections.size(), 8u);
    EXPECT_EQ(lineAt(document, document.pageMap[4].begin), "Version 4.5");
}

TEST(Pdf, AShortDocumentKeepsEveryLine) {
    const ParsedDocument document = read("short.pdf", pdfOf({{{"Same line", "One."}, {"Same line", "Two."}}, "", {}, ""}));
    EXPECT_NE(document.text.find("Same line"), document.text.rfind("Same line"));
    EXPECT_EQ(document.title, "");
}

TEST(Pdf, EmptyPagesHaveEmptyRanges) {
    const ParsedDocument document = read("gaps.pdf", pdfOf({{{}, {"Second."}, {}, {"Fourth."}, {}}, "", {}, ""}));
    EXPECT_EQ(document.pages, 5);
    ASSERT_EQ(document.pageMap.size(), 5u);
    EXPECT_EQ(lineAt(document, document.pageMap[1].begin), "Second.");
    EXPECT_EQ(lineAt(document, document.pageMap[3].begin), "Fourth.");
    EXPECT_EQ(document.pageMap[2].begin, document.pageMap[2].end);
}

TEST(Pdf, GzippedPdfIsAPdf) { EXPECT_EQ(read("a.pdf.gz", gzipped(pdfOf({{{"Packed."}}, "", {}, ""}))).text, "Packed."); }

TEST(Pdf, ContentWinsOverTheName) {
    EXPECT_EQ(read("a.txt", pdfOf({{{"Really."}}, "", {}, ""})).mediaType, "application/pdf");
}

TEST(Pdf, ATextThatSpeaksOfPdfHeadersIsText) {
    EXPECT_EQ(read("notes.txt", "Each file starts with %PDF-1.7 and ends with %%EOF.").mediaType, "text/plain");
    EXPECT_EQ(read("mail.pdf", "junk before it\n" + pdfOf({{{"Inside."}}, "", {}, ""})).text, "Inside.");
}

// ---- EPUB ----

TEST(Epub, ChaptersFollowTheSpineWithTheContentsAsSections) {
    const ParsedDocument document = read("book.epub", epubOf(smallEpub()));
    EXPECT_EQ(document.mediaType, "application/epub+zip");
    EXPECT_EQ(document.title, "The Lighthouse Keeper");
    EXPECT_EQ(document.text,
              "The Storm\n\nWaves rose & fell.\n\nNobody slept.\n\nThe lamp went out.\n\nWhale oil was dear.");
    EXPECT_EQ(sectionLines(document), (Lines{"1 The Storm = The Storm", "1 The Lamp = The lamp went out.",
                                             "2 About the oil = Whale oil was dear."}));
}

TEST(Epub, AnNcxServesWhereThereIsNoNav) {
    EpubParts parts = smallEpub();
    const std::string nav = "<item id=\"nav\" href=\"nav.xhtml\" media-type=\"application/xhtml+xml\" properties=\"nav\"/>";
    parts.package.replace(parts.package.find(nav), nav.size(),
                          "<item id=\"ncx\" href=\"toc.ncx\" media-type=\"application/x-dtbncx+xml\"/>");
    parts.more.push_back(storedEntry(
        "OEBPS/toc.ncx",
        "<?xml version=\"1.0\"?><!DOCTYPE ncx PUBLIC \"-//NISO//DTD ncx 2005-1//EN\" "
        "\"http://www.daisy.org/z3986/2005/ncx-2005-1.dtd\">"
        "<ncx xmlns=\"http://www.daisy.org/z3986/2005/ncx/\"><navMap><navPoint><navLabel><text>Storm</text></navLabel>"
        "<content src=\"text/one.xhtml\"/><navPoint><navLabel><text>Lamp</text></navLabel>"
        "<content src=\"text/chapter%20two.xhtml\"/></navPoint></navPoint></navMap></ncx>"));
    const ParsedDocument document = read("book.epub", epubOf(parts));
    EXPECT_EQ(sectionLines(document),
              (Lines{"1 Storm = The Storm", "1 The Storm = The Storm", "2 Lamp = The lamp went out."}));
}

TEST(Epub, LinksCannotLeaveTheArchive) {
    EpubParts parts = smallEpub();
    const std::string href = "text/one.xhtml\" media-type";
    parts.package.replace(parts.package.find(href), href.size(), "../../../../etc/passwd\" media-type");
    const Result<ParsedDocument> result = readBytes("book.epub", epubOf(parts));
    EXPECT_NE(result.status().message().find("no entry etc/passwd"), std::string::npos) << result.status().message();
}

// ---- the worker's place ----

TEST(DocumentReader, NamesThatLookLikeOptionsAreNames) { EXPECT_EQ(read("--self-test", "Text.").text, "Text."); }

TEST(DocumentReader, SymbolicLinksAreFollowed) {
    const TemporaryDirectory directory;
    const std::string file = directory.write("real.txt", "Behind a link.");
    ASSERT_EQ(::symlink(file.c_str(), directory.path("link.txt").c_str()), 0);
    const Result<ParsedDocument> result = readDocument(directory.path("link.txt"), workerOptions(), {});
    ASSERT_TRUE(result.ok());
    EXPECT_EQ(result->text, "Behind a link.");
}

TEST(DocumentReader, TheWorkerCanBeNamed) {
    ASSERT_EQ(::setenv("CACHEBLEND_DOCUMENT_WORKER", "/nonexistent", 1), 0);
    EXPECT_EQ(findDocumentWorker().status().code(), StatusCode::NotFound);
    ASSERT_EQ(::setenv("CACHEBLEND_DOCUMENT_WORKER", "/bin/true", 1), 0);
    EXPECT_EQ(findDocumentWorker().value(), "/bin/true");
    ::unsetenv("CACHEBLEND_DOCUMENT_WORKER");
    EXPECT_TRUE(findDocumentWorker().value().ends_with("/cacheblend-document-worker"));
}

}  // namespace
}  // namespace engine
