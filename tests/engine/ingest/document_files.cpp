// Builders of just enough of each format; nothing here is compressed but runs of one letter.
#include "tests/engine/ingest/document_files.h"

#include <sys/stat.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace engine {
namespace {

void put(std::string& bytes, std::uint64_t value, int size) {
    for (int i = 0; i < size; ++i)
        bytes.push_back(static_cast<char>(static_cast<unsigned char>(value >> (8 * i))));
}

/// Bits as deflate packs them: least significant first.
class BitWriter {
public:
    void add(std::uint32_t bits, int count) {
        for (int i = 0; i < count; ++i)
            addBit(bits >> i & 1);
    }
    /// Huffman codes are packed starting with their most significant bit.
    void addCode(std::uint32_t code, int count) {
        for (int i = count - 1; i >= 0; --i)
            addBit(code >> i & 1);
    }
    std::string bytes() const { return m_bytes; }

private:
    void addBit(std::uint32_t bit) {
        if (m_used == 0)
            m_bytes.push_back('\0');
        m_bytes.back() = static_cast<char>(static_cast<unsigned char>(m_bytes.back()) | bit << m_used);
        m_used = (m_used + 1) % 8;
    }
    std::string m_bytes;
    int m_used = 0;
};

const std::string kGzipHead("\x1F\x8B\x08\0\0\0\0\0\0\xFF", 10);

std::string escapedForPdf(const std::string& text) {
    std::string escaped;
    for (const char c : text) {
        if (c == '(' || c == ')' || c == '\\')
            escaped.push_back('\\');
        escaped.push_back(c);
    }
    return escaped;
}

}  // namespace

TemporaryDirectory::TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "ingest-test-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
        throw std::runtime_error("no temporary directory");
    m_path = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(m_path, ignored);
}

std::string TemporaryDirectory::write(const std::string& name, std::string_view bytes) const {
    std::ofstream file(path(name), std::ios::binary);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return path(name);
}

std::string TemporaryDirectory::writeScript(const std::string& name, std::string_view commands) const {
    const std::string script = write(name, "#!/bin/sh\n" + std::string(commands) + "\n");
    ::chmod(script.c_str(), 0755);
    return script;
}

DocumentReaderOptions workerOptions() {
    DocumentReaderOptions options;
    options.worker = findDocumentWorker().value();
    return options;
}

Result<ParsedDocument> readBytes(const std::string& name, std::string_view bytes) {
    const TemporaryDirectory directory;
    return readDocument(directory.write(name, bytes), workerOptions(), {});
}

std::string deflatedRun(std::uint64_t count) {
    BitWriter bits;
    bits.add(1, 1);   // last block
    bits.add(2, 2);   // codes of its own
    bits.add(29, 5);  // 286 codes for literals and lengths
    bits.add(0, 5);   // 1 code for distances
    bits.add(
        14, 4);  // 18 lengths of the codes for code lengths follow, in the order 16 17 18 0 8 7 9 6 10 5 11 4 12 3 13 2 14 1
    for (const int length : {0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 2})
        bits.add(static_cast<std::uint32_t>(length), 3);
    const auto zeros = [&](std::uint32_t run) {  // 18: 11 to 138 zeros
        bits.addCode(0, 1);
        bits.add(run - 11, 7);
    };
    const auto lengthOne = [&] { bits.addCode(2, 2); };
    const auto lengthTwo = [&] { bits.addCode(3, 2); };
    zeros(97);
    lengthTwo();  // "a"
    zeros(138);
    zeros(20);
    lengthTwo();  // end of block
    zeros(28);
    lengthOne();  // a match of 258
    lengthOne();  // distance 1
    const auto literal = [&] { bits.addCode(2, 2); };
    if (count > 0) {
        literal();
        --count;
    }
    for (; count >= 258; count -= 258)
        bits.add(0, 2);  // length 258, distance 1
    for (; count > 0; --count)
        literal();
    bits.addCode(3, 2);  // end of block
    return bits.bytes();
}

std::uint32_t crc32Of(std::string_view bytes) {
    static const std::array<std::uint32_t, 256> kTable = [] {
        std::array<std::uint32_t, 256> table{};
        for (std::uint32_t i = 0; i < 256; ++i) {
            std::uint32_t value = i;
            for (int bit = 0; bit < 8; ++bit)
                value = value & 1 ? 0xEDB88320u ^ value >> 1 : value >> 1;
            table[i] = value;
        }
        return table;
    }();
    std::uint32_t crc = ~0u;
    for (const char byte : bytes)
        crc = kTable[(crc ^ static_cast<std::uint8_t>(byte)) & 0xFF] ^ crc >> 8;
    return ~crc;
}

