"""Ids and texts of one tokenizer.json beside those of the tokenizers package and of transformers' PreTrainedTokenizerFast.

usage: tokenizer.py tokenizer.json [TEXT FILE...]     CADRE names the program (default build/cadre)

Lines of the files (by default this one and the house's sources) and strings of random characters of many scripts go through
`cadre tokenize --lines`; ids, and the texts decoded from them, must be the same."""
import glob
import json
import os
import random
import subprocess
import sys

from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

RANGES = ((0x20, 0x7e), (0x20, 0x7e), (0x30, 0x39), (0x09, 0x0d), (0x20, 0x20), (0x80, 0x24f), (0x300, 0x36f), (0x370, 0x3ff), (0x400, 0x4ff), (0x590, 0x6ff),
          (0x900, 0x97f), (0xe00, 0xe7f), (0x1100, 0x11ff), (0x2000, 0x206f), (0x2070, 0x218f), (0x2580, 0x259f), (0x3000, 0x30ff), (0x4e00, 0x9fbf),
          (0xac00, 0xd7a3), (0xf900, 0xfaff), (0xff00, 0xffef), (0x1d400, 0x1d7ff), (0x1f300, 0x1f64f))


def random_text(rnd, size):
    text = []
    while len(text) < size:
        low, high = rnd.choice(RANGES)
        text += [chr(rnd.randint(low, high)) for _ in range(rnd.randint(1, 4))]
    return "".join(text)


def lines(path, items, *options):
    program = os.environ.get("CADRE", "build/cadre")
    said = subprocess.run([program, "tokenize", path, "--lines", *options], input="".join(json.dumps(i) + "\n" for i in items),
                          capture_output=True, text=True)
    if said.returncode:
        sys.exit(said.stderr.strip())
    return [json.loads(line) for line in said.stdout.split("\n") if line]


def main(path, files):
    rnd = random.Random(7)
    texts = [line for file in files for line in open(file, encoding="utf-8").read().split("\n")]
    specials = [t["content"] for t in json.load(open(path, encoding="utf-8"))["added_tokens"]]
    texts += [random_text(rnd, rnd.randint(1, 60)) for _ in range(3000)] + [random_text(rnd, 5) + s + random_text(rnd, 5) for s in specials for _ in range(4)]
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
