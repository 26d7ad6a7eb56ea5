// The pre-tokenizers' patterns as hand-written scanners: one pass, no back-tracking, no recursion.
#include "engine/model/pre_tokenizer.h"

#include "engine/model/unicode_classes.h"

namespace engine {

namespace {

/// A place in the text and the class of the character there; at the end, the class of nothing.
struct Cursor {
    std::string_view text;
    std::size_t position = 0;
    std::size_t next = 0;
    CharacterClass kind = CharacterClass::Other;
    bool end = true;

    Cursor(std::string_view source, std::size_t start) : text(source), position(start) { read(); }

    void read() {
        end = position >= text.size();
        if (end)
            return;
        const Utf8Character character = utf8At(text, position);
        next = position + static_cast<std::size_t>(character.bytes);
        kind = characterClass(character.codePoint);
    }
    void advance() {
        position = next;
        read();
    }
    bool at(CharacterClass wanted) const { return !end && kind == wanted; }
    bool atLineBreak() const { return !end && (text[position] == '\n' || text[position] == '\r'); }
    void skip(CharacterClass wanted) {
        while (at(wanted))
            advance();
    }
};

enum class LetterCase { Sensitive, Insensitive };

/// Bytes of 's, 't, 're, 've, 'm, 'll or 'd at the start of `rest`; 0 when there is none.
std::size_t contractionBytes(std::string_view rest, LetterCase letterCase) {
    if (rest.size() < 2 || rest[0] != '\'')
        return 0;
    const auto letter = [&](std::size_t index) {
        const char c = index < rest.size() ? rest[index] : '\0';
        return letterCase == LetterCase::Insensitive && c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    };
    switch (letter(1)) {
        case 's':
        case 't':
        case 'm':
        case 'd':
            return 2;
        case 'r':
        case 'v':
            return letter(2) == 'e' ? 3 : 0;
        case 'l':
            return letter(2) == 'l' ? 3 : 0;
        default:
            break;
    }
    // U+017F (long s) is an s when letter case is ignored.
    const std::string_view longS = "\xC5\xBF";
    return letterCase == LetterCase::Insensitive && rest.substr(1, longS.size()) == longS ? 1 + longS.size() : 0;
}

enum class Numbers { InWords, EndText };

std::size_t firstGpt2Word(std::string_view rest, Numbers numbers) {
    if (const std::size_t contraction = contractionBytes(rest, LetterCase::Sensitive))
        return contraction;
    Cursor cursor(rest, 0);
    const auto atEnd = [&] { return cursor.end || (numbers == Numbers::EndText && cursor.kind == CharacterClass::Number); };
    if (rest[0] == ' ')
        cursor.advance();
    if (!atEnd() && cursor.kind != CharacterClass::Space) {
        cursor.skip(cursor.kind);
        return cursor.position;
    }
    // White space: all of it at the end of the text, else all but its last character, which goes to the next word.
    cursor = Cursor(rest, 0);
    std::size_t last = 0;
    while (cursor.at(CharacterClass::Space)) {
        last = cursor.position;
        cursor.advance();
    }
    return atEnd() || last == 0 ? cursor.position : last;
}

/// Qwen2's and Llama 3's pattern; they differ in how many digits a word has.
std::size_t firstWordOfNewer(std::string_view rest, int digits) {
    if (const std::size_t contraction = contractionBytes(rest, LetterCase::Insensitive))
        return contraction;
    Cursor cursor(rest, 0);
    if (cursor.at(CharacterClass::Number)) {
        for (int i = 0; i < digits && cursor.at(CharacterClass::Number); ++i)
            cursor.advance();
        return cursor.position;
    }
    // [^\r\n\p{L}\p{N}]?\p{L}+
    if (!cursor.at(CharacterClass::Letter) && !cursor.atLineBreak())
        cursor.advance();
    if (cursor.at(CharacterClass::Letter)) {
        cursor.skip(CharacterClass::Letter);
        return cursor.position;
    }
    //  ?[^\s\p{L}\p{N}]+[\r\n]*
    cursor = Cursor(rest, rest[0] == ' ' ? 1 : 0);
    if (cursor.at(CharacterClass::Other)) {
        cursor.skip(CharacterClass::Other);
        while (cursor.atLineBreak())
            cursor.advance();
        return cursor.position;
    }
    // \s*[\r\n]+ ends behind the run's last line break; without one it is \s+(?!\S) or \s+.
    cursor = Cursor(rest, 0);
    std::size_t behindBreak = 0;
    std::size_t last = 0;
    while (cursor.at(CharacterClass::Space)) {
        last = cursor.position;
        if (cursor.atLineBreak())
            behindBreak = cursor.next;
        cursor.advance();
    }
    if (behindBreak > 0)
        return behindBreak;
    return cursor.end || last == 0 ? cursor.position : last;
}

std::size_t firstSmollmWord(std::string_view rest) {
    const Cursor cursor(rest, 0);
    return cursor.kind == CharacterClass::Number ? cursor.next : firstGpt2Word(rest, Numbers::EndText);
}

}  // namespace

std::size_t firstWordBytes(PreTokenizer kind, std::string_view rest) {
    switch (kind) {
        case PreTokenizer::Gpt2:
            return firstGpt2Word(rest, Numbers::InWords);
        case PreTokenizer::Smollm:
            return firstSmollmWord(rest);
        case PreTokenizer::Qwen2:
            return firstWordOfNewer(rest, 1);
        case PreTokenizer::LlamaBpe:
            return firstWordOfNewer(rest, 3);
    }
    return rest.size();
}

std::string_view preTokenizerName(PreTokenizer kind) {
    switch (kind) {
        case PreTokenizer::Gpt2:
            return "gpt-2";
        case PreTokenizer::Smollm:
            return "smollm";
        case PreTokenizer::Qwen2:
            return "qwen2";
        case PreTokenizer::LlamaBpe:
            return "llama-bpe";
    }
    return "unknown";
}

}  // namespace engine
