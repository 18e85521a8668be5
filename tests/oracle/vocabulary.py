"""A tokenizer.json through GGUF and back: the ids of many texts stay those of the tokenizers
package, from the GGUF as it is written, from its own keys alone, in llama.cpp, and from the
folder that is made of either.

Where `convert` says that other programs will differ, or that GGUF has no keys for it, only what
reads the carried tokenizer.json is compared, and of Unigrams that and llama.cpp.

usage: vocabulary.py tokenizer.json...     CADRE names the program (default build/cadre),
                                           LLAMA_TOKENIZE llama.cpp's (default: none)
"""

import json
import os
import random
import re
import subprocess
import sys
import tempfile

from gguf import GGUFReader, GGUFValueType, GGUFWriter
from tokenizers import Tokenizer

from tokenizer import lines, random_text

PROGRAM = os.environ.get("CADRE", "build/cadre")
CHAT = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
CONFIG = {
    "model_type": "llama",
    "hidden_size": 32,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "max_position_embeddings": 64,
    "tie_word_embeddings": False,
    "bos_token_id": 0,
    "eos_token_id": 1,
}


def cadre(*arguments):
    said = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True)
    if said.returncode:
        sys.exit(said.stderr.strip())
    return said.stderr


def model_with(path, folder):
    tokenizer = Tokenizer.from_file(path)
    special = [t.content for _, t in sorted(tokenizer.get_added_tokens_decoder().items())]
    special.sort(key="</s>".__eq__)  # the last one ends a text
    json.dump(
        CONFIG | {"vocab_size": tokenizer.get_vocab_size() + 3}, open(folder + "/config.json", "w")
    )
    cadre(
        "init", folder + "/model", "--config", folder + "/config.json", "--dtype", "f32", "--quiet"
    )
    open(folder + "/model/tokenizer.json", "w").write(open(path).read())
    json.dump(
        {"eos_token": special[-1], "chat_template": CHAT},
        open(folder + "/model/tokenizer_config.json", "w"),
    )
    return tokenizer, special


def without_json(source, target):
    """The same GGUF without the tokenizer.json that it carries."""
    reader = GGUFReader(source)
    writer = GGUFWriter(target, reader.fields["general.architecture"].contents())
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name in (
            "general.architecture",
            "tokenizer.huggingface.json",
        ):
            continue
        kind = field.types[0]
        if kind == GGUFValueType.ARRAY:
            writer.add_key_value(field.name, field.contents(), kind, sub_type=field.types[-1])
        else:
            writer.add_key_value(field.name, field.contents(), kind)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def llama_ids(program, model, text):
    said = subprocess.run(
        [program, "-m", model, "--ids", "--log-disable", "--stdin"],
        input=text.encode(),
        capture_output=True,
    )
    found = re.search(r"\[([\d, ]*)\]", said.stdout.decode())
    return (
        [int(i) for i in found[1].split(",") if i.strip()] if found else said.stderr.decode()[-200:]
    )


def count(name, texts, ours, theirs):
    different = [(t, a, b) for t, a, b in zip(texts, ours, theirs, strict=True) if a != b]
    for text, a, b in different[:2]:
        print(f"  {name}: {text!r}:\n    {a}\n    {b}")
    return len(different)


def check(path, folder):
    rnd = random.Random(3)
    tokenizer, special = model_with(path, folder)
    note = cadre("convert", folder + "/model", folder + "/m.gguf")
    reason = "".join(
        " " + line.split(": ", 2)[-1]
        for line in note.split("\n")
        if "otherwise" in line or "alone" in line
    )
    by_keys = (not reason or "composes" in reason) and json.load(open(path))["model"][
        "type"
    ] == "BPE"  # others are read from the text alone
    cadre("convert", folder + "/m.gguf", folder + "/back", "--quiet")
    if by_keys:
        without_json(folder + "/m.gguf", folder + "/keys.gguf")
        cadre("convert", folder + "/keys.gguf", folder + "/made", "--quiet")
    words = open(__file__).read().split() + [
        "",
        " ",
        "  a",
        "a  b\n\nc",
        "\t",
        "naïve Straße",
        "日本語 テスト",
        "👩‍👩‍👧 ok",
        "привет мир",
        "مرحبا",
        "x" * 50,
    ]
    texts = words[:200] + words[-11:] + [random_text(rnd, rnd.randint(1, 40)) for _ in range(600)]
    texts += [
        random_text(rnd, 4) + s + " " + random_text(rnd, 4) for s in special for _ in range(3)
    ]
    want = [e.ids for e in tokenizer.encode_batch(texts)]
    bad = {
        name: count(name, texts, lines(folder + "/" + name, texts), want)
        for name in ("m.gguf", "back", *(("keys.gguf", "made") if by_keys else ()))
    }
    for name in ("back", "made") if by_keys else ("back",):
        again = Tokenizer.from_file(f"{folder}/{name}/tokenizer.json")
        bad[name + " in tokenizers"] = count(
            name, texts, [e.ids for e in again.encode_batch(texts)], want
        )
        decoded = [tokenizer.decode(i, skip_special_tokens=False) for i in want]
        bad[name + " decoded"] = count(
            name, texts, [again.decode(i, skip_special_tokens=False) for i in want], decoded
        )
        said = json.load(open(f"{folder}/{name}/tokenizer_config.json"))
        bad[name + " config"] = int(
            said.get("chat_template") != CHAT or said.get("eos_token") != special[-1]
        )
    program = os.environ.get("LLAMA_TOKENIZE")
    if program and not reason:
        some = [i for i in range(0, len(texts), 3) if texts[i] and "\0" not in texts[i]]
        bad["llama.cpp"] = count(
            "llama.cpp",
            [texts[i] for i in some],
            [llama_ids(program, folder + "/m.gguf", texts[i]) for i in some],
            [want[i] for i in some],
        )
    wrong = {name: n for name, n in bad.items() if n}
    print(
        f"{'FAIL' if wrong else 'ok  '} {path}: {len(texts)} texts, "
        f"{wrong or 'no difference'};{reason}"
    )
    return not wrong


def main():
    held = []
    for path in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as folder:
            held.append(check(path, folder))
    sys.exit(0 if held and all(held) else 1)


if __name__ == "__main__":
    main()
