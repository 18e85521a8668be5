/* mixer_test.c - THE LIST of token mixers, each row as its contract has it: a pass over a whole
 * sequence, over states token by token and beside other sequences give the same bits; a state that
 * goes back is as it was; what is measured suffices; gradients are those of the forward pass. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "kernel/context.h"
#include "mixer/sequence_state.h"

enum { WIDTH = 12, LENGTH = 9, INPUTS = 5 };

typedef struct mixer_case {
    compute *compute;
    mixer_config config;
    mixer_weights weights;
    mixer_gradients gradients;
    real *values[MIXER_PARTS];
    rope *rope;
    real x[LENGTH * WIDTH], encoded[INPUTS * WIDTH], dencoded[INPUTS * WIDTH];
} mixer_case;

/* A row, and how grouped-query attention gates its output, or that a delta rule has its other form:
 * tiled heads, a bounded decay, no small widths */
typedef struct kind {
    const mixer *row;
    output_gating gating;
    bool softplus, other_form;
} kind;

/* Small numbers for every row: what one does not read does not harm it. */
static mixer_config config_of(const kind *k)
{
    const mixer *row = k->row;
    bool latent = row == &mixer_latent, delta = row == &mixer_gated_delta || row == &mixer_kda;
    return (mixer_config){ .row = row,
        .width = WIDTH,
        .heads = 4,
        .kv_heads = row == &mixer_grouped ? 2 : 4,
        .head_dim = latent ? 7 : 6,
        .value_dim = latent || delta ? 5 : 6,
        .conv = 3,
        .state_heads = 4,
        .state_head_dim = 3,
        .state_dim = 5,
        .state_groups = 2,
        .key_heads = row == &mixer_gated_delta ? 2 : 4,
        .tiled_heads = k->other_form,
        .decay_bound = k->other_form ? -2 : 0,
        .low_rank = k->other_form ? 0 : 3,
        .scale = 0.4,
        .qk_norm = row == &mixer_grouped ? QK_NORM_HEAD : QK_NORM_NONE,
        .norm_eps = 1e-5,
        .gating = k->gating,
        .gate_softplus = k->softplus,
        .q_lora = 8,
        .kv_lora = 6,
        .nope_dim = 3,
        .rope_dim = 4,
        .latent_norm_eps = 1e-6 };
}

typedef struct shape {
    mixer_part part;
    int64_t rows, cols;
} shape;

