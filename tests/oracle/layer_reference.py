"""layer_reference.py - sparse layers in double precision, from their definitions, with torch.

The parts of a layer, its losses, its capacity, and routers with which tokens choose by scores;
router_references.py has the others. random_layers.py compares them with cadre.
"""

import math

import torch
import torch.nn.functional as F

INF = float("inf")


# ---- the parts of a layer ----


def act(form, gate, up):
    if form == "relu":
        return F.relu(gate)
    if form == "gelu":
        return F.gelu(gate)
    if form == "swiglu":
        return F.silu(gate) * up
    return F.gelu(gate, approximate="tanh") * up


def ffn(form, p, name, x, e=None):
    m = {
        k: (p[f"{name}.{k}"] if e is None else p[f"{name}.{k}"][e])
        for k in ("gate", "up", "down")
        if f"{name}.{k}" in p
    }
    up = x @ m["up"].T if "up" in m else None
    return act(form, x @ m["gate"].T, up) @ m["down"].T


def rounded(v):
    """Equal rows times a matrix may differ in their last bits here: not to 11 digits."""
    return float(f"{v:.11g}")


def best(key, k):
    """ids of the k largest; of equal ones the lower first."""
    order = sorted(range(len(key)), key=lambda e: (-rounded(key[e]), e))
    return order[:k]


def softmax(z):
    return torch.softmax(z, -1)


