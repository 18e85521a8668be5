#!/usr/bin/env python3
"""Random small models of every architecture that training knows, a few steps of `cadre train
--from` beside PyTorch's: losses and norms of the gradient.

usage: tests/oracle/random_training.py [-n COUNT] [--seed N] [--only ARCHITECTURE,...]
                                       [--keep FOLDER] [PROGRAM]

Models are those of random_models.py. A refusal is said, a difference fails: of the loss beyond
1e-4, of the gradient's norm beyond a thousandth."""

import json, os, random, subprocess, sys

import numpy as np
import torch
from safetensors.numpy import save_file

import random_models
from random_models import TYPES, make

STEPS, BATCH, CONTEXT, LR = 4, 2, 16, 1e-3
OPTIONS = {
    "steps": STEPS,
    "lr": LR,
    "schedule": "constant",
    "warmup": 0,
    "beta1": 0.9,
    "beta2": 0.95,
    "eps": 1e-5,
    "weight-decay": 0,
    "clip": 0,
    "aux-loss": 0,
    "z-loss": 0,
    "bias-update-rate": 0,
    "sequence-aux": 0,
}


def theirs(model, tokens):
    """Losses and norms of every step."""
    model.train()
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=LR, betas=(0.9, 0.95), eps=1e-5, weight_decay=0
    )
    lines = []
    for batch in torch.tensor(tokens, dtype=torch.long):
        optimizer.zero_grad()
        logits = model(batch[:, :-1]).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), float("inf"))
        lines.append((loss.item(), norm.item()))
        optimizer.step()
    return lines


def ours(program, folder, tokens):
    save_file({"tokens": tokens}, folder + "/t.safetensors")
    options = [f"--{name}={value}" for name, value in OPTIONS.items()]
    said = subprocess.run(
        [
            program,
            "train",
            "--from",
            folder + "/model",
            "--tokens",
            folder + "/t.safetensors",
            "--out",
            folder + "/o",
            "--metrics",
            folder + "/m",
            "--quiet",
            *options,
        ],
        capture_output=True,
        text=True,
    )
    if said.returncode:
        raise random_models.Refused(said.stderr.strip())
    lines = [json.loads(line) for line in open(folder + "/m")]
    return [(line["loss"], line["grad_norm"]) for line in lines]


def check(program, kind, rnd, folder):
    model, said = make(kind, rnd, folder + "/model")
    tokens = (
        np.random.default_rng(rnd.getrandbits(31))
        .integers(6, model.config.vocab_size, (STEPS, BATCH, CONTEXT + 1))
        .astype(np.int32)
    )
    a, b = np.array(ours(program, folder, tokens)), np.array(theirs(model, tokens))
    loss, norm = np.abs(a - b)[:, 0].max(), (np.abs(a - b)[:, 1] / b[:, 1]).max()
    return (
        ""
        if loss < 1e-4 and norm < 1e-3
        else f"loss off by {loss:.1e}, norm by {norm:.1e} of itself: "
        f"{a.tolist()} {b.tolist()} [{said}]"
    )


def main():
    a = random_models.arguments(TYPES[:-1])
    program = os.path.abspath(a.program)

    def attempt(kind, i):
        with random_models.folder_for(a) as folder:
            return check(program, kind, random.Random(f"training {kind} {a.seed} {i}"), folder)

    sys.exit(random_models.try_all(a.only.split(","), a.n, "runs", attempt))


if __name__ == "__main__":
    main()