/* The parameters of each row, in whose numbers config_of is. */
static const shape *shapes_of(const kind *k)
{
    const mixer *row = k->row;
    static const shape gate_in_queries[] = { { MIXER_Q, 48, WIDTH }, { MIXER_K, 12, WIDTH },
        { MIXER_V, 12, WIDTH }, { MIXER_O, WIDTH, 24 }, { MIXER_Q_BIAS, 1, 48 },
        { MIXER_Q_NORM, 1, 6 }, { MIXER_K_NORM, 1, 6 }, { 0 } };
    static const shape gate_elements[] = { { MIXER_Q, 24, WIDTH }, { MIXER_K, 12, WIDTH },
        { MIXER_V, 12, WIDTH }, { MIXER_O, WIDTH, 24 }, { MIXER_GATE, 24, WIDTH },
        { MIXER_Q_NORM, 1, 6 }, { MIXER_K_NORM, 1, 6 }, { 0 } };
    static const shape gate_heads[] = { { MIXER_Q, 24, WIDTH }, { MIXER_K, 12, WIDTH },
        { MIXER_V, 12, WIDTH }, { MIXER_O, WIDTH, 24 }, { MIXER_GATE, 4, WIDTH },
        { MIXER_Q_NORM, 1, 6 }, { MIXER_K_NORM, 1, 6 }, { 0 } };
    static const shape *const gated[] = { NULL, gate_in_queries, gate_elements, gate_heads };
    static const shape grouped[] = { { MIXER_Q, 24, WIDTH }, { MIXER_K, 12, WIDTH },
        { MIXER_V, 12, WIDTH }, { MIXER_O, WIDTH, 24 }, { MIXER_Q_BIAS, 1, 24 },
        { MIXER_K_NORM, 1, 6 }, { MIXER_Q_NORM, 1, 6 }, { MIXER_SINKS, 1, 4 }, { 0 } };
    static const shape latent[] = { { MIXER_Q_A, 8, WIDTH }, { MIXER_Q_A_NORM, 1, 8 },
        { MIXER_Q_B, 28, 8 }, { MIXER_KV_A, 10, WIDTH }, { MIXER_KV_A_NORM, 1, 6 },
        { MIXER_KV_B, 32, 6 }, { MIXER_O, WIDTH, 20 }, { 0 } };
    static const shape cross[] = { { MIXER_Q, 24, WIDTH }, { MIXER_K, 24, WIDTH },
        { MIXER_V, 24, WIDTH }, { MIXER_O, WIDTH, 24 }, { 0 } };
    static const shape lstm[] = { { MIXER_LSTM_INPUT, 4 * WIDTH, WIDTH },
        { MIXER_LSTM_HIDDEN, 4 * WIDTH, WIDTH }, { MIXER_LSTM_BIAS, 1, 4 * WIDTH }, { 0 } };
    static const shape conv[] = { { MIXER_CONV_IN, 3 * WIDTH, WIDTH }, { MIXER_CONV, 1, 3 * WIDTH },
        { MIXER_CONV_OUT, WIDTH, WIDTH }, { 0 } };
    /* 4 heads of 3 are 12 elements, beside 2 groups of 5 in what the convolution reads: 32 */
    static const shape mamba2[] = { { MIXER_STATE_IN, 12 + 32 + 4, WIDTH },
        { MIXER_CONV, 1, 32 * 3 }, { MIXER_CONV_BIAS, 1, 32 }, { MIXER_A_LOG, 1, 4 },
        { MIXER_DT_BIAS, 1, 4 }, { MIXER_STATE_D, 1, 4 }, { MIXER_STATE_NORM, 1, 12 },
        { MIXER_STATE_OUT, WIDTH, 12 }, { 0 } };
    static const shape none[] = { { 0 } };
    static const shape delta[] = { { MIXER_DELTA_IN, 44, WIDTH }, { MIXER_DELTA_GATE, 20, WIDTH },
        { MIXER_DELTA_BETA, 4, WIDTH }, { MIXER_DELTA_DECAY, 4, WIDTH }, { MIXER_CONV, 1, 44 * 3 },
        { MIXER_A_LOG, 1, 4 }, { MIXER_DT_BIAS, 1, 4 }, { MIXER_STATE_NORM, 1, 5 },
        { MIXER_STATE_OUT, WIDTH, 20 }, { 0 } };
#define KDA                                                                                        \
    { MIXER_Q, 24, WIDTH }, { MIXER_K, 24, WIDTH }, { MIXER_V, 20, WIDTH },                        \
        { MIXER_DELTA_BETA, 4, WIDTH }, { MIXER_CONV_Q, 1, 24 * 3 }, { MIXER_CONV_K, 1, 24 * 3 },  \
        { MIXER_CONV_V, 1, 20 * 3 }, { MIXER_A_LOG, 1, 4 }, { MIXER_DT_BIAS, 1, 24 },              \
        { MIXER_STATE_NORM, 1, 5 },                                                                \
    {                                                                                              \
        MIXER_STATE_OUT, WIDTH, 20                                                                 \
    }
    static const shape kda[] = { KDA, { MIXER_DELTA_DECAY_LOW, 3, WIDTH },
        { MIXER_DELTA_DECAY, 24, 3 }, { MIXER_DELTA_GATE_LOW, 3, WIDTH },
        { MIXER_DELTA_GATE, 20, 3 }, { 0 } };
    static const shape kda_direct[] = { KDA, { MIXER_DELTA_DECAY, 24, WIDTH },
        { MIXER_DELTA_GATE, 20, WIDTH }, { 0 } };
    if (row == &mixer_gated_delta) return delta;
    if (row == &mixer_kda) return k->other_form ? kda_direct : kda;
    static const shape gated_latent[] = { { MIXER_Q_A, 8, WIDTH }, { MIXER_Q_A_NORM, 1, 8 },
        { MIXER_Q_B, 28, 8 }, { MIXER_KV_A, 10, WIDTH }, { MIXER_KV_A_NORM, 1, 6 },
        { MIXER_KV_B, 32, 6 }, { MIXER_GATE, 4, WIDTH }, { MIXER_O, WIDTH, 20 }, { 0 } };
    if (k->gating && row == &mixer_latent) return gated_latent;
    if (k->gating) return gated[k->gating];
    if (row == &mixer_lstm) return lstm;
    if (row == &mixer_mamba2) return mamba2;
    if (row == &mixer_none) return none;
    if (row == &mixer_short_conv) return conv;
    return row == &mixer_grouped ? grouped : row == &mixer_latent ? latent : cross;
}

