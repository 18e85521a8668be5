#!/usr/bin/env python3
"""Random small models of every architecture, made with transformers, beside the program: logits,
chosen experts, their weights, greedy ids.

usage: tests/oracle/random_models.py [-n COUNT] [--seed N] [--only ARCHITECTURE,...]
                                     [--keep FOLDER] [PROGRAM]

Each model draws its shape and its options (windows, clips, biases, groups, dense layers, stretched
positions ...), is saved whole or in shards, in float32, bfloat16 or float16, expert by expert or
fused, with config.json as transformers 5 or as earlier ones write it. Then it is converted to GGUF,
back to a folder and to another folder that transformers opens: the bits of the first three and the
logits of the last must be the same. An option that the program refuses by name is counted and said,
an answer that is wrong fails."""

import argparse, contextlib, copy, json, os, random, re, subprocess, sys, tempfile

import numpy as np
import torch
from safetensors.numpy import load_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM
from transformers.utils import logging

TYPES = [
    "llama",
    "mixtral",
    "qwen2_moe",
    "qwen3",
    "qwen3_moe",
    "olmoe",
    "deepseek_v2",
    "deepseek_v3",
    "gpt_oss",
    "granitemoe",
    "glm4_moe",
    "switch_transformers",
]
NORM_NAMES = re.compile(r"norm|e_score_correction_bias|\.bias$|_bias$|sinks")


# ---- configurations ----


def rope(rnd, context):
    """rope_parameters, of every kind that the families share."""
    kind = rnd.choice(["default", "default", "linear", "dynamic", "llama3", "yarn", "yarn"])
    p = {"rope_type": kind, "rope_theta": rnd.choice([10000.0, 500000.0, 1000.0])}
    if kind != "default":
        p["factor"] = rnd.choice([2.0, 4.0, 40.0])
    if kind == "llama3":
        p |= {
            "original_max_position_embeddings": rnd.choice([16, 64]),
            "low_freq_factor": 1.0,
            "high_freq_factor": rnd.choice([2.0, 4.0]),
        }
    if kind == "yarn":
        p |= {"original_max_position_embeddings": rnd.choice([16, 32, 64])}
        if rnd.random() < 0.5:
            p |= {"beta_fast": rnd.choice([32.0, 16.0]), "beta_slow": rnd.choice([1.0, 2.0])}
        if rnd.random() < 0.3:
            p["truncate"] = False
        if rnd.random() < 0.3:
            p["attention_factor"] = rnd.choice([0.8, 1.3])
        elif rnd.random() < 0.5:
            p |= {"mscale": rnd.choice([0.7, 1.0]), "mscale_all_dim": rnd.choice([0.7, 1.0])}
    return p


def windows(rnd, k, layers):
    k["sliding_window"] = rnd.choice([3, 7, 16])
    if rnd.random() < 0.5:
        k["layer_types"] = [
            rnd.choice(["sliding_attention", "full_attention"]) for _ in range(layers)
        ]


def sparse_shape(rnd, k, experts):
    k[experts] = rnd.choice([4, 5, 8, 12, 16])
    k["num_experts_per_tok"] = rnd.choice([1, 2, 3, 4, k[experts]])


def attention_shape(rnd, k, kind):
    heads = rnd.choice([1, 2, 4, 5, 6])
    k["num_attention_heads"] = heads
    k["num_key_value_heads"] = rnd.choice([h for h in (1, 2, 3, 4, 5, 6) if heads % h == 0])
    k["hidden_size"] = heads * rnd.choice([8, 10, 16])
    if kind not in ("olmoe", "granitemoe", "qwen2_moe"):
        k["head_dim"] = rnd.choice([8, 16, 20, 32])


def latent_shape(rnd, k):
    k["num_key_value_heads"] = k["num_attention_heads"] = rnd.choice([2, 3, 4])
    k["hidden_size"] = k["num_attention_heads"] * 16
    k |= {
        "q_lora_rank": rnd.choice([None, 12, 24]),
        "kv_lora_rank": rnd.choice([16, 20]),
        "qk_nope_head_dim": rnd.choice([8, 12]),
        "qk_rope_head_dim": rnd.choice([4, 8]),
        "v_head_dim": rnd.choice([8, 12, 16]),
    }


