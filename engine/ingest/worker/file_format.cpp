// Signatures of what is read and of what is often met and not read, so that a person is told what the file is.
#include "engine/ingest/worker/file_format.h"

#include <algorithm>
#include <array>

#include "engine/ingest/utf8.h"
#include "engine/ingest/worker/readers.h"

namespace engine::worker {
namespace {

/// Bytes looked at for a signature or for binary content.
constexpr std::size_t kSniffedBytes = 1024;
constexpr std::size_t kTextSampleBytes = std::size_t{64} << 10;
constexpr std::size_t kTarMagicOffset = 257;
/// Of a sample's bytes: more control characters than one in this many and it is not text (terminal logs have some).
constexpr std::size_t kControlShare = 50;
constexpr std::size_t kFreeControls = 8;

struct Signature {
    std::string_view bytes;
    std::string_view what;
};

/// Formats that are recognised to be named, not to be read.
constexpr std::array<Signature, 24> kNotRead{{{"\x89PNG", "a PNG image"},
                                              {"\xFF\xD8\xFF", "a JPEG image"},
                                              {"GIF8", "a GIF image"},
                                              {"RIFF", "an audio, video or image file (RIFF)"},
                                              {"II*\0", "a TIFF image"},
                                              {"MM\0*", "a TIFF image"},
                                              {"BM", "a bitmap image"},
                                              {"\x7F"
                                               "ELF",
                                               "a program (ELF)"},
                                              {"MZ", "a program (Windows)"},
                                              {"\xD0\xCF\x11\xE0", "an old Microsoft Office file"},
                                              {"{\\rtf", "an RTF document"},
                                              {"%!PS", "a PostScript file"},
                                              {"SQLite format 3", "a SQLite database"},
                                              {"7z\xBC\xAF", "a 7z archive"},
                                              {"\xFD"
                                               "7zXZ",
                                               "an xz file"},
                                              {"BZh", "a bzip2 file"},
                                              {"\x28\xB5\x2F\xFD", "a zstd file"},
                                              {"Rar!", "a RAR archive"},
                                              {"!<arch>", "an archive (ar, deb)"},
                                              {"OggS", "an Ogg file"},
                                              {"ID3", "an MP3 file"},
                                              {"GGUF", "a model file (GGUF)"},
                                              {"\x1F\xA0", "a compressed file"},
                                              {"\x1F\x9D", "a compressed file"}}};

/// What text files with these endings are read as. Other endings are program text or data, which would only dilute a
/// library.
struct Ending {
    std::string_view ending;
    FileFormat format;
};
constexpr std::array<Ending, 23> kEndings{
    {{"", FileFormat::PlainText},       {"txt", FileFormat::PlainText},  {"text", FileFormat::PlainText},
     {"rst", FileFormat::PlainText},    {"adoc", FileFormat::PlainText}, {"asciidoc", FileFormat::PlainText},
     {"org", FileFormat::PlainText},    {"tex", FileFormat::PlainText},  {"log", FileFormat::PlainText},
     {"nfo", FileFormat::PlainText},    {"me", FileFormat::PlainText},   {"news", FileFormat::PlainText},
     {"debian", FileFormat::PlainText}, {"md", FileFormat::Markdown},    {"markdown", FileFormat::Markdown},
     {"mdown", FileFormat::Markdown},   {"mkd", FileFormat::Markdown},   {"html", FileFormat::Html},
     {"htm", FileFormat::Html},         {"xhtml", FileFormat::Html},     {"xht", FileFormat::Html},
     {"pdf", FileFormat::Pdf},          {"epub", FileFormat::Epub}}};

Status skipped(std::string_view what) { return Status(StatusCode::Unsupported, "skipped: " + std::string(what)); }
Status refused(std::string_view why) { return Status(StatusCode::Refused, std::string(why)); }

/// The name's ending in lower case, without the dot; empty for none and for dot-files. An ending has a letter: "NEWS.2" has
/// none.
std::string endingOf(const std::string& name) {
    const std::size_t dot = name.rfind('.');
    if (dot == std::string::npos || dot == 0)
        return {};
    std::string ending = name.substr(dot + 1);
    bool hasLetter = false;
    for (char& c : ending) {
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c + 32);
        hasLetter = hasLetter || (c >= 'a' && c <= 'z');
    }
    return hasLetter && ending.find(' ') == std::string::npos ? ending : std::string();
}

bool isUtf16(std::string_view bytes) { return bytes.starts_with("\xFF\xFE") || bytes.starts_with("\xFE\xFF"); }

bool looksBinary(std::string_view bytes) {
    const std::string_view sample = bytes.substr(0, kTextSampleBytes);
    if (isUtf16(bytes))
        return bytes.starts_with(std::string_view("\xFF\xFE\0\0", 4));
    std::size_t controls = 0;
    for (const char c : sample) {
        if (c == '\0')
            return true;
        const bool whiteSpace = (c >= '\t' && c <= '\r') || c == '\x1B';
        controls += static_cast<std::uint8_t>(c) < 0x20 && !whiteSpace;
    }
    return controls > kFreeControls && controls * kControlShare > sample.size();
}

/// "<!doctype html" or "<html" behind white space, an XML declaration and comments.
bool looksLikeHtml(std::string_view bytes) {
    std::string start;
    for (const char c : bytes.substr(0, kSniffedBytes))
        start.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
    const std::size_t first = start.find_first_not_of("\xEF\xBB\xBF \t\r\n");
    if (first == std::string::npos || start[first] != '<')
        return false;
    return start.find("<!doctype html") != std::string::npos || start.find("<html") != std::string::npos;
}

/// The header may stand anywhere in the first 1024 bytes (ISO 32000-1, annex H); a text that only speaks of it is no PDF.
bool isPdf(std::string_view bytes, const std::string& ending) {
    if (bytes.starts_with("%PDF-"))
        return true;
    const bool likely = ending == "pdf" || looksBinary(bytes);
    return likely && bytes.substr(0, kSniffedBytes).find("%PDF-") != std::string_view::npos;
}

Result<FileFormat> zipFormat(std::string_view bytes, const std::string& ending) {
    const std::string_view start = bytes.substr(0, kSniffedBytes);
    if (ending == "epub" || start.find("mimetypeapplication/epub+zip") != std::string_view::npos)
        return FileFormat::Epub;
    if (ending == "docx" || ending == "xlsx" || ending == "pptx")
        return skipped("a Microsoft Office file (." + ending + "), which is not read; save it as PDF or HTML");
    if (start.find("mimetypeapplication/vnd.oasis") != std::string_view::npos)
        return skipped("an OpenDocument file, which is not read; save it as PDF or HTML");
    return skipped("a ZIP archive, which is not read; unpack it first");
}

}  // namespace