static void fill(real *values, int64_t count, uint64_t use)
{
    random_key key = random_key_of(7, "values", use, 0);
    for (int64_t i = 0; i < count; i++)
        values[i] = (real)(random_uniform(key, (uint64_t)i) * 2 - 1);
}

static void open_case(mixer_case *m, const kind *k, bool training)
{
    const mixer *row = k->row;
    *m = (mixer_case){ .config = config_of(k) };
    assert_int_equal(compute_new(3, NULL, &m->compute), CADRE_OK);
    rope_options positions = { .theta = 100, .width = row == &mixer_latent ? 4 : 6 };
    assert_int_equal(rope_new(&positions, LENGTH, &m->rope), CADRE_OK);
    for (const shape *s = shapes_of(k); s->rows; s++) {
        real *values = m->values[s->part] = MEM_ARRAY(real, 2 * s->rows * s->cols);
        assert_non_null(values);
        fill(values, s->rows * s->cols, (uint64_t)s->part);
        m->weights.part[s->part] =
            (weight){ .rows = s->rows, .cols = s->cols, .stride = s->cols, .data = values };
        if (training) m->gradients.part[s->part] = values + s->rows * s->cols;
    }
    fill(m->x, LENGTH * WIDTH, 100);
    fill(m->encoded, INPUTS * WIDTH, 101);
}

static void close_case(mixer_case *m)
{
    for (int i = 0; i < MIXER_PARTS; i++) mem_free(m->values[i]);
    rope_free(m->rope);
    compute_free(m->compute);
}

/* ---- a pass ---- */

typedef struct pass {
    batch_limits most;
    int32_t places[LENGTH];
    token_batch batch;
    mixer_call call;
} pass;

/* Tokens of sequences that start[] parts, the first of them at places firsts[]. */
static void open_pass(pass *p, mixer_case *m, int64_t sequences, const int64_t *start,
    sequence_state *const *states, bool training)
{
    static const int64_t one[] = { 0, INPUTS }, two[] = { 0, 2, INPUTS };
    int64_t tokens = start[sequences];
    *p = (pass){ .most = { .tokens = tokens,
                     .sequences = sequences,
                     .keys = LENGTH,
                     .encoder_tokens = INPUTS,
                     .training = training } };
    for (int64_t s = 0; s < sequences; s++)
        for (int64_t t = start[s]; t < start[s + 1]; t++)
            p->places[t] = (int32_t)(t - start[s] + (states ? states[s]->length : 0));
    p->batch = (token_batch){ .tokens = tokens,
        .sequences = sequences,
        .start = start,
        .positions = p->places,
        .states = states,
        .encoder_output = m->encoded,
        .encoder_start = sequences == 2 ? two : one };
    p->call = (mixer_call){ .compute = m->compute,
        .config = &m->config,
        .weights = &m->weights,
        .batch = &p->batch,
        .most = &p->most,
        .positions = { .rope = m->rope },
        .dencoder = m->dencoded,
        .kept_bytes = m->config.row->kept_bytes(&m->config, &p->most),
        .workspace_bytes =
            m->config.row->workspace_bytes(&m->config, &p->most, m->compute->workers) };
    p->call.kept = mem_alloc(p->call.kept_bytes, 1);
    p->call.workspace = mem_alloc(p->call.workspace_bytes, 1);
    assert_non_null(p->call.kept);
    assert_non_null(p->call.workspace);
}

