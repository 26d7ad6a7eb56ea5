// Chunks by tokens. Every decision looks at most one chunk ahead, so that borders find their old places again behind an
// edit.
#include "engine/ingest/chunker.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <span>
#include <string_view>

#include "engine/ingest/text_borders.h"
#include "engine/ingest/utf8.h"
#include "engine/retrieve/query_terms.h"
#include "storage/digest.h"

namespace engine {
namespace {

/// Part of the settings' digest: raise it when the rules change.
constexpr std::int64_t kChunkerVersion = 1;
/// Below this, header, separator and one character might not fit.
constexpr int kSmallestGreatestTokens = 16;
constexpr std::int64_t kMaxHeaderCharacters = 120;
/// A title longer than this gives way to the section's.
constexpr std::int64_t kMaxTitleBesideSection = 60;
/// A longer line is text, not a heading.
constexpr std::size_t kMaxHeadingBytes = 200;
/// Bytes on each side of a border that its hash sees.
constexpr std::size_t kHashedBytes = 48;
constexpr std::string_view kBetweenTitles = " › ";
constexpr std::string_view kSeparator = "\n\n";

/// The first `characters` characters, "…" in the place of the last when something was cut.
std::string shortened(const std::string& text, std::int64_t characters) {
    if (countCharacters(text) <= characters)
        return text;
    std::size_t at = 0;
    for (std::int64_t i = 0; i + 1 < characters && at < text.size(); ++i)
        at += static_cast<std::size_t>(codePointAt(text, at).bytes);
    std::string cut = text.substr(0, at);
    while (!cut.empty() && cut.back() == ' ')
        cut.pop_back();
    return cut + "…";
}

std::string headerOf(const std::string& title, const std::string& section) {
    if (section.empty() || section == title)
        return shortened(title, kMaxHeaderCharacters);
    if (title.empty())
        return shortened(section, kMaxHeaderCharacters);
    const std::int64_t room = kMaxHeaderCharacters - countCharacters(kBetweenTitles);
    const std::string head = shortened(title, std::max(kMaxTitleBesideSection, room - countCharacters(section)));
    return head + std::string(kBetweenTitles) + shortened(section, room - countCharacters(head));
}

/// 64-bit FNV-1a with a finishing mix (splitmix64's), because borders are compared by greatest value.
std::uint64_t hashOf(std::string_view before, std::string_view after) {
    std::uint64_t hash = 0xcbf29ce484222325u;
    const auto add = [&](std::string_view bytes) {
        for (const char byte : bytes)
            hash = (hash ^ static_cast<std::uint8_t>(byte)) * 0x100000001b3u;
    };
    add(before);
    add(std::string_view("\0", 1));
    add(after);
    hash = (hash ^ hash >> 30) * 0xbf58476d1ce4e5b9u;
    hash = (hash ^ hash >> 27) * 0x94d049bb133111ebu;
    return hash ^ hash >> 31;
}

/// Counts characters along ascending byte positions.
class CharacterCounter {
public:
    explicit CharacterCounter(std::string_view text) : m_text(text) {}
    std::int64_t at(std::size_t byte) {
        m_characters += countCharacters(m_text.substr(m_byte, byte - m_byte));
        m_byte = byte;
        return m_characters;
    }

private:
    std::string_view m_text;
    std::size_t m_byte = 0;
    std::int64_t m_characters = 0;
};

class Chunker {
public:
    Chunker(const ParsedDocument& document, const std::string& title, const storage::ContentDigest& content,
            const Tokenizer& tokenizer, const ChunkerSettings& settings)
        : m_document(document),
          m_title(oneLine(title)),
          m_content(content),
          m_tokenizer(tokenizer),
          m_settings(settings.digest()),
          m_text(document.text),
          m_greatest(std::max(settings.greatestTokens, kSmallestGreatestTokens)),
          m_least(std::max(settings.leastTokens, 0)),
          m_pieceLimit(m_greatest / 4),
          m_separatorTokens(countTokens(kSeparator)) {}