std::string gzipped(std::string_view content) {
    std::string bytes = kGzipHead;
    constexpr std::size_t kBlock = 65535;
    for (std::size_t at = 0; at == 0 || at < content.size(); at += kBlock) {
        const std::string_view block = content.substr(at, kBlock);
        bytes.push_back(at + kBlock >= content.size() ? '\1' : '\0');
        put(bytes, block.size(), 2);
        put(bytes, ~block.size(), 2);
        bytes += block;
    }
    put(bytes, crc32Of(content), 4);
    put(bytes, content.size(), 4);
    return bytes;
}

std::string gzippedRun(std::uint64_t count) {
    std::string bytes = kGzipHead + deflatedRun(count);
    put(bytes, crc32Of(std::string(count, 'a')), 4);
    put(bytes, count, 4);
    return bytes;
}

ZipEntry storedEntry(const std::string& name, std::string_view content) {
    return {name, std::string(content), 0, static_cast<std::uint32_t>(content.size()), crc32Of(content), 0};
}

std::string zipOf(const std::vector<ZipEntry>& entries) {
    std::string bytes;
    std::string directory;
    for (const ZipEntry& entry : entries) {
        const std::uint64_t offset = bytes.size();
        std::string fields;
        put(fields, 20, 2);
        put(fields, entry.flags, 2);
        put(fields, entry.method, 2);
        put(fields, 0, 4);
        put(fields, entry.crc, 4);
        put(fields, entry.data.size(), 4);
        put(fields, entry.declaredBytes, 4);
        put(fields, entry.name.size(), 2);
        put(fields, 0, 2);
        bytes += "PK\x03\x04" + fields + entry.name + entry.data;
        directory += "PK\x01\x02";
        put(directory, 20, 2);
        directory += fields;
        put(directory, 0, 2);
        put(directory, 0, 2);
        put(directory, 0, 2);
        put(directory, 0, 4);
        put(directory, offset, 4);
        directory += entry.name;
    }
    const std::uint64_t start = bytes.size();
    bytes += directory;
    bytes += "PK\x05\x06";
    put(bytes, 0, 4);
    put(bytes, entries.size(), 2);
    put(bytes, entries.size(), 2);
    put(bytes, directory.size(), 4);
    put(bytes, start, 4);
    put(bytes, 0, 2);
    return bytes;
}

EpubParts smallEpub() {
    EpubParts parts;
    parts.container =
        "<?xml version=\"1.0\"?><container xmlns=\"urn:oasis:names:tc:opendocument:xmlns:container\" "
        "version=\"1.0\"><rootfiles>"
        "<rootfile full-path=\"OEBPS/book.opf\" media-type=\"application/oebps-package+xml\"/></rootfiles></container>";
    parts.package =
        "<?xml version=\"1.0\"?><package xmlns=\"http://www.idpf.org/2007/opf\" "
        "xmlns:dc=\"http://purl.org/dc/elements/1.1/\" "
        "version=\"3.0\"><metadata><dc:title>The Lighthouse Keeper</dc:title></metadata><manifest>"
        "<item id=\"nav\" href=\"nav.xhtml\" media-type=\"application/xhtml+xml\" properties=\"nav\"/>"
        "<item id=\"one\" href=\"text/one.xhtml\" media-type=\"application/xhtml+xml\"/>"
        "<item id=\"two\" href=\"text/chapter%20two.xhtml\" media-type=\"application/xhtml+xml\"/>"
        "</manifest><spine><itemref idref=\"one\"/><itemref idref=\"two\"/></spine></package>";
    parts.nav =
        "<html xmlns=\"http://www.w3.org/1999/xhtml\" "
        "xmlns:epub=\"http://www.idpf.org/2007/ops\"><head><title/></head><body>"
        "<nav epub:type=\"toc\"><ol><li><a href=\"text/one.xhtml\">The Storm</a></li>"
        "<li><a href=\"text/chapter%20two.xhtml\">The Lamp</a><ol>"
        "<li><a href=\"text/chapter%20two.xhtml#oil\">About the oil</a></li></ol></li></ol></nav></body></html>";
    parts.chapters = {
        {"OEBPS/text/one.xhtml",
         "<?xml version=\"1.0\"?><html xmlns=\"http://www.w3.org/1999/xhtml\"><head><title/><script "
         "src=\"x.js\"/></head><body>"
         "<h1>The Storm</h1><p>Waves rose &amp; fell.</p><p/><p>Nobody slept.</p></body></html>"},
        {"OEBPS/text/chapter two.xhtml",
         "<html xmlns=\"http://www.w3.org/1999/xhtml\"><body><p>The lamp went out.</p><p id=\"oil\">Whale oil was dear.</p>"
         "</body></html>"}};
    return parts;
}

