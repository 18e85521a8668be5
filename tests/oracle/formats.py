"""Files between this project and the Python packages safetensors and gguf (run by
tests/format/python_test.c).

formats.py make FOLDER    writes theirs.safetensors and theirs.gguf for the C test to read
formats.py check FOLDER   reads ours.safetensors and ours.gguf, which the C test wrote; says what
                          is not as agreed
Both sides know the contents by the same rules: float tensors count up by halves, integers by ones.
"""

import sys

import gguf
import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file


def halves(*shape):
    return (np.arange(np.prod(shape, dtype=int)) * 0.5).reshape(shape).astype(np.float32)


def make(folder):
    save_file(
        {
            "a.weight": halves(2, 3),
            "h": halves(4).astype(np.float16),
            "ids": np.arange(5, dtype=np.int32),
            "empty": np.zeros((0, 7), np.float32),
            "scalar": np.array(7, np.int64),
        },
        folder + "/theirs.safetensors",
        metadata={"format": "pt", "text": "\u00e9\n\"\\"},
    )
    w = gguf.GGUFWriter(folder + "/theirs.gguf", "olmoe")
    w.add_uint32("olmoe.expert_count", 64)
    w.add_float32("olmoe.attention.layer_norm_rms_epsilon", 1e-5)
    w.add_bool("olmoe.flag", True)
    w.add_array("tokenizer.ggml.tokens", ["a", "", "\u00e9"])
    w.add_array("olmoe.layers", [1, 2, 3])
    w.add_tensor("blk.0.weight", halves(3, 32))
    w.add_tensor(
        "blk.0.q8",
        gguf.quants.quantize(halves(2, 64), gguf.GGMLQuantizationType.Q8_0),
        raw_dtype=gguf.GGMLQuantizationType.Q8_0,
    )
    w.add_tensor("half", halves(5).astype(np.float16))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def check_safetensors(path):
    with safe_open(path, "numpy") as f:
        assert sorted(f.keys()) == ["a.weight", "empty", "h", "ids"], f.keys()
        assert f.metadata() == {"format": "pt", "text": "\u00e9\n\"\\"}, f.metadata()
        assert np.array_equal(f.get_tensor("a.weight"), halves(2, 3))
        assert (
            np.array_equal(f.get_tensor("h"), halves(4).astype(np.float16))
            and f.get_tensor("h").dtype == np.float16
        )
        assert (
            np.array_equal(f.get_tensor("ids"), np.arange(5))
            and f.get_tensor("ids").dtype == np.int32
        )
        assert f.get_tensor("empty").shape == (0, 7)


def check_gguf(path):
    r = gguf.GGUFReader(path)
    value = {
        name: field.contents() for name, field in r.fields.items() if not name.startswith("GGUF.")
    }
    assert (
        value["general.architecture"] == "olmoe" and value["n.u32"] == 64 and value["n.i64"] == -5
    ), value
    assert value["flag"] is True and value["eps"] == np.float32(1e-5), value
    assert (
        value["words"] == ["a", "", "\u00e9"]
        and value["ints"] == [1, -2, 3]
        and value["reals"] == [0.5, -1.0]
    ), value
    tensors = {t.name: t for t in r.tensors}
    assert sorted(tensors) == ["blk.0.weight", "half", "q8"], sorted(tensors)
    assert np.array_equal(tensors["blk.0.weight"].data, halves(3, 32))
    assert list(tensors["blk.0.weight"].shape) == [32, 3]
    assert np.array_equal(tensors["half"].data, halves(5).astype(np.float16))
    assert tensors["q8"].tensor_type == gguf.GGMLQuantizationType.Q8_0
    assert np.array_equal(tensors["q8"].data.reshape(-1), np.arange(68, dtype=np.uint8))


if __name__ == "__main__":
    mode, folder = sys.argv[1:]
    if mode == "make":
        make(folder)
    else:
        check_safetensors(folder + "/ours.safetensors")
        check_gguf(folder + "/ours.gguf")
