#!/usr/bin/env python3
"""random_layers.py - random sparse layers, by cadre and by another program.

    tests/oracle/random_layers.py [--cadre build/cadre] [--cases 300] [--seed 1] [NAME...]

Draws cases of `cadre layer` (sizes, options and numbers at random, also the edges: every expert
picked, one expert, one token, no room, ties, equal logits, biases of minus infinity), computes them
with torch in double precision from the definitions, and compares outputs, picks, weights, losses
and gradients. NAME limits to cases whose name contains it. Prints a line for each that differs, and
a sum; ends with 1 if any does. Needs torch and safetensors.
"""

import argparse
import json
import math
import os
import random
import subprocess
import sys
import tempfile

import torch
from layer_reference import INF, Case, token_choice
import router_references as of
from safetensors.torch import load_file, save_file

# ---- random cases ----


def rnd(*shape, s=1.0):
    return (torch.randn(*shape) * s).float()


def expert_tensors(t, form, E, H, D, prefix=""):
    t[prefix + "experts.gate"] = rnd(E, H, D, s=D**-0.5)
    if form in ("swiglu", "geglu"):
        t[prefix + "experts.up"] = rnd(E, H, D, s=D**-0.5)
    t[prefix + "experts.down"] = rnd(E, D, H, s=H**-0.5)


def sizes(r):
    """B, S, D, H, E"""
    edge = r.random()
    b, s = r.randint(1, 4), r.randint(1, 13)
    if edge < 0.15:
        b, s = 1, 1
    return (
        b,
        s,
        r.choice([1, 3, 5, 8, 16, 17, 33]),
        r.choice([1, 2, 5, 8, 19, 32]),
        r.choice([1, 2, 3, 4, 5, 7, 8, 12, 16, 31]),
    )


FORMS = ["relu", "gelu", "swiglu", "geglu"]


def begin(r, E=None):
    b, s, d, h, e = sizes(r)
    e = E or e
    form = r.choice(FORMS)
    t = {"x": rnd(b, s, d), "dy": rnd(b, s, d)}
    expert_tensors(t, form, e, h, d)
    t["router.weight"] = rnd(e, d, s=r.choice([0.3, 1, 1.5]) * d**-0.5)
    if r.random() < 0.3:
        v = (torch.rand(b, s) > 0.3).int()
        v[0, 0] = 1
        t["valid"] = v
    return {"expert_form": form}, t, (b, s, d, h, e)


def add_beside(r, t, form, d):
    h = r.choice([1, 4, 7])
    if r.random() < 0.25:
        for k, shape in (("gate", (h, d)), ("up", (h, d)), ("down", (d, h))):
            if k != "up" or form in ("swiglu", "geglu"):
                t["shared." + k] = rnd(*shape, s=0.5)
        if r.random() < 0.5:
            t["shared.weight"] = rnd(1, d, s=0.3)
    elif r.random() < 0.15 and "latent.down" not in t:
        for k, shape in (("gate", (h, d)), ("up", (h, d)), ("down", (d, h))):
            if k != "up" or form in ("swiglu", "geglu"):
                t["residual." + k] = rnd(*shape, s=0.5)
        t["coefficient.weight"], t["coefficient.bias"] = rnd(2, d, s=0.3), rnd(2)