class Case:
    """One case: options `o`, tensors `t` (float64 leaves in `p`), and what was computed."""

    def __init__(self, o, t):
        self.o = o
        self.t = t
        self.p = {}
        for k, v in t.items():
            self.p[k] = v.double() if v.is_floating_point() else v
            if (
                v.is_floating_point()
                and not k.startswith("draws.")
                and not k.endswith(("dy", "router.correction", "router.beta"))
            ):
                self.p[k].requires_grad_(True)
        b, s, d = t["x"].shape
        self.B, self.S, self.D, self.T = b, s, d, b * s
        self.x = self.p["x"].reshape(self.T, d)
        self.valid = [bool(v) for v in t["valid"].reshape(-1)] if "valid" in t else [True] * self.T
        self.losses = {}
        self.extra = {}
        self.training = o.get("training", True)

    def live(self):
        return [i for i in range(self.T) if self.valid[i]]

    # outputs of every expert for every token [T, E, D]
    def experts_out(self, weights=None):
        o, p = self.o, self.p
        x = self.x
        if "latent.down" in p:
            x = x @ p["latent.down"].T
        scale = o.get("expert_input_scale", 1.0)
        outs = []
        n = p["experts.gate"].shape[0]
        for e in range(n):
            xi = x * scale
            if o.get("estimator") == "straight-through":
                w = weights[:, e : e + 1]
                xi = xi * (1 + w - w.detach())
            outs.append(ffn(o["expert_form"], p, "experts", xi, e))
        xs = x * scale
        for i in range(o.get("constant_experts", 0)):
            a = softmax(xs @ p["constant.weight"][i].T)
            outs.append(a[:, :1] * xs + a[:, 1:] * p["constant.value"][i])
        outs += [xs] * o.get("copy_experts", 0)
        outs += [torch.zeros_like(x)] * o.get("zero_experts", 0)
        return torch.stack(outs, 1)

    def finish(self, W, mask):
        """W [T, E] weights with gradients, mask [T, E] after capacity."""
        o, p = self.o, self.p
        valid = torch.tensor(self.valid, dtype=torch.float64)[:, None]
        Wm = W * mask * valid
        if o.get("estimator") == "dense":
            out = self.experts_out(Wm)
            sparse = (Wm[..., None] * out).sum(1)
            det = (self.Wdense * valid)[..., None] * out.detach()
            unp = (det * (1 - mask)[..., None]).sum(1)
            y = sparse + unp - unp.detach()
        else:
            out = self.experts_out(Wm)
            y = (Wm[..., None] * out).sum(1)
        if "latent.up" in p:
            y = y @ p["latent.up"].T
        self.beside(y, Wm, mask)

    def beside(self, y, Wm, mask):
        p = self.p
        valid = torch.tensor(self.valid, dtype=torch.float64)[:, None]
        if "shared.gate" in p:
            s = ffn(self.o["expert_form"], p, "shared", self.x)
            if "shared.weight" in p:
                s = s * torch.sigmoid(self.x @ p["shared.weight"].T)
            y = y + s * valid
        if "residual.gate" in p:
            c = softmax(self.x @ p["coefficient.weight"].T + p["coefficient.bias"])
            y = (
                c[:, :1] * y + c[:, 1:] * ffn(self.o["expert_form"], p, "residual", self.x)
            ) * valid
        self.y = y
        self.W = Wm
        self.mask = mask * valid

    def total(self):
        loss = (self.p["dy"].reshape(-1) * self.y.reshape(-1)).sum()
        return loss + sum(self.losses.values()) if self.losses else loss

    def want(self, width):
        self.total().backward()
        shape = self.t["dy"].shape
        w = {"y": self.y.detach().reshape(shape)}
        if self.o["router"] not in ("soft", "dense"):
            picks = torch.full((self.T, width), -1, dtype=torch.int32)
            weights = torch.zeros(self.T, width, dtype=torch.float64)
            for i in range(self.T):
                k = 0
                for e in range(self.mask.shape[1]):
                    if self.mask[i, e] > 0:
                        picks[i, k] = e
                        weights[i, k] = self.W[i, e].detach()
                        k += 1
            w["picks"], w["weights"] = picks, weights
        for k, v in self.losses.items():
            w["loss." + k] = v.detach().reshape(1)
        for k, v in self.p.items():
            if v.requires_grad:
                w["grad." + k] = v.grad if v.grad is not None else torch.zeros_like(v)
        w.update(self.extra)
        return w

    # ---- losses from scores ----
    def add_losses(self, z, score, W, mask, first, clean=None):
        o = self.o
        live = self.live()
        E = score.shape[1]
        n = max(len(live), 1)
        norm = score / score.sum(1, keepdim=True)
        P = norm[live].mean(0)
        c = mask[live].sum(0)
        f = E * c / c.sum()
        for item in o.get("losses", "").split(","):
            if not item:
                continue
            name, k = item.split("=")
            k = float(k)
            if name == "load":
                v = (f * P).sum()
            elif name == "heterogeneous":
                ff = self.p["experts.gate"].shape[0]
                eta = torch.tensor([1.0 if e < ff else o["tau"] for e in range(E)])
                v = (eta * f * P).sum()
            elif name == "first-choice":
                c1 = torch.zeros(E, dtype=torch.float64)
                for i in live:
                    c1[first[i]] += 1
                v = E * (c1 / n * P).sum()
            elif name == "z":
                v = (torch.logsumexp(z[live], 1) ** 2).mean()
            elif name == "importance":
                imp = (W * mask)[live].sum(0)
                v = ((imp - imp.mean()) ** 2).mean() / (imp.mean() ** 2 + 1e-10)
            elif name == "score-importance":
                imp = softmax(clean)[live].sum(0)
                v = ((imp - imp.mean()) ** 2).mean() / (imp.mean() ** 2 + 1e-10)
            elif name == "noise-load":
                sigma = o["logit_noise"] / E
                load = torch.stack([noise_load(clean[i], z[i], sigma, o["topk"]) for i in live])
                imp = load.mean(0)
                v = ((imp - imp.mean()) ** 2).mean() / (imp.mean() ** 2 + 1e-10)
            elif name == "entropy":
                v = -(torch.special.xlogy(norm, norm))[live].sum(1).mean()
            elif name == "mean-entropy":
                v = -torch.special.xlogy(P, P).sum()
            elif name == "mutual-information":
                v = (
                    -(torch.special.xlogy(norm, norm))[live].sum(1).mean()
                    + torch.special.xlogy(P, P).sum()
                )
            elif name == "orthogonality":
                r = self.p["router.weight"]
                r = r / r.norm(dim=1, keepdim=True)
                v = ((r @ r.T - torch.eye(E)) ** 2).sum()
            elif name.startswith("local-entropy.") or name.startswith("global-entropy."):
                kind, typ = name.split(".")
                index = o["types"].split(",").index(typ)
                at = [i for i in live if int(self.t["types"].reshape(-1)[i]) == index]
                if not at:
                    v = torch.zeros((), dtype=torch.float64)
                elif kind == "local-entropy":
                    v = -torch.special.xlogy(norm, norm)[at].sum(1).mean()
                else:
                    q = norm[at].mean(0)
                    want = float(dict(a.split("=") for a in o["entropy_experts"].split(","))[typ])
                    v = torch.clamp(math.log(want) + torch.special.xlogy(q, q).sum(), min=0)
            else:
                raise ValueError(name)
            self.losses[name] = k * v


def noise_load(clean, noisy, sigma, K):
    """Chances that fresh noise lifts each logit above the K-th noisy one [E]"""
    theta = noisy[best(noisy.detach().tolist(), K)[K - 1]]
    return torch.special.ndtr((clean - theta) / sigma)


# ---- routers in which tokens choose ----


