#!/usr/bin/env python3
"""Published chat templates, run by transformers, beside the program: the same token ids of many
conversations, with thoughts, functions, calls and what they returned.

usage: tests/oracle/chat_families.py TOKENIZER_JSON TEMPLATE.jinja... [-n COUNT] [--program PATH]

TOKENIZER_JSON is any byte-level vocabulary; a template's control tokens are added to it. Each
template renders COUNT random conversations besides the fixed ones, in each way of thinking that the
program knows for it."""

import argparse, json, os, random, re, subprocess, sys, tempfile

import jinja2
from transformers import PreTrainedTokenizerFast
from transformers.utils import logging

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "The weather of a town",
            "parameters": {
                "type": "object",
                "properties": {
                    "city": {"type": "string", "description": "a town"},
                    "days": {"type": "integer", "default": 3},
                    "unit": {"type": "string", "enum": ["C", "F"]},
                    "near": {"type": "boolean"},
                    "of": {"type": "array", "items": {"type": "string"}},
                    "at": {
                        "type": "object",
                        "properties": {"x": {"type": "number", "description": "east"}},
                        "required": ["x"],
                    },
                },
                "required": ["city"],
            },
        },
    },
    {
        "type": "function",
        "function": {
            "name": "now",
            "description": "The time",
            "parameters": {"type": "object", "properties": {}},
        },
    },
]
WORDS = ["Hello", "Grüße, 混合", "a\nb", "1 + 1 = ?", "What's \"up\"?", " x ", "{}", "Z\n\ny"]


def call(rnd, number):
    if rnd.random() < 0.3:
        name, arguments = "now", {}
    else:
        name, arguments = "weather", {"city": rnd.choice(["Bern", "Äänekoski", "New York"])}
        extra = {
            "days": rnd.choice([2, 10]),
            "unit": "C",
            "near": rnd.random() < 0.5,
            "of": ["rain", "snow"],
            "at": {"x": 1.5},
        }
        for key in sorted(rnd.sample(sorted(extra), rnd.randint(0, 3))):
            arguments[key] = extra[key]
    return {
        "id": f"functions.{name}:{number}",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def answer(rnd, words, thinks):
    message = {"role": "assistant", "content": words}
    if thinks and rnd.random() < 0.6:
        message["reasoning_content"] = rnd.choice(["Hm.", "one\n\ntwo", "so: 3"])
    return message


def conversation(rnd, system, tools, thinks, spaces):
    """Messages, the last of which is a user's, or what a function returned."""
    pick = lambda: rnd.choice(WORDS) if spaces else rnd.choice(WORDS).strip()
    messages, number = [], 0
    if system and rnd.random() < 0.6:
        messages.append({"role": "system", "content": rnd.choice(["Be brief.", "You are X.\nY."])})
    for turn in range(rnd.randint(1, 4)):
        last = False
        messages.append({"role": "user", "content": pick()})
        while tools and rnd.random() < 0.5:
            said = answer(rnd, rnd.choice(["", "", "I look."]), thinks)
            said["tool_calls"] = []
            for _ in range(rnd.choice([1, 1, 2])):
                said["tool_calls"].append(call(rnd, number))
                number += 1
            messages.append(said)
            for c in said["tool_calls"]:
                messages.append(
                    {
                        "role": "tool",
                        "tool_call_id": c["id"],
                        "content": rnd.choice(["wet", '{"t": 3}', "a\nb"]),
                    }
                )
            last = True
        if not last or rnd.random() < 0.7:
            messages.append(answer(rnd, pick(), thinks))
    if messages[-1]["role"] == "assistant":
        messages.append({"role": "user", "content": pick()})
    return messages


def control_tokens(template):
    found = set(re.findall(r"<\|?[a-z_A-Z/\"]+\|?>|\[gMASK\]|〈\|EOS\|〉", template))
    keep = set()
    for t in found:
        if "|" in t or t in (
            "<think>", "</think>", "<sop>", "<tool_call>", "</tool_call>", "<assistant>",
            "</assistant>", "<role>", "</role>", "<arg_key>", "</arg_key>", "<arg_value>",
            "</arg_value>",
        ) or t in ("[gMASK]", "〈|EOS|〉"):
            keep.add(t)
    return sorted(keep)


def run(program, folder, how, lines):
    extra = ["--think", how] if how else []
    return subprocess.run(
        [program, "tokenize", folder, "--chat", "own", "--lines", *extra],
        input="".join(json.dumps(l) + "\n" for l in lines),
        capture_output=True,
        text=True,
    )


def render(tokenizer, template, messages, extra):
    """As transformers does, but for its sandbox, which knows no lists that grow."""
    if ".append(" not in template:
        return tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True, **extra
        )
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
    environment.filters["tojson"] = lambda v, **_: json.dumps(v, ensure_ascii=False)
    return environment.from_string(template).render(
        messages=messages, add_generation_prompt=True, **extra
    )


