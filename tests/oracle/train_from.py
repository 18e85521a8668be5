#!/usr/bin/env python3
"""`cadre train --from MODEL`: what training computes in a model's first step is what running it
gives, and a step of no size changes nothing: the same loss as of its logits, and the same bits
of logits from what is saved.

usage: tests/oracle/train_from.py [PROGRAM]     with a Python that has numpy and safetensors;
                                                models: $CADRE_ORACLE, else ../shared/oracle
"""

import json, os, subprocess, sys, tempfile

import numpy as np
from safetensors.numpy import load_file, save_file

PROGRAM = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "build/cadre")
ORACLE = os.environ.get("CADRE_ORACLE", "../shared/oracle") + "/models/"
MODELS = [
    "llama",
    "mixtral",
    "qwen2_moe",
    "qwen3",
    "qwen3_moe",
    "qwen3_moe_sharded",
    "olmoe",
    "deepseek",
    "deepseek_v2",
    "deepseek_v2_lite",
    "deepseek_v3",
    "gpt_oss",
    "glm4_moe",
    "qwen3_moe/model.gguf",
    "deepseek_v3/model.gguf",
]
SEQUENCES, CONTEXT = 2, 16


def logits(model, tokens, out):
    subprocess.run(
        [PROGRAM, "logits", model, "--tokens", ",".join(map(str, tokens)), "--out", out], check=True
    )
    return load_file(out)["logits"]


def loss_of(rows, targets):
    top = rows.max(-1, keepdims=True)
    return float(
        np.mean(
            np.log(np.exp(rows - top).sum(-1)) + top[:, 0] - rows[np.arange(len(targets)), targets]
        )
    )


def check(name, folder):
    model, vocab = (
        ORACLE + name,
        json.load(open(ORACLE + name.split("/")[0] + "/config.json"))["vocab_size"],
    )
    tokens = (
        np.random.default_rng(1).integers(6, vocab, (1, SEQUENCES, CONTEXT + 1)).astype(np.int32)
    )
    save_file({"tokens": tokens}, folder + "/t.safetensors")
    subprocess.run(
        [
            PROGRAM,
            "train",
            "--from",
            model,
            "--tokens",
            folder + "/t.safetensors",
            "--out",
            folder + "/o",
            "--steps",
            "1",
            "--lr",
            "1e-30",
            "--weight-decay",
            "0",
            "--aux-loss",
            "0",
            "--metrics",
            folder + "/m",
            "--quiet",
        ],
        check=True,
        capture_output=True,
    )
    before = [logits(model, row[:-1], folder + "/l") for row in tokens[0]]
    after = [logits(folder + "/o", row[:-1], folder + "/l") for row in tokens[0]]
    expected = np.mean(
        [loss_of(rows.astype(np.float64), row[1:]) for rows, row in zip(before, tokens[0])]
    )
    difference = abs(json.loads(open(folder + "/m").readline())["loss"] - expected)
    same = all(np.array_equal(a, b) for a, b in zip(before, after))
    print(
        f"{'ok  ' if same and difference < 1e-5 else 'FAIL'} {name}: loss within {difference:.0e}"
        f"{'' if same else ', other logits after'}"
    )
    return same and difference < 1e-5


def main():
    held = []
    for name in MODELS:
        with tempfile.TemporaryDirectory() as folder:
            held.append(check(name, folder))
    sys.exit(0 if all(held) else 1)


if __name__ == "__main__":
    main()