static void close_pass(pass *p)
{
    mem_free(p->call.kept);
    mem_free(p->call.workspace);
}

static void run(mixer_case *m, int64_t sequences, const int64_t *start,
    sequence_state *const *states, bool training, const real *x, real *y)
{
    pass p;
    for (int64_t s = 0; states && s < sequences; s++)
        assert_int_equal(sequence_state_reserve(states[s], start[s + 1] - start[s]), CADRE_OK);
    open_pass(&p, m, sequences, start, states, training);
    m->config.row->forward(&p.call, x, y);
    close_pass(&p);
    for (int64_t s = 0; states && s < sequences; s++)
        sequence_state_advance(states[s], start[s + 1] - start[s]);
}

static void open_state(const mixer_case *m, sequence_state *s)
{
    const mixer_config *mixers[] = { &m->config };
    assert_int_equal(sequence_state_open(s, mixers, 1, LENGTH), CADRE_OK);
}

/* ---- what holds for every row ---- */

/* Rows first .. end - 1 of x for one sequence, and others of it for another, in one pass. */
static void run_two(mixer_case *m, sequence_state *const *states, const int64_t first[2],
    const int64_t end[2], const real *whole)
{
    real x[2 * LENGTH * WIDTH], y[2 * LENGTH * WIDTH];
    int64_t start[3] = { 0 };
    for (int s = 0; s < 2; s++) {
        int64_t rows = end[s] - first[s];
        memcpy(x + start[s] * WIDTH, m->x + first[s] * WIDTH, (size_t)(rows * WIDTH) * sizeof *x);
        start[s + 1] = start[s] + rows;
    }
    run(m, 2, start, states, false, x, y);
    for (int s = 0; s < 2; s++)
        assert_memory_equal(y + start[s] * WIDTH, whole + first[s] * WIDTH,
            (size_t)((end[s] - first[s]) * WIDTH) * sizeof *y);
}

/* Chunks of unlike lengths beside each other; a pass that was given up is as if it had not been. */
static void check_chunks(const kind *k)
{
    const mixer *row = k->row;
    mixer_case m;
    pass given_up;
    sequence_state state, other, *two[] = { &state, &other };
    real whole[LENGTH * WIDTH], y[LENGTH * WIDTH];
    if (row == &mixer_cross) return;
    open_case(&m, k, false);
    open_state(&m, &state);
    open_state(&m, &other);
    run(&m, 1, (int64_t[]){ 0, LENGTH }, NULL, false, m.x, whole);
    run_two(&m, two, (int64_t[]){ 0, 0 }, (int64_t[]){ 2, 3 }, whole);
    open_pass(&given_up, &m, 1, (int64_t[]){ 0, 4 }, two, false);
    assert_int_equal(sequence_state_reserve(&state, 4), CADRE_OK);
    row->forward(&given_up.call, m.x, y);
    close_pass(&given_up);
    run_two(&m, two, (int64_t[]){ 2, 3 }, (int64_t[]){ 7, 4 }, whole);
    run_two(&m, two, (int64_t[]){ 7, 4 }, (int64_t[]){ 8, 8 }, whole);
    sequence_state_close(&state);
    sequence_state_close(&other);
    close_case(&m);
}

