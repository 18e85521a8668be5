"""Ids and texts of one tokenizer.json beside those of the tokenizers package and of transformers'
PreTrainedTokenizerFast.

usage: tokenizer.py tokenizer.json [TEXT FILE...]     CADRE names the program (default build/cadre)

Lines of the files (by default this one and the house's sources) and strings of random characters of
many scripts go through `cadre tokenize --lines`; ids, and the texts decoded from them, must be the
same."""

import glob
import json
import os
import random
import subprocess
import sys

from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

RANGES = (
    (0x20, 0x7E),
    (0x20, 0x7E),
    (0x30, 0x39),
    (0x09, 0x0D),
    (0x20, 0x20),
    (0x80, 0x24F),
    (0x300, 0x36F),
    (0x370, 0x3FF),
    (0x400, 0x4FF),
    (0x590, 0x6FF),
    (0x900, 0x97F),
    (0xE00, 0xE7F),
    (0x1100, 0x11FF),
    (0x2000, 0x206F),
    (0x2070, 0x218F),
    (0x2580, 0x259F),
    (0x3000, 0x30FF),
    (0x4E00, 0x9FBF),
    (0xAC00, 0xD7A3),
    (0xF900, 0xFAFF),
    (0xFF00, 0xFFEF),
    (0x1D400, 0x1D7FF),
    (0x1F300, 0x1F64F),
)


def random_text(rnd, size):
    text = []
    while len(text) < size:
        low, high = rnd.choice(RANGES)
        text += [chr(rnd.randint(low, high)) for _ in range(rnd.randint(1, 4))]
    return "".join(text)


def lines(path, items, *options):
    program = os.environ.get("CADRE", "build/cadre")
    said = subprocess.run(
        [program, "tokenize", path, "--lines", *options],
        input="".join(json.dumps(i) + "\n" for i in items),
        capture_output=True,
        text=True,
    )
    if said.returncode:
        sys.exit(said.stderr.strip())
    return [json.loads(line) for line in said.stdout.split("\n") if line]


def main(path, files):
    rnd = random.Random(7)
    texts = [line for file in files for line in open(file, encoding="utf-8").read().split("\n")]
    specials = [t["content"] for t in json.load(open(path, encoding="utf-8"))["added_tokens"]]
    texts += [random_text(rnd, rnd.randint(1, 60)) for _ in range(3000)] + [
        random_text(rnd, 5) + s + random_text(rnd, 5) for s in specials for _ in range(4)
    ]
    reference, fast = Tokenizer.from_file(path), PreTrainedTokenizerFast(tokenizer_file=path)
    bad = 0
    for special in (True, False):
        ours = lines(path, texts, *([] if special else ["--no-special"]))
        theirs = [e.ids for e in reference.encode_batch(texts, add_special_tokens=special)]
        also = fast(texts, add_special_tokens=special)["input_ids"]
        for text, a, b, c in zip(texts, ours, theirs, also, strict=True):
            if not a == b == c:
                bad += 1
                if bad <= 5:
                    print(f"{text!r}:\n  cadre {a}\n  tokenizers {b}\n  transformers {c}")
    decoded = lines(path, theirs, "--decode")
    for ids, a in zip(theirs, decoded, strict=True):
        b = reference.decode(ids, skip_special_tokens=False)
        if a != b:
            bad += 1
            if bad <= 5:
                print(f"{ids}:\n  cadre {a!r}\n  tokenizers {b!r}")
    print(f"{path}: {len(texts)} texts, {bad} differences")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:] or [__file__, *glob.glob("src/*/*.[ch]")]))
