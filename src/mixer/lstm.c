/* lstm.c - a layer of long short-term memory (Hochreiter and Schmidhuber 1997, with Gers et al.'s
 * forget gate), which reads a sequence token by token. h and c are those of the previous token, and
 * 0 before the first:
 *
 *     i, f, g, o = x Wx^T + b + h Wh^T       [4D]; i, f and o by sigmoid, g by tanh
 *     c' = f c + i g
 *     y = h' = o tanh(c')
 *
 * The products with Wx are one product for all tokens. Those with Wh go step by step: step s is the
 * s-th token of every sequence that has one. Each worker has some of the sequences, computes one
 * product for all of them in each step, and waits for no other worker. A sum of the two products is
 * the same bits for any number of tokens, sequences and workers.
 *
 * Backward goes from the last token of a sequence to the first: dc and dh carry the gradients that
 * later tokens give c and h. */
#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "kernel/gemm.h"
#include "kernel/rows.h"
#include "mixer/mixer_ops.h"
#include "mixer/sequence_state.h"

typedef struct lstm {
    int64_t width;
    /* Kept: i, f, g, o of every token [T, 4D]; c, tanh(c) and the h before it, [T, D] each */
    real *gates, *cells, *squashed, *before;
    /* Workspace, for each sequence [B, D] */
    real *h, *c;
    /* For the sequences that have a token at this step: h [B, D], and h Wh^T or its gradient [B,
     * 4D] */
    real *step_h, *step_gates;
    int64_t *active;        /* [B] those sequences */
    real *dgates, *dh, *dc; /* [T, 4D], [B, D], [B, D]; NULL: forward only */
    const row_kernels *rows;
} lstm;

/* ---- memory ---- */

static void lay_kept(lstm *m, arena *a, const batch_limits *most)
{
    int64_t tokens = most->tokens;
    m->gates = ARENA_ARRAY(a, real, (tokens * 4 * m->width));
    m->cells = ARENA_ARRAY(a, real, (tokens * m->width));
    m->squashed = ARENA_ARRAY(a, real, (tokens * m->width));
    m->before = ARENA_ARRAY(a, real, (tokens * m->width));
}

static void lay_workspace(lstm *m, arena *a, const batch_limits *most)
{
    int64_t row = most->sequences * m->width;
    m->h = ARENA_ARRAY(a, real, row);
    m->c = ARENA_ARRAY(a, real, row);
    m->step_h = ARENA_ARRAY(a, real, row);
    m->step_gates = ARENA_ARRAY(a, real, 4 * row);
    m->active = ARENA_ARRAY(a, int64_t, most->sequences);
    if (!most->training) return;
    m->dgates = ARENA_ARRAY(a, real, (most->tokens * 4 * m->width));
    m->dh = ARENA_ARRAY(a, real, row);
    m->dc = ARENA_ARRAY(a, real, row);
}

static size_t kept_bytes(const mixer_config *c, const batch_limits *most)
{
    lstm m = { .width = c->width };
    arena measured = { 0 };
    lay_kept(&m, &measured, most);
    return measured.used;
}

static size_t workspace_bytes(const mixer_config *c, const batch_limits *most, int workers)
{
    lstm m = { .width = c->width };
    arena measured = { 0 };
    (void)workers;
    lay_workspace(&m, &measured, most);
    return measured.used;
}

static lstm begin(const mixer_call *call)
{
    lstm m = { .width = call->config->width, .rows = call->compute->variant->rows };
    arena kept = { .base = call->kept, .size = call->kept_bytes },
          work = { .base = call->workspace, .size = call->workspace_bytes };
    lay_kept(&m, &kept, call->most);
    lay_workspace(&m, &work, call->most);
    return m;
}

static mixer_state_size state(const mixer_config *c)
{
    return (mixer_state_size){ .fixed = 2 * c->width };
}

/* ---- steps ---- */

/* All steps of the sequences begin .. end - 1, which belong to one worker. Sequences are
 * independent. */
typedef struct walk {
    const mixer_call *call;
    const lstm *m;
    int worker;
    int64_t begin, end;
    int64_t step, count; /* of these, `count` have a token at this step */
    real *y;             /* [T, D]; forward only */
    const real *dy;      /* [T, D]; backward only */
} walk;

static int64_t length_of(const token_batch *b, int64_t sequence)
{
    return b->start[sequence + 1] - b->start[sequence];
}

static int64_t longest(const walk *k)
{
    int64_t most = 0;
    for (int64_t i = k->begin; i < k->end; i++)
        if (length_of(k->call->batch, i) > most) most = length_of(k->call->batch, i);
    return most;
}

