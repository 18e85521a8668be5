/* delta_rule.c - one token of a head is a row kernel; here are the walks over tokens, forward and
 * back. */
#include "op/delta_rule.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "op/norm.h"

enum { CHECKPOINT = 32 }; /* tokens from one state that is kept to the next */
#define LENGTH_EPS 1e-6   /* is added to the squared length of q and k */

/* ---- memory ---- */

/* A worker's memory has d and o of a token and a state, and in training what walk_back names. */
static int64_t elements_of(const delta_rule *r, bool training)
{
    int64_t state = r->key_dim * r->value_dim, row = r->value_dim;
    int64_t checkpoints = (r->most + CHECKPOINT - 1) / CHECKPOINT;
    int64_t back = (checkpoints + CHECKPOINT + 1) * state + (CHECKPOINT + 2) * row;
    return 2 * row + state + (training ? back : 0);
}

void delta_rule_lay_kept(delta_rule *r, arena *a, const batch_limits *most)
{
    int64_t heads = most->tokens * r->key_heads;
    r->q = ARENA_ARRAY(a, real, (heads * r->key_dim));
    r->k = ARENA_ARRAY(a, real, (heads * r->key_dim));
    r->q_inverse = ARENA_ARRAY(a, real, heads);
    r->k_inverse = ARENA_ARRAY(a, real, heads);
}

void delta_rule_lay_workspace(delta_rule *r, arena *a, const batch_limits *most, int workers)
{
    int64_t row = r->key_heads * r->key_dim;
    r->most = most->tokens;
    r->worker_elements = elements_of(r, most->training);
    r->gain = ARENA_ARRAY(a, real, (2 * r->key_dim));
    r->scratch = ARENA_ARRAY(a, real, (workers * r->worker_elements));
    if (!most->training) return;
    r->dq = ARENA_ARRAY(a, real, (most->tokens * row));
    r->dk = ARENA_ARRAY(a, real, (most->tokens * row));
}

/* ---- q and k of length 1: a norm over each head with the gains that this takes ---- */

static norm length_norm(const delta_rule *r, bool query)
{
    real *gain = r->gain + (query ? 0 : r->key_dim);
    double width = (double)r->key_dim, one = 1 / sqrt(width);
    for (int64_t i = 0; i < r->key_dim; i++) gain[i] = (real)(query ? one * one : one);
    return (norm){
        .heads = r->key_heads, .width = r->key_dim, .gain = gain, .eps = (real)(LENGTH_EPS / width)
    };
}

static void normalise(
    const compute *c, const delta_rule *r, const token_batch *b, const delta_inputs *in)
{
    norm q = length_norm(r, true), k = length_norm(r, false);
    int64_t row = r->key_heads * r->key_dim;
    norm_forward(c, &q, b->tokens, in->q, rows_to(r->q, row), r->q_inverse);
    norm_forward(c, &k, b->tokens, in->k, rows_to(r->k, row), r->k_inverse);
}

/* ---- walks ---- */

typedef struct walk {
    const row_kernels *rows;
    const delta_rule *r;
    const token_batch *b;
    const delta_inputs *in;
    const real *const *before;
    real *const *after;
    strided_out o;
    strided_in dout;
    const delta_gradients *out;
} walk;

static int64_t key_head_of(const delta_rule *r, int64_t head)
{
    return r->tiled ? head % r->key_heads : head / (r->heads / r->key_heads);
}

/* The i-th head that reads key head g */
static int64_t head_of(const delta_rule *r, int64_t g, int64_t i)
{
    return r->tiled ? i * r->key_heads + g : g * (r->heads / r->key_heads) + i;
}

/* Token t of a head, without states and outputs */
static row_delta token_of(const walk *w, int64_t head, int64_t t)
{
    const delta_rule *r = w->r;
    const delta_inputs *in = w->in;
    int64_t key = (t * r->key_heads + key_head_of(r, head)) * r->key_dim;
    return (row_delta){ .rows = r->key_dim,
        .columns = r->value_dim,
        .decay = in->decay.at + t * in->decay.stride + head * (r->by_row ? r->key_dim : 1),
        .decay_step = r->by_row,
        .query = r->q + key,
        .key = r->k + key,
        .value = in->v.at + t * in->v.stride + head * r->value_dim,
        .beta = in->beta.at[t * in->beta.stride + head] };
}

