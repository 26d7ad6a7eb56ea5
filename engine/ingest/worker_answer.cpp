// The answer's bytes: little-endian integers, strings behind their length.
#include "engine/ingest/worker_answer.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "engine/ingest/utf8.h"

namespace engine {
namespace {

constexpr std::string_view kMagic = "CBDW";
constexpr std::uint32_t kVersion = 1;
constexpr std::uint32_t kMaxSections = 200'000;
constexpr std::uint32_t kMaxPages = 100'000;
constexpr std::uint32_t kMaxTitleBytes = 4096;
constexpr int kMaxSectionLevel = 256;
constexpr std::array<std::string_view, 5> kMediaTypes{"text/plain", "text/markdown", "text/html", "application/pdf",
                                                      "application/epub+zip"};

/// First byte of a payload.
enum class Outcome : std::uint8_t { Document = 0, Unsupported = 1, Refused = 2, IoError = 3 };

void putInteger(std::string& bytes, std::uint64_t value, int size) {
    for (int i = 0; i < size; ++i)
        bytes.push_back(static_cast<char>(static_cast<unsigned char>(value >> (8 * i))));
}

void putText(std::string& bytes, std::string_view text) {
    putInteger(bytes, text.size(), 4);
    bytes += text;
}

std::uint64_t integerAt(std::string_view bytes, std::size_t at, int size) {
    std::uint64_t value = 0;
    for (int i = 0; i < size; ++i)
        value |= std::uint64_t{static_cast<std::uint8_t>(bytes[at + static_cast<std::size_t>(i)])} << (8 * i);
    return value;
}

/// Takes fields off the front; after the first missing byte everything reads as zero and `broken` is set.
class FieldReader {
public:
    explicit FieldReader(std::string_view bytes) : m_bytes(bytes) {}

