#!/usr/bin/env python3
"""Remakes the digests in Tests/TransformerTests/Files/DequantizeTests.swift with the PyPI package `gguf` 0.19.0.

usage: python dequantize_digests.py [MODEL.gguf TENSOR ...]
Without arguments: SHA-256 of the float32 values that 64 pseudo-random blocks of each type expand to. The bytes come
from a 64-bit linear congruential generator; bit 6 of every other byte is cleared in the float16 fields, so that each is finite.
With arguments: SHA-256 of the named tensors of a model, expanded.
"""
import hashlib, sys
import numpy as np
from gguf import GGMLQuantizationType as T, GGUFReader
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize

HALVES = {"F16": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0],
          "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}


def blocks(name, size, count=64, seed=20):
    state, out = seed, bytearray()
    for _ in range(size * count):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        out.append(state >> 56)
    for b in range(count):
        for h in HALVES.get(name, []):
            out[b * size + h + 1] &= 0xBF
        if name in ("F32", "BF16"):
            out[b * size + size - 1] &= 0xBF
    return np.frombuffer(bytes(out), dtype=np.uint8).reshape(count, size)


if len(sys.argv) == 1:
    for name in ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K"]:
        t = T[name]
        data = blocks(name, GGML_QUANT_SIZES[t][1])
        if name == "F16": data = data.view(np.float16)
        if name == "F32": data = data.view(np.float32)
        values = dequantize(data, t).astype("<f4")
        assert np.isfinite(values).all()
        print(name, values.size, hashlib.sha256(values.tobytes()).hexdigest())
else:
    for t in GGUFReader(sys.argv[1]).tensors:
        if t.name in sys.argv[2:]:
            v = dequantize(t.data, t.tensor_type).astype("<f4")
            print(t.name, t.tensor_type.name, v.shape, hashlib.sha256(v.tobytes()).hexdigest())
