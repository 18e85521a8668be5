"""router_references.py - the routers that layer_reference.py leaves out, from their definitions.

Each function computes a Case: outputs, picks, weights and losses, all differentiable. It returns
how many columns the table of picks has.
"""

import math

import torch
import torch.nn.functional as F
from layer_reference import INF, Case, best, capacity, ffn, rounded, softmax, token_choice


def run_hash(c):
    o, p = c.o, c.p
    K, E = o.get("topk", 1), o["experts"]
    ids = c.t["ids"].reshape(-1)
    mask = torch.zeros(c.T, E, dtype=torch.float64)
    for i in range(c.T):
        for e in c.t["router.table"][ids[i]].tolist():
            mask[i, int(e)] = 1
    how = o.get("score", "none")
    if how == "none":
        W = torch.full((c.T, E), o.get("route_scale", 1.0) / K, dtype=torch.float64)
    else:
        z = c.x @ p["router.weight"].T
        s = {
            "softmax": softmax,
            "sigmoid": torch.sigmoid,
            "sqrtsoftplus": lambda v: torch.sqrt(F.softplus(v, threshold=1e9)),
        }[how](z)
        W = o.get("route_scale", 1.0) * s / ((s * mask).sum(1, keepdim=True) + 1e-20)
    c.finish(W, mask)
    return K


def run_expert_choice(c):
    o, p = c.o, c.p
    z = c.x @ p["router.weight"].T
    if "router.bias" in p:
        z = z + p["router.bias"]
    E = z.shape[1]
    sig = o.get("score", "softmax") == "sigmoid"
    if "draws.logistic" in p and c.training:
        z = z + p["draws.logistic"]
    s = torch.sigmoid(z) if sig else softmax(z)
    key = z.detach() if sig else s.detach()
    mask = torch.zeros(c.T, E, dtype=torch.float64)
    for b in range(c.B):
        live = [i for i in range(b * c.S, (b + 1) * c.S) if c.valid[i]]
        C = min(len(live), math.ceil(o["capacity_factor"] * len(live) / E - 1e-12))
        for e in range(E):
            for i in sorted(live, key=lambda i: (-rounded(key[i, e].item()), i))[:C]:
                mask[i, e] = 1
    c.finish(s * o.get("route_scale", 1.0), mask)
    return E


def run_relu(c):
    o, p = c.o, c.p
    z = c.x @ p["router.weight"].T
    if "router.bias" in p:
        z = z + p["router.bias"]
    E, K = z.shape[1], o.get("topk", 1)
    w = F.relu(z)
    mask = (z > 0).double()
    live = c.live()
    n = len(live)
    f = E / (K * n) * mask[live].sum(0)
    c.losses["l1"] = o["l1"] * (f * w[live].mean(0)).sum()
    share = 1 - mask[live].mean()
    m = o.get("l1_multiplier", 1.2)
    c.extra["sparsity"] = share.reshape(1)
    c.extra["l1_next"] = torch.tensor(
        [o["l1"] * m if share < 1 - K / E else o["l1"] / m], dtype=torch.float64
    )
    c.finish(w, mask)
    return E


def run_sigmoid_input(c):
    o, p = c.o, c.p
    z = c.x @ p["router.weight"].T
    E, K = z.shape[1], o.get("topk", 1)
    mask = torch.zeros(c.T, E, dtype=torch.float64)
    for i in range(c.T):
        for e in best(z[i].tolist(), K):
            mask[i, e] = 1
    g = torch.sigmoid(z)
    outs = torch.stack(
        [ffn(o["expert_form"], p, "experts", c.x * g[:, e : e + 1], e) for e in range(E)], 1
    )
    valid = torch.tensor(c.valid, dtype=torch.float64)[:, None]
    y = ((mask * valid)[..., None] * outs).sum(1)
    c.beside(y, g * mask * valid, mask)
    return K


def run_base(c):
    o, p = c.o, c.p
    z = c.x @ p["router.weight"].T
    E = z.shape[1]
    mask = torch.zeros(c.T, E, dtype=torch.float64)
    for i in range(c.T):
        mask[i, best(z[i].tolist(), 1)[0]] = 1
    w = torch.sigmoid(z)
    out = c.experts_out()
    valid = torch.tensor(c.valid, dtype=torch.float64)[:, None]
    y = ((w * mask * valid)[..., None] * out).sum(1) + c.x * valid
    c.beside(y, w * mask * valid, mask)
    return 1