Result<FileFormat> detectFormat(std::string_view bytes, const std::string& name) {
    const std::string ending = endingOf(name);
    if (bytes.empty())
        return skipped("the file is empty");
    if (isPdf(bytes, ending))
        return FileFormat::Pdf;
    if (bytes.starts_with("PK\x03\x04") || bytes.starts_with("PK\x05\x06"))
        return zipFormat(bytes, ending);
    if (bytes.starts_with("\x1F\x8B"))
        return FileFormat::Gzip;
    const bool binary = looksBinary(bytes);
    for (const Signature& signature : kNotRead) {
        // Two letters may start an honest text too.
        if (bytes.starts_with(signature.bytes) && (binary || signature.bytes.size() > 3))
            return skipped(std::string(signature.what) + ", which is not read");
    }
    if (bytes.size() > kTarMagicOffset + 5 && bytes.substr(kTarMagicOffset, 5) == "ustar")
        return skipped("a tar archive, which is not read; unpack it first");
    if (ending == "pdf")
        return refused("not a PDF: the file has no PDF header; it may be damaged, or something else with this name");
    if (ending == "epub")
        return refused("not an EPUB: the file is no ZIP archive; it may be damaged, or something else with this name");
    if (binary)
        return skipped("binary content of an unknown format");
    const auto known = std::find_if(kEndings.begin(), kEndings.end(), [&](const Ending& e) { return e.ending == ending; });
    if (known == kEndings.end())
        return skipped("." + oneLine(ending).substr(0, 40) + " files are not documents that are read");
    if (known->ending.empty() && looksLikeHtml(bytes))
        return FileFormat::Html;
    return known->format;
}

Result<ParsedDocument> readFile(std::string bytes, const std::string& name) {
    Result<FileFormat> format = detectFormat(bytes, name);
    if (!format.ok())
        return format.status();
    if (*format == FileFormat::Gzip) {
        Result<std::string> unpacked = unpackGzip(bytes);
        if (!unpacked.ok())
            return unpacked.status();
        bytes = std::move(*unpacked);
        if (bytes.empty())
            return skipped("the file is empty behind its gzip packing");
        std::string inner = name;
        if (endingOf(name) == "gz")
            inner.resize(inner.size() - 3);
        format = detectFormat(bytes, inner);
        if (!format.ok())
            return format.status();
        if (*format == FileFormat::Gzip)
            return refused("gzip inside gzip; unpack the file first");
    }
    switch (*format) {
        case FileFormat::Markdown:
            return readMarkdown(bytes);
        case FileFormat::Html:
            return readHtml(bytes);
        case FileFormat::Pdf:
            return readPdf(bytes);
        case FileFormat::Epub:
            return readEpub(bytes);
        default:
            return readPlainText(bytes);
    }
}

}  // namespace engine::worker