    std::uint64_t integer(int size) {
        if (m_bytes.size() < static_cast<std::size_t>(size)) {
            m_broken = true;
            m_bytes = {};
            return 0;
        }
        const std::uint64_t value = integerAt(m_bytes, 0, size);
        m_bytes.remove_prefix(static_cast<std::size_t>(size));
        return value;
    }
    std::string text(std::uint64_t greatestBytes) {
        const std::uint64_t size = integer(4);
        if (size > greatestBytes || size > m_bytes.size()) {
            m_broken = true;
            m_bytes = {};
            return {};
        }
        std::string value(m_bytes.substr(0, size));
        m_bytes.remove_prefix(size);
        return value;
    }
    bool broken() const { return m_broken; }
    std::size_t left() const { return m_bytes.size(); }

private:
    std::string_view m_bytes;
    bool m_broken = false;
};

bool hasControls(std::string_view text, std::string_view allowed) {
    return std::any_of(text.begin(), text.end(), [&](char byte) {
        return static_cast<std::uint8_t>(byte) < 0x20 && allowed.find(byte) == std::string_view::npos;
    });
}

bool isTitle(std::string_view text) { return isUtf8(text) && !hasControls(text, ""); }

Status brokenAnswer(std::string_view what) {
    return Status(StatusCode::Refused, "the document worker's answer breaks its rules (" + std::string(what) +
                                           "); the file may have been made to attack it");
}

std::uint8_t outcomeOf(StatusCode code) {
    switch (code) {
        case StatusCode::Unsupported:
            return static_cast<std::uint8_t>(Outcome::Unsupported);
        case StatusCode::IoError:
            return static_cast<std::uint8_t>(Outcome::IoError);
        default:
            return static_cast<std::uint8_t>(Outcome::Refused);
    }
}

/// Pages ascend from 1 and their ranges ascend inside the text.
std::string_view pageFault(const ParsedDocument& document, std::int64_t characters) {
    int page = 0;
    std::int64_t end = 0;
    for (const storage::PageSpan& span : document.pageMap) {
        if (span.page <= page || span.page > document.pages)
            return "page numbers do not ascend";
        if (span.begin < end || span.end < span.begin || span.end > characters)
            return "page ranges do not ascend inside the text";
        page = span.page;
        end = span.end;
    }
    return {};
}

std::string_view sectionFault(const ParsedDocument& document, std::int64_t characters) {
    std::int64_t begin = 0;
    for (const storage::SectionMark& mark : document.sections) {
        if (mark.begin < begin || mark.begin > characters)
            return "sections do not ascend inside the text";
        if (mark.level < 1 || mark.level > kMaxSectionLevel)
            return "a section's level";
        if (!isTitle(mark.title) || mark.title.empty())
            return "a section's title";
        begin = mark.begin;
    }
    return {};
}

}  // namespace

std::string encodeAnswer(const Result<ParsedDocument>& result) {
    std::string bytes(kMagic);
    putInteger(bytes, kVersion, 4);
    putInteger(bytes, 0, 8);
    if (!result.ok()) {
        const Status status = result.status();
        putInteger(bytes, outcomeOf(status.code()), 1);
        putText(bytes, beginningOf(oneLine(status.message()), kMaxTitleBytes));
    } else {
        const ParsedDocument& document = *result;
        bytes.reserve(bytes.size() + document.text.size() + 64 * (document.pageMap.size() + document.sections.size() + 64));
        putInteger(bytes, static_cast<std::uint8_t>(Outcome::Document), 1);
        putText(bytes, document.mediaType);
        putText(bytes, document.title);
        putText(bytes, document.text);
        putInteger(bytes, static_cast<std::uint64_t>(document.pages), 4);
        putInteger(bytes, document.pageMap.size(), 4);
        for (const storage::PageSpan& span : document.pageMap) {
            putInteger(bytes, static_cast<std::uint64_t>(span.page), 4);
            putInteger(bytes, static_cast<std::uint64_t>(span.begin), 8);
            putInteger(bytes, static_cast<std::uint64_t>(span.end), 8);
        }
        putInteger(bytes, document.sections.size(), 4);
        for (const storage::SectionMark& mark : document.sections) {
            putInteger(bytes, static_cast<std::uint64_t>(mark.begin), 8);
            putInteger(bytes, static_cast<std::uint64_t>(mark.level), 4);
            putText(bytes, mark.title);
        }
    }
    std::string length;
    putInteger(length, bytes.size() - kAnswerHeadBytes, 8);
    bytes.replace(8, 8, length);
    return bytes;
}

Result<std::uint64_t> answerPayloadBytes(std::string_view head) {
    if (head.size() < kAnswerHeadBytes || head.substr(0, kMagic.size()) != kMagic)
        return brokenAnswer("it does not start like one");
    if (integerAt(head, 4, 4) != kVersion)
        return Status(StatusCode::Refused,
                      "the document worker is of another version than this program; install both together");
    const std::uint64_t bytes = integerAt(head, 8, 8);
    if (bytes > kMaxAnswerBytes)
        return brokenAnswer("it claims " + std::to_string(bytes) + " bytes");
    return bytes;
}

Result<ParsedDocument> decodeAnswer(std::string_view payload) {
    FieldReader reader(payload);
    const auto outcome = static_cast<Outcome>(reader.integer(1));
    if (outcome != Outcome::Document) {
        const std::string reason = reader.text(kMaxTitleBytes);
        if (reader.broken() || reader.left() > 0 || reason.empty() || !isTitle(reason) || outcome > Outcome::IoError)
            return brokenAnswer("its reason for failing");
        return Status(outcome == Outcome::Unsupported ? StatusCode::Unsupported
                      : outcome == Outcome::IoError   ? StatusCode::IoError
                                                      : StatusCode::Refused,
                      reason);
    }
    ParsedDocument document;
    document.mediaType = reader.text(kMaxTitleBytes);
    document.title = reader.text(kMaxTitleBytes);
    document.text = reader.text(kMaxTextBytes);
    const std::uint64_t pages = reader.integer(4);
    const std::uint64_t spans = reader.integer(4);
    if (pages > kMaxPages || spans > pages)
        return brokenAnswer("more pages than may be");
    document.pages = static_cast<int>(pages);
    for (std::uint64_t i = 0; i < spans && !reader.broken(); ++i) {
        storage::PageSpan span;
        span.page = static_cast<int>(std::min<std::uint64_t>(reader.integer(4), kMaxPages + 1));
        span.begin = static_cast<std::int64_t>(reader.integer(8));
        span.end = static_cast<std::int64_t>(reader.integer(8));
        document.pageMap.push_back(span);
    }
    const std::uint64_t sections = reader.integer(4);
    if (sections > kMaxSections)
        return brokenAnswer("more sections than may be");
    for (std::uint64_t i = 0; i < sections && !reader.broken(); ++i) {
        storage::SectionMark mark;
        mark.begin = static_cast<std::int64_t>(reader.integer(8));
        mark.level = static_cast<int>(std::min<std::uint64_t>(reader.integer(4), kMaxSectionLevel + 1));
        mark.title = reader.text(kMaxTitleBytes);
        document.sections.push_back(std::move(mark));
    }
    if (reader.broken() || reader.left() > 0)
        return brokenAnswer("a length");
    if (std::find(kMediaTypes.begin(), kMediaTypes.end(), document.mediaType) == kMediaTypes.end())
        return brokenAnswer("the media type");
    if (!isTitle(document.title))
        return brokenAnswer("the title");
    if (!isUtf8(document.text) || hasControls(document.text, "\t\n"))
        return brokenAnswer("text that is not clean UTF-8");
    const std::int64_t characters = countCharacters(document.text);
    if (const std::string_view fault = pageFault(document, characters); !fault.empty())
        return brokenAnswer(fault);
    if (const std::string_view fault = sectionFault(document, characters); !fault.empty())
        return brokenAnswer(fault);
    return document;
}

}  // namespace engine
