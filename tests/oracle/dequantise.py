"""What the Python package gguf makes of blocks of every quantised format (run by
tests/kernel/dequantise_test.c).

dequantise.py make FOLDER   writes NAME.blocks, random and extreme ones, and NAME.values, the floats
                            in them
dequantise.py hashes        prints the table of the C test: hashes of the values of blocks that both
                            sides make
"""

import itertools
import sys

import gguf
import numpy as np

# Where half-precision scales stand in a block. MXFP4 has an exponent instead, NVFP4 four floats of
# eight bits, and IQ1_M four bits of its scale in each of four places.
SCALES = {
    "Q8_0": [0],
    "Q4_0": [0],
    "Q4_1": [0, 2],
    "Q5_0": [0],
    "Q5_1": [0, 2],
    "Q2_K": [80, 82],
    "Q3_K": [108],
    "Q4_K": [0, 2],
    "Q5_K": [0, 2],
    "Q6_K": [208],
    "IQ4_NL": [0],
    "IQ4_XS": [0],
    "MXFP4": [],
    "NVFP4": [],
    "IQ3_S": [0],
    "IQ3_XXS": [0],
    "IQ2_S": [0],
    "IQ2_XS": [0],
    "IQ2_XXS": [0],
    "IQ1_M": [],
    "IQ1_S": [0],
    "TQ2_0": [64],
    "TQ1_0": [52],
}
# zeros, least and most subnormal, least normal, one, largest, infinities, quiet and signalling NaNs
HALVES = [
    0x0000,
    0x8000,
    0x0001,
    0x83FF,
    0x0400,
    0x3C00,
    0xBC01,
    0x7BFF,
    0xFBFF,
    0x7C00,
    0xFC00,
    0x7E00,
    0xFE01,
    0x7C01,
]
SAME_BLOCKS = 64


def kind(name):
    return gguf.GGMLQuantizationType[name]


def values_of(name, blocks):
    with np.errstate(all="ignore"):
        values = gguf.dequantize(blocks, kind(name)).ravel().view(np.uint32).copy()
    values[(values & 0x7FFFFFFF) > 0x7F800000] = (
        0x7FC00000  # which NaN comes out is the processor's choice
    )
    return values


def extreme(name, rng):
    size = gguf.GGML_QUANT_SIZES[kind(name)][1]
    fills = [
        np.zeros(size, np.uint8),
        np.full(size, 255, np.uint8),
        rng.integers(0, 256, size, np.uint8),
    ]
    blocks = [fill.copy() for fill in fills]
    for fill in fills:
        for halves in itertools.product(HALVES, repeat=len(SCALES[name])):
            block = fill.copy()
            for at, half in zip(SCALES[name], halves):
                block[at : at + 2] = [half & 255, half >> 8]
            blocks.append(block)
    for exponent in range(256 if name in ("MXFP4", "NVFP4") else 0):
        block = fills[2].copy()
        block[0] = exponent
        blocks.append(block)
    for half in HALVES if name == "IQ1_M" else []:
        block = fills[2].copy()
        for i in range(4):
            block[49 + 2 * i] = (block[49 + 2 * i] & 15) | (half >> 4 * i & 15) << 4
        blocks.append(block)
    return np.stack(blocks)


def make(folder):
    rng = np.random.default_rng(5)
    for name in SCALES:
        size = gguf.GGML_QUANT_SIZES[kind(name)][1]
        blocks = np.concatenate([extreme(name, rng), rng.integers(0, 256, (2000, size), np.uint8)])
        blocks.tofile(f"{folder}/{name.lower()}.blocks")
        values_of(name, blocks).tofile(f"{folder}/{name.lower()}.values")


def same_blocks(size):
    """Bytes that the C test makes too: splitmix64 from 0; the last two blocks zeros and ones."""
    with np.errstate(over="ignore"):
        z = np.arange(1, SAME_BLOCKS * size // 8 + 1, dtype=np.uint64) * np.uint64(
            0x9E3779B97F4A7C15
        )
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        blocks = (z ^ z >> np.uint64(31)).view(np.uint8).reshape(SAME_BLOCKS, size).copy()
    blocks[-2] = 0
    blocks[-1] = 255
    return blocks


def hashes():
    for name in SCALES:
        values = values_of(name, same_blocks(gguf.GGML_QUANT_SIZES[kind(name)][1])).astype(
            np.uint64
        )
        odd = 2 * np.arange(values.size, dtype=np.uint64) + 1
        with np.errstate(over="ignore"):
            mixed = (values + 1) * odd * np.uint64(0x9E3779B97F4A7C15)
            total = int(np.sum(mixed ^ mixed >> np.uint64(29), dtype=np.uint64))
        print(f'    {{ "{name.lower()}", 0x{total:016x} }},')


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2])
    else:
        hashes()