/* All tokens of one head of a sequence; scratch: d, and a state where none is wanted */
static void walk_forward(const walk *w, int64_t sequence, int64_t head, real *scratch)
{
    const delta_rule *r = w->r;
    const token_batch *b = w->b;
    int64_t size = r->key_dim * r->value_dim;
    const real *before = w->before ? w->before[sequence] : NULL;
    real *state = w->after ? w->after[sequence] + head * size : scratch + 2 * r->value_dim;
    if (!before) memset(state, 0, (size_t)size * sizeof *state);
    for (int64_t t = b->start[sequence]; t < b->start[sequence + 1]; t++) {
        row_delta d = token_of(w, head, t);
        d.before = before && t == b->start[sequence] ? before + head * size : state;
        d.after = state;
        d.change = scratch;
        d.out = w->o.at + t * w->o.stride + head * r->value_dim;
        w->rows->delta_step(&d);
    }
}

static void forward_share(void *arg, int worker, int workers)
{
    const walk *w = arg;
    int64_t heads = w->r->heads;
    pool_range own = pool_share(w->b->sequences * heads, 1, worker, workers);
    for (int64_t i = own.begin; i < own.end; i++)
        walk_forward(w, i / heads, i % heads, w->r->scratch + worker * w->r->worker_elements);
}

void delta_rule_forward(const compute *c, const delta_rule *r, const token_batch *b,
    const delta_inputs *in, const real *const *before, real *const *after, strided_out o)
{
    walk w = {
        .rows = c->variant->rows, .r = r, .b = b, .in = in, .before = before, .after = after, .o = o
    };
    normalise(c, r, b, in);
    pool_run(c->pool, forward_share, &w);
}

/* ---- backward ---- */

/* What a worker has for one head of a sequence */
typedef struct back {
    const walk *w;
    int64_t head, first;   /* first: token of the sequence */
    bool add;              /* the key head's dq and dk have those of another head */
    real *out;             /* o of a token, which is not wanted [V] */
    real *ds;              /* the gradient by the state [K, V] */
    real *checkpoints;     /* [n, K, V] before tokens 0, CHECKPOINT ... */
    real *states;          /* [CHECKPOINT + 1, K, V] before and after each token of a segment */
    real *changes;         /* [CHECKPOINT, V] its d */
    real *dchange, *dread; /* dd, and beta dd [V] */
} back;

static int64_t state_size(const back *k) { return k->w->r->key_dim * k->w->r->value_dim; }

static back back_of(const walk *w, int64_t sequence, int64_t head, real *scratch)
{
    const delta_rule *r = w->r;
    back k = { .w = w, .head = head, .first = w->b->start[sequence] };
    int64_t n = w->b->start[sequence + 1] - k.first, size = state_size(&k);
    assert(n <= r->most);
    k.out = scratch;
    k.dchange = k.out + 2 * r->value_dim;
    k.dread = k.dchange + r->value_dim;
    k.changes = k.dread + r->value_dim;
    k.ds = k.changes + CHECKPOINT * r->value_dim;
    k.states = k.ds + size;
    k.checkpoints = k.states + (CHECKPOINT + 1) * size;
    return k;
}

/* Steps from the state at `before` over token t to the one at `after`, which may be the same. */
static void step(const back *k, int64_t t, const real *before, real *after, real *change)
{
    row_delta d = token_of(k->w, k->head, t);
    d.before = before;
    d.after = after;
    d.change = change;
    d.out = k->out;
    k->w->rows->delta_step(&d);
}

/* The state before every CHECKPOINT-th of n tokens; the last of them is where n begins again. */
static void keep_checkpoints(const back *k, int64_t n)
{
    int64_t size = state_size(k);
    memset(k->checkpoints, 0, (size_t)size * sizeof(real));
    for (int64_t at = CHECKPOINT; at < n; at += CHECKPOINT) {
        const real *from = k->checkpoints + (at / CHECKPOINT - 1) * size;
        real *to = k->checkpoints + at / CHECKPOINT * size;
        for (int64_t i = 0; i < CHECKPOINT; i++)
            step(k, k->first + at - CHECKPOINT + i, i ? to : from, to, k->changes);
    }
}

/* The gradients of token t, whose state was `before` and became `after`; dS becomes that of the
 * token before. */
