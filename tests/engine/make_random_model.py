#!/usr/bin/env python3
"""Writes a small transformer with seeded random weights, as a GGUF file or a safetensors folder, for tests.

Only the standard library is used. The weights of one seed are the same numbers in both formats and for every rope option, so
that a llama GGUF (rows of q and k permuted for interleaved pairing) and its safetensors twin must give the same logits.
"""
import argparse
import json
import math
import random
import re
import struct
from array import array
from pathlib import Path

# Text that the byte-level BPE merges are learnt from.
SENTENCES = """
The archive keeps every document in its own folder, and the index knows where each of them lies.
A question is answered from the passages that were found, not from memory.
The river rises in the hills to the north and reaches the sea near the old harbour town.
In 1987 the bridge was rebuilt in steel, because the wooden one had been carried away by the flood.
Which of the packages depend on the library, and which of them only recommend it?
The author of the report thanks the committee for its patience and its questions.
When the temperature falls below zero, the water in the pipes freezes and the pipes may burst.
She opened the letter, read it twice, and put it back into the drawer without a word.
Every chapter ends with exercises; their solutions are at the end of the book.
The system stores the keys and the values of each layer, so that they need not be computed again.
They walked along the shore until the light of the tower could no longer be seen.
If the file is damaged, the program says so and goes on with the other files.
The museum is open from nine to five, except on Mondays and on public holidays.
Most of the energy is lost as heat before the current reaches the houses of the town.
The council decided that the new road should pass to the south of the village.
What is the name of the person who signed the contract in the presence of the notary?
The committee will meet again in the spring to discuss the results of the first year.
Bread, cheese, apples and a bottle of cider were all that they had for the journey.
The model reads the words from left to right and predicts the word that comes next.
An experiment that cannot be repeated by somebody else is not yet a result.
The children had never seen the sea before, and they were a little afraid of it.
Please send the completed form to the address that is printed on the second page.
There is no evidence that the two events were connected in any way.
The engine was tested for three weeks under full load, and no fault was found.
A long time ago there lived in this forest a miller with three sons and a grey donkey.
The price of the machine includes delivery, but not the cost of setting it up.
It isn't clear who's responsible for the mistake, and we'll have to ask the manager.
The first settlers built their houses of stone, for there were hardly any trees on the island.
Answer with a short sentence, and name the document in which the answer was found.
The library has more than two hundred thousand books, of which some are very old.
""".strip().split("\n")

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
CHAT_TEMPLATE = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")

# GGUF numbers of the tensor types (name: type id, elements a block, bytes a block).
GGML = {"f32": (0, 1, 4), "f16": (1, 1, 2), "q4_0": (2, 32, 18), "q4_1": (3, 32, 20), "q8_0": (8, 32, 34), "bf16": (30, 1, 2)}
U32, I32, F32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9


# ---- tokenizer ---------------------------------------------------------------------------------------------------------

