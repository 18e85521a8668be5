"""How far ggml's own quantisers are from weights shaped like real ones (prints the table of
tests/kernel/quantise_test.c).

quantise.py LIBGGML-BASE.SO   the library of a llama.cpp build
The weights, heavy-tailed under a scale for each row, are made by the same rules in the C test.
"""

import ctypes
import sys

import gguf
import numpy as np

FORMATS = ["Q8_0", "Q4_0", "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K", "MXFP4"]
ROWS, COLS = 64, 512


def weights():
    count = ROWS * COLS * 5
    with np.errstate(over="ignore"):
        z = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        u = ((z ^ z >> np.uint64(31)) >> np.uint64(40)).astype(np.float64) * 2.0**-24
    u = u.reshape(ROWS, COLS, 5)
    scale = 0.01 * (1 + np.arange(ROWS) % 7)
    return (
        scale[:, None] * (u[..., 0] + u[..., 1] + u[..., 2] + u[..., 3] - 2) / (0.25 + u[..., 4])
    ).astype(np.float32)


class Memory(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("buffer", ctypes.c_void_p), ("no_alloc", ctypes.c_bool)]


def main():
    ggml = ctypes.CDLL(sys.argv[1])
    ggml.ggml_init.argtypes, ggml.ggml_init.restype = [Memory], ctypes.c_void_p
    ggml.ggml_init(Memory(1 << 20, None, False))
    ggml.ggml_quantize_chunk.argtypes = (
        [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p] + 3 * [ctypes.c_int64] + [ctypes.c_void_p]
    )
    w = weights()
    for name in FORMATS:
        kind = gguf.GGMLQuantizationType[name]
        block, size = gguf.GGML_QUANT_SIZES[kind]
        out = np.zeros((ROWS, COLS // block * size), np.uint8)
        ggml.ggml_quantize_chunk(int(kind), w.ctypes.data, out.ctypes.data, 0, ROWS, COLS, None)
        error = gguf.dequantize(out, kind).astype(np.float64) - w
        print(
            f'    {{ "{name.lower()}", '
            f'{np.sqrt((error ** 2).mean() / (w.astype(np.float64) ** 2).mean()):.6f} }},'
        )


if __name__ == "__main__":
    main()