def groups(rnd, k, experts):
    k["n_group"] = rnd.choice([1, 2, 4])
    k["topk_group"] = rnd.randint(1, k["n_group"])
    k[experts] = rnd.choice([8, 16])
    if k[experts] // k["n_group"] < 2:
        k["n_group"] = k["topk_group"] = 1
    reachable = k[experts] // k["n_group"] * k["topk_group"]
    k["num_experts_per_tok"] = min(rnd.choice([1, 2, 3, 4, reachable]), reachable)


def options(rnd, kind):
    layers = rnd.choice([1, 2, 3, 4])
    k = {
        "vocab_size": rnd.choice([61, 96, 128]),
        "num_hidden_layers": layers,
        "intermediate_size": rnd.choice([25, 32, 56]),
        "max_position_embeddings": rnd.choice([64, 128]),
        "rms_norm_eps": rnd.choice([1e-6, 1e-5, 1e-3]),
        "tie_word_embeddings": rnd.random() < 0.3,
        "bos_token_id": None,
        "eos_token_id": rnd.choice([None, 3, [3, 5]]),
        "pad_token_id": None,
    }
    if kind == "switch_transformers":
        return switch_options(rnd, k)
    if kind.startswith("deepseek"):
        latent_shape(rnd, k)
        groups(rnd, k, "n_routed_experts")
        k |= {
            "moe_intermediate_size": rnd.choice([13, 32]),
            "n_shared_experts": rnd.choice([1, 2, 3]),
            "routed_scaling_factor": rnd.choice([1.0, 2.5, 16.0]),
            "first_k_dense_replace": rnd.randint(0, layers),
        }
        if kind == "deepseek_v2":
            k["topk_method"] = rnd.choice(["greedy", "group_limited_greedy"])
        else:
            k["norm_topk_prob"] = rnd.random() < 0.8
            k["rope_interleave"] = rnd.random() < 0.7
        k["attention_bias"] = rnd.random() < 0.3
    else:
        attention_shape(rnd, k, kind)
    if kind in ("mixtral", "gpt_oss", "granitemoe"):
        sparse_shape(rnd, k, "num_local_experts")
    if kind in ("qwen2_moe", "qwen3_moe", "olmoe"):
        sparse_shape(rnd, k, "num_experts")
        k["norm_topk_prob"] = rnd.random() < 0.5
    if kind in ("qwen2_moe", "qwen3_moe"):
        k["moe_intermediate_size"] = rnd.choice([13, 32])
        k["decoder_sparse_step"] = rnd.choice([1, 1, 2])
        k["mlp_only_layers"] = sorted(rnd.sample(range(layers), rnd.randint(0, layers - 1)))
    if kind == "qwen2_moe":
        k["shared_expert_intermediate_size"] = rnd.choice([16, 40])
        k["qkv_bias"] = rnd.random() < 0.8
    if kind in ("llama", "qwen3", "qwen3_moe", "olmoe", "granitemoe", "glm4_moe", "gpt_oss"):
        k["attention_bias"] = rnd.random() < 0.4
    if kind == "llama":
        k["mlp_bias"] = rnd.random() < 0.4
    if kind == "mixtral" and rnd.random() < 0.5:
        k["sliding_window"] = rnd.choice([3, 7, 16])
    if kind in ("qwen2_moe", "qwen3", "qwen3_moe") and rnd.random() < 0.4:
        k |= {"use_sliding_window": True, "max_window_layers": rnd.randint(0, layers)}
        windows(rnd, k, layers)
        if kind == "qwen3_moe":
            k.pop("layer_types", None)
    if kind == "gpt_oss":
        windows(rnd, k, layers)
        k["swiglu_limit"] = rnd.choice([7.0, 1.0])
    if kind == "olmoe":
        k["clip_qkv"] = rnd.choice([None, 0.5, 2.0])
    if kind == "granitemoe":
        k |= {
            "embedding_multiplier": rnd.choice([1.0, 12.0]),
            "attention_multiplier": rnd.choice([1.0, 0.1]),
            "residual_multiplier": rnd.choice([1.0, 0.22]),
            "logits_scaling": rnd.choice([1.0, 6.0]),
        }
    if kind == "glm4_moe":
        groups(rnd, k, "n_routed_experts")
        k |= {
            "moe_intermediate_size": rnd.choice([12, 32]),
            "n_shared_experts": rnd.choice([1, 2]),
            "routed_scaling_factor": rnd.choice([1.0, 2.5]),
            "first_k_dense_replace": rnd.randint(0, layers),
            "use_qk_norm": rnd.random() < 0.5,
            "norm_topk_prob": rnd.random() < 0.8,
        }
    k["rope_parameters"] = rope(rnd, k["max_position_embeddings"])
    if kind == "glm4_moe":
        k["rope_parameters"]["partial_rotary_factor"] = rnd.choice([0.5, 1.0])
        k["head_dim"] = rnd.choice([16, 32])
    return k