def byte_alphabet():
    """GPT-2's printable character for each byte."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table, extra = {}, 0
    for byte in range(256):
        if byte in plain:
            table[byte] = chr(byte)
        else:
            table[byte] = chr(256 + extra)
            extra += 1
    return table


def learn_merges(count):
    """Most frequent adjacent pair first; ties to the smaller pair, so that the list depends on the sentences alone."""
    alphabet = byte_alphabet()
    cut = re.compile(r"'(?:s|t|re|ve|m|ll|d)| ?[A-Za-z]+|[0-9]| ?[^\sA-Za-z0-9]+|\s+")
    words = {}
    for sentence in SENTENCES:
        for word in cut.findall(" " + sentence):
            pieces = tuple(alphabet[byte] for byte in word.encode())
            words[pieces] = words.get(pieces, 0) + 1
    merges = []
    while len(merges) < count:
        pairs = {}
        for pieces, frequency in words.items():
            for pair in zip(pieces, pieces[1:]):
                pairs[pair] = pairs.get(pair, 0) + frequency
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        merged = {}
        for pieces, frequency in words.items():
            out, i = [], 0
            while i < len(pieces):
                if pieces[i:i + 2] == best:
                    out.append(best[0] + best[1])
                    i += 2
                else:
                    out.append(pieces[i])
                    i += 1
            merged[tuple(out)] = merged.get(tuple(out), 0) + frequency
        words = merged
    return merges


def make_vocabulary(size):
    """Pieces by id (specials, bytes, merges, unused fill), their GGUF types, and the merges."""
    least = len(SPECIAL) + 256
    if size < least:
        raise SystemExit(f"--vocab must be at least {least}")
    merges = learn_merges(size - least)
    pieces = SPECIAL + [character for _, character in sorted(byte_alphabet().items())]
    known = set(pieces)
    for left, right in merges:
        if left + right not in known:
            known.add(left + right)
            pieces.append(left + right)
    types = [3] * len(SPECIAL) + [1] * (len(pieces) - len(SPECIAL))
    for number in range(size - len(pieces)):
        pieces.append(f"<unused{number}>")
        types.append(5)
    return pieces, types, merges


# ---- weights -----------------------------------------------------------------------------------------------------------

def make_weights(o):
    """[(Hugging Face name, GGUF name, shape, values)], rows first, q and k in half-split order.

    Scales: embeddings 0.35, so that the layers decide the logits and not the input token; q and k such that attention scores
    have a spread of about 1.5 (neither uniform nor one-hot); projections preserve the variance; logits spread by about 3.
    """
    hidden, dim = o.hidden, o.head_dim
    score = math.sqrt(1.5 / hidden)
    weights = []

    def add(name, gguf, shape, spread, mean=0.0):
        generator = random.Random(f"{o.seed}/{name}")
        values = array("f", (generator.gauss(mean, spread) for _ in range(math.prod(shape))))
        weights.append((name, gguf, shape, values))

    add("model.embed_tokens.weight", "token_embd.weight", (o.vocab, hidden), 0.35)
    for layer in range(o.layers):
        hf, gguf = f"model.layers.{layer}.", f"blk.{layer}."
        add(hf + "input_layernorm.weight", gguf + "attn_norm.weight", (hidden,), 0.2, 1.0)
        add(hf + "self_attn.q_proj.weight", gguf + "attn_q.weight", (o.heads * dim, hidden), score)
        add(hf + "self_attn.k_proj.weight", gguf + "attn_k.weight", (o.kv_heads * dim, hidden), score)
        add(hf + "self_attn.v_proj.weight", gguf + "attn_v.weight", (o.kv_heads * dim, hidden), 1 / math.sqrt(hidden))
        if o.arch == "qwen2":
            for kind, count in (("q", o.heads), ("k", o.kv_heads), ("v", o.kv_heads)):
                add(f"{hf}self_attn.{kind}_proj.bias", f"{gguf}attn_{kind}.bias", (count * dim,), 0.5)
        if o.arch == "qwen3":
            add(hf + "self_attn.q_norm.weight", gguf + "attn_q_norm.weight", (dim,), 0.2, 1.0)
            add(hf + "self_attn.k_norm.weight", gguf + "attn_k_norm.weight", (dim,), 0.2, 1.0)
        add(hf + "self_attn.o_proj.weight", gguf + "attn_output.weight", (hidden, o.heads * dim),
            1.5 / math.sqrt(o.heads * dim))
        add(hf + "post_attention_layernorm.weight", gguf + "ffn_norm.weight", (hidden,), 0.2, 1.0)
        add(hf + "mlp.gate_proj.weight", gguf + "ffn_gate.weight", (o.ff, hidden), 1.4 / math.sqrt(hidden))
        add(hf + "mlp.up_proj.weight", gguf + "ffn_up.weight", (o.ff, hidden), 1 / math.sqrt(hidden))
        add(hf + "mlp.down_proj.weight", gguf + "ffn_down.weight", (hidden, o.ff), 1.5 / math.sqrt(o.ff))
    add("model.norm.weight", "output_norm.weight", (hidden,), 0.2, 1.0)
    if not o.tied:
        add("lm_head.weight", "output.weight", (o.vocab, hidden), 3 / math.sqrt(hidden))
    return weights


def interleave(values, rows, columns, heads):
    """Rows (i, i + D/2) of every head become neighbours (2i, 2i + 1), as GGUF stores llama's q and k."""
    half = rows // heads // 2
    out = array("f")
    for head in range(heads):
        for i in range(half):
            for part in range(2):
                row = head * 2 * half + part * half + i
                out.extend(values[row * columns:(row + 1) * columns])
    return out


def half_floats(values):
    return struct.pack(f"<{len(values)}e", *values)


