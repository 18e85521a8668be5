#!/usr/bin/env python3
"""The small oracle of mixtures on tables: tests/oracle/small/mixture, in the layout that
tests/mixture/oracle_test.c reads. Needs nothing but Python.

usage: tests/oracle/mixture.py [FOLDER]      default: tests/oracle/small/mixture, which is replaced

Three tables, NAME.csv, and for each run NAME-METHOD of them .json (options), .init.safetensors and
.expected.safetensors with log_likelihood, loss and every parameter after each iteration, and the
last prediction. It shares nothing with src/mixture but the mathematics: gradients are differences
of the loss (five points, error below 1e-10), least squares are normal equations, and Newton's steps
pin the last row of a softmax and take the mean off afterwards.
"""

import json, math, os, random, shutil, struct, sys

ITERATIONS = 6


# ---- tables ----


def tables(rnd):
    piecewise, regimes, classes = [], [], []
    for _ in range(60):
        x = rnd.uniform(-2, 2)
        line = -1 if x + rnd.gauss(0, 0.5) < -0.5 else 0.5 if x + rnd.gauss(0, 0.5) < 0.8 else 2
        piecewise.append([x, line * x + rnd.gauss(0, 0.4)])
    for _ in range(80):
        a, b = rnd.gauss(0, 1), rnd.gauss(0, 1)
        left, low = a + rnd.gauss(0, 0.6) < 0, b + rnd.gauss(0, 0.6) < 0
        u = (1.5 * a if left else -a + 1) + (0.5 if low else -0.5 * b)
        v = (-b if low else 2 * b - 1) + (0.3 * a if left else 0)
        regimes.append([a, b, u + rnd.gauss(0, 0.4), v + rnd.gauss(0, 0.4)])
    for _ in range(90):
        a, b = rnd.gauss(0, 1), rnd.gauss(0, 1)
        score = [a + b, -a, 0.3 * b] if a + rnd.gauss(0, 0.5) > 0 else [-b, 0.5 * a, b - a]
        classes.append([a, b, max(range(3), key=lambda k: score[k] + rnd.gumbel())])
    return {
        "piecewise": ("x,y", piecewise),
        "regimes": ("a,b,u,v", regimes),
        "classes": ("a,b,class", classes),
    }


class Random(random.Random):
    def gumbel(self):
        return -math.log(-math.log(self.random()))


# ---- a mixture: parameters are nested lists by name ----


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


def log_sum(values):
    top = max(values)
    return top + math.log(sum(math.exp(v - top) for v in values))


def log_softmax(z):
    whole = log_sum(z)
    return [v - whole for v in z]


