"""Makes the fixtures of blocks packed in bytes: needs NumPy and the package gguf (the reader of its files by their makers).

    python3 scripts/packed.py > tests/facade/packed.txt
"""

import numpy as np
from gguf import quants
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType as Kind

np.seterr(all="ignore")
rng = np.random.default_rng(7)

# Where a block has numbers of two bytes, which are not to be infinite.
HALVES = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0],
    "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
}  # fmt: skip


def bits(values):
    return np.asarray(values, np.float32).astype("<f4").tobytes().hex()


def main():
    print("# Made by scripts/packed.py: what is done, the layout, the operand and the result; bytes, and f32 as their bytes.")
    for name, halves in HALVES.items():
        kind = Kind[name]
        length, size = GGML_QUANT_SIZES[kind]
        blocks = rng.integers(0, 256, (4 if length == 32 else 2, size), np.uint8)
        for at in halves:
            scale = rng.normal(0, 0.1, len(blocks)).astype("<f2")
            blocks[:, at : at + 2] = scale.view(np.uint8).reshape(-1, 2)
        print("read", name.lower(), blocks.tobytes().hex(), bits(quants.dequantize(blocks, kind)))
    scale = np.array([0.03], "<f4")
    codes = rng.integers(-128, 128, 256).astype(np.int8)
    sums = codes.reshape(16, 16).sum(1).astype("<i2")
    block = scale.tobytes() + codes.tobytes() + sums.tobytes()
    print("read q8_k", block.hex(), bits(scale * codes))

    kinds = [
        rng.normal(0, 1, 64), rng.uniform(2, 3, 64), np.zeros(32), np.full(32, -1.5), rng.normal(0, 1e-4, 32),
        np.tile([1.0, -1.0], 16), rng.integers(-8, 8, 64) / 2.0,
    ]  # fmt: skip
    for name in ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"]:
        for x in kinds:
            x = np.asarray(x, np.float32)
            print("write", name.lower(), bits(x), quants.quantize(x, Kind[name]).tobytes().hex())


main()