    std::vector<ChunkRecord> chunk() {
        findSections();
        findPieces();
        std::vector<ChunkRecord> chunks;
        CharacterCounter counter(m_text);
        for (std::size_t first = 0; first < m_pieces.size();) {
            const Cut cut = cutFrom(first);
            ChunkRecord record;
            record.chunker = m_settings;
            record.ordinal = static_cast<int>(chunks.size());
            record.beginByte = static_cast<std::int64_t>(m_pieces[first].begin);
            record.endByte = static_cast<std::int64_t>(m_pieces[cut.end - 1].end);
            record.begin = counter.at(m_pieces[first].begin);
            record.end = counter.at(m_pieces[cut.end - 1].end);
            record.tokens = cut.tokens;
            record.header = header(sectionOfChunkAt(m_pieces[first].begin)).text;
            record.searchText = searchableText(record.header + "\n" + std::string(body(first, cut.end)));
            setPages(record);
            const std::span<const std::uint8_t> contentBytes(m_content.digest.bytes);
            record.id.digest = storage::DigestBuilder()
                                   .addBytes(std::as_bytes(contentBytes))
                                   .addBytes(std::as_bytes(std::span<const std::uint8_t>(m_settings.bytes)))
                                   .addInteger(record.begin)
                                   .addInteger(record.end)
                                   .finish();
            chunks.push_back(std::move(record));
            first = cut.end;
        }
        return chunks;
    }

private:
    struct Piece : TextPiece {
        int tokens = 0;  // with the white space before it
    };
    struct Header {
        std::string text;
        int tokens = 0;  // with its newline
    };
    struct Cut {
        std::size_t end = 0;  // piece behind the chunk
        int tokens = 0;       // exact, header and separator included
    };

    int countTokens(std::string_view text) const {
        return static_cast<int>(m_tokenizer.encode(text, SpecialTokens::AsText).size());
    }

    std::string_view body(std::size_t first, std::size_t end) const {
        return m_text.substr(m_pieces[first].begin, m_pieces[end - 1].end - m_pieces[first].begin);
    }

    void findSections() {
        std::int64_t character = 0;
        std::size_t byte = 0;
        for (const storage::SectionMark& mark : m_document.sections) {
            for (; character < mark.begin && byte < m_text.size(); ++character)
                byte += static_cast<std::size_t>(codePointAt(m_text, byte).bytes);
            m_sectionBytes.push_back(byte);
        }
    }

    /// Pieces of at most m_pieceLimit tokens, so that one more piece never jumps over the window between least and greatest
    /// size.
    void findPieces() {
        std::size_t previousEnd = 0;
        const auto add = [&](const TextPiece& piece) {
            m_pieces.push_back({piece, countTokens(m_text.substr(previousEnd, piece.end - previousEnd))});
            previousEnd = piece.end;
        };
        for (const TextPiece& piece : cutAtBorders(m_text, m_sectionBytes)) {
            // A token is a byte at least, so short pieces need no second look.
            const bool small = piece.end - previousEnd <= static_cast<std::size_t>(m_pieceLimit);
            const int tokens = countTokens(m_text.substr(previousEnd, piece.end - previousEnd));
            if (small || tokens <= m_pieceLimit) {
                m_pieces.push_back({piece, tokens});
                previousEnd = piece.end;
                continue;
            }
            // A character is 4 tokens at most where the tokenizer falls back to bytes.
            for (const TextPiece& word : cutAtWords(m_text, piece, std::max(1, m_pieceLimit / 4)))
                add(word);
        }
    }

    /// Index into the sections of the one that holds the byte; −1 = before the first.
    int sectionAt(std::size_t byte) const {
        const auto next = std::upper_bound(m_sectionBytes.begin(), m_sectionBytes.end(), byte);
        return static_cast<int>(next - m_sectionBytes.begin()) - 1;
    }

