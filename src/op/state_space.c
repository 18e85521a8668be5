/* state_space.c - workers share the heads of all sequences: no head reads another's state. */
#include "op/state_space.h"

#include <math.h>
#include <string.h>

#include "op/parallel.h"

typedef struct state_task {
    const state_space *s;
    const token_batch *b;
    const row_kernels *rows;
    const state_space_states *states;
    state_space_inputs in;
    strided_out y;
    /* Backward. For each token and head: dB and dC [T, H, 2 N], and what the gradients of a_log and
     * d have of it [T, H] */
    const real *saved;
    real *workers, *dbc, *da_log, *dd;
    strided_out dxbc, ddt;
} state_task;

/* One head of one sequence */
typedef struct head_of {
    int64_t sequence, head;
    int64_t begin, end; /* its tokens */
    real rate, d;       /* exp(a_log) */
} head_of;

static head_of head_at(const state_task *k, int64_t i)
{
    const state_space *s = k->s;
    head_of h = { .sequence = i / s->heads, .head = i % s->heads };
    h.begin = k->b->start[h.sequence];
    h.end = k->b->start[h.sequence + 1];
    h.rate = (real)exp((double)s->a_log[h.head]); /* as files hold it that do not hold a_log */
    h.d = s->d[h.head];
    return h;
}

static int64_t head_state(const state_space *s) { return s->head_dim * s->state; }

/* The part of a token's row that a head reads */
static const real *x_of(const state_task *k, const head_of *h, int64_t t)
{
    return k->in.xbc.at + t * k->in.xbc.stride + h->head * k->s->head_dim;
}

/* Elements from a token's row to the B of the head's group; C lies as far behind it as B is
 * long for all groups. */
static int64_t b_offset(const state_space *s, const head_of *h)
{
    return s->heads * s->head_dim + h->head * s->groups / s->heads * s->state;
}
static const real *b_of(const state_task *k, const head_of *h, int64_t t)
{
    return k->in.xbc.at + t * k->in.xbc.stride + b_offset(k->s, h);
}
static const real *c_of(const state_task *k, const head_of *h, int64_t t)
{
    return b_of(k, h, t) + k->s->groups * k->s->state;
}

static real dt_of(const state_task *k, const head_of *h, int64_t t)
{
    return k->in.dt.at[t * k->in.dt.stride + h->head];
}

static real decay_of(const state_task *k, const head_of *h, int64_t t)
{
    real power = -dt_of(k, h, t) * h->rate, a;
    k->rows->exp(1, &power, &a);
    return a;
}

/* The state before the first of the tokens that share one which is kept. start / STEPS + i is at
 * least the number of those of the sequences before i. */
static int64_t kept_at(const state_task *k, const head_of *h, int64_t t)
{
    int64_t i = h->begin / STATE_SPACE_STEPS + h->sequence + (t - h->begin) / STATE_SPACE_STEPS;
    return i * state_space_past(k->s) + h->head * head_state(k->s);
}

int64_t state_space_kept(const state_space *s, const batch_limits *most)
{
    return (most->tokens / STATE_SPACE_STEPS + most->sequences) * state_space_past(s);
}

/* The states of STEPS tokens and the one before them, dh, dt x and a y [P] */
int64_t state_space_worker(const state_space *s)
{
    return (STATE_SPACE_STEPS + 2) * head_state(s) + 2 * s->head_dim;
}

int64_t state_space_shared(const state_space *s, const batch_limits *most)
{
    return most->tokens * s->heads * (2 * s->state + 2);
}

/* ---- forward ---- */

/* to = the state after token t of the one before it. y [P], which may be dt x [P] */
static void step(
    const state_task *k, const head_of *h, int64_t t, const real *from, real *to, real *y)
{
    const state_space *s = k->s;
    k->rows->scale(s->head_dim, dt_of(k, h, t), x_of(k, h, t), y);
    k->rows->state_step(
        s->head_dim, s->state, decay_of(k, h, t), y, b_of(k, h, t), c_of(k, h, t), from, to, y);
}

