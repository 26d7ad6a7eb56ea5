#!/usr/bin/env python3
"""Writes the kept corpus of the tokenizer tests: generated texts with the reference tokenizers' answers.

    make_tokenizer_corpus.py MODEL.gguf

MODEL is the default model, for its vocabulary. Needs the PyPI packages gguf, tokenizers and sentencepiece==0.1.97 (the version that the
program links: later ones break ties between equally probable cuts of a unigram model another way). Writes, beside this script,
tokenizer_corpus.json and the two small SentencePiece models it trains. Only characters of Unicode 14 are used, because libraries
disagree about younger ones.
"""
import argparse
import io
import json
import random
import sys
import unicodedata
from pathlib import Path

import gguf
import sentencepiece
from tokenizers import Regex, Tokenizer, models, pre_tokenizers

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from make_random_model import SENTENCES  # noqa: E402

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
NEWER = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def assigned(code):
    return unicodedata.category(chr(code)) not in ("Cn", "Cs", "Co")


def characters(*ranges):
    return [chr(code) for first, last in ranges for code in range(first, last + 1) if assigned(code)]


SCRIPTS = [
    characters((0x41, 0x5A), (0x61, 0x7A), (0xC0, 0x24F)),          # Latin
    characters((0x370, 0x3FF)),                                       # Greek
    characters((0x400, 0x52F)),                                       # Cyrillic
    characters((0x590, 0x6FF)),                                       # Hebrew, Arabic
    characters((0x900, 0x97F)),                                       # Devanagari
    characters((0xE00, 0xE7F)),                                       # Thai
    characters((0x4E00, 0x51FF), (0x20000, 0x200FF)),               # Han
    characters((0x3040, 0x30FF)),                                     # kana
    characters((0xAC00, 0xACFF)),                                     # Hangul
    characters((0x30, 0x39), (0x660, 0x669), (0x2150, 0x218F), (0x2460, 0x247F), (0xFF10, 0xFF19), (0x1D7CE, 0x1D7FF)),
    characters((0x300, 0x36F), (0x20D0, 0x20FF)),                    # combining marks
    characters((0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E), (0x2010, 0x2027), (0x3001, 0x301F)),
    characters((0x1F300, 0x1F64F), (0x2600, 0x26FF)),                # pictures
    [chr(code) for code in [*range(0, 32), 0x7F, *range(0x80, 0xA0)]],  # control characters
    [chr(code) for code in (0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0x180E, 0x200E, 0x200F, 0x202E, 0xAD)],
    [chr(code) for code in (9, 10, 11, 12, 13, 32, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)],
]
PICTURES = ["👩‍💻", "🏳️‍🌈", "👨‍👩‍👧‍👦", "🇩🇪", "👍🏽", "1️⃣", "❤️"]
CONTRACTIONS = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'RE", "'Ve", "'lL", "'x", "’s", "''s", "'ſ", "'sx", "'l", "'v"]
WORDS = ("the of and quick brown fox Running internationalization can't won't I'LL it's they've x1 foo_bar camelCase HTTPServer 2024 "
         "3.14 1,234,567 10:30 v2.0.1 naïve Ångström straße ΑΒΓ Привет мир שלום عربى हिन्दी ไทย 今天天气 東京 한국어").split()
CODE = ["def f(x):\n    return x**2\n", "for (int i=0;i<10;++i) {\n\t\tsum += a[i];\n}\r\n", "#include <a.h>\n\n\n",
        "// remark  \n\n  x = {\"a\": [1, 2, 3]};\n", "<div class=\"x\">&nbsp;</div>\r\n\r\n", "$ git commit -m 'fix'\n"]
SPACES = [" ", "  ", "   ", "\n", "\n\n", "\r\n", "\r\n\r\n", "\t", "\t\t", " \n", " \n ", "\n  ", "  \n\n  \n   ", " \t ", "\u00a0",
          "\u3000", " \u00a0", "\r", " \r ", "    "]


def text(generator):
    parts = []
    for _ in range(generator.randint(1, 7)):
        kind = generator.randint(0, 9)
        if kind <= 2:
            parts.append(generator.choice(WORDS))
        elif kind == 3:
            parts.append(generator.choice(CONTRACTIONS))
        elif kind == 4:
            parts.append(generator.choice(CODE))
        elif kind <= 6:
            parts.append(generator.choice(SPACES))
        elif kind == 7:
            parts.append("".join(generator.choice("0123456789") for _ in range(generator.randint(1, 9))))
        elif kind == 8:
            parts.append(generator.choice(PICTURES))
        else:
            parts.append("".join(generator.choice(generator.choice(SCRIPTS)) for _ in range(generator.randint(1, 6))))
        if generator.random() < 0.4:
            parts.append(" ")
    return "".join(parts)


def smollm_tokenizer(model):
    fields = gguf.GGUFReader(model).fields
    pieces = fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"].contents()]
    tokenizer = Tokenizer(models.BPE(vocab={piece: i for i, piece in enumerate(pieces)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    return tokenizer


def train(kind, generator):
    lines = SENTENCES + [" ".join(generator.choice(WORDS) for _ in range(9)) for _ in range(60)]
    lines += [line for code in CODE for line in code.replace("\r", "").split("\n") if line] * 3
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=model, vocab_size=640, model_type=kind, byte_fallback=True,
        normalization_rule_name="identity", remove_extra_whitespaces=False, add_dummy_prefix=True, character_coverage=0.99,
        split_digits=True, control_symbols=["<|im_end|>"], user_defined_symbols=["<|user|>"],
        allow_whitespace_only_pieces=True, num_threads=1, minloglevel=2)
    path = HERE / f"sentencepiece_{kind}.model"
    path.write_bytes(model.getvalue())
    return path


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model")
    arguments = parser.parse_args()
    generator = random.Random(20)
    texts = [*WORDS, *CONTRACTIONS, *CODE, *SPACES, *PICTURES, "'ſ 'LLa", " 'twas", "a  1", "x\n\n \n y", "1234567 12 1"]
    texts += [text(generator) for _ in range(240)]

    def splitter(*steps):
        return pre_tokenizers.Sequence(list(steps))

    def isolated(pattern):
        return pre_tokenizers.Split(Regex(pattern), "isolated")

    splitters = {
        "gpt2": splitter(isolated(GPT2)),
        "smollm": splitter(pre_tokenizers.Digits(individual_digits=True), isolated(GPT2)),
        "qwen2": splitter(isolated(NEWER % "")),
        "llama_bpe": splitter(isolated(NEWER % "{1,3}")),
    }
    tokenizer = smollm_tokenizer(arguments.model)
    processors = {}
    for kind in ("bpe", "unigram"):
        processors[kind] = sentencepiece.SentencePieceProcessor(model_file=str(train(kind, random.Random(21))))
    cases = []
    for one in texts:
        case = {"text": one}
        for name, step in splitters.items():
            case[name] = [len(word.encode()) for word, _ in step.pre_tokenize_str(one)]
        case["smollm2_ids"] = tokenizer.encode(one).ids
        for kind, processor in processors.items():
            case[f"sentencepiece_{kind}_ids"] = processor.encode(one)
        cases.append(case)
    lines = ",\n".join(json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in cases)
    (HERE / "tokenizer_corpus.json").write_text("[\n" + lines + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