def token_choice(c):
    o, p = c.o, c.p
    r = o["router"]
    K, scale = o.get("topk", 1), o.get("route_scale", 1.0)
    z = c.x @ p["router.weight"].T
    if "router.bias" in p:
        z = z + p["router.bias"]
    if "router.residual" in p and "residual_logits" in p:
        z = z + p["residual_logits"] @ p["router.residual"].T
    clean = z
    E = z.shape[1]
    if o.get("logit_noise") and c.training:
        z = z + o["logit_noise"] / E * p["draws.normal"]
    score = {
        "sigmoid-bias": torch.sigmoid,
        "sigmoid-bias-raw": torch.sigmoid,
        "sqrtsoftplus-bias": lambda v: torch.sqrt(F.softplus(v, threshold=1e9)),
    }.get(r, softmax)(z)
    key = (
        z.detach()
        if r
        in (
            "softmax",
            "softmax-renorm",
            "topk-softmax",
            "top-p",
            "sigmoid-input",
            "sinkhorn",
            "base",
        )
        else score.detach()
    )
    if "router.correction" in p:
        key = score.detach() + p["router.correction"]
    G, used = o.get("groups", 1), o.get("groups_used", 1)
    if G > 1:
        if r in ("softmax", "softmax-renorm", "topk-softmax"):
            key = score.detach() if r != "topk-softmax" else z.detach()
        gs = key.reshape(c.T, G, E // G)
        top = gs.sort(-1, descending=True).values
        val = (
            top[..., 0]
            if o.get("group_score", "max") == "max" or E // G < 2
            else top[..., :2].sum(-1)
        )
        fill = 0.0 if o.get("group_mask") == "zero" else -INF
        key = key.clone()
        for i in range(c.T):
            keep = best(val[i].tolist(), used)
            for g in range(G):
                if g not in keep:
                    key[i, g * (E // G) : (g + 1) * (E // G)] = fill
    mask = torch.zeros(c.T, E, dtype=torch.float64)
    ranks = []
    for i in range(c.T):
        ids = best(key[i].tolist(), K)
        if r == "top-p":
            total, keep = 0.0, []
            for e in ids:
                keep.append(e)
                total += score[i, e].item()
                if total > o["top_p"]:
                    break
            ids = keep
        ranks.append(ids)
        for e in ids:
            mask[i, e] = 1
    eps = {"sigmoid-bias": 1e-20, "sqrtsoftplus-bias": 1e-20}.get(r, 0.0)
    picked = (score * mask).sum(1, keepdim=True)
    if r in ("softmax", "sigmoid-bias-raw", "top-p"):
        W = score
        dense = W
    elif r in ("softmax-renorm", "sigmoid-bias", "sqrtsoftplus-bias") or (
        r == "softmax-bias" and o.get("renormalise")
    ):
        W = score / (picked + eps)
        dense = torch.where(mask > 0, W, score / picked.detach())
    elif r == "topk-softmax":
        zz = z.masked_fill(mask == 0, -INF)
        W = softmax(zz)
        dense = torch.where(mask > 0, W, score / picked.detach())
    elif r == "softmax-bias":
        W = score
        dense = W
    else:
        raise ValueError(r)
    W = W * scale
    c.Wdense = dense * scale
    if o.get("zero_weight") == "dropped" and o.get("zero_experts", 0):
        W = without_last(r, o, z, score, mask) * scale
    c.add_losses(z, score, W, mask, [i[0] for i in ranks], clean)
    mask2 = capacity(c, ranks, score.detach(), mask, K)
    if o.get("survivors"):
        left = (score * mask2).sum(1, keepdim=True)
        W = torch.where(left > 0, scale * score / torch.where(left > 0, left, 1.0), 0.0)
    c.finish(W, mask2)
    return E if r == "top-p" else K


def without_last(r, o, z, score, mask):
    """Weights where the last expert's is 0 and, if they are normalised, the others sum to 1."""
    keep = mask.clone()
    keep[:, -1] = 0
    if r == "topk-softmax":
        any_left = keep.sum(1, keepdim=True) > 0
        zz = torch.where(any_left, z.masked_fill(keep == 0, -INF), torch.zeros_like(z))
        return softmax(zz) * keep
    if r in ("softmax-renorm",) or (r == "softmax-bias" and o.get("renormalise")):
        total = (score * keep).sum(1, keepdim=True)
        return torch.where(total > 0, score / torch.where(total > 0, total, 1.0), 0.0) * keep
    return score * keep


def capacity(c, ranks, score, mask, K):
    o = c.o
    if o.get("overflow", "none") == "none" or not c.training:
        return mask
    E = mask.shape[1]
    out = torch.zeros_like(mask)
    how = o.get("priority", "choice")
    for s in range(c.B):
        live = [i for i in range(s * c.S, (s + 1) * c.S) if c.valid[i]]
        n = len(live)
        C = min(n, math.ceil(o["capacity_factor"] * n * K / E - 1e-12))
        room = [C] * E
        if how == "token":
            order = [(i, k) for i in live for k in range(len(ranks[i]))]
        elif how == "choice":
            order = [(i, k) for k in range(K) for i in live if k < len(ranks[i])]
        elif how == "batch":
            sure = sorted(live, key=lambda i: (-rounded(score[i].max().item()), i))
            order = [(i, k) for k in range(K) for i in sure if k < len(ranks[i])]
        else:
            order = sorted(
                ((i, k) for i in live for k in range(len(ranks[i]))),
                key=lambda a: (-rounded(score[a[0], ranks[a[0]][a[1]]].item()), a[0]),
            )
        for i, k in order:
            e = ranks[i][k]
            if room[e]:
                room[e] -= 1
                out[i, e] = 1
    return out
