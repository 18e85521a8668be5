#!/usr/bin/env python3
"""`cadre eval` beside the same windows computed with transformers.

usage: tests/oracle/perplexity.py FOLDER [PROGRAM]     with a Python that has torch and
                                                       transformers; FOLDER holds models' folders

Windows as `cadre eval --help` says: they overlap by half, of all but the first the later half of
predictions counts, the last ends with the text, and the first token is charged log V. Exit status 1
where bits per byte differ by more than one in 100,000."""

import json, math, os, subprocess, sys, tempfile

import torch
from transformers import AutoModelForCausalLM
from transformers.utils import logging

PROGRAM = sys.argv[2] if len(sys.argv) > 2 else "build/cadre"
TEXT = "".join(
    f"The {i}. token goes to expert {i * 7 % 8}, été größer 混合 and {'of' * (i % 3)} the rest.\n"
    for i in range(40)
)
CONTEXT = 48


def windows(count, context):
    """Starts, and where counting begins in each."""
    context = min(context, count - 1)
    half, done, start = context // 2, 0, 0
    while done < count - 1:
        start = min(start, count - 1 - context)
        yield start, done - start, context
        done, start = start + context, start + half


def bits_per_byte(model, ids, size):
    nats = math.log(model.config.vocab_size)
    for start, counted, context in windows(len(ids), CONTEXT):
        logits = model(torch.tensor([ids[start : start + context]])).logits[0].double()
        losses = torch.nn.functional.cross_entropy(
            logits, torch.tensor(ids[start + 1 : start + context + 1]), reduction="none"
        )
        nats += losses[counted:].sum().item()
    return nats / math.log(2) / size


def check(folder, text):
    run = lambda *a, **o: subprocess.run(
        [PROGRAM, *a], check=True, capture_output=True, text=True, **o
    ).stdout
    ours = json.loads(run("eval", folder, "--text", text, "--context", str(CONTEXT), "--json"))[
        "files"
    ][0]["bits_per_byte"]
    ids = [int(i) for i in run("tokenize", folder, "--no-special", input=TEXT).split()]
    try:
        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager"
        )
    except (ValueError, OSError, ImportError, KeyError, RuntimeError) as error:
        print(f"{folder}: not opened by transformers: {str(error).splitlines()[0][:100]}")
        return 0
    with torch.no_grad():
        theirs = bits_per_byte(model, ids, len(TEXT.encode()))
    wrong = not abs(ours / theirs - 1) <= 1e-5
    print(
        f"{folder}: {ours:.6f} bits per byte, transformers {theirs:.6f}{'  WRONG' if wrong else ''}"
    )
    return wrong


if __name__ == "__main__":
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    models = [os.path.join(sys.argv[1], name) for name in sorted(os.listdir(sys.argv[1]))]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "text.txt")
        open(path, "w", encoding="utf-8").write(TEXT)
        sys.exit(
            sum(
                check(m, path)
                for m in models
                if os.path.exists(m + "/tokenizer.json") and "switch" not in m
            )
            > 0
        )