static void step_back(const back *k, int64_t t, const real *before, const real *change)
{
    const walk *w = k->w;
    const delta_rule *r = w->r;
    const row_kernels *rows = w->rows;
    const delta_gradients *g = w->out;
    row_delta d = token_of(w, k->head, t);
    int64_t n = d.columns, key = d.key - r->k;
    const real *after = before + state_size(k),
               *dout = w->dout.at + t * w->dout.stride + k->head * n;
    real *dq = r->dq + key, *dk = r->dk + key;
    memset(k->dchange, 0, (size_t)n * sizeof(real));
    for (int64_t i = 0; i < d.rows; i++) {
        real *ds = k->ds + i * n;
        rows->axpy(n, d.query[i], dout, ds);
        dq[i] = (k->add ? dq[i] : 0) + rows->dot(n, after + i * n, dout);
        dk[i] = (k->add ? dk[i] : 0) + rows->dot(n, ds, change);
        rows->axpy(n, d.key[i], ds, k->dchange);
    }
    real *dv = g->v.at + t * g->v.stride + k->head * n, dbeta = 0, decay = 0;
    rows->scale(n, d.beta, k->dchange, k->dread);
    memcpy(dv, k->dread, (size_t)n * sizeof *dv);
    dbeta = rows->dot(n, k->dchange, d.value);
    real *ddecay = g->decay.at + t * g->decay.stride + k->head * (r->by_row ? r->key_dim : 1);
    for (int64_t i = 0; i < d.rows; i++) {
        real *ds = k->ds + i * n, a = d.decay[i * d.decay_step];
        const real *s = before + i * n;
        dbeta -= d.key[i] * a * rows->dot(n, s, k->dchange);
        dk[i] -= a * rows->dot(n, s, k->dread);
        rows->axpy(n, -d.key[i], k->dread, ds);
        real by_row = rows->dot(n, ds, s);
        if (r->by_row) ddecay[i] = by_row;
        decay += by_row;
        rows->scale(n, a, ds, ds);
    }
    if (!r->by_row) *ddecay = decay;
    g->beta.at[t * g->beta.stride + k->head] = dbeta;
}

static void walk_back(const back *k, int64_t n)
{
    int64_t size = state_size(k), width = k->w->r->value_dim;
    keep_checkpoints(k, n);
    memset(k->ds, 0, (size_t)size * sizeof(real));
    for (int64_t at = (n - 1) / CHECKPOINT * CHECKPOINT; at >= 0; at -= CHECKPOINT) {
        int64_t count = n - at < CHECKPOINT ? n - at : CHECKPOINT;
        memcpy(k->states, k->checkpoints + at / CHECKPOINT * size, (size_t)size * sizeof(real));
        for (int64_t i = 0; i < count; i++)
            step(k, k->first + at + i, k->states + i * size, k->states + (i + 1) * size,
                k->changes + i * width);
        for (int64_t i = count - 1; i >= 0; i--)
            step_back(k, k->first + at + i, k->states + i * size, k->changes + i * width);
    }
}

/* A worker has all heads that read a key head, and adds up what they give it. */
static void backward_share(void *arg, int worker, int workers)
{
    const walk *w = arg;
    const delta_rule *r = w->r;
    real *scratch = r->scratch + worker * r->worker_elements;
    pool_range own = pool_share(w->b->sequences * r->key_heads, 1, worker, workers);
    for (int64_t u = own.begin; u < own.end; u++)
        for (int64_t i = 0; i < r->heads / r->key_heads; i++) {
            int64_t s = u / r->key_heads, head = head_of(r, u % r->key_heads, i);
            back k = back_of(w, s, head, scratch);
            k.add = i > 0;
            walk_back(&k, w->b->start[s + 1] - w->b->start[s]);
        }
}

void delta_rule_backward(const compute *c, const delta_rule *r, const token_batch *b,
    const delta_inputs *in, strided_in dout, const delta_gradients *out)
{
    walk w = { .rows = c->variant->rows, .r = r, .b = b, .in = in, .dout = dout, .out = out };
    norm q = length_norm(r, true), k = length_norm(r, false);
    int64_t row = r->key_heads * r->key_dim;
    pool_run(c->pool, backward_share, &w);
    norm_backward(c, &q, b->tokens, in->q, r->q_inverse, rows_from(r->dq, row), out->q);
    norm_backward(c, &k, b->tokens, in->k, r->k_inverse, rows_from(r->dk, row), out->k);
}