/* The state of a head after its tokens is in `after` [P, N]; from NULL: zeros come before them. */
static void forward_head(const state_task *k, const head_of *h, const real *from, real *after)
{
    const state_space *s = k->s;
    size_t bytes = (size_t)head_state(s) * sizeof(real);
    if (!from) from = memset(after, 0, bytes);
    for (int64_t t = h->begin; t < h->end; t++, from = after) {
        real *y = k->y.at + t * k->y.stride + h->head * s->head_dim;
        if (k->states->kept && (t - h->begin) % STATE_SPACE_STEPS == 0)
            memcpy(k->states->kept + kept_at(k, h, t), from, bytes);
        step(k, h, t, from, after, y);
        k->rows->axpy(s->head_dim, h->d, x_of(k, h, t), y);
    }
    if (h->begin == h->end && from != after) memcpy(after, from, bytes);
}

static void forward_heads(void *arg, int worker, int workers)
{
    const state_task *k = arg;
    const state_space_states *states = k->states;
    pool_range own = pool_share(k->b->sequences * k->s->heads, 1, worker, workers);
    for (int64_t i = own.begin; i < own.end; i++) {
        head_of h = head_at(k, i);
        int64_t at = h.head * head_state(k->s);
        forward_head(k, &h, states->before ? states->before[h.sequence] + at : NULL,
            states->after ? states->after[h.sequence] + at
                          : states->scratch + worker * head_state(k->s));
    }
}

void state_space_forward(const compute *c, const state_space *s, const token_batch *b,
    const state_space_states *states, strided_in xbc, strided_in dt, strided_out y)
{
    state_task k = { .s = s,
        .b = b,
        .rows = c->variant->rows,
        .states = states,
        .in = { .xbc = xbc, .dt = dt },
        .y = y };
    pool_run(c->pool, forward_heads, &k);
}

/* ---- backward ---- */

/* A worker's own memory */
typedef struct head_memory {
    real *state;  /* [STEPS + 1, P, N] before the first token of some, and after each */
    real *dh;     /* [P, N] the gradient by the state, from the tokens behind */
    real *u, *du; /* [P] dt x */
} head_memory;

static head_memory memory_of(const state_task *k, int worker)
{
    int64_t one = head_state(k->s);
    head_memory m = { .state = k->workers + worker * state_space_worker(k->s) };
    m.dh = m.state + (STATE_SPACE_STEPS + 1) * one;
    m.u = m.dh + one;
    m.du = m.u + k->s->head_dim;
    return m;
}

/* y = h C:              dh += dy C^T, dC = h^T dy
 * h = a before + u B^T: da = sum of dh before, du = dh B, dB = dh^T u, dbefore = a dh
 * Returns da. */
static real state_backward(const state_task *k, const head_of *h, int64_t t, const head_memory *m,
    const real *before, const real *after, real a)
{
    const state_space *s = k->s;
    const row_kernels *rows = k->rows;
    int64_t n = s->state;
    const real *b = b_of(k, h, t), *c = c_of(k, h, t),
               *dy = k->in.dy.at + t * k->in.dy.stride + h->head * s->head_dim;
    real *db = k->dbc + (t * s->heads + h->head) * 2 * n, *dc = db + n, da = 0;
    memset(db, 0, 2 * (size_t)n * sizeof *db);
    for (int64_t p = 0; p < s->head_dim; p++) {
        real *dh = m->dh + p * n;
        rows->axpy(n, dy[p], c, dh);
        rows->axpy(n, dy[p], after + p * n, dc);
        m->du[p] = rows->dot(n, dh, b);
        rows->axpy(n, m->u[p], dh, db);
        da += rows->dot(n, dh, before + p * n);
        rows->scale(n, a, dh, dh);
    }
    return da;
}

/* u = dt x, a = exp(-dt rate), y += d x:
 *     dx = dt du + d dy, ddt = sum of du x - da a rate, da_log = -da a dt rate, dd = sum of dy x */
static void token_backward(const state_task *k, const head_of *h, int64_t t, const head_memory *m,
    const real *before, const real *after)
{
    const state_space *s = k->s;
    const row_kernels *rows = k->rows;
    const real *x = x_of(k, h, t), *dy = k->in.dy.at + t * k->in.dy.stride + h->head * s->head_dim;
    real *dx = k->dxbc.at + t * k->dxbc.stride + h->head * s->head_dim;
    int64_t place = t * s->heads + h->head;
    real dt = dt_of(k, h, t), a = decay_of(k, h, t);
    rows->scale(s->head_dim, dt, x, m->u);
    real da = state_backward(k, h, t, m, before, after, a);
    rows->scale(s->head_dim, dt, m->du, dx);
    rows->axpy(s->head_dim, h->d, dy, dx);
    k->ddt.at[t * k->ddt.stride + h->head] = rows->dot(s->head_dim, m->du, x) - da * a * h->rate;
    k->da_log[place] = -da * a * dt * h->rate;
    k->dd[place] = rows->dot(s->head_dim, dy, x);
}

