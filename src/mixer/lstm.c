/* lstm.c - a layer of long short-term memory (Hochreiter and Schmidhuber 1997, with Gers et al.'s
 * forget gate), which reads a sequence token by token. With h and c of the token before, which are
 * 0 before the first:
 *
 *     i, f, g, o = x Wx^T + b + h Wh^T       [4D]; i, f and o by sigmoid, g by tanh
 *     c' = f c + i g
 *     y = h' = o tanh(c')
 *
 * The products with Wx are one for all tokens. Those with Wh go step by step: step s is the s-th
 * token of every sequence that has one, so that all sequences share a product. A sum of the two is
 * the same bits however many tokens and sequences a pass has.
 *
 * Backward goes the other way, from the last token to the first, through all of a sequence: dc and
 * dh carry what later tokens ask of c and h. */
#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "mixer/mixer_ops.h"
#include "mixer/sequence_state.h"
#include "op/parallel.h"

typedef struct lstm {
    int64_t width;
    /* Kept: i, f, g, o of every token [T, 4D]; c, tanh(c) and the h before it, [T, D] each */
    real *gates, *cells, *squashed, *before;
    /* Workspace: of each sequence, [B, D] */
    real *h, *c;
    /* Of those that have a token at this step: h [B, D], and h Wh^T or its gradient [B, 4D] */
    real *step_h, *step_gates;
    int64_t *active;        /* [B] these sequences */
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

typedef struct step_task {
    const lstm *m;
    const token_batch *batch;
    int64_t step;
    real *y;        /* [T, D]; forward only */
    const real *dy; /* [T, D]; backward only */
} step_task;

static int64_t length_of(const token_batch *b, int64_t sequence)
{
    return b->start[sequence + 1] - b->start[sequence];
}

static int64_t longest(const token_batch *b)
{
    int64_t most = 0;
    for (int64_t i = 0; i < b->sequences; i++)
        if (length_of(b, i) > most) most = length_of(b, i);
    return most;
}

/* Into m->active; how many there are. */
static int64_t find_active(const lstm *m, const token_batch *b, int64_t step)
{
    int64_t count = 0;
    for (int64_t i = 0; i < b->sequences; i++)
        if (length_of(b, i) > step) m->active[count++] = i;
    return count;
}

static void copy_row(int64_t width, const real *from, real *to)
{
    memcpy(to, from, (size_t)width * sizeof *to);
}

/* Of active sequences begin .. end - 1: their h, side by side and beside their token. */
static void gather_range(void *arg, int64_t begin, int64_t end)
{
    const step_task *k = arg;
    const lstm *m = k->m;
    for (int64_t r = begin; r < end; r++) {
        int64_t sequence = m->active[r], token = k->batch->start[sequence] + k->step;
        copy_row(m->width, m->h + sequence * m->width, m->step_h + r * m->width);
        copy_row(m->width, m->h + sequence * m->width, m->before + token * m->width);
    }
}

/* z: the gates' sums, which become the gates; c and h move on by one token. */
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

static void forward_range(void *arg, int64_t begin, int64_t end)
{
    const step_task *k = arg;
    const lstm *m = k->m;
    for (int64_t r = begin; r < end; r++) {
        int64_t sequence = m->active[r], token = k->batch->start[sequence] + k->step;
        real *z = m->gates + token * 4 * m->width;
        m->rows->add(4 * m->width, m->step_gates + r * 4 * m->width, z);
        cell_forward(m, z, token, m->c + sequence * m->width, m->h + sequence * m->width);
        copy_row(m->width, m->h + sequence * m->width, k->y + token * m->width);
    }
}

/* dh: what is asked of this token's h; dc: of its c by the next one, which becomes what is asked
 * of the c before it. c_before NULL: it was 0. */
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

/* m->step_h: what later tokens ask of h, of the sequences that have a later token. */
static void backward_range(void *arg, int64_t begin, int64_t end)
{
    const step_task *k = arg;
    const lstm *m = k->m;
    int64_t n = m->width;
    for (int64_t r = begin; r < end; r++) {
        int64_t sequence = m->active[r], token = k->batch->start[sequence] + k->step;
        real *dh = m->dh + sequence * n, *dz = m->dgates + token * 4 * n;
        const real *c_before = k->step > 0 ? m->cells + (token - 1) * n : NULL;
        m->rows->add(n, k->dy + token * n, dh);
        cell_backward(m, token, c_before, dh, m->dc + sequence * n, dz);
        copy_row(4 * n, dz, m->step_gates + r * 4 * n);
    }
}

static void scatter_range(void *arg, int64_t begin, int64_t end)
{
    const step_task *k = arg;
    const lstm *m = k->m;
    for (int64_t r = begin; r < end; r++)
        copy_row(m->width, m->step_h + r * m->width, m->dh + m->active[r] * m->width);
}

static void run_rows(
    const mixer_call *call, const step_task *k, int64_t count, int64_t each, parallel_task task)
{
    step_task copy = *k;
    parallel_over(call->compute, count, 1, count * each * k->m->width, task, &copy);
}

/* ---- states ---- */

/* h and c as the sequences' states have them; 0 where they begin here. */
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
    const token_batch *b = call->batch;
    int64_t n = m.width, steps = longest(b);
    linear in = mixer_linear(call->weights, NULL, MIXER_LSTM_INPUT, MIXER_LSTM_BIAS),
           again = mixer_linear(call->weights, NULL, MIXER_LSTM_HIDDEN, MIXER_NOTHING);
    linear_forward(call->compute, &in, b->tokens, rows_from(x, n), rows_to(m.gates, 4 * n));
    take_states(call, &m);
    for (int64_t s = 0; s < steps; s++) {
        step_task k = { .m = &m, .batch = b, .step = s, .y = y };
        int64_t count = find_active(&m, b, s);
        run_rows(call, &k, count, 2, gather_range);
        linear_forward(
            call->compute, &again, count, rows_from(m.step_h, n), rows_to(m.step_gates, 4 * n));
        run_rows(call, &k, count, 16, forward_range);
    }
    give_states(call, &m);
}

static void backward(
    const mixer_call *call, const mixer_gradients *g, const real *x, const real *dy, real *dx)
{
    lstm m = begin(call);
    const token_batch *b = call->batch;
    int64_t n = m.width, row = b->sequences * n;
    linear in = mixer_linear(call->weights, g, MIXER_LSTM_INPUT, MIXER_LSTM_BIAS),
           again = mixer_linear(call->weights, g, MIXER_LSTM_HIDDEN, MIXER_NOTHING),
           carried = mixer_linear(call->weights, NULL, MIXER_LSTM_HIDDEN, MIXER_NOTHING);
    assert(!b->states);
    memset(m.dh, 0, (size_t)row * sizeof *m.dh);
    memset(m.dc, 0, (size_t)row * sizeof *m.dc);
    for (int64_t s = longest(b) - 1; s >= 0; s--) {
        step_task k = { .m = &m, .batch = b, .step = s, .dy = dy };
        int64_t count = find_active(&m, b, s);
        run_rows(call, &k, count, 16, backward_range);
        if (!s) break;
        linear_backward(call->compute, &carried, count, rows_from(m.step_h, n),
            rows_from(m.step_gates, 4 * n), rows_to(m.step_h, n));
        run_rows(call, &k, count, 1, scatter_range);
    }
    strided_in dgates = rows_from(m.dgates, 4 * n);
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