def switch_options(rnd, k):
    layers = k.pop("num_hidden_layers")
    decoder = rnd.choice([1, 2, 4])
    for name in (
        "intermediate_size",
        "max_position_embeddings",
        "rms_norm_eps",
        "eos_token_id",
        "bos_token_id",
        "pad_token_id",
    ):
        k.pop(name)
    return k | {
        "d_model": rnd.choice([32, 48]),
        "d_kv": rnd.choice([8, 16]),
        "d_ff": rnd.choice([24, 40]),
        "num_layers": layers,
        "num_decoder_layers": decoder,
        "num_heads": rnd.choice([2, 3]),
        "num_experts": rnd.choice([2, 4, 8]),
        "num_sparse_encoder_layers": rnd.randint(0, layers),
        "num_sparse_decoder_layers": rnd.randint(0, decoder),
        "expert_capacity": rnd.choice([2, 5, 64]),
        "relative_attention_num_buckets": rnd.choice([32, 16]),
        "relative_attention_max_distance": rnd.choice([128, 20]),
        "layer_norm_epsilon": rnd.choice([1e-6, 1e-4]),
        "eos_token_id": 1,
        "pad_token_id": 0,
        "decoder_start_token_id": 0,
    }


def older_form(config, rnd):
    """config.json as transformers 4 wrote it: positions in two members, names of before."""
    p = config.pop("rope_parameters", None)
    if p:
        config["rope_theta"] = p.pop("rope_theta")
        if "partial_rotary_factor" in p:
            config["partial_rotary_factor"] = p.pop("partial_rotary_factor")
        kind = p.get("rope_type", "default")
        if kind != "default" and rnd.random() < 0.5:
            p["type"] = p.pop("rope_type")
        plain = (
            kind == "default" and config["model_type"] != "gpt_oss"
        )  # which without any would be stretched
        config["rope_scaling"] = None if plain else p
    if config.get("model_type") == "qwen3_moe":
        config["num_experts"] = config.pop("num_local_experts")
    config["torch_dtype"] = config.pop("dtype", "float32")
    config["use_cache"] = True
    return config


# ---- models ----


def randomise(model, dtype):
    """Weights that tell every layer from every other: values of the dtype, arithmetic in
    float32."""
    for name, p in list(model.named_parameters()) + list(model.named_buffers()):
        if "inv_freq" in name:
            continue
        with torch.no_grad():
            if "norm" in name and name.endswith("weight"):
                p.copy_(1 + 0.2 * torch.randn_like(p))
            elif NORM_NAMES.search(name):
                p.copy_(0.3 * torch.randn_like(p))
            else:
                p.copy_(
                    torch.randn_like(p)
                    * (
                        0.6
                        if "embed" in name or "shared.weight" in name
                        else 1.2 / p.shape[-1] ** 0.5
                    )
                )
    for p in list(model.parameters()) + [b for n, b in model.named_buffers() if "e_score" in n]:
        p.data = p.data.to(dtype).to(torch.float32)