def run_sinkhorn(c):
    o, p = c.o, c.p
    z = c.x @ p["router.weight"].T
    E, K = z.shape[1], o.get("topk", 1)
    live = c.live()
    key = z.detach()
    if c.training:
        M = torch.exp(z.detach()[live])
        n = len(live)
        d0, d1 = torch.ones(n, dtype=torch.float64), torch.ones(E, dtype=torch.float64)
        while True:
            d0 = 1 / n / ((M * d1).sum(1) + 1e-8)
            new = 1 / E / ((M * d0[:, None]).sum(0) + 1e-8)
            err = (new - d1).abs().mean()
            d1 = new
            if err < o.get("sinkhorn_tolerance", 1e-4):
                break
        pi = torch.zeros_like(key)
        pi[live] = d0[:, None] * M * d1
        key = pi
        c.extra["transport"] = pi
    mask = torch.zeros(c.T, E, dtype=torch.float64)
    for i in range(c.T):
        for e in best(key[i].tolist(), K):
            mask[i, e] = 1
    c.finish(torch.sigmoid(z) if K == 1 else softmax(z), mask)
    return K


def run_dense(c):
    o, p = c.o, c.p
    n = o.get("tasks", 1)
    out = c.experts_out()
    valid = torch.tensor(c.valid, dtype=torch.float64)[:, None]
    W = p["router.weight"] if n > 1 else p["router.weight"][None]
    ys, ws = [], []
    for t in range(n):
        w = o.get("route_scale", 1.0) * softmax(c.x @ W[t].T) * valid
        ws.append(w)
        ys.append((w[..., None] * out).sum(1))
    c.y = torch.stack(ys)
    c.extra["weights"] = (torch.stack(ws) if n > 1 else ws[0]).detach()
    if n == 1:
        keep = c.extra["weights"]
        c.beside(ys[0], ws[0], torch.ones_like(ws[0]))
        c.extra["weights"] = keep
    return 0


def run_cosine(c):
    o, p = c.o, c.p
    h = c.x @ p["router.weight"].T + p["router.bias"]
    m = p["router.experts"]
    tau = torch.exp(torch.clamp(p["router.temperature"], max=math.log(100)))
    z = tau * (h / h.norm(dim=1, keepdim=True)) @ (m / m.norm(dim=1, keepdim=True)).T
    return by_softmax(c, z)


def run_product(c):
    o, p = c.o, c.p
    z = c.x @ p["router.weight"].T
    if "router.bias" in p:
        z = z + p["router.bias"]
    if "router.mask" in p:
        z = z.masked_fill(p["router.mask"] == 0, -INF)
    probs = None
    at = 0
    for n in map(int, o["grid"].split(",")):
        q = softmax(z[:, at : at + n])
        at += n
        probs = q if probs is None else (probs[:, :, None] * q[:, None, :]).reshape(c.T, -1)
    return by_probability(c, probs, probs)


def by_softmax(c, z):
    q = softmax(z)
    return by_probability(c, q, z, z)


def by_probability(c, q, key, z=None):
    o = c.o
    E, K = q.shape[1], o.get("topk", 1)
    mask = torch.zeros(c.T, E, dtype=torch.float64)
    first = []
    for i in range(c.T):
        ids = best(key[i].tolist(), K)
        first.append(ids[0])
        for e in ids:
            mask[i, e] = 1
    W = q / (q * mask).sum(1, keepdim=True) if o.get("renormalise") else q
    if o.get("losses"):
        c.add_losses(z, q, W, mask, first)
    ranks = [best(key[i].tolist(), K) for i in range(c.T)]
    c.finish(W * o.get("route_scale", 1.0), capacity(c, ranks, q.detach(), mask, K))
    return K


