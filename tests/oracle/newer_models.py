#!/usr/bin/env python3
"""Random variants of the newer families, made with transformers in double precision, beside the
program: logits of the folder, of the GGUF made of it, of the folder made of that, and of what
transformers opens of the folder that the program writes.

usage: tests/oracle/newer_models.py CASES [-n COUNT] [--seed N] [--only CASE,...] [--keep FOLDER]
                                    [--quantised] [PROGRAM]

CASES is a folder of small models, one of each family; a variant has the configuration of one of
them with other sizes, options and kinds of layers. --quantised: the GGUF is also written in each
format, and its logits compared with those of the folder that is made of it."""

import argparse, contextlib, copy, json, os, random, shutil, subprocess, sys, tempfile

import numpy as np
import torch
from safetensors.numpy import load_file
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.utils import logging

FORMATS = ["q8_0", "q6_k", "q5_k", "q4_k", "q4_0", "mxfp4"]


class Refused(Exception):
    pass


def program(*arguments):
    said = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True)
    if said.returncode:
        raise Refused(said.stderr.strip() or f"exit {said.returncode}")
    return said.stdout


def logits_of(source, tokens, folder):
    out = os.path.join(folder, "logits.safetensors")
    program("logits", source, "--tokens", ",".join(map(str, tokens)), "--out", out)
    return load_file(out)["logits"]


# ---- variants ----


def change(c, rnd, case):
    """Other sizes and options of a configuration: what the family itself allows."""

    def pick(name, *values):
        if name in c:
            c[name] = rnd.choice(values)

    wide = rnd.choice([64, 96])
    pick("hidden_size", wide)
    pick("intermediate_size", 32, 64, 96)
    pick("moe_intermediate_size", 16, 32, 48)
    pick("vocab_size", 96, 128)
    pick("rms_norm_eps", 1e-6, 1e-5)
    pick("norm_eps", 1e-5, 1e-6)
    pick("num_experts_per_tok", 1, 2, 3)
    pick("num_experts_per_token", 1, 2, 3)
    pick("top_k_experts", 1, 2, 3)
    pick("moe_k", 1, 2, 3)
    for name in ("num_experts", "n_routed_experts", "num_local_experts", "moe_num_experts"):
        pick(name, 8, 12) if c.get("n_group", 1) > 1 else pick(name, 4, 7, 8)
    pick("sliding_window", 5, 16, 24)
    pick("conv_L_cache", 2, 3, 4)
    pick("linear_conv_kernel_dim", 2, 4)
    pick("conv_kernel", 2, 4)
    pick("mamba_d_conv", 2, 4)
    pick("ssm_state_size", 8, 16)
    pick("mamba_d_state", 8, 16)
    pick("routed_scaling_factor", 1.0, 2.5)
    pick("shared_expert_intermediate_size", 16, 24)
    pick("moe_shared_expert_intermediate_size", 16, 24)
    if case != "bailing_hybrid":
        pick("tie_word_embeddings", True, False)
        if "tie_embedding" in c:
            c["tie_embedding"] = c["tie_word_embeddings"]
    layers(c, rnd, case)
    delta(c, rnd, case, pick)
    if case == "granitemoehybrid":
        inner = 2 * c["hidden_size"]
        c["mamba_d_head"] = rnd.choice([16, 32])
        c["mamba_n_heads"] = inner // c["mamba_d_head"]
        c["num_local_experts"] = rnd.choice([0, 7])
        c["position_embedding_type"] = rnd.choice(["nope", "rope"])
        pick("attention_multiplier", 0.125, 0.25)
    if case == "nemotron_h":
        c["mamba_num_heads"] = rnd.choice([4, 6])
        c["n_groups"] = rnd.choice([1, 2])
    if case == "laguna":
        heads = rnd.choice([4, 6])
        kinds = c["layer_types"]
        c["num_attention_heads_per_layer"] = [4 if k == "full_attention" else heads for k in kinds]
        c["gating"] = rnd.choice(["per-head", "per-element"])
        c["mlp_layer_types"] = ["dense"] * rnd.randint(0, 1) + ["sparse"] * len(kinds)
        c["mlp_layer_types"] = c["mlp_layer_types"][: len(kinds)]
    if case == "bailing_hybrid":
        c["n_group"], c["topk_group"] = rnd.choice([(1, 1), (2, 1), (4, 2)])
        c["num_experts"] = 8
        c["num_experts_per_tok"] = rnd.choice([1, 2, 3])
        c["q_lora_rank"] = rnd.choice([None, 24])
    if case == "gemma4":
        c["enable_moe_block"] = rnd.random() < 0.8


