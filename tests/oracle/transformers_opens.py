#!/usr/bin/env python3
"""What cadre saves, transformers opens unchanged: the same logits, no missing or unexpected tensor,
the same token ids.

usage: tests/oracle/transformers_opens.py [PROGRAM]     with a Python that has torch, transformers
                                                        and safetensors

Trains each published layout for a few steps on a text made here, opens the folder with
AutoModelForCausalLM and AutoTokenizer, and prints the largest difference of a logit. Exit status 1
where one is above 1e-4 or ids differ."""

import os, random, subprocess, sys, tempfile

import torch
from safetensors.numpy import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

PROGRAM = sys.argv[1] if len(sys.argv) > 1 else "build/cadre"
RECIPES = {"mixtral": [], "olmoe": [], "qwen3-moe": [], "deepseek-v3": ["--shared-experts", "1"]}
SIZES = [
    "--layers",
    "2",
    "--width",
    "64",
    "--heads",
    "4",
    "--experts",
    "8",
    "--topk",
    "2",
    "--expert-width",
    "48",
    "--vocab",
    "512",
    "--context",
    "64",
    "--batch",
    "4",
    "--steps",
    "20",
    "--seed",
    "3",
]
PROBE = "Die Experten, 3.14 — été 混合 \t\n x=1;"


def make_text(path):
    words = (
        "expert router token layer the of and gate load a is mixture été größer 混合 モデル".split()
    )
    choose = random.Random(1)
    with open(path, "w", encoding="utf-8") as f:
        f.write("".join(choose.choice(words) + choose.choice("    ,.\n") for _ in range(20000)))


def run(*arguments, **options):
    return subprocess.run(
        [PROGRAM, *arguments], check=True, capture_output=True, text=True, **options
    ).stdout


def check(recipe, extra, folder, text):
    out = os.path.join(folder, recipe)
    run("train", "--recipe", recipe, *SIZES, *extra, "--data", text, "--out", out, "--quiet")
    run(
        "logits",
        out,
        "--tokens",
        ",".join(map(str, range(5, 45))),
        "--out",
        out + "/logits.safetensors",
    )
    ours = load_file(out + "/logits.safetensors")
    model, info = AutoModelForCausalLM.from_pretrained(
        out, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
    )
    strange = list(info["missing_keys"]) + list(info["unexpected_keys"])
    theirs = model(torch.tensor(ours["tokens"].astype("int64"))[None]).logits[0].detach().numpy()
    difference = float(abs(theirs - ours["logits"]).max())
    ids = AutoTokenizer.from_pretrained(out)(PROBE, add_special_tokens=False).input_ids
    same = ids == list(
        map(int, run("tokenize", out, "--no-special", input=PROBE).replace(",", " ").split())
    )
    holds = difference <= 1e-4 and not strange and same
    print(
        f"{'ok  ' if holds else 'FAIL'} {recipe:12} {type(model).__name__:24} "
        f"logits within {difference:.0e}"
        f"{'' if same else ', token ids differ'}"
        f"{', tensors: ' + str(strange[:3]) if strange else ''}"
    )
    return holds


def main():
    logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as folder:
        text = os.path.join(folder, "text.txt")
        make_text(text)
        held = [check(recipe, extra, folder, text) for recipe, extra in RECIPES.items()]
    sys.exit(0 if all(held) else 1)


if __name__ == "__main__":
    main()