static void enter_step(walk *k, int64_t step)
{
    int64_t *active = k->m->active + k->begin;
    k->step = step;
    k->count = 0;
    for (int64_t i = k->begin; i < k->end; i++)
        if (length_of(k->call->batch, i) > step) active[k->count++] = i;
}

/* The r-th sequence of the step, and its token */
static int64_t sequence_at(const walk *k, int64_t r) { return k->m->active[k->begin + r]; }
static int64_t token_at(const walk *k, int64_t r)
{
    return k->call->batch->start[sequence_at(k, r)] + k->step;
}

static void copy_row(int64_t width, const real *from, real *to)
{
    memcpy(to, from, (size_t)width * sizeof *to);
}

/* Gathers h of the step's sequences, and computes h Wh^T. */
static void multiply_hidden(const walk *k)
{
    const lstm *m = k->m;
    int64_t n = m->width;
    real *h = m->step_h + k->begin * n;
    for (int64_t r = 0; r < k->count; r++) {
        copy_row(n, m->h + sequence_at(k, r) * n, h + r * n);
        copy_row(n, h + r * n, m->before + token_at(k, r) * n);
    }
    gemm_group g = { .m = k->count,
        .n = 4 * n,
        .k = n,
        .a = h,
        .a_stride = n,
        .b = weight_matrix(&k->call->weights->part[MIXER_LSTM_HIDDEN], 0),
        .c = m->step_gates + k->begin * 4 * n,
        .c_stride = 4 * n };
    gemm_serial(k->call->compute, k->worker, GEMM_NT, &g, false);
}

/* z: the sums of the gates, which become the gates. c and h advance by one token. */
static void cell_forward(const lstm *m, real *z, int64_t token, real *c, real *h)
{
    int64_t n = m->width;
    const row_kernels *rows = m->rows;
    const real *in = z, *forget = z + n, *out = z + 3 * n;
    real *value = z + 2 * n, *squashed = m->squashed + token * n;
    rows->sigmoid(2 * n, z, z);
    rows->tanh(n, value, value);
    rows->sigmoid(n, z + 3 * n, z + 3 * n);
    rows->multiply(n, c, forget, c);
    rows->multiply(n, in, value, squashed);
    rows->add(n, squashed, c);
    rows->tanh(n, c, squashed);
    rows->multiply(n, out, squashed, h);
    copy_row(n, c, m->cells + token * n);
}

static void step_forward(const walk *k)
{
    const lstm *m = k->m;
    int64_t n = m->width;
    multiply_hidden(k);
    for (int64_t r = 0; r < k->count; r++) {
        int64_t sequence = sequence_at(k, r), token = token_at(k, r);
        real *z = m->gates + token * 4 * n, *h = m->h + sequence * n;
        m->rows->add(4 * n, m->step_gates + (k->begin + r) * 4 * n, z);
        cell_forward(m, z, token, m->c + sequence * n, h);
        copy_row(n, h, k->y + token * n);
    }
}

/* dh is the gradient by this token's h. dc is the gradient by its c from the next token, and
 * becomes that by the previous c. c_before NULL: it was 0. */
static void cell_backward(
    const lstm *m, int64_t token, const real *c_before, const real *dh, real *dc, real *dz)
{
    int64_t n = m->width;
    const real *z = m->gates + token * 4 * n, *squashed = m->squashed + token * n;
    for (int64_t i = 0; i < n; i++) {
        real in = z[i], forget = z[n + i], value = z[2 * n + i], out = z[3 * n + i];
        real s = squashed[i], d = dc[i] + dh[i] * out * (1 - s * s);
        dz[i] = d * value * in * (1 - in);
        dz[n + i] = c_before ? d * c_before[i] * forget * (1 - forget) : 0;
        dz[2 * n + i] = d * in * (1 - value * value);
        dz[3 * n + i] = dh[i] * s * out * (1 - out);
        dc[i] = d * forget;
    }
}

/* dh of the previous tokens = dz Wh */
static void multiply_hidden_backward(const walk *k)
{
    const lstm *m = k->m;
    int64_t n = m->width;
    real *dh = m->step_h + k->begin * n;
    gemm_group g = { .m = k->count,
        .n = n,
        .k = 4 * n,
        .a = m->step_gates + k->begin * 4 * n,
        .a_stride = 4 * n,
        .b = weight_matrix(&k->call->weights->part[MIXER_LSTM_HIDDEN], 0),
        .c = dh,
        .c_stride = n };
    gemm_serial(k->call->compute, k->worker, GEMM_NN, &g, false);
    for (int64_t r = 0; r < k->count; r++) copy_row(n, dh + r * n, m->dh + sequence_at(k, r) * n);
}