def run_quantile(c):
    o, p = c.o, c.p
    z = c.x @ p["router.weight"].T
    E, K = z.shape[1], o.get("topk", 1)
    live = c.live()
    n = len(live)
    beta = p["router.beta"]
    key = z.detach() - beta
    mask = torch.zeros(c.T, E, dtype=torch.float64)
    alpha = torch.zeros(c.T, dtype=torch.float64)
    for i in range(c.T):
        ids = best(key[i].tolist(), min(K + 1, E))
        for e in ids[:K]:
            mask[i, e] = 1
        alpha[i] = key[i, ids[K]]
    v = (z.detach() - alpha[:, None])[live].sort(0, descending=True).values
    q = v[n * K // E]
    ema = o.get("quantile_ema", 0.0)
    b = ema * beta + (1 - ema) * q
    c.extra["quantile"], c.extra["beta"] = q, b - b.mean()
    how = o.get("score", "softmax")
    scale = o.get("route_scale", 1.0)
    if how == "softmax":
        W = softmax(z)
    elif how == "topk-softmax":
        W = softmax(z.masked_fill(mask == 0, -INF))
    else:
        s = torch.sigmoid(z)
        W = s / (s * mask).sum(1, keepdim=True) if K > 1 else s
    c.finish(W * scale, mask)
    return K


def run_threshold(c):
    o, p = c.o, c.p
    z = c.x @ p["router.weight"].T
    E, K = z.shape[1], o.get("topk", 1)
    q = softmax(z)
    theta = p["router.threshold"]
    live = c.live()
    over = (q > theta).double()
    mask = torch.zeros(c.T, E, dtype=torch.float64)
    if c.training:
        C = K * len(live) // E
        for e in range(E):
            for i in sorted(live, key=lambda i: (-rounded(q[i, e].item()), i))[:C]:
                mask[i, e] = 1
    else:
        mask = over
    for item in o.get("losses", "").split(","):
        if item:
            c.losses["threshold"] = (
                float(item.split("=")[1]) * ((over - mask) * (q - theta))[live].sum()
            )
    total = (q * mask).sum(1, keepdim=True)
    c.finish(torch.where(total > 0, q / torch.where(total > 0, total, 1.0), 0.0), mask)
    return E


def smooth_load(z, sigma, noisy, K):
    """P(token keeps e under fresh noise) [T, E]"""
    T, E = z.shape
    rows = []
    for i in range(T):
        order = best(noisy[i].detach().tolist(), min(K + 1, E))
        row = []
        for e in range(E):
            if K >= E:
                row.append(torch.ones((), dtype=torch.float64))
                continue
            t = order[K] if e in order[:K] else order[K - 1]
            row.append(torch.special.ndtr((z[i, e] - noisy[i, t]) / sigma[i, e]))
        rows.append(torch.stack(row))
    return torch.stack(rows)


def cv2(v):
    return ((v - v.mean()) ** 2).mean() / (v.mean() ** 2 + 1e-10)


def run_noisy(c):
    o, p = c.o, c.p
    z = c.x @ p["router.weight"].T
    E, K = z.shape[1], o.get("topk", 1)
    sigma = F.softplus(c.x @ p["router.noise"].T) + o.get("noise_floor", 0.01)
    h = z + (p["draws.normal"] * sigma if c.training else 0)
    mask = torch.zeros(c.T, E, dtype=torch.float64)
    for i in range(c.T):
        for e in best(h[i].detach().tolist(), K):
            mask[i, e] = 1
    W = softmax(h.masked_fill(mask == 0, -INF))
    live = c.live()
    for item in o.get("losses", "").split(","):
        if not item:
            continue
        name, k = item.split("=")
        if name == "importance":
            c.losses[name] = float(k) * cv2((W * mask)[live].sum(0))
        else:
            c.losses[name] = float(k) * cv2(smooth_load(z, sigma, h, K)[live].sum(0))
    c.finish(W, mask)
    return K


def run_hierarchical(c):
    o, p = c.o, c.p
    G, used, K = o["groups"], o["groups_used"], o.get("topk", 1)
    floor = o.get("noise_floor", 0.01)
    zo = c.x @ p["router.weight"].T
    so = F.softplus(c.x @ p["router.noise"].T) + floor
    ho = zo + (p["draws.normal"] * so if c.training else 0)
    iw, iz = p["inner.weight"], p["inner.noise"]
    E1 = iw.shape[1]
    zi = torch.einsum("td,ged->tge", c.x, iw)
    si = F.softplus(torch.einsum("td,ged->tge", c.x, iz)) + floor
    hi = zi + (p["draws.inner"] * si if c.training else 0)
    mo = torch.zeros(c.T, G, dtype=torch.float64)
    mi = torch.zeros(c.T, G, E1, dtype=torch.float64)
    for i in range(c.T):
        for g in best(ho[i].tolist(), used):
            mo[i, g] = 1
        for g in range(G):
            for e in best(hi[i, g].tolist(), K):
                mi[i, g, e] = 1
    wo = softmax(ho.masked_fill(mo == 0, -INF))
    wi = softmax(hi.masked_fill(mi == 0, -INF))
    W = (wo[..., None] * wi).reshape(c.T, G * E1)
    mask = (mo[..., None] * mi).reshape(c.T, G * E1)
    live = c.live()
    for item in o.get("losses", "").split(","):
        if not item:
            continue
        name, k = item.split("=")
        if name == "importance":
            v = cv2((W * mask)[live].sum(0))
        else:
            lo = smooth_load(zo, so, ho, used)[live].sum(0)
            parts = []
            for g in range(G):
                sent = [i for i in live if mo[i, g] > 0]
                if sent:
                    pi = smooth_load(zi[:, g], si[:, g], hi[:, g], K)[sent].sum(0) / len(sent)
                else:
                    pi = torch.zeros(E1, dtype=torch.float64)
                parts.append(lo[g] * pi)
            v = cv2(torch.cat(parts))
        c.losses[name] = float(k) * v
    c.finish(W, mask)
    return used * K


def run_soft(c):
    o, p = c.o, c.p
    phi = p["router.slots"]
    E, P, D = phi.shape
    flat = phi.reshape(E * P, D)
    l2n = lambda v: v / torch.sqrt((v * v).sum(-1, keepdim=True) + 1e-6)
    L = l2n(c.x) @ (p["router.scale"] * l2n(flat)).T
    y = torch.zeros(c.T, D, dtype=torch.float64)
    disp = torch.zeros(c.T, E * P, dtype=torch.float64)
    comb = torch.zeros(c.T, E * P, dtype=torch.float64)
    rows = []
    for b in range(c.B):
        live = [i for i in range(b * c.S, (b + 1) * c.S) if c.valid[i]]
        if not live:
            continue
        Lb = L[live]
        dsp, cmb = torch.softmax(Lb, 0), torch.softmax(Lb, 1)
        slots = dsp.T @ c.x[live]
        outs = torch.cat(
            [ffn(o["expert_form"], p, "experts", slots[e * P : (e + 1) * P], e) for e in range(E)]
        )
        y = y.index_put((torch.tensor(live),), cmb @ outs)
        disp[live], comb[live] = dsp.detach(), cmb.detach()
    c.extra["dispatch"] = disp.reshape(c.B, c.S, E, P)
    c.extra["combine"] = comb.reshape(c.B, c.S, E, P)
    c.beside(y, comb, torch.ones_like(comb))
    return 0


class Sampled(torch.autograd.Function):
    """Forward p m; backward factor * gradient to p."""

    @staticmethod
    def forward(ctx, p, m, factor):
        ctx.factor = factor
        return p * m

    @staticmethod
    def backward(ctx, g):
        return g * ctx.factor, None, None


def run_sparsemixer(c):
    o, p = c.o, c.p
    one = o["router"] == "sparsemixer-1"
    K = 1 if one else o.get("topk", 2)
    z = c.x @ p["router.weight"].T
    E = z.shape[1]
    eps = o.get("sparsemixer_epsilon", 0.1 if one else 0.01)
    W = torch.zeros(c.T, E, dtype=torch.float64)
    mask = torch.zeros(c.T, E, dtype=torch.float64)
    rows = []
    for i in range(c.T):
        gone = torch.zeros(E, dtype=torch.bool)
        w = torch.zeros(E, dtype=torch.float64)
        for k in range(K):
            cur = z[i].masked_fill(gone.clone(), -INF)
            m = cur.detach().max()
            factor = torch.maximum(z[i].detach().abs(), m.abs())
            off = (m - z[i].detach()) / factor > 2 * eps
            kept = cur.masked_fill(off, -INF)
            prob = softmax(kept)
            top = best(cur.detach().tolist(), 1)[0]
            pick, mult = top, 1.0
            if c.training:
                gum = p["draws.gumbel"].reshape(K, c.T, E)[k, i]
                uni = p["draws.uniform"].reshape(K, c.T)[k, i].item()
                pick = best((kept.detach() + gum).tolist(), 1)[0]
                mult = (
                    1.0 if pick == top or uni > (0.5 if one else 0.75) else (0.5 if one else 0.3333)
                )
            val = (
                Sampled.apply(prob[pick], mult, 2.0 if one and c.training else 1.0)
                if c.training
                else prob[pick]
            )
            w = w + F.one_hot(torch.tensor(pick), E) * val
            mask[i, pick] = 1
            gone[pick] = True
        rows.append(w)
    W = torch.stack(rows)
    c.finish(W, mask)
    if one:
        c.y = c.y * p["router.omega"]
    return K


def run_banks(c):
    """Token choice among the experts of the bank of the token's type."""
    o, p = c.o, c.p
    names = [a.split("=") for a in o["banks"].split(",")]
    K = o.get("topk", 1)
    E = sum(int(n) for _, n in names)
    types = c.t["types"].reshape(-1).tolist()
    y = torch.zeros(c.T, c.D, dtype=torch.float64)
    W = torch.zeros(c.T, E, dtype=torch.float64)
    mask = torch.zeros(c.T, E, dtype=torch.float64)
    at = 0
    for b, (name, n) in enumerate(names):
        n = int(n)
        rows = [i for i in range(c.T) if types[i] == b and c.valid[i]]
        if rows:
            sub = {k[len(name) + 1 :]: v for k, v in p.items() if k.startswith(name + ".")}
            part = Case.__new__(Case)
            part.o = {k: v for k, v in o.items() if k != "banks"}
            part.p, part.t = sub, {}
            part.B, part.S, part.D, part.T = 1, len(rows), c.D, len(rows)
            part.x, part.valid, part.training = c.x[rows], [True] * len(rows), c.training
            part.losses, part.extra = {}, {}
            token_choice(part)
            index = torch.tensor(rows)
            y = y.index_put((index,), part.y)
            W = W.index_put((index[:, None], torch.arange(at, at + n)[None]), part.W)
            mask[index[:, None], torch.arange(at, at + n)[None]] = part.mask
        at += n
    c.beside(y, W, mask)
    return K