    /// The innermost section at a chunk's start. Where headings follow each other without text between, it is the last
    /// one's.
    int sectionOfChunkAt(std::size_t byte) const {
        int section = sectionAt(byte);
        while (section >= 0 && static_cast<std::size_t>(section) + 1 < m_sectionBytes.size()) {
            const std::size_t begin = m_sectionBytes[static_cast<std::size_t>(section)];
            const std::size_t next = m_sectionBytes[static_cast<std::size_t>(section) + 1];
            const std::string_view heading = m_text.substr(begin, next - begin);
            const std::size_t end = heading.find_last_not_of(" \t\n");
            if (begin < byte || next - begin > kMaxHeadingBytes || end == std::string_view::npos || heading.find('\n') < end)
                break;
            ++section;
        }
        return section;
    }

    const Header& header(int section) {
        const auto known = m_headers.find(section);
        if (known != m_headers.end())
            return known->second;
        Header made;
        made.text = headerOf(
            m_title, section < 0 ? std::string() : oneLine(m_document.sections[static_cast<std::size_t>(section)].title));
        const auto count = [&] { return made.text.empty() ? 0 : countTokens(made.text + "\n"); };
        made.tokens = count();
        // At least half of a chunk is text, whatever script the title is written in.
        while (!made.text.empty() && made.tokens > m_greatest / 2 - m_separatorTokens) {
            const std::int64_t characters = countCharacters(made.text);
            made.text = characters < 4 ? std::string() : shortened(made.text, characters * 3 / 4);
            made.tokens = count();
        }
        return m_headers.emplace(section, std::move(made)).first->second;
    }

    /// Where the chunk that starts with piece `first` ends. Token counts of pieces add up to that of their text but for a
    /// few at the seams; the chunk itself is counted exactly, and cut again with less room when it is above the limit.
    Cut cutFrom(std::size_t first) {
        const Header chunkHeader = header(sectionOfChunkAt(m_pieces[first].begin));
        int room = m_greatest - chunkHeader.tokens - m_separatorTokens;
        for (;;) {
            const std::size_t end = chooseEnd(first, room);
            const int tokens = countTokens(chunkPromptText(chunkHeader.text, body(first, end)));
            if (tokens <= m_greatest)
                return {end, tokens};
            if (end - first > 1) {
                room = std::min(room, sumOf(first, end)) - (tokens - m_greatest);
                continue;
            }
            if (!halve(first))
                return {end, tokens};
        }
    }

    int sumOf(std::size_t first, std::size_t end) const {
        int sum = 0;
        for (std::size_t i = first; i < end; ++i)
            sum += m_pieces[i].tokens;
        return sum;
    }

    /// The best end (a piece index) for a chunk from `first` with at most `room` tokens of body: the first section border
    /// once the least size is reached; else the best border by strength, then by hash, that does not leave a rest smaller
    /// than the least size.
    std::size_t chooseEnd(std::size_t first, int room) const {
        const int least = std::min(m_least, room / 2);
        struct Candidate {
            std::size_t end = 0;
            int sum = 0;
        };
        std::vector<Candidate> candidates;
        int sum = 0;
        int sectionSum = -1;  // tokens up to the next section's start, when it is near
        std::size_t end = first;
        // The white space before the first piece is not the chunk's.
        const int firstTokens =
            countTokens(m_text.substr(m_pieces[first].begin, m_pieces[first].end - m_pieces[first].begin));
        const auto tokensOf = [&](std::size_t piece) { return piece == first ? firstTokens : m_pieces[piece].tokens; };
        while (end < m_pieces.size() && sum + tokensOf(end) <= room) {
            sum += tokensOf(end);
            ++end;
            if (end == m_pieces.size() || (sum >= least && m_pieces[end].before == Border::Section))
                return end;
            if (sum >= least)
                candidates.push_back({end, sum});
        }
        if (candidates.empty())
            return std::max(end, first + 1);
        for (std::size_t ahead = end; sectionSum < 0 && sum <= room + least; ++ahead) {
            if (ahead == m_pieces.size() || (ahead > first && m_pieces[ahead].before == Border::Section))
                sectionSum = sum;
            else
                sum += m_pieces[ahead].tokens;
        }
        const auto leavesEnough = [&](const Candidate& candidate) {
            return sectionSum < 0 || sectionSum - candidate.sum >= least;
        };
        const Candidate* best = nullptr;
        std::uint64_t bestHash = 0;
        for (const Candidate& candidate : candidates) {
            const std::uint64_t hash = borderHash(candidate.end);
            if (best != nullptr) {
                const bool enough = leavesEnough(candidate);
                const bool bestEnough = leavesEnough(*best);
                const Border border = m_pieces[candidate.end].before;
                const Border bestBorder = m_pieces[best->end].before;
                if (enough != bestEnough ? bestEnough : border != bestBorder ? border < bestBorder : hash < bestHash)
                    continue;
            }
            best = &candidate;
            bestHash = hash;
        }
        return best->end;
    }

