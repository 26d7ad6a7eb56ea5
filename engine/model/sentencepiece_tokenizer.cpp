// SentencePiece: special pieces and stray bytes here, well-formed text by the library.
#include "engine/model/sentencepiece_tokenizer.h"

#include <sentencepiece_processor.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "engine/model/sentencepiece_model.h"
#include "engine/model/unicode_classes.h"

namespace engine {

namespace {

constexpr std::int32_t kSpaceSign = 0x2581;
constexpr std::string_view kSpaceSignBytes = "\xE2\x96\x81";
constexpr std::size_t kLongestPieceBytes = 1024;
// The library needs some hundred bytes a byte of text, so long text goes to it in segments: cut where no piece could span
// the border, which changes nothing, from the first size on; cut anywhere from the second size on.
constexpr std::size_t kSegmentBytes = std::size_t{16} << 10;
constexpr std::size_t kLongestSegmentBytes = std::size_t{64} << 10;

Status refused(const std::string& why) { return Status(StatusCode::Refused, "vocabulary: " + why); }

std::uint64_t pairOf(std::int32_t left, std::int32_t right) {
    return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32) | static_cast<std::uint32_t>(right);
}

/// Pieces that text can become.
bool isText(PieceType type) { return type == PieceType::Normal || type == PieceType::Unused; }

/// The byte that "<0x0A>" names; −1 for anything else.
int byteOfPiece(std::string_view piece) {
    const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; };
    if (piece.size() != 6 || !piece.starts_with("<0x") || piece[5] != '>' || digit(piece[3]) < 0 || digit(piece[4]) < 0)
        return -1;
    return digit(piece[3]) * 16 + digit(piece[4]);
}

std::string withSpaces(std::string_view piece) {
    std::string text;
    for (std::size_t position = 0; position < piece.size();) {
        if (piece.substr(position).starts_with(kSpaceSignBytes)) {
            text.push_back(' ');
            position += kSpaceSignBytes.size();
        } else {
            text.push_back(piece[position++]);
        }
    }
    return text;
}

}  // namespace

SentencePieceTokenizer::SentencePieceTokenizer(Vocabulary vocabulary)
    : m_vocabulary(std::move(vocabulary)), m_processor(std::make_unique<sentencepiece::SentencePieceProcessor>()) {}

SentencePieceTokenizer::~SentencePieceTokenizer() = default;

Result<std::unique_ptr<Tokenizer>> SentencePieceTokenizer::create(Vocabulary vocabulary) {
    std::unique_ptr<SentencePieceTokenizer> tokenizer(new SentencePieceTokenizer(std::move(vocabulary)));
    if (Status status = tokenizer->checkPieces(); !status.ok())
        return status;
    if (Status status = tokenizer->readBytePieces(); !status.ok())
        return status;
    if (Status status = tokenizer->loadProcessor(); !status.ok())
        return status;
    tokenizer->readTexts();
    tokenizer->readNeighbours();
    return std::unique_ptr<Tokenizer>(std::move(tokenizer));
}

Status SentencePieceTokenizer::checkPieces() const {
    const std::vector<std::string>& pieces = m_vocabulary.pieces;
    if (m_vocabulary.scores.size() != pieces.size())
        return refused(std::to_string(m_vocabulary.scores.size()) + " scores for " + std::to_string(pieces.size()) +
                       " pieces");
    std::unordered_map<std::string_view, std::size_t> seen;
    seen.reserve(pieces.size());
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        const std::string name = "piece " + std::to_string(i);
        if (pieces[i].empty())
            return refused(name + " is empty");
        if (pieces[i].size() > kLongestPieceBytes)
            return refused(name + " has " + std::to_string(pieces[i].size()) + " bytes; at most " +
                           std::to_string(kLongestPieceBytes) + " are allowed");
        // The library keeps pieces as zero-terminated strings.
        if (!isUtf8(pieces[i]) || pieces[i].find('\0') != std::string::npos)
            return refused(name + " is not UTF-8 text");
        if (!std::isfinite(m_vocabulary.scores[i]))
            return refused("the score of " + name + " is not a number");
        const auto [other, isNew] = seen.try_emplace(pieces[i], i);
        if (!isNew)
            return refused(name + " is the same as piece " + std::to_string(other->second) + ", \"" + pieces[i] + "\"");
    }
    return Status();
}