static void check_states(const kind *k)
{
    const mixer *row = k->row;
    mixer_case m;
    sequence_state state, other, *one[] = { &state }, *two[] = { &state, &other };
    real whole[LENGTH * WIDTH], y[LENGTH * WIDTH], both[LENGTH * WIDTH];
    open_case(&m, k, false);
    open_state(&m, &state);
    assert_int_equal(sequence_state_open_beside(&other, &state, LENGTH), CADRE_OK);
    run(&m, 1, (int64_t[]){ 0, LENGTH }, NULL, false, m.x, whole);
    for (int t = 0; t < LENGTH; t++)
        run(&m, 1, (int64_t[]){ 0, 1 }, one, false, m.x + t * WIDTH, y + t * WIDTH);
    assert_memory_equal(y, whole, sizeof whole);
    if (row == &mixer_cross) goto done; /* the encoder's output is of one sequence */
    /* The last five once more, beside the first two of another sequence */
    if (state.pool->rewinds) {
        assert_true(sequence_state_rewind(&state, LENGTH - 5));
        memcpy(both, m.x + (LENGTH - 5) * WIDTH, 5 * WIDTH * sizeof *both);
        memcpy(both + 5 * WIDTH, m.x, 2 * WIDTH * sizeof *both);
        run(&m, 2, (int64_t[]){ 0, 5, 7 }, two, false, both, y);
        assert_memory_equal(y, whole + (LENGTH - 5) * WIDTH, 5 * WIDTH * sizeof *y);
        assert_memory_equal(y + 5 * WIDTH, whole, 2 * WIDTH * sizeof *y);
    }
    assert_true(sequence_state_share(&other, &state, LENGTH));
    assert_true(sequence_state_rewind(&state, 0));
    run(&m, 1, (int64_t[]){ 0, LENGTH }, one, false, m.x, y);
    assert_memory_equal(y, whole, sizeof whole);
    assert_int_equal(other.length, LENGTH);
done:
    sequence_state_close(&state);
    sequence_state_close(&other);
    close_case(&m);
}

/* Training's forward computes the same function as inference's, which may take another way. */
static void check_training(const kind *k)
{
    const mixer *row = k->row;
    mixer_case m;
    real kept[LENGTH * WIDTH], y[LENGTH * WIDTH];
    if (!row->backward) return;
    open_case(&m, k, true);
    run(&m, 1, (int64_t[]){ 0, LENGTH }, NULL, true, m.x, kept);
    run(&m, 1, (int64_t[]){ 0, LENGTH }, NULL, false, m.x, y);
    for (int i = 0; i < LENGTH * WIDTH; i++) assert_true(fabs((double)(kept[i] - y[i])) < 1e-4);
    close_case(&m);
}

/* sum of dy . y, which the gradients are of */
static double value_of(mixer_case *m, const int64_t *start, const real *dy)
{
    real y[LENGTH * WIDTH];
    double sum = 0;
    run(m, 2, start, NULL, true, m->x, y);
    for (int i = 0; i < LENGTH * WIDTH; i++) sum += (double)y[i] * (double)dy[i];
    return sum;
}

static void check_slope(mixer_case *m, const int64_t *start, const real *dy, real *at, real found)
{
    const real step = sizeof(real) == 4 ? (real)4e-3 : (real)1e-5;
    const double allowed = sizeof(real) == 4 ? 2e-2 : 1e-7;
    real held = *at;
    *at = held + step;
    double above = value_of(m, start, dy);
    *at = held - step;
    double below = value_of(m, start, dy);
    *at = held;
    double slope = (above - below) / (2 * (double)step);
    if (!(fabs(slope - (double)found) < allowed * (1 + fabs(slope))))
        fail_msg(
            "%s: a gradient of %g, the slope is %g", m->config.row->name, (double)found, slope);
}

static void check_gradients(const kind *k)
{
    const mixer *row = k->row;
    static const int64_t start[] = { 0, 4, LENGTH };
    mixer_case m;
    pass p;
    real y[LENGTH * WIDTH], dy[LENGTH * WIDTH], dx[LENGTH * WIDTH];
    if (!row->backward) return;
    open_case(&m, k, true);
    fill(dy, LENGTH * WIDTH, 102);
    open_pass(&p, &m, 2, start, NULL, true);
    row->forward(&p.call, m.x, y);
    row->backward(&p.call, &m.gradients, m.x, dy, dx);
    close_pass(&p);
    for (int i = 0; i < LENGTH * WIDTH; i += 7) check_slope(&m, start, dy, &m.x[i], dx[i]);
    for (int i = 0; i < INPUTS * WIDTH; i += 7)
        check_slope(&m, start, dy, &m.encoded[i], m.dencoded[i]);
    for (const shape *s = shapes_of(k); s->rows; s++)
        for (int64_t i = 0; i < s->rows * s->cols; i += 11)
            check_slope(&m, start, dy, &m.values[s->part][i], m.gradients.part[s->part][i]);
    close_case(&m);
}