static void step_backward(const walk *k)
{
    const lstm *m = k->m;
    int64_t n = m->width;
    for (int64_t r = 0; r < k->count; r++) {
        int64_t sequence = sequence_at(k, r), token = token_at(k, r);
        real *dh = m->dh + sequence * n, *dz = m->dgates + token * 4 * n;
        const real *c_before = k->step > 0 ? m->cells + (token - 1) * n : NULL;
        m->rows->add(n, k->dy + token * n, dh);
        cell_backward(m, token, c_before, dh, m->dc + sequence * n, dz);
        copy_row(4 * n, dz, m->step_gates + (k->begin + r) * 4 * n);
    }
    if (k->step > 0) multiply_hidden_backward(k);
}

static walk walk_of(const walk *all, int worker, int workers)
{
    walk own = *all;
    pool_range range = pool_share(all->call->batch->sequences, 1, worker, workers);
    own.worker = worker;
    own.begin = range.begin;
    own.end = range.end;
    return own;
}

static void walk_forward(void *arg, int worker, int workers)
{
    walk k = walk_of(arg, worker, workers);
    int64_t steps = longest(&k);
    for (int64_t s = 0; s < steps; s++) {
        enter_step(&k, s);
        step_forward(&k);
    }
}

static void walk_backward(void *arg, int worker, int workers)
{
    walk k = walk_of(arg, worker, workers);
    for (int64_t s = longest(&k) - 1; s >= 0; s--) {
        enter_step(&k, s);
        step_backward(&k);
    }
}

/* ---- states ---- */

/* Takes h and c from the sequences' states; 0 where a sequence begins. */
static void take_states(const mixer_call *call, const lstm *m)
{
    const token_batch *b = call->batch;
    size_t bytes = (size_t)m->width * sizeof(real);
    for (int64_t i = 0; i < b->sequences; i++) {
        real *h = m->h + i * m->width, *c = m->c + i * m->width;
        const real *fixed = b->states ? b->states[i]->layer[call->layer].fixed : NULL;
        if (fixed) memcpy(h, fixed, bytes), memcpy(c, fixed + m->width, bytes);
        else memset(h, 0, bytes), memset(c, 0, bytes);
    }
}

static void give_states(const mixer_call *call, const lstm *m)
{
    const token_batch *b = call->batch;
    for (int64_t i = 0; b->states && i < b->sequences; i++) {
        real *next = b->states[i]->layer[call->layer].next;
        copy_row(m->width, m->h + i * m->width, next);
        copy_row(m->width, m->c + i * m->width, next + m->width);
    }
}

/* ---- the mixer ---- */

static void forward(const mixer_call *call, const real *x, real *y)
{
    lstm m = begin(call);
    int64_t n = m.width;
    linear in = mixer_linear(call->weights, NULL, MIXER_LSTM_INPUT, MIXER_LSTM_BIAS);
    walk k = { .call = call, .m = &m, .y = y };
    linear_forward(
        call->compute, &in, call->batch->tokens, rows_from(x, n), rows_to(m.gates, 4 * n));
    take_states(call, &m);
    pool_run(call->compute->pool, walk_forward, &k);
    give_states(call, &m);
}

static void backward(
    const mixer_call *call, const mixer_gradients *g, const real *x, const real *dy, real *dx)
{
    lstm m = begin(call);
    const token_batch *b = call->batch;
    int64_t n = m.width, row = b->sequences * n;
    linear in = mixer_linear(call->weights, g, MIXER_LSTM_INPUT, MIXER_LSTM_BIAS),
           again = mixer_linear(call->weights, g, MIXER_LSTM_HIDDEN, MIXER_NOTHING);
    strided_in dgates = rows_from(m.dgates, 4 * n);
    walk k = { .call = call, .m = &m, .dy = dy };
    assert(!b->states);
    memset(m.dh, 0, (size_t)row * sizeof *m.dh);
    memset(m.dc, 0, (size_t)row * sizeof *m.dc);
    pool_run(call->compute->pool, walk_backward, &k);
    linear_backward(call->compute, &again, b->tokens, rows_from(m.before, n), dgates,
        (strided_out){ .at = NULL });
    linear_backward(call->compute, &in, b->tokens, rows_from(x, n), dgates, rows_to(dx, n));
}

const mixer mixer_lstm = {
    .name = "lstm",
    .words = "a recurrent layer (LSTM)",
    .kept_bytes = kept_bytes,
    .workspace_bytes = workspace_bytes,
    .forward = forward,
    .backward = backward,
    .state = state,
    .rewinds = false,
};
