// Reads and writes sentencepiece_model.proto by its wire format (protocol buffers, proto2): tag = field << 3 | wire type.
#include "engine/model/sentencepiece_model.h"

#include <bit>
#include <cstdint>

namespace engine {

namespace {

constexpr std::size_t kMostPieces = std::size_t{1} << 20;

enum class WireType : std::uint8_t { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };

// Field numbers of ModelProto and its messages.
namespace field {
constexpr std::uint32_t kPieces = 1, kTrainer = 2, kNormaliser = 3, kDenormaliser = 5;
constexpr std::uint32_t kPieceText = 1, kPieceScore = 2, kPieceType = 3;
constexpr std::uint32_t kModelType = 3, kSpaceAsSuffix = 24, kByteFallback = 35, kUnknownId = 40, kBosId = 41, kEosId = 42;
constexpr std::uint32_t kPadId = 43;
constexpr std::uint32_t kNormaliserName = 1, kCharacterMap = 2, kAddDummyPrefix = 3, kRemoveExtraSpaces = 4,
                        kEscapeSpaces = 5;
}  // namespace field

constexpr std::uint64_t kUnigramModel = 1;
constexpr std::uint64_t kBpeModel = 2;

struct Field {
    std::uint32_t number = 0;
    WireType type = WireType::Varint;
    std::uint64_t value = 0;  // Varint, Fixed32 (bits)
    std::string_view bytes;   // Bytes
};

/// Walks over the fields of one message. `begin` counts from the file's start, for messages.
class FieldReader {
public:
    FieldReader(std::string_view message, std::size_t begin) : m_message(message), m_begin(begin) {}

    bool atEnd() const { return m_position == m_message.size(); }
    /// Byte of the file at which the bytes of the field just read start.
    std::size_t contentsBegin() const { return m_contentsBegin; }

    Result<Field> next() {
        const std::size_t tagAt = m_position;
        std::uint64_t tag = 0;
        if (!readVarint(tag))
            return malformed("a field's tag", tagAt);
        Field read;
        if ((tag >> 3) == 0 || (tag >> 3) > (1U << 29) - 1)
            return malformed("a field number", tagAt);
        read.number = static_cast<std::uint32_t>(tag >> 3);
        switch (tag & 7) {
            case 0:
                if (!readVarint(read.value))
                    return malformed("a number", tagAt);
                return read;
            case 1:
                read.type = WireType::Fixed64;
                if (!readFixed(8, read.value))
                    return malformed("a 64-bit value", tagAt);
                return read;
            case 2: {
                read.type = WireType::Bytes;
                std::uint64_t length = 0;
                if (!readVarint(length) || length > m_message.size() - m_position)
                    return malformed("a length that passes the end", tagAt);
                m_contentsBegin = m_begin + m_position;
                read.bytes = m_message.substr(m_position, static_cast<std::size_t>(length));
                m_position += static_cast<std::size_t>(length);
                return read;
            }
            case 5:
                read.type = WireType::Fixed32;
                if (!readFixed(4, read.value))
                    return malformed("a 32-bit value", tagAt);
                return read;
            default:
                return malformed("a wire type", tagAt);
        }
    }

private:
    Status malformed(const char* what, std::size_t at) const {
        return Status(StatusCode::Refused, std::string(what) + " at byte " + std::to_string(m_begin + at) +
                                               " is malformed; the file is damaged or not a SentencePiece model");
    }

    bool readVarint(std::uint64_t& value) {
        value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            if (m_position == m_message.size())
                return false;
            const auto byte = static_cast<unsigned char>(m_message[m_position++]);
            if (shift == 63 && byte > 1)
                return false;
            value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
            if (byte < 0x80)
                return true;
        }
        return false;
    }

    bool readFixed(std::size_t bytes, std::uint64_t& value) {
        if (m_message.size() - m_position < bytes)
            return false;
        value = 0;
        for (std::size_t i = 0; i < bytes; ++i)
            value |= static_cast<std::uint64_t>(static_cast<unsigned char>(m_message[m_position++])) << (8 * i);
        return true;
    }