class Mixture:
    def __init__(self, run, inputs, targets, classes):
        self.run, self.inputs, self.targets, self.classes = run, inputs, targets, classes
        self.levels = [int(n) for n in run["levels"].split(",")] if "levels" in run else None
        self.experts = self.levels[0] * self.levels[1] if self.levels else run["experts"]
        self.outputs = classes or targets
        self.em, self.tasks, self.hidden = (
            run["method"] == "em",
            run["gates"] == "task",
            run.get("hidden", 0),
        )

    def shapes(self):
        d, lead = self.inputs + 1, self.levels or [self.experts]
        shapes = {
            "gate": [lead[0], d],
            "experts": lead + [self.outputs, self.hidden + 1 if self.hidden else d],
        }
        if self.tasks:
            shapes["gate"] = [self.outputs, self.experts, d]
        if self.levels:
            shapes["inner"] = lead + [d]
        if self.hidden:
            shapes["hidden"] = lead + [self.hidden, d]
        if self.em and not self.classes:
            shapes["variance"] = lead
        return shapes

    def rows(self, p, name):
        """The flat parameter as rows of its last axis."""
        n = self.shapes()[name][-1]
        return [p[name][i : i + n] for i in range(0, len(p[name]), n)]

    def gates(self, p, x):
        """log p of every expert, a list a gate."""
        gate = self.rows(p, "gate")
        if self.tasks:
            return [
                log_softmax([dot(w, x) for w in gate[t * self.experts : (t + 1) * self.experts]])
                for t in range(self.outputs)
            ]
        top = log_softmax([dot(w, x) for w in gate])
        if not self.levels:
            return [top]
        inner, k = self.rows(p, "inner"), self.levels[1]
        return [
            [
                top[g] + v
                for g in range(self.levels[0])
                for v in log_softmax([dot(w, x) for w in inner[g * k : (g + 1) * k]])
            ]
        ]

    def outputs_of(self, p, x):
        maps, out = self.rows(p, "experts"), []
        for i in range(self.experts):
            f = x
            if self.hidden:
                units = self.rows(p, "hidden")[i * self.hidden : (i + 1) * self.hidden]
                f = [math.tanh(dot(w, x)) for w in units] + [1]
            o = [dot(w, f) for w in maps[i * self.outputs : (i + 1) * self.outputs]]
            out.append(log_softmax(o) if self.classes else o)
        return out

    def density(self, p, i, o, d):
        if self.classes:
            return o[int(d[0])]
        variance = p["variance"][i] if self.em else 1
        return -0.5 * sum((a - b) ** 2 for a, b in zip(o, d)) / variance - len(d) / 2 * math.log(
            2 * math.pi * variance
        )

    def joint(self, p, x, d):
        gate, out = self.gates(p, x)[0], self.outputs_of(p, x)
        return [g + self.density(p, i, o, d) for i, (g, o) in enumerate(zip(gate, out))]

    def predict(self, p, x):
        gates, out = self.gates(p, x), self.outputs_of(p, x)
        return [
            sum(
                math.exp(g) * (math.exp(o[j]) if self.classes else o[j])
                for g, o in zip(gates[j if self.tasks else 0], out)
            )
            for j in range(self.outputs)
        ]

    def likelihood(self, p, data):
        if not self.tasks:
            return sum(log_sum(self.joint(p, x, d)) for x, d in data)
        return sum(
            -0.5 * (a - b) ** 2 - 0.5 * math.log(2 * math.pi)
            for x, d in data
            for a, b in zip(self.predict(p, x), d)
        )

    def loss(self, p, data):
        total, method = 0, self.run["method"]
        for x, d in data:
            half = 0 if self.classes else len(d) / 2 * math.log(2 * math.pi)
            if method == "cooperative":
                total += 0.5 * sum((a - b) ** 2 for a, b in zip(self.predict(p, x), d))
            elif method == "gradient":
                total -= log_sum(self.joint(p, x, d)) + half
            else:
                total -= sum(
                    math.exp(g) * (self.density(p, i, o, d) + half)
                    for i, (g, o) in enumerate(zip(self.gates(p, x)[0], self.outputs_of(p, x)))
                )
        return total / len(data)


# ---- the two ways to fit ----


def descend(m, p, data):
    step, new = 1e-3, {}
    for name, values in p.items():
        new[name] = []
        for i, value in enumerate(values):
            f = lambda offset: m.loss(
                {**p, name: values[:i] + [value + offset] + values[i + 1 :]}, data
            )
            slope = (8 * (f(step) - f(-step)) - (f(2 * step) - f(-2 * step))) / (12 * step)
            new[name].append(value - m.run["lr"] * slope)
    return new


def solve(a, b):
    """Gauss with pivots."""
    n, a = len(b), [row[:] + [v] for row, v in zip(a, b)]
    for i in range(n):
        j = max(range(i, n), key=lambda r: abs(a[r][i]))
        a[i], a[j] = a[j], a[i]
        for r in range(i + 1, n):
            f = a[r][i] / a[i][i]
            for c in range(i, n + 1):
                a[r][c] -= f * a[i][c]
    x = [0] * n
    for i in reversed(range(n)):
        x[i] = (a[i][n] - dot(a[i][i + 1 : n], x[i + 1 :])) / a[i][i]
    return x