Status SentencePieceTokenizer::readBytePieces() {
    m_byteIds.fill(-1);
    for (std::size_t i = 0; i < m_vocabulary.pieces.size(); ++i) {
        if (m_vocabulary.types[i] != PieceType::Byte)
            continue;
        const int byte = byteOfPiece(m_vocabulary.pieces[i]);
        if (byte < 0)
            return refused("byte piece " + std::to_string(i) + ", \"" + m_vocabulary.pieces[i] +
                           "\", is not spelled like <0x0A>");
        m_byteIds[static_cast<std::size_t>(byte)] = static_cast<TokenId>(i);
    }
    for (std::size_t byte = 0; byte < m_byteIds.size(); ++byte) {
        if (m_byteIds[byte] < 0)
            return refused("no piece for byte " + std::to_string(byte) +
                           "; without byte fallback some text could not be encoded");
    }
    return Status();
}

Status SentencePieceTokenizer::loadProcessor() {
    SentencePieceModel model;
    model.pieces = m_vocabulary.pieces;
    model.scores = m_vocabulary.scores;
    model.types = m_vocabulary.types;
    model.algorithm = m_vocabulary.algorithm;
    // The library demands exactly one unknown piece. Special pieces become control pieces, which text never matches.
    bool hasUnknown = false;
    for (PieceType& type : model.types) {
        if (type == PieceType::UserDefined || (type == PieceType::Unknown && hasUnknown))
            type = PieceType::Control;
        hasUnknown = hasUnknown || type == PieceType::Unknown;
    }
    if (!hasUnknown) {
        std::string name = "<unknown>";
        while (std::find(model.pieces.begin(), model.pieces.end(), name) != model.pieces.end())
            name += '>';
        model.pieces.push_back(name);
        model.scores.push_back(0);
        model.types.push_back(PieceType::Unknown);
    }
    const auto status = m_processor->LoadFromSerializedProto(writeSentencePieceProto(model));
    if (!status.ok())
        return refused("SentencePiece does not accept it: " + std::string(status.error_message()));
    return Status();
}

void SentencePieceTokenizer::readTexts() {
    std::vector<std::pair<std::string, TokenId>> special;
    for (std::size_t i = 0; i < m_vocabulary.pieces.size(); ++i) {
        const std::string& piece = m_vocabulary.pieces[i];
        const PieceType type = m_vocabulary.types[i];
        if (type == PieceType::Byte)
            m_bytes.push_back(std::string(1, static_cast<char>(byteOfPiece(piece))));
        else
            m_bytes.push_back(withSpaces(piece));
        if (type == PieceType::Control || type == PieceType::UserDefined)
            special.emplace_back(m_bytes.back(), static_cast<TokenId>(i));
    }
    m_special = SpecialPieces(special);
}

void SentencePieceTokenizer::readNeighbours() {
    for (std::size_t i = 0; i < m_vocabulary.pieces.size(); ++i) {
        if (!isText(m_vocabulary.types[i]))
            continue;
        const std::string& piece = m_vocabulary.pieces[i];
        std::int32_t previous = -1;
        for (std::size_t position = 0; position < piece.size();) {
            const Utf8Character character = utf8At(piece, position);
            if (previous >= 0)
                m_neighbours.insert(pairOf(previous, character.codePoint));
            previous = character.codePoint;
            position += static_cast<std::size_t>(character.bytes);
        }
    }
}