    std::string_view m_message;
    std::size_t m_begin;
    std::size_t m_position = 0;
    std::size_t m_contentsBegin = 0;
};

/// Calls take(field, where its contents start) for every field of a message, until one is refused.
template <class Take>
Status forEachField(std::string_view message, std::size_t begin, Take take) {
    FieldReader reader(message, begin);
    while (!reader.atEnd()) {
        const Result<Field> read = reader.next();
        if (!read.ok())
            return read.status();
        if (Status status = take(*read, reader.contentsBegin()); !status.ok())
            return status;
    }
    return Status();
}

Status wrongType(const char* name) {
    return Status(StatusCode::Refused, "field " + std::string(name) + " has the wrong wire type");
}

Status take(const Field& read, const char* name, bool& out) {
    if (read.type != WireType::Varint)
        return wrongType(name);
    out = read.value != 0;
    return Status();
}

/// int32 fields; negative ones are sign-extended to 64 bits on the wire.
Status take(const Field& read, const char* name, int& out) {
    if (read.type != WireType::Varint)
        return wrongType(name);
    out = static_cast<std::int32_t>(static_cast<std::uint32_t>(read.value));
    return Status();
}

Status take(const Field& read, const char* name, std::string& out) {
    if (read.type != WireType::Bytes)
        return wrongType(name);
    out = std::string(read.bytes);
    return Status();
}

Status readPieceType(const Field& read, PieceType& type) {
    if (read.type != WireType::Varint)
        return wrongType("pieces.type");
    switch (read.value) {
        case 1:
            type = PieceType::Normal;
            return Status();
        case 2:
            type = PieceType::Unknown;
            return Status();
        case 3:
            type = PieceType::Control;
            return Status();
        case 4:
            type = PieceType::UserDefined;
            return Status();
        case 5:
            type = PieceType::Unused;
            return Status();
        case 6:
            type = PieceType::Byte;
            return Status();
        default:
            return Status(StatusCode::Refused, "piece type " + std::to_string(read.value) + " does not exist");
    }
}

std::uint64_t pieceTypeNumber(PieceType type) {
    switch (type) {
        case PieceType::Normal:
            return 1;
        case PieceType::Unknown:
            return 2;
        case PieceType::Control:
            return 3;
        case PieceType::UserDefined:
            return 4;
        case PieceType::Unused:
            return 5;
        case PieceType::Byte:
            return 6;
    }
    return 1;
}

Status readPiece(std::string_view message, std::size_t begin, SentencePieceModel& model) {
    if (model.pieces.size() >= kMostPieces)
        return Status(StatusCode::Refused, "more than " + std::to_string(kMostPieces) + " pieces");
    std::string piece;
    float score = 0;
    PieceType type = PieceType::Normal;
    const Status status = forEachField(message, begin, [&](const Field& read, std::size_t) {
        switch (read.number) {
            case field::kPieceText:
                return take(read, "pieces.piece", piece);
            case field::kPieceScore:
                if (read.type != WireType::Fixed32)
                    return wrongType("pieces.score");
                score = std::bit_cast<float>(static_cast<std::uint32_t>(read.value));
                return Status();
            case field::kPieceType:
                return readPieceType(read, type);
            default:
                return Status();
        }
    });
    if (!status.ok())
        return status;
    model.pieces.push_back(std::move(piece));
    model.scores.push_back(score);
    model.types.push_back(type);
    return Status();
}

Status readTrainer(std::string_view message, std::size_t begin, SentencePieceModel& model) {
    return forEachField(message, begin, [&](const Field& read, std::size_t) {
        switch (read.number) {
            case field::kModelType:
                if (read.type != WireType::Varint)
                    return wrongType("trainer_spec.model_type");
                if (read.value != kUnigramModel && read.value != kBpeModel)
                    return Status(StatusCode::Unsupported, "model type " + std::to_string(read.value) +
                                                               "; only BPE and unigram models are supported");
                model.algorithm = read.value == kBpeModel ? SentencePieceAlgorithm::Bpe : SentencePieceAlgorithm::Unigram;
                return Status();
            case field::kSpaceAsSuffix:
                return take(read, "trainer_spec.treat_whitespace_as_suffix", model.spaceAsSuffix);
            case field::kByteFallback:
                return take(read, "trainer_spec.byte_fallback", model.byteFallback);
            case field::kBosId:
                return take(read, "trainer_spec.bos_id", model.bos);
            case field::kEosId:
                return take(read, "trainer_spec.eos_id", model.eos);
            default:
                return Status();
        }
    });
}

Status readNormaliser(std::string_view message, std::size_t begin, SentencePieceModel& model) {
    return forEachField(message, begin, [&](const Field& read, std::size_t) {
        switch (read.number) {
            case field::kNormaliserName:
                return take(read, "normalizer_spec.name", model.normaliser);
            case field::kCharacterMap:
                if (read.type != WireType::Bytes)
                    return wrongType("normalizer_spec.precompiled_charsmap");
                model.hasNormaliserRules = !read.bytes.empty();
                return Status();
            case field::kAddDummyPrefix:
                return take(read, "normalizer_spec.add_dummy_prefix", model.addSpacePrefix);
            case field::kRemoveExtraSpaces:
                return take(read, "normalizer_spec.remove_extra_whitespaces", model.removeExtraSpaces);
            case field::kEscapeSpaces:
                return take(read, "normalizer_spec.escape_whitespaces", model.escapeSpaces);
            default:
                return Status();
        }
    });
}

Status readDenormaliser(std::string_view message, std::size_t begin, SentencePieceModel& model) {
    return forEachField(message, begin, [&](const Field& read, std::size_t) {
        if (read.number == field::kCharacterMap)
            model.hasDenormaliserRules = !read.bytes.empty();
        return Status();
    });
}

/// Appends fields to a message.
class FieldWriter {
public:
    void number(std::uint32_t field, std::uint64_t value) {
        varint(static_cast<std::uint64_t>(field) << 3);
        varint(value);
    }
    void bytes(std::uint32_t field, std::string_view value) {
        varint((static_cast<std::uint64_t>(field) << 3) | 2);
        varint(value.size());
        m_message += value;
    }
    void real(std::uint32_t field, float value) {
        varint((static_cast<std::uint64_t>(field) << 3) | 5);
        const auto bits = std::bit_cast<std::uint32_t>(value);
        for (int shift = 0; shift < 32; shift += 8)
            m_message.push_back(static_cast<char>((bits >> shift) & 0xFF));
    }
    std::string take() { return std::move(m_message); }

private:
    void varint(std::uint64_t value) {
        for (; value >= 0x80; value >>= 7)
            m_message.push_back(static_cast<char>((value & 0x7F) | 0x80));
        m_message.push_back(static_cast<char>(value));
    }

