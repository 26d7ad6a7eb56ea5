// Byte-level BPE: special pieces, then words, then merges inside each word.
#include "engine/model/bpe_tokenizer.h"

#include <algorithm>

#include "engine/model/byte_alphabet.h"
#include "engine/model/pre_tokenizer.h"

namespace engine {

namespace {

// A longer word is cut here: bounds the merger's memory (28 bytes a byte of word) and its 32-bit positions.
constexpr std::size_t kLongestWordBytes = std::size_t{64} << 20;
constexpr std::size_t kLongestRememberedWord = 64;
constexpr std::size_t kMostRememberedWords = std::size_t{1} << 16;

/// Bytes of printable ASCII, line breaks and UTF-8 up to the planes in common use. Real vocabularies (SmolLM2's) lack some
/// others.
bool isNeeded(int byte) {
    return byte == '\t' || byte == '\n' || byte == '\r' || (byte >= 0x20 && byte <= 0x7E) ||
           (byte >= 0x80 && byte <= 0xBF) || (byte >= 0xC2 && byte <= 0xF0);
}

}  // namespace

/// What one call of encode works with.
struct BpeTokenizer::Scratch {
    struct Span {
        std::size_t begin = 0;
        std::size_t count = 0;
    };
    BpeMerger merger;
    std::unordered_map<std::string_view, Span> words;  // word → where its ids stand in the result
};

BpeTokenizer::BpeTokenizer(Vocabulary vocabulary) : m_vocabulary(std::move(vocabulary)) {}

Result<std::unique_ptr<Tokenizer>> BpeTokenizer::create(Vocabulary vocabulary) {
    std::unique_ptr<BpeTokenizer> tokenizer(new BpeTokenizer(std::move(vocabulary)));
    if (Status status = tokenizer->readMerges(); !status.ok())
        return status;
    tokenizer->readBytes();
    return std::unique_ptr<Tokenizer>(std::move(tokenizer));
}

Status BpeTokenizer::readMerges() {
    const std::vector<std::string>& pieces = m_vocabulary.pieces;
    std::unordered_map<std::string_view, TokenId> ids;
    ids.reserve(pieces.size());
    for (std::size_t i = 0; i < pieces.size(); ++i)
        ids.try_emplace(pieces[i], static_cast<TokenId>(i));

    for (int byte = 0; byte < 256; ++byte) {
        const auto found = ids.find(byteAlphabetCharacter(static_cast<std::uint8_t>(byte)));
        const bool usable =
            found != ids.end() && m_vocabulary.types[static_cast<std::size_t>(found->second)] != PieceType::Control;
        if (!usable && isNeeded(byte))
            return Status(StatusCode::Refused, "vocabulary: no piece for byte " + std::to_string(byte) +
                                                   ", which ordinary text needs; not a byte-level BPE vocabulary");
        m_byteIds[static_cast<std::size_t>(byte)] = usable ? found->second : kNoPiece;
    }

    m_merges = MergeTable(m_vocabulary.merges.size());
    m_merged.assign(pieces.size(), false);
    for (std::size_t rank = 0; rank < m_vocabulary.merges.size(); ++rank) {
        const auto& [left, right] = m_vocabulary.merges[rank];
        const auto leftId = ids.find(left);
        const auto rightId = ids.find(right);
        const auto mergedId = ids.find(left + right);
        if (leftId == ids.end() || rightId == ids.end() || mergedId == ids.end() || !bytesOfSpelling(left + right))
            return Status(StatusCode::Refused, "vocabulary: merge " + std::to_string(rank) + " (\"" + left + "\" + \"" +
                                                   right + "\") names a piece that the vocabulary lacks");
        // Text must never become a control piece, so a merge that would make one does not count.
        if (m_vocabulary.types[static_cast<std::size_t>(mergedId->second)] == PieceType::Control)
            continue;
        m_merges.add(leftId->second, rightId->second, {static_cast<std::int32_t>(rank), mergedId->second});
        m_merged[static_cast<std::size_t>(mergedId->second)] = true;
    }
    return Status();
}

void BpeTokenizer::readBytes() {
    const std::vector<std::string>& pieces = m_vocabulary.pieces;
    std::vector<std::pair<std::string, TokenId>> special;
    m_bytes.reserve(pieces.size());
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        const PieceType type = m_vocabulary.types[i];
        const bool isSpecial = type == PieceType::Control || type == PieceType::UserDefined;
        // Special pieces are written as they stand in text, unless text reaches them through merges.
        std::optional<std::string> spelled;
        if (!isSpecial || m_merged[i])
            spelled = bytesOfSpelling(pieces[i]);
        m_bytes.push_back(spelled ? std::move(*spelled) : pieces[i]);
        if (isSpecial)
            special.emplace_back(pieces[i], static_cast<TokenId>(i));
    }
    for (std::size_t byte = 0; byte < m_byteIds.size(); ++byte) {
        if (m_byteIds[byte] != kNoPiece)
            m_bytes[static_cast<std::size_t>(m_byteIds[byte])] = std::string(1, static_cast<char>(byte));
    }
    m_special = SpecialPieces(special);
    if (!m_vocabulary.ignoreMerges)
        return;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        if (m_vocabulary.types[i] == PieceType::Normal && bytesOfSpelling(pieces[i]))
            m_wholeWords.try_emplace(m_bytes[i], static_cast<TokenId>(i));
    }
}

TokenIds BpeTokenizer::encode(std::string_view text, SpecialTokens special) const {
    Scratch scratch{BpeMerger(m_merges, m_byteIds), {}};
    TokenIds ids;
    std::size_t begin = 0;
    while (special == SpecialTokens::Parse) {
        const std::optional<SpecialPieces::Match> match = m_special.find(text, begin);
        if (!match)
            break;
        appendText(text.substr(begin, match->begin - begin), scratch, ids);
        ids.push_back(match->id);
        begin = match->begin + match->bytes;
    }
    appendText(text.substr(begin), scratch, ids);
    return ids;
}

void BpeTokenizer::appendText(std::string_view text, Scratch& scratch, TokenIds& ids) const {
    while (!text.empty()) {
        const std::size_t bytes = std::min(firstWordBytes(m_vocabulary.preTokenizer, text), kLongestWordBytes);
        appendWord(text.substr(0, bytes), scratch, ids);
        text.remove_prefix(bytes);
    }
}

void BpeTokenizer::appendWord(std::string_view word, Scratch& scratch, TokenIds& ids) const {
    if (m_vocabulary.ignoreMerges) {
        if (const auto whole = m_wholeWords.find(word); whole != m_wholeWords.end()) {
            ids.push_back(whole->second);
            return;
        }
    }
    if (word.size() > kLongestRememberedWord) {
        scratch.merger.append(word, ids);
        return;
    }
    if (const auto known = scratch.words.find(word); known != scratch.words.end()) {
        for (std::size_t i = 0; i < known->second.count; ++i)
            ids.push_back(ids[known->second.begin + i]);
        return;
    }
    const std::size_t begin = ids.size();
    scratch.merger.append(word, ids);
    if (scratch.words.size() < kMostRememberedWords)
        scratch.words.try_emplace(word, Scratch::Span{begin, ids.size() - begin});
}

std::string BpeTokenizer::bytes(TokenId id) const {
    if (id < 0 || static_cast<std::size_t>(id) >= m_bytes.size())
        return {};
    return m_bytes[static_cast<std::size_t>(id)];
}

}  // namespace engine
