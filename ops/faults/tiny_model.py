"""Writes a GGUF file with a real, tiny Llama that plays: 27 thousand weights, 0.2 ms a token.

A random model of this size would propose nothing that parses, so nothing would ever be learned and no weights saved. This
one is random too, but its embedding and its output matrix are made so that a phrase follows a phrase: after "(" one of a
few programs, after a program an input, after a line break an answer. Whether the answer is right is chance, which is what
an update needs. Everything else (attention, feed-forward, tokenizer, training) is as in any model.
"""

import hashlib
import random
import struct

PROGRAMS = [
    "x):\n    return x + 1\n```\n",
    "x):\n    return x * 2\n```\n",
    "x):\n    return x - 1\n```\n",
    "x):\n    return 3\n```\n",
    "x):\n    return [x]\n```\n",
    "x):\n    return x // 0\n```\n",
    "x):\n    y = x\n    return y * y\n```\n",
    "x)\n    retrun x\n```\n",
]
INPUTS = [f"```input\n{number}\n```\n```output" for number in (0, 1, 2, 3, 4, 5)] + ["```inptu\n1\n```\n```output"]
ANSWERS = [f"{number}\n```" for number in (0, 1, 2, 3, 4, 6, 9, "[1]", "[")]
HIDDEN, FEED_FORWARD, HEADS, HEAD_SIZE = 32, 32, 2, 16


def byte_alphabet():
    """GPT-2's 256 letters for the 256 bytes."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters, spare = {}, 0x100
    for byte in range(256):
        if byte in plain:
            letters[byte] = chr(byte)
        else:
            letters[byte] = chr(spare)
            spare += 1
    return letters


def write(path):
    """Returns the file's size and sha256. The same bytes every time."""
    draws = random.Random(20)
    letters = byte_alphabet()
    phrases = PROGRAMS + INPUTS + ANSWERS
    tokens = [letters[byte] for byte in range(256)]
    tokens += ["".join(letters[byte] for byte in phrase.encode()) for phrase in phrases]
    kinds = [1] * len(tokens) + [3, 3]
    tokens += ["<|endoftext|>", "<|im_end|>"]
    vocabulary = len(tokens)

    def noise(count, spread):
        return [draws.uniform(-spread, spread) for _ in range(count)]

    embedding = [noise(HIDDEN, 0.1) for _ in range(vocabulary)]
    output = [noise(HIDDEN, 0.1) for _ in range(vocabulary)]
    first_input, first_answer = 256 + len(PROGRAMS), 256 + len(PROGRAMS) + len(INPUTS)
    embedding[ord("(")][0] = 3
    embedding[ord("\n")][1] = 3
    for token in range(256, first_input):
        embedding[token][2] = 3
        output[token][0] = 2
    for token in range(first_input, first_answer):
        output[token][2] = 2
    for token in range(first_answer, first_answer + len(ANSWERS)):
        output[token][1] = 2

    def matrix(rows, columns, spread=0.02):
        return [rows, columns], noise(rows * columns, spread)

    tensors = {"token_embd.weight": ([vocabulary, HIDDEN], sum(embedding, []))}
    width = HEADS * HEAD_SIZE
    for name in ("attn_q", "attn_k", "attn_v"):
        tensors[f"blk.0.{name}.weight"] = matrix(width, HIDDEN)
    tensors["blk.0.attn_output.weight"] = matrix(HIDDEN, width)
    tensors["blk.0.ffn_gate.weight"] = matrix(FEED_FORWARD, HIDDEN)
    tensors["blk.0.ffn_up.weight"] = matrix(FEED_FORWARD, HIDDEN)
    tensors["blk.0.ffn_down.weight"] = matrix(HIDDEN, FEED_FORWARD)
    for name in ("blk.0.attn_norm.weight", "blk.0.ffn_norm.weight", "output_norm.weight"):
        tensors[name] = ([HIDDEN], [1.0] * HIDDEN)
    tensors["output.weight"] = ([vocabulary, HIDDEN], sum(output, []))

    keys = [
        ("general.architecture", "llama"),
        ("general.name", "tiny"),
        ("llama.block_count", 1),
        ("llama.embedding_length", HIDDEN),
        ("llama.feed_forward_length", FEED_FORWARD),
        ("llama.attention.head_count", HEADS),
        ("llama.attention.head_count_kv", HEADS),
        ("llama.attention.key_length", HEAD_SIZE),
        ("llama.attention.layer_norm_rms_epsilon", 1e-5),
        ("llama.context_length", 512),
        ("tokenizer.ggml.model", "gpt2"),
        ("tokenizer.ggml.pre", "smollm"),
        ("tokenizer.ggml.tokens", tokens),
        ("tokenizer.ggml.token_type", kinds),
        ("tokenizer.ggml.merges", []),
        ("tokenizer.ggml.eos_token_id", vocabulary - 1),
    ]
    data = encode(keys, tensors)
    with open(path, "wb") as file:
        file.write(data)
    return len(data), hashlib.sha256(data).hexdigest()


def encode(keys, tensors):
    """GGUF version 3, little-endian; every tensor float32 and aligned to 32 bytes."""

    def text(value):
        raw = value.encode()
        return struct.pack("<Q", len(raw)) + raw

    def value(item):
        if isinstance(item, str):
            return struct.pack("<I", 8) + text(item)
        if isinstance(item, float):
            return struct.pack("<If", 6, item)
        if isinstance(item, int):
            return struct.pack("<II", 4, item)
        if item and isinstance(item[0], int):
            return struct.pack("<IIQ", 9, 5, len(item)) + struct.pack(f"<{len(item)}i", *item)
        return struct.pack("<IIQ", 9, 8, len(item)) + b"".join(map(text, item))

    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(keys))
    head += b"".join(text(name) + value(item) for name, item in keys)
    offset, body = 0, b""
    for name, (shape, values) in tensors.items():
        head += text(name) + struct.pack("<I", len(shape))
        head += b"".join(struct.pack("<Q", size) for size in reversed(shape)) + struct.pack("<IQ", 0, offset)
        raw = struct.pack(f"<{len(values)}f", *values)
        raw += bytes(-len(raw) % 32)
        body += raw
        offset += len(raw)
    return head + bytes(-len(head) % 32) + body


if __name__ == "__main__":
    import sys

    print(*write(sys.argv[1]))