def brain_floats(values):
    """Round to nearest, ties to even."""
    out = bytearray()
    for bits in array("I", values.tobytes()):
        out += struct.pack("<H", (bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
    return bytes(out)


def quantise(values, kind):
    """Blocks of 32 in GGUF's layouts; low nibbles hold elements 0-15, high nibbles 16-31."""
    out = bytearray()
    for begin in range(0, len(values), 32):
        block = values[begin:begin + 32]
        if kind == "q8_0":
            scale = max(map(abs, block)) / 127
            quants = [round(x / scale) if scale else 0 for x in block]
            out += struct.pack("<e32b", scale, *quants)
            continue
        if kind == "q4_0":
            extreme = max(block, key=abs)
            scale, least = extreme / -8, 0.0
            quants = [min(15, int(x / scale + 8.5)) if scale else 8 for x in block]
            out += struct.pack("<e", scale)
        else:
            least = min(block)
            scale = (max(block) - least) / 15
            quants = [min(15, int((x - least) / scale + 0.5)) if scale else 0 for x in block]
            out += struct.pack("<ee", scale, least)
        out += bytes(low | high << 4 for low, high in zip(quants[:16], quants[16:]))
    return bytes(out)


def encode(values, kind):
    if kind == "f32":
        return struct.pack(f"<{len(values)}f", *values)
    if kind == "f16":
        return half_floats(values)
    if kind == "bf16":
        return brain_floats(values)
    return quantise(values, kind)


# ---- rope --------------------------------------------------------------------------------------------------------------

def llama3_factors(o):
    """What each pair's frequency is divided by (rope_freqs.weight)."""
    factors = []
    for i in range(o.head_dim // 2):
        wavelength = 2 * math.pi * o.rope_base ** (2 * i / o.head_dim)
        low, high = o.rope_original, o.rope_original / 4
        if wavelength < high:
            factors.append(1.0)
        elif wavelength > low:
            factors.append(o.rope_factor)
        else:
            smooth = (o.rope_original / wavelength - 1) / 3
            factors.append(1 / ((1 - smooth) / o.rope_factor + smooth))
    return factors


def hugging_face_scaling(o):
    if o.rope == "linear":
        return {"rope_type": "linear", "factor": o.rope_factor}
    if o.rope == "yarn":
        return {"rope_type": "yarn", "factor": o.rope_factor, "original_max_position_embeddings": o.rope_original}
    if o.rope == "llama3":
        return {"rope_type": "llama3", "factor": o.rope_factor, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                "original_max_position_embeddings": o.rope_original}
    return None


# ---- GGUF --------------------------------------------------------------------------------------------------------------

def gguf_string(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def gguf_value(kind, value):
    if kind == STRING:
        return gguf_string(value)
    return struct.pack({U32: "<I", I32: "<i", F32: "<f", BOOL: "<?"}[kind], value)


def write_gguf(o, path):
    a = o.arch
    pieces, types, merges = make_vocabulary(o.vocab)
    meta = [("general.architecture", STRING, a), ("general.type", STRING, "model"),
            ("general.name", STRING, f"random {a} seed {o.seed}"), ("general.quantization_version", U32, 2),
            (f"{a}.block_count", U32, o.layers), (f"{a}.context_length", U32, o.context),
            (f"{a}.embedding_length", U32, o.hidden), (f"{a}.feed_forward_length", U32, o.ff),
            (f"{a}.attention.head_count", U32, o.heads), (f"{a}.attention.head_count_kv", U32, o.kv_heads),
            (f"{a}.rope.freq_base", F32, o.rope_base), (f"{a}.attention.layer_norm_rms_epsilon", F32, 1e-5),
            (f"{a}.vocab_size", U32, o.vocab)]
    if a == "llama":
        meta.append((f"{a}.rope.dimension_count", U32, o.head_dim))
    if a == "qwen3" or o.head_dim * o.heads != o.hidden:
        meta += [(f"{a}.attention.key_length", U32, o.head_dim), (f"{a}.attention.value_length", U32, o.head_dim)]
    if o.rope in ("linear", "yarn"):
        meta += [(f"{a}.rope.scaling.type", STRING, o.rope), (f"{a}.rope.scaling.factor", F32, o.rope_factor)]
    if o.rope == "yarn":
        meta.append((f"{a}.rope.scaling.original_context_length", U32, o.rope_original))
    meta += [("tokenizer.ggml.model", STRING, "gpt2"), ("tokenizer.ggml.pre", STRING, "smollm"),
             ("tokenizer.ggml.tokens", (STRING,), pieces), ("tokenizer.ggml.token_type", (I32,), types),
             ("tokenizer.ggml.merges", (STRING,), [f"{left} {right}" for left, right in merges]),
             ("tokenizer.ggml.bos_token_id", U32, 1), ("tokenizer.ggml.eos_token_id", U32, 2),
             ("tokenizer.ggml.unknown_token_id", U32, 0), ("tokenizer.ggml.padding_token_id", U32, 2),
             ("tokenizer.ggml.add_bos_token", BOOL, False), ("tokenizer.ggml.add_space_prefix", BOOL, False),
             ("tokenizer.chat_template", STRING, CHAT_TEMPLATE)]

    tensors = []
    for _, name, shape, values in make_weights(o):
        kind = "f32" if len(shape) == 1 else o.type
        if a == "llama" and name.endswith(("attn_q.weight", "attn_k.weight")):
            heads = o.heads if name.endswith("attn_q.weight") else o.kv_heads
            values = interleave(values, shape[0], shape[1], heads)
        tensors.append((name, shape, kind, encode(values, kind)))
    if o.rope == "llama3":
        factors = array("f", llama3_factors(o))
        tensors.append(("rope_freqs.weight", (len(factors),), "f32", encode(factors, "f32")))

    header = struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(meta))
    for key, kind, value in meta:
        header += gguf_string(key)
        if isinstance(kind, tuple):
            header += struct.pack("<IIQ", ARRAY, kind[0], len(value)) + b"".join(gguf_value(kind[0], x) for x in value)
        else:
            header += struct.pack("<I", kind) + gguf_value(kind, value)
    data = bytearray()
    for name, shape, kind, content in tensors:
        header += gguf_string(name) + struct.pack("<I", len(shape))
        header += b"".join(struct.pack("<Q", extent) for extent in reversed(shape))
        header += struct.pack("<IQ", GGML[kind][0], len(data))
        data += content + bytes(-len(content) % 32)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header + bytes(-len(header) % 32) + data)


# ---- safetensors -------------------------------------------------------------------------------------------------------

def write_safetensors(o, folder):
    if o.type not in ("f32", "f16", "bf16"):
        raise SystemExit("safetensors hold f32, f16 or bf16")
    folder.mkdir(parents=True, exist_ok=True)
    class_name = {"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM", "qwen3": "Qwen3ForCausalLM"}[o.arch]
    config = {"architectures": [class_name], "model_type": o.arch, "hidden_act": "silu", "hidden_size": o.hidden,
              "intermediate_size": o.ff, "num_hidden_layers": o.layers, "num_attention_heads": o.heads,
              "num_key_value_heads": o.kv_heads, "head_dim": o.head_dim, "vocab_size": o.vocab,
              "max_position_embeddings": o.context, "rms_norm_eps": 1e-5, "rope_theta": o.rope_base,
              "rope_scaling": hugging_face_scaling(o), "tie_word_embeddings": o.tied, "bos_token_id": 1, "eos_token_id": 2}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")

    pieces, types, merges = make_vocabulary(o.vocab)
    added = [{"id": i, "content": piece, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
              "special": True} for i, piece in enumerate(SPECIAL)]
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Digits", "individual_digits": True},
            {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}]},
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
                  "vocab": {piece: i for i, piece in enumerate(pieces)},
                  "merges": [f"{left} {right}" for left, right in merges]}}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False, indent=1) + "\n")
    tokenizer_config = {"tokenizer_class": "GPT2Tokenizer", "bos_token": "<|im_start|>", "eos_token": "<|im_end|>",
                        "unk_token": "<|endoftext|>", "pad_token": "<|im_end|>", "add_bos_token": False,
                        "model_max_length": o.context, "chat_template": CHAT_TEMPLATE}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer_config, indent=2) + "\n")

    entries, data = {"__metadata__": {"format": "pt"}}, bytearray()
    for name, _, shape, values in make_weights(o):
        content = encode(values, o.type)
        entries[name] = {"dtype": o.type.upper(), "shape": list(shape), "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    header = json.dumps(entries, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + data)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path, help="file to write (gguf) or folder (safetensors)")
    parser.add_argument("--arch", choices=["llama", "qwen2", "qwen3"], default="llama")
    parser.add_argument("--format", choices=["gguf", "safetensors"], default="gguf")
    parser.add_argument("--type", choices=sorted(GGML), default="f32", help="type of the matrices; vectors are f32 in GGUF")
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--kv-heads", type=int, default=2)
    parser.add_argument("--head-dim", type=int, default=0, help="default: hidden / heads")
    parser.add_argument("--ff", type=int, default=128)
    parser.add_argument("--vocab", type=int, default=640)
    parser.add_argument("--context", type=int, default=2048)
    parser.add_argument("--rope", choices=["none", "linear", "llama3", "yarn"], default="none")
    parser.add_argument("--rope-base", type=float, default=10000.0)
    parser.add_argument("--rope-factor", type=float, default=4.0)
    parser.add_argument("--rope-original", type=int, default=512, help="context length before scaling")
    parser.add_argument("--tied", action="store_true", help="logits use the embedding matrix")
    parser.add_argument("--seed", type=int, default=1)
    o = parser.parse_args()
    o.head_dim = o.head_dim or o.hidden // o.heads
    if o.heads % o.kv_heads or o.head_dim % 2:
        parser.error("--kv-heads must divide --heads, and --head-dim must be even")
    block = GGML[o.type][1]
    if any(extent % block for extent in (o.hidden, o.ff, o.heads * o.head_dim)):
        parser.error(f"--hidden, --ff and heads x head-dim must be multiples of {block} for {o.type}")
    if o.format == "gguf":
        write_gguf(o, o.out)
    else:
        write_safetensors(o, o.out)


if __name__ == "__main__":
    main()