def make(kind, rnd, folder):
    k = options(rnd, kind)
    torch.manual_seed(rnd.getrandbits(31))
    config = AutoConfig.for_model(kind, **k)
    model = (
        AutoModelForSeq2SeqLM if kind == "switch_transformers" else AutoModelForCausalLM
    ).from_config(config, attn_implementation="eager", experts_implementation="eager")
    dtype = rnd.choice([torch.float32, torch.float32, torch.bfloat16, torch.float16])
    randomise(model, dtype)
    model.eval()
    fused = rnd.random() < 0.3
    limit = rnd.choice(["50GB", "40KB"])
    copy.deepcopy(model).to(dtype).save_pretrained(
        folder, max_shard_size=limit, save_original_format=not fused
    )
    path = os.path.join(folder, "config.json")
    saved = json.load(open(path))
    older = rnd.random() < 0.5
    if older:
        json.dump(older_form(saved, rnd), open(path, "w"), indent=1)
    said = {
        a: b
        for a, b in k.items()
        if a not in ("vocab_size", "bos_token_id", "pad_token_id", "max_position_embeddings")
    }
    return (
        model,
        f"{str(dtype)[6:]}{' fused' if fused else ''}{' sharded' if limit != '50GB' else ''}"
        f"{' older' if older else ''} {json.dumps(said)}",
    )


def routing(model, run):
    """Routes and weights of every sparse layer in order, sorted by id, while run() computes."""
    found = []

    def look(_, __, out):
        scores, weights, ids = out
        order = ids.argsort(-1)
        found.append((ids.gather(-1, order).numpy(), weights.gather(-1, order).numpy()))

    names = [
        m
        for n, m in model.named_modules()
        if type(m).__name__.endswith(("TopkRouter", "TopKRouter", "TopKGating"))
    ]
    hooks = [m.register_forward_hook(look) for m in names]
    logits = run()
    for h in hooks:
        h.remove()
    return logits, found


def compute(model, tokens, decoder):
    with torch.no_grad():
        if decoder is not None:
            return (
                model(input_ids=torch.tensor([tokens]), decoder_input_ids=torch.tensor([decoder]))
                .logits[0]
                .numpy()
            )
        return model(torch.tensor([tokens])).logits[0].numpy()


# ---- the program ----


class Refused(Exception):
    pass