std::string epubOf(const EpubParts& parts) {
    std::vector<ZipEntry> entries{storedEntry("mimetype", "application/epub+zip")};
    if (!parts.container.empty())
        entries.push_back(storedEntry("META-INF/container.xml", parts.container));
    entries.push_back(storedEntry("OEBPS/book.opf", parts.package));
    entries.push_back(storedEntry("OEBPS/nav.xhtml", parts.nav));
    for (const auto& [name, xhtml] : parts.chapters)
        entries.push_back(storedEntry(name, xhtml));
    entries.insert(entries.end(), parts.more.begin(), parts.more.end());
    return zipOf(entries);
}

std::string pdfOf(const PdfParts& parts) {
    // Objects: 1 catalog, 2 page tree, 3 font, 4 info, 5 outline root, then outline items, then page and content by turns.
    std::vector<std::string> objects(5);
    const std::size_t firstItem = objects.size() + 1;
    const std::size_t firstPage = firstItem + parts.outline.size();
    const auto reference = [](std::size_t number) { return std::to_string(number) + " 0 R"; };
    objects[0] = "<< /Type /Catalog /Pages 2 0 R" + std::string(parts.outline.empty() ? "" : " /Outlines 5 0 R") + " >>";
    std::string kids;
    for (std::size_t i = 0; i < parts.pages.size(); ++i)
        kids += reference(firstPage + 2 * i) + " ";
    objects[1] = "<< /Type /Pages /Count " + std::to_string(parts.pages.size()) + " /Kids [" + kids + "] >>";
    objects[2] = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>";
    objects[3] = "<< /Title (" + escapedForPdf(parts.title) + ") >>";
    objects[4] = parts.outline.empty() ? "<< /Type /Outlines >>"
                                       : "<< /Type /Outlines /First " + reference(firstItem) + " /Last " +
                                             reference(firstItem + parts.outline.size() - 1) + " /Count " +
                                             std::to_string(parts.outline.size()) + " >>";
    for (std::size_t i = 0; i < parts.outline.size(); ++i) {
        std::string item =
            "<< /Title (" + escapedForPdf(parts.outline[i]) + ") /Parent 5 0 R /Dest [" + reference(firstPage) + " /Fit]";
        if (i > 0)
            item += " /Prev " + reference(firstItem + i - 1);
        if (i + 1 < parts.outline.size())
            item += " /Next " + reference(firstItem + i + 1);
        objects.push_back(item + " >>");
    }
    for (std::size_t i = 0; i < parts.pages.size(); ++i) {
        std::string content = "BT /F1 11 Tf 14 TL 60 780 Td\n";
        for (const std::string& line : parts.pages[i])
            content +=
                line.empty() ? std::string("0 -20 Td\n") : std::string("(").append(escapedForPdf(line)).append(") Tj T*\n");
        content += "ET";
        objects.push_back(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> /Contents " +
            reference(firstPage + 2 * i + 1) + " >>");
        objects.push_back("<< /Length " + std::to_string(content.size()) + " >>\nstream\n" + content + "\nendstream");
    }
    std::string pdf = "%PDF-1.4\n";
    std::string table = "0000000000 65535 f \n";
    for (std::size_t i = 0; i < objects.size(); ++i) {
        std::array<char, 24> entry{};
        std::snprintf(entry.data(), entry.size(), "%010zu 00000 n \n", pdf.size());
        table += entry.data();
        pdf += std::to_string(i + 1) + " 0 obj\n" + objects[i] + "\nendobj\n";
    }
    const std::size_t start = pdf.size();
    const std::string size = std::to_string(objects.size() + 1);
    pdf += "xref\n0 " + size + "\n" + table + "trailer\n<< /Size " + size + " /Root 1 0 R /Info 4 0 R " + parts.trailer +
           " >>\nstartxref\n" + std::to_string(start) + "\n%%EOF\n";
    return pdf;
}

}  // namespace engine