    std::string m_message;
};

}  // namespace

Result<SentencePieceModel> readSentencePieceProto(std::string_view bytes) {
    SentencePieceModel model;
    const Status status = forEachField(bytes, 0, [&](const Field& read, std::size_t begin) {
        if (read.number != field::kPieces && read.number != field::kTrainer && read.number != field::kNormaliser &&
            read.number != field::kDenormaliser)
            return Status();
        if (read.type != WireType::Bytes)
            return wrongType("of ModelProto");
        switch (read.number) {
            case field::kPieces:
                return readPiece(read.bytes, begin, model);
            case field::kTrainer:
                return readTrainer(read.bytes, begin, model);
            case field::kNormaliser:
                return readNormaliser(read.bytes, begin, model);
            default:
                return readDenormaliser(read.bytes, begin, model);
        }
    });
    if (!status.ok())
        return status;
    if (model.pieces.empty())
        return Status(StatusCode::Refused, "no pieces; the file is damaged or not a SentencePiece model");
    return model;
}

std::string writeSentencePieceProto(const SentencePieceModel& model) {
    FieldWriter file;
    int unknown = 0;
    for (std::size_t i = 0; i < model.pieces.size(); ++i) {
        FieldWriter piece;
        piece.bytes(field::kPieceText, model.pieces[i]);
        piece.real(field::kPieceScore, model.scores[i]);
        piece.number(field::kPieceType, pieceTypeNumber(model.types[i]));
        file.bytes(field::kPieces, piece.take());
        if (model.types[i] == PieceType::Unknown)
            unknown = static_cast<int>(i);
    }
    constexpr std::uint64_t kNone = ~std::uint64_t{0};  // int32 −1 on the wire
    FieldWriter trainer;
    trainer.number(field::kModelType, model.algorithm == SentencePieceAlgorithm::Bpe ? kBpeModel : kUnigramModel);
    trainer.number(field::kByteFallback, 1);
    trainer.number(field::kUnknownId, static_cast<std::uint64_t>(unknown));
    trainer.number(field::kBosId, kNone);
    trainer.number(field::kEosId, kNone);
    trainer.number(field::kPadId, kNone);
    file.bytes(field::kTrainer, trainer.take());
    FieldWriter normaliser;
    normaliser.bytes(field::kNormaliserName, "identity");
    normaliser.number(field::kAddDummyPrefix, 0);
    normaliser.number(field::kRemoveExtraSpaces, 0);
    normaliser.number(field::kEscapeSpaces, 1);
    file.bytes(field::kNormaliser, normaliser.take());
    return file.take();
}

}  // namespace engine