def layers(c, rnd, case):
    """How many layers there are, and of which kinds."""
    count = rnd.randint(2, 5)
    if case == "nemotron_h":
        c["hybrid_override_pattern"] = "".join(rnd.choice("ME*-") for _ in range(count))
        c["num_hidden_layers"] = count
        return
    if case == "ernie4_5_moe":
        c["num_hidden_layers"] = count
        c["moe_layer_start_index"] = rnd.randint(0, 1)
        c["moe_layer_end_index"] = count - 1
        return
    if case == "kimi_linear":
        full = sorted(rnd.sample(range(1, count + 1), rnd.randint(0, count)))
        c["linear_attn_config"]["full_attn_layers"] = full
        c["linear_attn_config"]["kda_layers"] = [
            l for l in range(1, count + 1) if l not in full
        ]
    kinds = sorted(set(c.get("layer_types", [])))
    if kinds:
        c["layer_types"] = [rnd.choice(kinds) for _ in range(count)]
        if case == "gemma4":
            c["layer_types"][-1] = "full_attention"
    for name in ("num_dense_layers", "first_k_dense_replace"):
        if name in c:
            c[name] = rnd.randint(0, min(2, count - 1))
    if case == "bailing_hybrid":
        c["layer_group_size"] = rnd.choice([2, 3])
    if "full_attention_interval" in c:
        interval = rnd.choice([2, 4])
        c["full_attention_interval"] = interval
        if "layer_types" in c:
            c["layer_types"] = [
                "linear_attention" if (l + 1) % interval else "full_attention"
                for l in range(count)
            ]
    c["num_hidden_layers"] = count
    if "moe_capacity" in c:
        c.pop("moe_capacity")


def delta(c, rnd, case, pick):
    if "linear_num_key_heads" not in c:
        return
    c["linear_num_key_heads"] = rnd.choice([1, 2])
    c["linear_num_value_heads"] = c["linear_num_key_heads"] * rnd.choice([1, 2, 3])
    width = rnd.choice([8, 16])
    c["linear_key_head_dim"] = width
    c["linear_value_head_dim"] = rnd.choice([width, 12]) if case == "qwen3_5_moe_text" else width


def randomise(model):
    with torch.no_grad():
        for name, p in list(model.named_parameters()) + list(model.named_buffers()):
            if not p.is_floating_point() or "inv_freq" in name or "embed_scale" in name:
                continue
            plain = torch.randn_like(p)
            if "norm" in name and p.dim() == 1:
                one = 0.0 if abs(float(p.float().mean())) < 0.5 else 1.0
                p.copy_(one + 0.2 * plain)
            elif "A_log" in name:
                p.copy_(0.5 * torch.rand_like(p))
            elif "layer_scalar" in name or "per_expert_scale" in name or name.endswith(".scale"):
                p.copy_(1 + 0.2 * plain)
            elif "embed" in name:
                p.copy_(0.6 * plain)
            elif p.dim() == 1:
                p.copy_(0.2 * plain)
            else:
                p.copy_(plain / p.shape[-1] ** 0.5)
            p.copy_(p.to(torch.float32))


def make(base, case, rnd, folder):
    config = json.load(open(os.path.join(base, case, "config.json")))
    text = copy.deepcopy(config.get("text_config", config))
    change(text, rnd, case)
    text.pop("architectures", None)
    if case == "qwen3_vl_moe":
        text["model_type"] = "qwen3_vl_moe_text"
    kind = text.pop("model_type")
    torch.manual_seed(rnd.getrandbits(31))
    made = AutoConfig.for_model(kind, **text)
    made._experts_implementation = "eager"
    model = AutoModelForCausalLM.from_config(made, attn_implementation="eager")
    with contextlib.suppress(Exception):
        model.set_experts_implementation("eager")
    randomise(model)
    model.eval()
    copy.deepcopy(model).save_pretrained(folder, max_shard_size=rnd.choice(["50GB", "60KB"]))
    return model.double(), text


def compute(model, tokens):
    with torch.no_grad():
        return model(torch.tensor([tokens]), use_cache=False).logits[0].double().numpy()