static void check_kind(const kind *k)
{
    check_states(k);
    check_chunks(k);
    check_training(k);
    check_gradients(k);
}

static void every_row_keeps_its_contract(void **unused)
{
    (void)unused;
    int count;
    const mixer *const *list = mixer_list(&count);
    assert_true(count > 0);
    for (int i = 0; i < count; i++) {
        assert_true(list[i]->name && list[i]->words && list[i]->forward && list[i]->state);
        for (int j = 0; j < i; j++) assert_string_not_equal(list[i]->name, list[j]->name);
        check_kind(&(kind){ .row = list[i] });
    }
}

static void delta_rules_of_other_forms_keep_the_contract(void **unused)
{
    (void)unused;
    check_kind(&(kind){ .row = &mixer_gated_delta, .other_form = true });
    check_kind(&(kind){ .row = &mixer_kda, .other_form = true });
}

static void attention_with_every_gate_keeps_the_contract(void **unused)
{
    (void)unused;
    for (output_gating gating = GATE_IN_QUERIES; gating <= GATE_HEADS; gating++)
        for (int softplus = 0; softplus < 2; softplus++)
            check_kind(&(kind){ .row = &mixer_grouped, .gating = gating, .softplus = softplus });
    check_kind(&(kind){ .row = &mixer_latent, .gating = GATE_HEADS });
}

/* Gates of 0 let half of the result through, or log 2 of it. */
static void a_gate_multiplies_each_head(void **unused)
{
    (void)unused;
    const double share[] = { 0.5, 0.69314718056 };
    for (int softplus = 0; softplus < 2; softplus++) {
        mixer_case m;
        real gated[LENGTH * WIDTH], whole[LENGTH * WIDTH];
        open_case(&m, &(kind){ .row = &mixer_grouped, .gating = GATE_HEADS, .softplus = softplus },
            false);
        memset(m.values[MIXER_GATE], 0, 4 * WIDTH * sizeof(real));
        run(&m, 1, (int64_t[]){ 0, LENGTH }, NULL, false, m.x, gated);
        m.config.gating = GATE_NONE;
        run(&m, 1, (int64_t[]){ 0, LENGTH }, NULL, false, m.x, whole);
        for (int i = 0; i < LENGTH * WIDTH; i++)
            assert_true(fabs((double)gated[i] - share[softplus] * (double)whole[i]) < 1e-6);
        close_case(&m);
    }
}

/* Row r of one head's [queries | gates] is row r of its queries, or of its gates. */
static void a_gate_beside_the_queries_is_that_of_its_own_matrix(void **unused)
{
    (void)unused;
    enum { HEADS = 4, HEAD = 6 };
    mixer_case one, two;
    real a[LENGTH * WIDTH], b[LENGTH * WIDTH];
    open_case(&one, &(kind){ &mixer_grouped, GATE_IN_QUERIES, false, false }, false);
    open_case(&two, &(kind){ &mixer_grouped, GATE_ELEMENTS, false, false }, false);
    memset(one.values[MIXER_Q_BIAS], 0, 2 * HEADS * HEAD * sizeof(real));
    for (int h = 0; h < HEADS; h++) {
        const real *both = one.values[MIXER_Q] + h * 2 * HEAD * WIDTH;
        size_t bytes = HEAD * WIDTH * sizeof(real);
        memcpy(two.values[MIXER_Q] + h * HEAD * WIDTH, both, bytes);
        memcpy(two.values[MIXER_GATE] + h * HEAD * WIDTH, both + HEAD * WIDTH, bytes);
    }
    run(&one, 1, (int64_t[]){ 0, LENGTH }, NULL, false, one.x, a);
    run(&two, 1, (int64_t[]){ 0, LENGTH }, NULL, false, two.x, b);
    assert_memory_equal(a, b, sizeof a);
    close_case(&one);
    close_case(&two);
}