def program(*arguments):
    said = subprocess.run(
        [PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=120
    )
    if said.returncode:
        raise Refused(said.stderr.strip() or f"exit {said.returncode}")
    return said.stdout


def logits_of(source, tokens, decoder, folder, name):
    out = os.path.join(folder, name)
    extra = ["--decoder-tokens", ",".join(map(str, decoder))] if decoder is not None else []
    program("logits", source, "--tokens", ",".join(map(str, tokens)), *extra, "--out", out)
    return load_file(out)


def routing_differs(ours, found):
    for i, (ids, weights) in enumerate(found):
        if not np.array_equal(ours["routes"][i], ids):
            return "chosen experts differ"
        if np.abs(ours["weights"][i] - weights).max() > 1e-5 * max(1, np.abs(weights).max()):
            return "weights differ"
    return ""


def check(model, kind, rnd, folder):
    """What is wrong, or nothing. Raises Refused."""
    source = os.path.join(folder, "model")
    vocab = model.config.vocab_size
    tokens = [rnd.randrange(6, vocab) for _ in range(rnd.choice([1, 20, 40]))]
    decoder = (
        [0] + [rnd.randrange(6, vocab) for _ in range(9)] if kind == "switch_transformers" else None
    )
    theirs, found = routing(model, lambda: compute(model, tokens, decoder))
    ours = logits_of(source, tokens, decoder, folder, "a.safetensors")
    tolerance = 1e-4 * max(1, np.abs(theirs).max() / 10)
    difference = float(np.abs(ours["logits"] - theirs).max())
    if kind != "switch_transformers":
        wrong = routing_differs(ours, found)
        if wrong:
            return wrong
    if not difference <= tolerance:
        return f"logits off by {difference:.1e} of {np.abs(theirs).max():.1f}"
    program("convert", source, folder + "/again", "--quiet")
    opened, info = type(model).from_pretrained(
        folder + "/again",
        dtype=torch.float32,
        attn_implementation="eager",
        experts_implementation="eager",
        output_loading_info=True,
    )
    missing = set(info["missing_keys"]) - {
        "shared.weight"
    }  # of a Switch whose stacks have their own: nobody uses it
    if missing or info["unexpected_keys"]:
        return f"written folder: {list(missing)[:2]} {list(info['unexpected_keys'])[:2]}"
    difference = float(np.abs(compute(opened, tokens, decoder) - theirs).max())
    if not difference <= tolerance:
        return f"written folder in transformers: logits off by {difference:.1e}"
    if kind == "switch_transformers":
        return (
            ""
            if np.array_equal(
                logits_of(folder + "/again", tokens, decoder, folder, "b.safetensors")["logits"],
                ours["logits"],
            )
            else "other bits"
        )
    ids = list(
        map(
            int,
            re.findall(
                r"\d+",
                program(
                    "generate",
                    source,
                    "--tokens",
                    ",".join(map(str, tokens)),
                    "--greedy",
                    "-n",
                    8,
                    "--ids",
                ),
            ),
        )
    )
    want = model.generate(torch.tensor([tokens]), max_new_tokens=8, do_sample=False)[
        0, len(tokens) :
    ].tolist()
    if ids != want:
        return f"greedy {ids}, expected {want}"
    for target, of in (("m.gguf", source), ("back", folder + "/m.gguf")):
        program(
            "convert",
            of,
            os.path.join(folder, target),
            "--quiet",
            *(["--dtype", "f32"] if target == "m.gguf" else []),
        )
        again = logits_of(os.path.join(folder, target), tokens, decoder, folder, "b.safetensors")
        if not np.array_equal(again["logits"], ours["logits"]):
            off = float(np.abs(again['logits'] - ours['logits']).max())
            return f"{target}: other bits, off by {off:.1e}"
    return ""


def try_all(kinds, count, what, attempt):
    """attempt(kind, i) says what is wrong of the i-th, or nothing; one line for each kind, one for
    each that fails or is refused. The exit code."""
    bad = 0
    for kind in kinds:
        held = 0
        for i in range(count):
            try:
                wrong = attempt(kind, i)
            except Refused as refusal:
                print(f"refused {kind} {i}: {str(refusal)[-200:]}")
                continue
            held += not wrong
            bad += bool(wrong)
            if wrong:
                print(f"FAIL {kind} {i}: {wrong}")
        print(f"ok   {kind}: {held} of {count} {what} hold", flush=True)
    return 1 if bad else 0


def arguments(kinds):
    parser = argparse.ArgumentParser()
    parser.add_argument("-n", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default=",".join(kinds))
    parser.add_argument("--keep", help="the folder where models stay")
    parser.add_argument("program", nargs="?", default="build/cadre")
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    return parser.parse_args()


def folder_for(a):
    return (
        contextlib.nullcontext(tempfile.mkdtemp(dir=a.keep))
        if a.keep
        else tempfile.TemporaryDirectory()
    )


def main():
    global PROGRAM
    a = arguments(TYPES)
    PROGRAM = os.path.abspath(a.program)

    def attempt(kind, i):
        rnd = random.Random(f"{kind} {a.seed} {i}")
        with folder_for(a) as folder:
            model, said = make(kind, rnd, os.path.join(folder, "model"))
            wrong = check(model, kind, rnd, folder)
            return wrong and f"{wrong}  [{said}]{' ' + folder if a.keep else ''}"

    sys.exit(try_all(a.only.split(","), a.n, "models", attempt))


if __name__ == "__main__":
    main()