TokenIds SentencePieceTokenizer::encode(std::string_view text, SpecialTokens special) const {
    return encodeFrom(text, special, m_vocabulary.addSpacePrefix ? Prefix::Space : Prefix::None);
}

TokenIds SentencePieceTokenizer::encodeContinuation(std::string_view text, SpecialTokens special) const {
    return encodeFrom(text, special, Prefix::None);
}

TokenIds SentencePieceTokenizer::encodeFrom(std::string_view text, SpecialTokens special, Prefix prefix) const {
    TokenIds ids;
    std::size_t begin = 0;
    while (special == SpecialTokens::Parse) {
        const std::optional<SpecialPieces::Match> match = m_special.find(text, begin);
        if (!match)
            break;
        appendText(text.substr(begin, match->begin - begin), prefix, ids);
        ids.push_back(match->id);
        begin = match->begin + match->bytes;
        // Models were trained with the prefix behind each special token as well.
        prefix = m_vocabulary.addSpacePrefix ? Prefix::Space : Prefix::None;
    }
    appendText(text.substr(begin), prefix, ids);
    return ids;
}

void SentencePieceTokenizer::appendText(std::string_view text, Prefix prefix, TokenIds& ids) const {
    if (text.empty())
        return;
    // Runs of well-formed text, and between them what the library would change.
    std::size_t runBegin = 0;
    std::size_t position = 0;
    const auto endRun = [&] {
        const std::string_view run = text.substr(runBegin, position - runBegin);
        if (runBegin == 0 && prefix == Prefix::Space)
            appendRun(std::string(1, ' ').append(run), ids);
        else
            appendRun(run, ids);
    };
    while (position < text.size()) {
        const Utf8Character character = utf8At(text, position);
        const auto bytes = static_cast<std::size_t>(character.bytes);
        if (!character.valid() || character.codePoint == kSpaceSign) {
            endRun();
            appendBytes(text.substr(position, bytes), ids);
            runBegin = position + bytes;
        }
        position += bytes;
    }
    if (runBegin < text.size())
        endRun();
}

std::size_t SentencePieceTokenizer::segmentBytes(std::string_view run) const {
    if (run.size() <= kSegmentBytes)
        return run.size();
    std::int32_t previous = -1;
    for (std::size_t position = 0; position < run.size();) {
        const Utf8Character character = utf8At(run, position);
        const std::int32_t codePoint = character.codePoint == ' ' ? kSpaceSign : character.codePoint;
        if (position >= kLongestSegmentBytes)
            return position;
        if (position >= kSegmentBytes && !m_neighbours.contains(pairOf(previous, codePoint)))
            return position;
        previous = codePoint;
        position += static_cast<std::size_t>(character.bytes);
    }
    return run.size();
}

void SentencePieceTokenizer::appendRun(std::string_view run, TokenIds& ids) const {
    std::vector<int> found;
    while (!run.empty()) {
        const std::string_view segment = run.substr(0, segmentBytes(run));
        found.clear();
        const auto status = m_processor->Encode(absl::string_view(segment.data(), segment.size()), &found);
        const auto known = [&](int id) { return id >= 0 && static_cast<std::size_t>(id) < m_bytes.size(); };
        if (status.ok() && std::all_of(found.begin(), found.end(), known))
            ids.insert(ids.end(), found.begin(), found.end());
        else
            appendBytes(segment, ids);
        run.remove_prefix(segment.size());
    }
}

void SentencePieceTokenizer::appendBytes(std::string_view bytes, TokenIds& ids) const {
    for (const char byte : bytes)
        ids.push_back(m_byteIds[static_cast<unsigned char>(byte)]);
}

std::string SentencePieceTokenizer::bytes(TokenId id) const {
    if (id < 0 || static_cast<std::size_t>(id) >= m_bytes.size())
        return {};
    return m_bytes[static_cast<std::size_t>(id)];
}

}  // namespace engine