def check(path, a):
    template = open(path, encoding="utf-8").read()
    name = os.path.basename(path)[:-6]
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=a.tokenizer,
        bos_token="<|startoftext|>",
        eos_token="<|endoftext|>",
        chat_template=template,
    )
    tokenizer.add_tokens(control_tokens(template), special_tokens=True)
    wrong = tried = 0
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        first = run(a.program, folder, None, [{"messages": [{"role": "user", "content": "x"}]}])
        if first.returncode:
            print(f"{name}: {first.stderr.strip()[:200]}")
            return 1
        hello = {"messages": [{"role": "user", "content": "x"}]}
        known = lambda way: not run(a.program, folder, way, [hello]).returncode
        ways = [None] + [way for way in ("on", "off") if known(way)]
        for how in ways:
            extra = {} if how is None else {"enable_thinking": how == "on"}
            for kind in ("plain", "tools", "thoughts", "both"):
                tools = kind in ("tools", "both")
                lines, texts = [], []
                for i in range(a.n):
                    rnd = random.Random(f"{name} {kind} {i} {a.seed}")
                    messages = conversation(
                        rnd, True, tools, kind in ("thoughts", "both"), not a.no_spaces
                    )
                    request = {"messages": messages} | ({"tools": TOOLS} if tools else {})
                    for m in messages:
                        if "reasoning_content" in m and "message.thinking" in template:
                            m["thinking"] = m["reasoning_content"]
                    extra["tools"] = TOOLS if tools else None
                    try:
                        text = render(tokenizer, template, messages, extra)
                    except Exception as e:
                        print(f"{name}: the template refuses: {e}")
                        continue
                    lines.append(request)
                    texts.append(text)
                out = run(a.program, folder, how, lines)
                if out.returncode:
                    print(f"{name} {kind}: {out.stderr.strip()[:200]}")
                    wrong += tools and "no way to call" not in out.stderr
                    continue
                for text, line, request in zip(texts, out.stdout.splitlines(), lines):
                    tried += 1
                    theirs = tokenizer.encode(text, add_special_tokens=False)
                    ours = json.loads(line)
                    if theirs == ours:
                        continue
                    wrong += 1
                    if wrong <= a.show:
                        print(f"{name} {kind} {how}:\n  theirs {text!r}")
                        print(f"  ours   {tokenizer.decode(ours)!r}")
    print(f"{name}: {tried - wrong} of {tried} conversations the same", flush=True)
    return wrong


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("tokenizer")
    parser.add_argument("templates", nargs="+")
    parser.add_argument("-n", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=2)
    parser.add_argument("--no-spaces", action="store_true")
    parser.add_argument("--program", default="build/cadre")
    logging.set_verbosity_error()
    arguments = parser.parse_args()
    sys.exit(sum(check(path, arguments) for path in arguments.templates) > 0)