# ---- checks ----


def off(ours, theirs):
    scale = max(1, float(np.abs(theirs).max()) / 10)
    return float(np.abs(ours - theirs).max()) / scale


def decays(model):
    """GGUF has the exponentials of a delta net's decays: their logarithms may be off by a bit."""
    return any("A_log" in name for name, _ in model.named_parameters())


def check(model, rnd, folder, quantised):
    source, gguf = os.path.join(folder, "model"), os.path.join(folder, "m.gguf")
    tokens = [rnd.randrange(6, model.config.vocab_size) for _ in range(rnd.choice([1, 30, 75]))]
    theirs = compute(model, tokens)
    ours = logits_of(source, tokens, folder)
    wrong = off(ours, theirs)
    if not wrong <= 2e-4:
        return f"folder: logits off by {wrong:.1e} of {np.abs(theirs).max():.1f}"
    program("convert", source, folder + "/again", "--quiet")
    opened, info = AutoModelForCausalLM.from_pretrained(
        folder + "/again",
        dtype=torch.float32,
        attn_implementation="eager",
        output_loading_info=True,
    )
    with contextlib.suppress(Exception):
        opened.set_experts_implementation("eager")
    if info["missing_keys"] or info["unexpected_keys"]:
        keys = list(info["missing_keys"])[:3] + list(info["unexpected_keys"])[:3]
        return f"written folder: missing or unknown {keys}"
    wrong = off(compute(opened.eval().double(), tokens), theirs)
    if not wrong <= 2e-4:
        return f"written folder in transformers: logits off by {wrong:.1e}"
    for target, of in ((gguf, source), (folder + "/back", gguf)):
        dtype = ["--dtype", "f32"] if target == gguf else []
        program("convert", of, target, "--quiet", *dtype)
        again = logits_of(target, tokens, folder)
        wrong = off(again, ours)
        if not (wrong <= 1e-4 if decays(model) else np.array_equal(again, ours)):
            return f"{os.path.basename(target)}: other bits, off by {off(again, ours):.1e}"
    return check_formats(source, tokens, folder) if quantised else ""


def check_formats(source, tokens, folder):
    """A quantised GGUF beside the folder of its values. Its products round activations to eight
    bits, so the difference is bounded by the size of the logits."""
    for dtype in FORMATS:
        gguf, plain = os.path.join(folder, dtype + ".gguf"), os.path.join(folder, "plain")
        program("convert", source, gguf, "--quiet", "--dtype", dtype)
        shutil.rmtree(plain, ignore_errors=True)
        program("convert", gguf, plain, "--quiet", "--dtype", "f32")
        a, b = logits_of(gguf, tokens, folder), logits_of(plain, tokens, folder)
        if not np.isfinite(a).all() or np.abs(a - b).mean() > 0.12 * np.abs(b).mean() + 1e-3:
            return f"{dtype}: off by {np.abs(a - b).mean():.1e} of {np.abs(b).mean():.1e}"
    return ""


def main():
    global PROGRAM
    parser = argparse.ArgumentParser()
    parser.add_argument("cases")
    parser.add_argument("-n", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only")
    parser.add_argument("--keep")
    parser.add_argument("--quantised", action="store_true")
    parser.add_argument("program", nargs="?", default="build/cadre")
    a = parser.parse_args()
    PROGRAM = os.path.abspath(a.program)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    bad = 0
    for case in a.only.split(",") if a.only else sorted(os.listdir(a.cases)):
        held = 0
        for i in range(a.n):
            rnd = random.Random(f"{case} {a.seed} {i}")
            folder = tempfile.mkdtemp(dir=a.keep)
            said = None
            try:
                model, said = make(a.cases, case, rnd, os.path.join(folder, "model"))
                wrong = check(model, rnd, folder, a.quantised)
            except Refused as refusal:
                print(f"refused {case} {i}: {str(refusal)[-250:]}", flush=True)
                continue
            except Exception as e:
                wrong = f"{'after' if said else 'transformers'}: {type(e).__name__} {str(e)[:200]}"
            finally:
                if not a.keep:
                    shutil.rmtree(folder)
            held += not wrong
            bad += bool(wrong)
            if wrong:
                print(f"FAIL {case} {i}: {wrong}  {json.dumps(said)}", flush=True)
        print(f"ok   {case}: {held} of {a.n} hold", flush=True)
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