/* Values of the keys do not read a matrix of their own, and have no gain. */
static void values_are_normed_keys(void **unused)
{
    (void)unused;
    mixer_case m;
    real keys[LENGTH * WIDTH], values[LENGTH * WIDTH], first[LENGTH * WIDTH];
    open_case(&m, &(kind){ .row = &mixer_grouped }, false);
    m.config.values = VALUES_OF_KEYS;
    run(&m, 1, (int64_t[]){ 0, LENGTH }, NULL, false, m.x, keys);
    memcpy(m.values[MIXER_V], m.values[MIXER_K], 12 * WIDTH * sizeof(real));
    m.config.values = VALUES_NORMED;
    run(&m, 1, (int64_t[]){ 0, LENGTH }, NULL, false, m.x, values);
    assert_memory_equal(keys, values, sizeof keys);
    for (int64_t i = 0; i < 12 * WIDTH; i++) m.values[MIXER_V][i] *= 4;
    run(&m, 1, (int64_t[]){ 0, LENGTH }, NULL, false, m.x, first);
    for (int i = 0; i < LENGTH * WIDTH; i++)
        assert_true(fabs((double)(first[i] - values[i])) < 1e-3);
    close_case(&m);
}

static void states_of_normed_values_keep_the_contract(void **unused)
{
    (void)unused;
    sequence_state state, *one[] = { &state };
    for (value_form form = VALUES_NORMED; form <= VALUES_OF_KEYS; form++) {
        mixer_case m;
        real whole[LENGTH * WIDTH], y[LENGTH * WIDTH];
        open_case(&m, &(kind){ .row = &mixer_grouped }, false);
        m.config.values = form;
        open_state(&m, &state);
        run(&m, 1, (int64_t[]){ 0, LENGTH }, NULL, false, m.x, whole);
        for (int t = 0; t < LENGTH; t++)
            run(&m, 1, (int64_t[]){ 0, 1 }, one, false, m.x + t * WIDTH, y + t * WIDTH);
        assert_memory_equal(y, whole, sizeof whole);
        sequence_state_close(&state);
        close_case(&m);
    }
}

/* ---- states of rows that cannot go back ---- */

static mixer_state_size fixed_size(const mixer_config *c)
{
    (void)c;
    return (mixer_state_size){ .fixed = 3 };
}

static void a_fixed_part_is_copied_and_begins_anew(void **unused)
{
    (void)unused;
    const mixer recurrent = { .name = "recurrent", .state = fixed_size };
    mixer_config config = { .row = &recurrent };
    const mixer_config *mixers[] = { &config, &config };
    sequence_state s, other;
    assert_int_equal(sequence_state_open(&s, mixers, 2, 4), CADRE_OK);
    assert_int_equal(sequence_state_open_beside(&other, &s, 4), CADRE_OK);
    for (int i = 0; i < 6; i++) s.layer[i / 3].next[i % 3] = (real)(i + 1);
    assert_true(s.layer[0].fixed[0] == 0 && s.length == 0);
    assert_int_equal(sequence_state_reserve(&s, 3), CADRE_OK);
    sequence_state_advance(&s, 3);
    assert_true(s.layer[0].fixed[0] == 1 && s.length == 3);
    assert_false(sequence_state_rewind(&s, 2));
    assert_false(sequence_state_share(&other, &s, 2));
    assert_true(sequence_state_rewind(&s, 3));
    assert_true(sequence_state_share(&other, &s, 3));
    assert_true(sequence_state_rewind(&s, 0));
    assert_true(s.length == 0 && s.layer[1].fixed[2] == 0);
    assert_true(other.length == 3 && other.layer[1].fixed[2] == 6);
    assert_int_equal(layer_state_bytes(&config, 1000), 6 * sizeof(real));
    sequence_state_close(&s);
    sequence_state_close(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_keeps_its_contract),
        cmocka_unit_test(delta_rules_of_other_forms_keep_the_contract),
        cmocka_unit_test(attention_with_every_gate_keeps_the_contract),
        cmocka_unit_test(a_gate_multiplies_each_head),
        cmocka_unit_test(a_gate_beside_the_queries_is_that_of_its_own_matrix),
        cmocka_unit_test(values_are_normed_keys),
        cmocka_unit_test(states_of_normed_values_keep_the_contract),
        cmocka_unit_test(a_fixed_part_is_copied_and_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