def case_tokens(r):
    o, t, (b, s, d, h, e) = begin(r)
    o["router"] = r.choice(
        [
            "softmax",
            "softmax-renorm",
            "topk-softmax",
            "sigmoid-bias",
            "sigmoid-bias-raw",
            "sqrtsoftplus-bias",
            "softmax-bias",
            "top-p",
        ]
    )
    o["topk"] = r.choice([1, e, r.randint(1, e)])
    if r.random() < 0.5:
        t["router.bias"] = rnd(e)
    if o["router"].endswith(("-bias", "-raw")):
        t["router.correction"] = rnd(e, s=0.3)
    if o["router"] == "softmax-bias" and r.random() < 0.5:
        o["renormalise"] = True
    if o["router"] == "top-p":
        o["top_p"] = r.choice([0.01, 0.4, 0.8, 0.999, 1.0])
    if r.random() < 0.3:
        o["route_scale"] = r.choice([0.5, 2.5])
    edge = r.random()
    if edge < 0.1:
        t["router.weight"][:] = 0
        if "router.bias" in t:
            t["router.bias"][:] = 0.5
        t.pop("router.correction", None) if r.random() < 0.5 and "router.correction" in t else None
        if "router.correction" not in t and o["router"].endswith(("-bias", "-raw")):
            t["router.correction"] = torch.zeros(e)
        name = "equal"
    elif edge < 0.2 and e > 2:
        t["router.weight"][e - 1] = t["router.weight"][0]
        t["router.weight"][e // 2] = t["router.weight"][0]
        for k in ("router.bias", "router.correction"):
            if k in t:
                t[k][:] = t[k][0]
        name = "ties"
    elif edge < 0.25 and e > 2 and o["router"] != "top-p" and not o["router"].startswith("sqrt"):
        t["router.bias"] = rnd(e)
        t["router.bias"][r.randrange(e)] = -INF
        o["topk"] = min(o["topk"], e - 1)
        name = "masked"
    else:
        name = ""
    if (
        o["router"] not in ("top-p",)
        and not name == "masked"
        and e % 2 == 0
        and e >= 4
        and r.random() < 0.3
        and o["router"] != "top-p"
    ):
        o["groups"] = r.choice([g for g in (2, 4) if e % g == 0])
        o["groups_used"] = r.randint(1, o["groups"])
        o["group_score"] = r.choice(["max", "top2"])
        o["topk"] = min(o["topk"], e // o["groups"] * o["groups_used"])
    elif r.random() < 0.3:
        o["overflow"] = "drop"
        o["capacity_factor"] = r.choice([0.01, 0.3, 0.75, 1, 1.25, 4])
        o["priority"] = r.choice(["choice", "token", "probability", "batch"])
        if o["router"] == "softmax-renorm" and r.random() < 0.5:
            o["survivors"] = True
    elif o["router"] in ("softmax", "softmax-renorm", "topk-softmax") and r.random() < 0.3:
        o["estimator"] = r.choice(["straight-through", "dense"])
    if name != "masked":
        pool = ["load", "z", "first-choice", "mutual-information", "importance"]
        if e > 1:
            pool += ["orthogonality"]
        if o["router"] == "top-p":
            pool += ["entropy"]
        if name == "equal" and "orthogonality" in pool:
            pool.remove("orthogonality")
        if "overflow" in o:
            pool.remove("importance")
        n = r.randint(0, 3)
        o["losses"] = ",".join(
            f"{k}={r.choice([.1, 1, 3])}" for k in r.sample(pool, min(n, len(pool)))
        )
        if not o["losses"]:
            del o["losses"]
    if r.random() < 0.2:
        o["training"] = False
    if "estimator" not in o and r.random() < 0.15:
        L = r.choice([1, 4])
        t["latent.down"], t["latent.up"] = rnd(L, d, s=0.5), rnd(d, L, s=0.5)
        expert_tensors(t, o["expert_form"], e, h, L)
    add_beside(r, t, o["expert_form"], d)
    return "tokens-" + name, o, t, token_choice


def add_capacity(r, o):
    """Maybe full experts."""
    if r.random() < 0.3:
        o["overflow"] = "drop"
        o["capacity_factor"] = r.choice([0.01, 0.3, 0.75, 1, 1.25, 4])
        o["priority"] = r.choice(["choice", "token", "probability", "batch"])


def add_losses(r, o, names):
    """Up to three losses."""
    chosen = r.sample(names, r.randint(0, min(3, len(names))))
    if chosen:
        o["losses"] = ",".join(f"{k}={r.choice([.1, 1, 3])}" for k in chosen)


def case_weightless(r):
    o, t, (b, s, d, h, e) = begin(r)
    o["router"] = r.choice(["softmax", "softmax-renorm", "topk-softmax", "softmax-bias"])
    for k in ("constant_experts", "copy_experts", "zero_experts"):
        n = r.randint(0, 2)
        if n:
            o[k] = n
    n = o.get("constant_experts", 0)
    if n:
        t["constant.weight"], t["constant.value"] = rnd(n, 2, d, s=0.5), rnd(n, d)
    all_ = e + sum(o.get(k, 0) for k in ("constant_experts", "copy_experts", "zero_experts"))
    t["router.weight"] = rnd(all_, d, s=d**-0.5)
    if o["router"] == "softmax-bias":
        t["router.correction"] = rnd(all_, s=0.2)
    o["topk"] = r.choice([1, all_, r.randint(1, all_)])
    if o.get("zero_experts") and r.random() < 0.5:
        o["zero_weight"] = "dropped"
    if r.random() < 0.3:
        o["expert_input_scale"] = 2.0
    if r.random() < 0.5 and all_ > e:
        o["losses"], o["tau"] = "heterogeneous=2", 0.75
    if r.random() < 0.4:
        t["residual_logits"], t["router.residual"] = rnd(b * s, all_), rnd(all_, all_, s=0.3)
        o["residual_logits"] = True
    return "weightless", o, t, token_choice


def case_noise(r):
    o, t, (b, s, d, h, e) = begin(r)
    o.update(
        router=r.choice(["softmax", "softmax-renorm", "topk-softmax"]),
        topk=r.randint(1, e),
        logit_noise=r.choice([0.5, 1.0]),
    )
    t["draws.normal"] = rnd(b * s, e)
    add_losses(r, o, ["score-importance", "noise-load", "load", "z"])
    return "noise", o, t, token_choice


def case_limoe(r):
    o, t, (b, s, d, h, e) = begin(r)
    o.update(
        router=r.choice(["softmax", "softmax-renorm", "topk-softmax"]),
        topk=r.randint(1, e),
        types="a,b,c",
        entropy_experts=f"a={r.uniform(1, e):.2f},c={e}",
        losses="local-entropy.a=2,local-entropy.c=1,global-entropy.a=3,global-entropy.c=4",
    )
    t["types"] = torch.randint(0, r.choice([1, 2, 3]), (b, s)).int()
    return "limoe", o, t, token_choice


def case_hash(r):
    o, t, (b, s, d, h, e) = begin(r)
    K = r.choice([1, e, r.randint(1, e)])
    o.update(
        router="hash",
        topk=K,
        experts=e,
        score=r.choice(["none", "softmax", "sigmoid", "sqrtsoftplus"]),
    )
    V = r.randint(1, 9)
    t["ids"] = torch.randint(0, V, (b, s)).int()
    t["router.table"] = torch.tensor([r.sample(range(e), K) for _ in range(V)]).int()
    if o["score"] == "none":
        del t["router.weight"]
    if r.random() < 0.3:
        o["route_scale"] = 1.5
    add_beside(r, t, o["expert_form"], d)
    return "hash", o, t, of.run_hash


def case_choice(r):
    o, t, (b, s, d, h, e) = begin(r)
    o.update(
        router="expert-choice",
        capacity_factor=r.choice([0.1, 0.5, 1, 1.5, 2, float(e), 2.0 * e]),
        score=r.choice(["softmax", "sigmoid"]),
    )
    if o["score"] == "sigmoid" and r.random() < 0.5:
        t["draws.logistic"] = rnd(b * s, e)
    name = ""
    if r.random() < 0.2:
        t["x"][:] = t["x"][0, 0].clone()
        t.pop("draws.logistic", None)
        name = "-ties"
    add_beside(r, t, o["expert_form"], d)
    return "expert-choice" + name, o, t, of.run_expert_choice


def case_relu(r):
    o, t, (b, s, d, h, e) = begin(r)
    o.update(router="relu", topk=r.randint(1, e), l1=r.choice([0.1, 1.5]))
    if r.random() < 0.2:
        t["router.bias"] = torch.full((e,), -50.0)
    return "relu", o, t, of.run_relu


def case_input(r):
    o, t, (b, s, d, h, e) = begin(r)
    o.update(router="sigmoid-input", topk=r.choice([1, 1, r.randint(1, e)]))
    add_beside(r, t, o["expert_form"], d)
    return "sigmoid-input", o, t, of.run_sigmoid_input


def case_base(r):
    o, t, _ = begin(r)
    o.update(router="base", topk=1, training=False)
    return "base", o, t, of.run_base


def case_sinkhorn(r):
    o, t, (b, s, d, h, e) = begin(r)
    while b * s < 3:  # with one token, a transport is even, and picks are a matter of rounding
        o, t, (b, s, d, h, e) = begin(r)
    o.update(router="sinkhorn", topk=r.choice([1, r.randint(1, e)]), training=r.random() < 0.8)
    return "sinkhorn", o, t, of.run_sinkhorn


def case_dense(r):
    o, t, (b, s, d, h, e) = begin(r)
    o.update(router="dense", route_scale=r.choice([1.0, 1.0, 0.5]))
    if r.random() < 0.4:
        n = r.choice([2, 3, 5])
        o["tasks"] = n
        t["router.weight"], t["dy"] = rnd(n, e, d), rnd(n, b, s, d)
    return "dense", o, t, of.run_dense


def case_cosine(r):
    o, t, (b, s, d, h, e) = begin(r)
    P = r.choice([2, 4, 9])
    o.update(router="cosine", topk=r.choice([1, e, r.randint(1, e)]), renormalise=r.random() < 0.5)
    t["router.weight"], t["router.bias"] = rnd(P, d), rnd(P)
    t["router.experts"], t["router.temperature"] = rnd(e, P), torch.tensor(
        [r.choice([0.7, 2.0])]
    )
    add_losses(r, o, ["load", "first-choice", "mutual-information", "entropy", "z"])
    add_capacity(r, o)
    return "cosine", o, t, of.run_cosine


def case_product(r):
    grid = r.choice([[2, 3], [3, 4], [1, 5], [2, 2, 3], [6], [4, 1, 2]])
    e = math.prod(grid)
    o, t, (b, s, d, h, e) = begin(r, e)
    o.update(
        router="product",
        grid=",".join(map(str, grid)),
        topk=r.choice([1, e, r.randint(1, e)]),
        renormalise=r.random() < 0.5,
    )
    n = sum(grid)
    t["router.weight"] = rnd(n, d, s=d**-0.5)
    if r.random() < 0.5:
        t["router.bias"] = rnd(n)
    if r.random() < 0.4 and grid[0] > 1:
        m = torch.ones(n).int()
        m[r.randrange(grid[0])] = 0
        t["router.mask"] = m
        o["topk"] = min(o["topk"], e - e // grid[0])
    add_losses(r, o, ["load", "first-choice"])
    add_capacity(r, o)
    return "product", o, t, of.run_product


def case_quantile(r):
    e = r.choice([2, 4, 5, 8])
    o, t, (b, s, d, h, e) = begin(r, e)
    t.pop("valid", None)
    t["x"], t["dy"] = rnd(b, e, d), rnd(b, e, d)
    o.update(
        router="quantile",
        topk=r.randint(1, e - 1),
        score=r.choice(["softmax", "topk-softmax", "sigmoid"]),
        quantile_ema=r.choice([0.0, 0.5, 0.9]),
    )
    t["router.beta"] = rnd(e, s=0.3)
    return "quantile", o, t, of.run_quantile


def case_threshold(r):
    o, t, (b, s, d, h, e) = begin(r)
    o.update(router="threshold", topk=r.choice([1, e, r.randint(1, e)]), training=r.random() < 0.7)
    if o["training"]:
        o["losses"] = "threshold=2"
    t["router.threshold"] = torch.rand(e) * 2 / e
    return "threshold", o, t, of.run_threshold


def case_noisy(r):
    o, t, (b, s, d, h, e) = begin(r)
    o.update(router="noisy-topk", topk=r.choice([1, e, r.randint(1, e)]), noise_floor=0.01)
    t["router.noise"], t["draws.normal"] = rnd(e, d, s=d**-0.5), rnd(b * s, e)
    if o["topk"] < e:
        o["losses"] = "importance=2,smooth-load=3"
    return "noisy-topk", o, t, of.run_noisy


def case_hierarchical(r):
    G, n = r.choice([1, 2, 3, 4]), r.choice([1, 2, 3, 5])
    o, t, (b, s, d, h, e) = begin(r, G * n)
    o.update(
        router="hierarchical",
        groups=G,
        groups_used=r.randint(1, G),
        topk=r.randint(1, n),
        noise_floor=0.01,
    )
    t["router.weight"], t["router.noise"] = rnd(G, d, s=d**-0.5), rnd(G, d, s=d**-0.5)
    t["inner.weight"], t["inner.noise"] = rnd(G, n, d, s=d**-0.5), rnd(G, n, d, s=d**-0.5)
    t["draws.normal"], t["draws.inner"] = rnd(b * s, G), rnd(b * s, G, n)
    if o["groups_used"] < G and o["topk"] < n:
        o["losses"] = "importance=2,smooth-load=3"
    return "hierarchical", o, t, of.run_hierarchical


def case_soft(r):
    o, t, (b, s, d, h, e) = begin(r)
    P = r.choice([1, 2, 5])
    o.update(router="soft", slots=P)
    del t["router.weight"]
    t["router.slots"], t["router.scale"] = rnd(e, P, d), torch.tensor([r.choice([0.5, 1.0, 3.0])])
    return "soft", o, t, of.run_soft


def case_sparsemixer(r):
    o, t, (b, s, d, h, e) = begin(r)
    K = r.choice([1, min(2, e)])
    one = K == 1
    o.update(
        router="sparsemixer-1" if one else "sparsemixer",
        topk=K,
        estimator="sparsemixer",
        sparsemixer_epsilon=r.choice([0.01, 0.3, 0.9]),
        training=r.random() < 0.7,
    )
    shape = (b * s, e) if one else (K, b * s, e)
    t["draws.gumbel"] = -torch.log(-torch.log(torch.rand(*shape) * 0.98 + 0.01))
    t["draws.uniform"] = torch.rand(*shape[:-1])
    if one:
        t["router.omega"] = 1 + rnd(d, s=0.2)
    return "sparsemixer", o, t, of.run_sparsemixer


def case_banks(r):
    b, s, d, h, _ = sizes(r)
    form = r.choice(FORMS)
    names = r.choice([[("text", 8), ("image", 4)], [("a", 1), ("b", 3), ("c", 2)], [("only", 5)]])
    K = r.randint(1, min(n for _, n in names))
    o = {
        "router": r.choice(
            ["softmax", "softmax-renorm", "topk-softmax", "sigmoid-bias", "softmax-bias"]
        ),
        "topk": K,
        "banks": ",".join(f"{a}={n}" for a, n in names),
        "expert_form": form,
    }
    t = {"x": rnd(b, s, d), "dy": rnd(b, s, d)}
    for a, n in names:
        expert_tensors(t, form, n, r.choice([h, 3]), d, a + ".")
        t[a + ".router.weight"] = rnd(n, d, s=d**-0.5)
        if o["router"].endswith("-bias"):
            t[a + ".router.correction"] = rnd(n, s=0.2)
    t["types"] = torch.randint(0, len(names), (b, s)).int()
    if r.random() < 0.3:
        v = (torch.rand(b, s) > 0.3).int()
        v[0, 0] = 1
        t["valid"] = v
    add_beside(r, t, form, d)
    return "banks", o, t, of.run_banks


MAKERS = [case_tokens] * 6 + [
    case_weightless,
    case_noise,
    case_limoe,
    case_hash,
    case_choice,
    case_relu,
    case_input,
    case_base,
    case_sinkhorn,
    case_dense,
    case_cosine,
    case_product,
    case_quantile,
    case_threshold,
    case_noisy,
    case_hierarchical,
    case_soft,
    case_sparsemixer,
    case_banks,
]


# ---- comparison ----


def differences(got, told, want):
    bad = []
    for k, v in want.items():
        if k not in got:
            bad.append(f"no {k}")
        elif tuple(got[k].shape) != tuple(v.shape):
            bad.append(f"{k} is {tuple(got[k].shape)}, not {tuple(v.shape)}")
        elif v.dtype == torch.int32:
            if not torch.equal(got[k], v):
                bad.append(f"{k} differ in {(got[k] != v).sum().item()} of {v.numel()}")
        else:
            g = got[k].double()
            limit = 3e-5 * v.abs().max() + 3e-6  # random cases are not chosen to be well set
            off = ((g - v).abs().max() / limit).item()
            if not off <= 1:
                bad.append(f"{k} off by {off:.3g} of the tolerance")
        if (
            k.startswith("loss.")
            and abs(told.get(k[5:], INF) - v.item()) > 1e-5 * abs(v.item()) + 1e-6
        ):
            bad.append(f"stdout's {k[5:]} is {told.get(k[5:])}, not {v.item()}")
    return bad


def one(cadre, seed, folder, only):
    r = random.Random(seed)
    torch.manual_seed(seed)
    name, o, t, reference = MAKERS[seed % len(MAKERS)](r)
    name = f"{seed}-{name}-{o['router']}"
    if only and not any(w in name for w in only):
        return None
    c = Case(o, t)
    want = c.want(reference(c))
    path = f"{folder}/{name}"
    save_file({k: v.contiguous() for k, v in t.items()}, path + ".safetensors")
    with open(path + ".json", "w") as f:
        json.dump(o, f)
    run = subprocess.run(
        [
            cadre,
            "layer",
            path + ".safetensors",
            "--options",
            path + ".json",
            "--out",
            path + ".out",
            "--threads",
            "1",
        ],
        capture_output=True,
        text=True,
    )
    shape = tuple(t["x"].shape)
    if run.returncode:
        return name, shape, o, [f"exit {run.returncode}: {run.stderr.strip()}"]
    return (
        name,
        shape,
        o,
        differences(load_file(path + ".out"), json.loads(run.stdout or "{}"), want),
    )


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--cadre", default="build/cadre")
    a.add_argument("--cases", type=int, default=300)
    a.add_argument("--seed", type=int, default=1)
    a.add_argument("--keep", help="a folder for the cases that differ")
    a.add_argument("names", nargs="*")
    a = a.parse_args()
    torch.set_num_threads(1)
    bad = tried = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = a.keep or folder
        os.makedirs(folder, exist_ok=True)
        for seed in range(a.seed, a.seed + a.cases):
            result = one(a.cadre, seed, folder, a.names)
            if not result:
                continue
            tried += 1
            name, shape, o, why = result
            if why:
                bad += 1
                print(f"{name} {shape} {json.dumps(o)}: " + "; ".join(why)[:400])
    print(f"{tried - bad} of {tried} cases agree")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