    /// Of the text around the border before a piece.
    std::uint64_t borderHash(std::size_t piece) const {
        const std::size_t before = m_pieces[piece - 1].end;
        const std::size_t after = m_pieces[piece].begin;
        const std::size_t hashed = std::min(before, kHashedBytes);
        return hashOf(m_text.substr(before - hashed, hashed), m_text.substr(after, kHashedBytes));
    }

    /// Cuts a piece in two at a code point; false when it is a single one.
    bool halve(std::size_t index) {
        const Piece piece = m_pieces[index];
        const std::int64_t characters = countCharacters(m_text.substr(piece.begin, piece.end - piece.begin));
        if (characters < 2)
            return false;
        std::size_t middle = piece.begin;
        for (std::int64_t i = 0; i < characters / 2; ++i)
            middle += static_cast<std::size_t>(codePointAt(m_text, middle).bytes);
        std::size_t left = middle;
        while (left > piece.begin + 1 && m_text[left - 1] == ' ')
            --left;
        while (middle < piece.end && m_text[middle] == ' ')
            ++middle;
        if (middle >= piece.end)
            return false;
        Piece tail = piece;
        tail.begin = middle;
        tail.before = Border::Word;
        tail.tokens = countTokens(m_text.substr(middle, piece.end - middle));
        m_pieces[index].end = left;
        m_pieces[index].tokens = countTokens(m_text.substr(piece.begin, left - piece.begin));
        m_pieces.insert(m_pieces.begin() + static_cast<std::ptrdiff_t>(index) + 1, tail);
        return true;
    }

    void setPages(ChunkRecord& record) {
        const std::vector<storage::PageSpan>& pages = m_document.pageMap;
        while (m_page < pages.size() && pages[m_page].end <= record.begin)
            ++m_page;
        for (std::size_t i = m_page; i < pages.size() && pages[i].begin < record.end; ++i) {
            if (pages[i].end <= record.begin)
                continue;
            if (record.firstPage == 0)
                record.firstPage = pages[i].page;
            record.lastPage = pages[i].page;
        }
    }

    const ParsedDocument& m_document;
    const std::string m_title;
    const storage::ContentDigest& m_content;
    const Tokenizer& m_tokenizer;
    const Digest m_settings;
    const std::string_view m_text;
    const int m_greatest;
    const int m_least;
    const int m_pieceLimit;  // tokens
    const int m_separatorTokens;
    std::vector<std::size_t> m_sectionBytes;
    std::vector<Piece> m_pieces;
    std::map<int, Header> m_headers;  // by section
    std::size_t m_page = 0;           // first page not before the last chunk
};

}  // namespace

Digest ChunkerSettings::digest() const {
    return storage::DigestBuilder()
        .addText("chunker")
        .addInteger(kChunkerVersion)
        .addInteger(greatestTokens)
        .addInteger(leastTokens)
        .finish();
}

std::vector<ChunkRecord> chunkDocument(const ParsedDocument& document, const std::string& title,
                                       const storage::ContentDigest& content, const Tokenizer& tokenizer,
                                       const ChunkerSettings& settings) {
    return Chunker(document, title, content, tokenizer, settings).chunk();
}

std::string chunkPromptText(const std::string& header, std::string_view body) {
    std::string text;
    text.reserve(header.size() + 1 + body.size() + kSeparator.size());
    if (!header.empty()) {
        text += header;
        text += '\n';
    }
    text += body;
    text += kSeparator;
    return text;
}

}  // namespace engine