/* The tokens first .. end - 1, which share the state that was kept before them. */
static void some_backward(
    const state_task *k, const head_of *h, int64_t first, int64_t end, const head_memory *m)
{
    int64_t one = head_state(k->s);
    memcpy(m->state, k->saved + kept_at(k, h, first), (size_t)one * sizeof *m->state);
    for (int64_t t = first; t < end; t++) {
        real *from = m->state + (t - first) * one;
        step(k, h, t, from, from + one, m->u);
    }
    for (int64_t t = end - 1; t >= first; t--) {
        const real *before = m->state + (t - first) * one;
        token_backward(k, h, t, m, before, before + one);
    }
}

static void head_backward(const state_task *k, const head_of *h, const head_memory *m)
{
    int64_t length = h->end - h->begin, end = h->end;
    memset(m->dh, 0, (size_t)head_state(k->s) * sizeof *m->dh);
    for (int64_t j = (length - 1) / STATE_SPACE_STEPS; length > 0 && j >= 0; j--) {
        int64_t first = h->begin + j * STATE_SPACE_STEPS;
        some_backward(k, h, first, end, m);
        end = first;
    }
}

static void heads_backward(void *arg, int worker, int workers)
{
    const state_task *k = arg;
    pool_range own = pool_share(k->b->sequences * k->s->heads, 1, worker, workers);
    head_memory m = memory_of(k, worker);
    for (int64_t i = own.begin; i < own.end; i++) {
        head_of h = head_at(k, i);
        head_backward(k, &h, &m);
    }
}

/* dB and dC of a group are sums over its heads, in their order. */
static void groups_backward(void *arg, int64_t begin, int64_t end)
{
    const state_task *k = arg;
    const state_space *s = k->s;
    int64_t n = s->state, all = s->groups * n;
    for (int64_t t = begin; t < end; t++) {
        real *to = k->dxbc.at + t * k->dxbc.stride + s->heads * s->head_dim;
        const real *from = k->dbc + t * s->heads * 2 * n;
        memset(to, 0, 2 * (size_t)all * sizeof *to);
        for (int64_t i = 0; i < s->heads; i++, from += 2 * n) {
            real *db = to + i * s->groups / s->heads * n;
            k->rows->add(n, from, db);
            k->rows->add(n, from + n, db + all);
        }
    }
}

/* A sum over tokens of rows [T, H] */
typedef struct head_sum {
    const row_kernels *rows;
    const real *from;
    int64_t heads;
} head_sum;

static void add_heads(
    void *arg, int64_t token, int64_t token_end, int64_t begin, int64_t end, real *to)
{
    const head_sum *k = arg;
    for (int64_t t = token; t < token_end; t++)
        k->rows->add(end - begin, k->from + t * k->heads + begin, to);
}

static void sum_heads(const compute *c, const state_task *k, const real *from, real *to)
{
    head_sum h = { k->rows, from, k->s->heads };
    leaf_sum sum = { k->b->tokens, k->s->heads, k->b->tokens * k->s->heads, k->s->accumulate,
        add_heads, &h };
    if (to) leaves_sum(c, k->s->leaves, &sum, to);
}

void state_space_backward(const compute *c, const state_space *s, const token_batch *b,
    const state_space_memory *m, const state_space_inputs *in, strided_out dxbc, strided_out ddt)
{
    int64_t tokens = b->tokens;
    state_task k = { .s = s,
        .b = b,
        .rows = c->variant->rows,
        .in = *in,
        .saved = m->kept,
        .workers = m->workers,
        .dbc = m->shared,
        .da_log = m->shared + tokens * s->heads * 2 * s->state,
        .dxbc = dxbc,
        .ddt = ddt };
    k.dd = k.da_log + tokens * s->heads;
    pool_run(c->pool, heads_backward, &k);
    parallel_over(c, tokens, 1, tokens * s->heads * 2 * s->state, groups_backward, &k);
    sum_heads(c, &k, k.da_log, s->da_log);
    sum_heads(c, &k, k.dd, s->dd);
}