def fit_softmax(w, xs, shares):
    """w: rows; shares[n][k]. Newton with the last row held, then the mean of the step taken off."""
    k, d = len(w), len(w[0])
    value = lambda w: sum(dot(s, log_softmax([dot(r, x) for r in w])) for x, s in zip(xs, shares))
    for _ in range(60):
        g, h = [0] * ((k - 1) * d), [[0] * ((k - 1) * d) for _ in range((k - 1) * d)]
        for x, s in zip(xs, shares):
            p, whole = [math.exp(v) for v in log_softmax([dot(r, x) for r in w])], sum(s)
            for i in range(k - 1):
                for a in range(d):
                    g[i * d + a] += (s[i] - whole * p[i]) * x[a]
                    for j in range(k - 1):
                        c = whole * p[i] * ((i == j) - p[j]) * x[a]
                        for b in range(d):
                            h[i * d + a][j * d + b] += c * x[b]
        flat = solve(h, g) + [0] * d
        step = [flat[i * d : (i + 1) * d] for i in range(k)]
        mean = [sum(r[a] for r in step) / k for a in range(d)]
        step = [[v - m for v, m in zip(r, mean)] for r in step]
        before, scale = value(w), 1
        add = lambda scale: [[v + scale * s for v, s in zip(r, t)] for r, t in zip(w, step)]
        while value(add(scale)) < before - 1e-12 * abs(before):
            scale /= 2
        w = add(scale)
        if max(abs(v) for r in step for v in r) < 1e-11:
            return w
    raise SystemExit("Newton's method does not converge: draw another table")


def maximise(m, p, data):
    xs, d, new = [x for x, _ in data], m.inputs + 1, dict(p)
    h = []
    for x, t in data:
        j = m.joint(p, x, t)
        whole = log_sum(j)
        h.append([math.exp(v - whole) for v in j])
    maps, o = [], m.outputs
    for i in range(m.experts):
        weights = [row[i] for row in h]
        if m.classes:
            rows = m.rows(p, "experts")[i * o : (i + 1) * o]
            maps += fit_softmax(
                rows,
                xs,
                [[w * (int(t[0]) == k) for k in range(o)] for w, (_, t) in zip(weights, data)],
            )
            continue
        gram = [
            [sum(w * x[a] * x[b] for w, x in zip(weights, xs)) for b in range(d)] for a in range(d)
        ]
        rows = [
            solve(
                gram, [sum(w * x[a] * t[j] for w, (x, t) in zip(weights, data)) for a in range(d)]
            )
            for j in range(o)
        ]
        left = sum(
            w * sum((dot(r, x) - t[j]) ** 2 for j, r in enumerate(rows))
            for w, (x, t) in zip(weights, data)
        )
        new["variance"] = (
            new["variance"][:i] + [left / (o * sum(weights))] + new["variance"][i + 1 :]
        )
        maps += rows
    new["experts"] = [v for r in maps for v in r]
    gate = m.rows(p, "gate")
    if m.levels:
        g, k = m.levels
        inner = m.rows(p, "inner")
        gate = fit_softmax(
            gate, xs, [[sum(row[i * k : (i + 1) * k]) for i in range(g)] for row in h]
        )
        fitted = [
            fit_softmax(inner[i * k : (i + 1) * k], xs, [row[i * k : (i + 1) * k] for row in h])
            for i in range(g)
        ]
        new["inner"] = [v for rows in fitted for r in rows for v in r]
    else:
        gate = fit_softmax(gate, xs, h)
    new["gate"] = [v for r in gate for v in r]
    return new


# ---- files ----


def save(path, tensors):
    """name -> (shape, numbers)"""
    header, at = {}, 0
    for name, (shape, values) in tensors.items():
        header[name] = {"dtype": "F64", "shape": shape, "data_offsets": [at, at + 8 * len(values)]}
        at += 8 * len(values)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for _, values in tensors.values():
            f.write(struct.pack(f"<{len(values)}d", *values))


def make(folder, rnd, name, method, options, table):
    head, rows = table
    names, target = head.split(","), options["target"].split(",")
    run = {
        "expert": "linear",
        "gates": "shared",
        "iterations": ITERATIONS,
        "standardise": False,
        **options,
        "method": method,
    }
    at = [names.index(t) for t in target]
    data = [([v for i, v in enumerate(r) if i not in at] + [1], [r[i] for i in at]) for r in rows]
    classes = 3 if run.get("classify") else 0
    m = Mixture(run, len(names) - len(at), len(at), classes)
    sizes = {n: math.prod(s) for n, s in m.shapes().items()}
    p = {
        n: [1 + 0.3 * rnd.random() if n == "variance" else rnd.gauss(0, 0.7) for _ in range(c)]
        for n, c in sizes.items()
    }
    save(f"{folder}/{name}.init.safetensors", {n: (m.shapes()[n], v) for n, v in p.items()})
    course = [p]
    for _ in range(ITERATIONS):
        course.append(maximise(m, course[-1], data) if m.em else descend(m, course[-1], data))
    expected = {"log_likelihood": ([len(course)], [m.likelihood(q, data) for q in course])}
    if not m.em:
        expected["loss"] = ([len(course)], [m.loss(q, data) for q in course])
    for n, shape in m.shapes().items():
        expected[n] = ([len(course)] + shape, [v for q in course for v in q[n]])
    expected["prediction"] = (
        [len(data), m.outputs],
        [v for x, _ in data for v in m.predict(course[-1], x)],
    )
    save(f"{folder}/{name}.expected.safetensors", expected)
    with open(f"{folder}/{name}.json", "w") as f:
        f.write(json.dumps(run, indent=1) + "\n")


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    folder = sys.argv[1] if len(sys.argv) > 1 else here + "/small/mixture"
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    rnd = Random(1991)
    made = {}
    for name, (head, rows) in tables(rnd).items():
        made[name] = (head, [[round(v, 6) for v in r] for r in rows])
        with open(f"{folder}/{name}.csv", "w") as f:
            f.write(
                head
                + "\n"
                + "".join(
                    ",".join(f"{v:.6f}" if isinstance(v, float) else str(v) for v in r) + "\n"
                    for r in made[name][1]
                )
            )
    y, uv, c = (
        {"target": "y", "experts": 3},
        {"target": "u,v", "experts": 4},
        {"target": "class", "classify": True, "experts": 2},
    )
    runs = [
        ("piecewise-em", "em", y),
        ("piecewise-gradient", "gradient", {**y, "lr": 0.5}),
        ("piecewise-competitive", "competitive", {**y, "lr": 0.4}),
        ("piecewise-cooperative", "cooperative", {**y, "lr": 0.4}),
        ("piecewise-mlp", "gradient", {**y, "experts": 2, "expert": "mlp", "hidden": 3, "lr": 0.3}),
        ("regimes-em", "em", uv),
        ("regimes-gradient", "gradient", {**uv, "lr": 0.3}),
        ("regimes-hierarchical", "em", {"target": "u,v", "levels": "2,2"}),
        ("regimes-tasks", "cooperative", {**uv, "gates": "task", "lr": 0.3}),
        ("classes-em", "em", c),
        ("classes-gradient", "gradient", {**c, "lr": 0.5}),
        ("regimes-levels", "gradient", {"target": "u,v", "levels": "2,2", "lr": 0.3}),
        (
            "classes-levels",
            "gradient",
            {"target": "class", "classify": True, "levels": "2,2", "lr": 0.5},
        ),
        ("classes-competitive", "competitive", {**c, "expert": "mlp", "hidden": 2, "lr": 0.4}),
    ]
    for name, method, options in runs:
        make(folder, rnd, name, method, options, made[name.split("-")[0]])
        print(name)


main()
