/* rank_traps_test.c - traps of training on several ranks, that is, errors that are easily made.
 * Each has a test that fails if the error is made. A step is compared with that of one rank, in
 * first moments rather than in values, because AdamW hides the scale of a gradient.
 *
 * In its long form, 64 ranks train a model. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "kernel/context.h"
#include "support/collect.h"
#include "support/long.h"
#include "support/small_run.h"
#include "support/thread_comm.h"
#include "train/trainer.h"
#include "weights/initialise.h"

enum { VOCAB = 40, LAYERS = 8, EXPERTS = 64 };
static const double LIMIT = 120; /* seconds; a rank that waits for ever fails the test */

typedef const char *const option_pair[2];

/* The result of one step of some ranks, gathered on rank 0 */
typedef struct step_result {
    param_table table;
    real *start, *value, *moment; /* [table.elements] */
    trainer_report report;
    int layers;
    int64_t count[LAYERS][EXPERTS], tokens[LAYERS], dropped[LAYERS];
    double beta1;
    char wrong[300];
} step_result;

typedef struct step_wanted {
    const char *recipe;
    option_pair *more;  /* NULL after the last */
    const char *layout; /* NULL: all divide the batch */
    bool alike;         /* every token is the same one */
    int ranks;
    step_result *out;
} step_wanted;

static void feed(void *arg, int64_t first, int64_t count, const batch_rows *rows)
{
    const step_wanted *w = arg;
    int64_t context = 16;
    for (option_pair *m = w->more; (*m)[0]; m++)
        if (!strcmp((*m)[0], "context")) context = atoll((*m)[1]);
    for (int64_t i = 0; i < count * context; i++) {
        int64_t s = first + i / context, at = i % context;
        rows->inputs[i] = w->alike ? 7 : (int32_t)((s * 7 + at * at + at * (s % 3)) % VOCAB);
        rows->targets[i] = (int32_t)((s * 5 + at + 1) % VOCAB);
    }
}

static real *collected(trainer *t, comm *world, int which)
{
    const param_table *table = trainer_whole_table(t);
    real *whole = world->rank ? NULL : MEM_ARRAY(real, table->elements);
    if (world->size > 1) collect_array(t, which, whole);
    else
        memcpy(whole,
            which == TRAINER_VALUES ? trainer_values(t)
                                    : optimizer_state_at(trainer_optimizer(t), which).values,
            (size_t)table->elements * sizeof *whole);
    return whole;
}

static void keep_table(step_result *out, const param_table *table)
{
    out->table = *table;
    out->table.rows = MEM_ARRAY(param, table->count);
    memcpy(out->table.rows, table->rows, (size_t)table->count * sizeof *table->rows);
}

static void keep_step(step_result *out, trainer *t, const trainer_report *report)
{
    keep_table(out, trainer_whole_table(t));
    out->report = *report;
    out->layers = trainer_sparse_layers(t);
    for (int l = 0; l < out->layers; l++) {
        balance_totals totals = trainer_totals(t, l);
        memcpy(out->count[l], totals.count, (size_t)totals.experts * sizeof *totals.count);
        out->tokens[l] = totals.tokens;
        out->dropped[l] = totals.dropped;
    }
}

static void take_step(trainer *t, comm *world, step_wanted *w)
{
    trainer_report report = { 0 };
    step_result *out = w->out;
    real *start = collected(t, world, TRAINER_VALUES);
    cadre_status status = trainer_step(t, 0, 0.01, feed, w, &report);
    real *value = collected(t, world, TRAINER_VALUES), *moment = collected(t, world, 0);
    if (world->rank) return;
    if (status != CADRE_OK) snprintf(out->wrong, sizeof out->wrong, "%s", cadre_last_error());
    out->start = start, out->value = value, out->moment = moment;
    keep_step(out, t, &report);
}

static void run_rank(comm *world, void *arg)
{
    step_wanted *w = arg;
    compute *c;
    char *notes;
    model_config config;
    train_settings settings;
    trainer *t;
    const recipe *r = recipe_by_name(w->recipe);
    rank_layout layout = layout_single();
    cadre_options *options = small_options(w->recipe);
    if (w->layout) assert_int_equal(layout_parse(w->layout, world->size, &layout), CADRE_OK);
    train_ranks ranks = { world, w->layout ? &layout : NULL };
    for (option_pair *m = w->more; (*m)[0]; m++) small_set(options, (*m)[0], (*m)[1]);
    assert_int_equal(compute_new(1, NULL, &c), CADRE_OK);
    recipe_apply(r, options);
    recipe_config(r, options, VOCAB, &config, &notes);
    mem_free(notes);
    train_settings_read(options, r, &settings);
    if (trainer_new(c, &config, &settings, &ranks, &t) == CADRE_OK) {
        init_options start = init_options_of(r, &config, options, 5);
        model_initialise(c, trainer_table(t), &start, trainer_values(t));
        if (!world->rank) w->out->beta1 = settings.optimizer.beta1;
        take_step(t, world, w);
        trainer_free(t);
    } else if (!world->rank)
        snprintf(w->out->wrong, sizeof w->out->wrong, "%s", cadre_last_error());
    model_config_free(&config);
    cadre_options_free(options);
    compute_free(c);
}

static step_result *step_of(const step_wanted *wanted, int ranks, const char *layout)
{
    step_wanted w = *wanted;
    w.ranks = ranks;
    w.layout = layout;
    w.out = MEM_ARRAY(step_result, 1);
    assert_int_equal(thread_comm_run(ranks, LIMIT, run_rank, &w), CADRE_OK);
    if (*w.out->wrong) fail_msg("%s on %d ranks: %s", w.recipe, ranks, w.out->wrong);
    return w.out;
}

static void drop(step_result *r)
{
    mem_free(r->table.rows);
    mem_free(r->start);
    mem_free(r->value);
    mem_free(r->moment);
    mem_free(r);
}

/* Where a parameter's elements are in the arrays of another table, whose order may differ */
static const param *same_in(const param_table *t, const param *like)
{
    for (int64_t i = 0; i < t->count; i++)
        if (t->rows[i].role == like->role && t->rows[i].layer == like->layer &&
            t->rows[i].expert == like->expert)
            return &t->rows[i];
    fail_msg("no parameter of role %d", like->role);
    return NULL;
}

static void same_arrays(const step_result *a, const step_result *b, bool experts_alone)
{
    for (int64_t i = 0; i < a->table.count; i++) {
        const param *p = &a->table.rows[i], *q = same_in(&b->table, p);
        size_t bytes = (size_t)(p->rows * p->cols) * sizeof(real);
        if (experts_alone && p->expert < 0) continue;
        if (memcmp(a->value + p->offset, b->value + q->offset, bytes))
            fail_msg("values of role %d, layer %d, expert %d", p->role, p->layer, p->expert);
        if (p->kind != PARAM_STATE && memcmp(a->moment + p->offset, b->moment + q->offset, bytes))
            fail_msg("moments of role %d, layer %d, expert %d", p->role, p->layer, p->expert);
    }
}

static option_pair none[] = { { "batch", "12" }, { NULL, NULL } };

/* Trap 7: padding is counted. With 12 sequences on 8 ranks, some ranks have fewer sequences than
 * others, and must not count those that they do not have. */
static void test_padding_is_not_counted(void **state)
{
    (void)state;
    const step_wanted w = { .recipe = "olmoe", .more = none };
    step_result *many = step_of(&w, 8, NULL);
    for (int l = 0; l < many->layers; l++) {
        int64_t picks = 0;
        for (int e = 0; e < EXPERTS; e++) picks += many->count[l][e];
        assert_int_equal(picks, 12 * 16 * 2);
        assert_int_equal(many->tokens[l], 12 * 16);
    }
    assert_int_equal(many->report.tokens, 12 * 16);
    drop(many);
}

/* Trap 8: the correction bias is updated by every rank, or for every micro-batch. In one step it
 * moves by its rate, up or down, and never twice. */
static void test_bias_moves_once(void **state)
{
    (void)state;
    static option_pair more[] = { { "batch", "12" }, { "accumulate", "2" },
        { "bias-update-rate", "0.5" }, { NULL, NULL } };
    const step_wanted w = { .recipe = "deepseek-v3", .more = more };
    step_result *r = step_of(&w, 4, NULL), *one = step_of(&w, 1, NULL);
    int moved = 0;
    for (int64_t i = 0; i < r->table.count; i++) {
        const param *p = &r->table.rows[i];
        for (int64_t k = 0; p->kind == PARAM_STATE && k < p->rows * p->cols; k++) {
            double step = fabs((double)(r->value[p->offset + k] - r->start[p->offset + k]));
            assert_true(step == 0 || fabs(step - 0.5) < 1e-6);
            moved += step > 0;
        }
    }
    assert_true(moved > 0);
    same_arrays(one, r, false);
    drop(one);
    drop(r);
}

/* Trap 9: ranks compute different capacities, and wait for rows that do not come. A sequence's
 * capacity is the same on every rank. */
static void test_capacity_is_of_a_sequence(void **state)
{
    (void)state;
    static option_pair more[] = { { "batch", "12" }, { "capacity-factor", "0.5" }, { NULL, NULL } };
    const step_wanted w = { .recipe = "gshard", .more = more };
    step_result *one = step_of(&w, 1, NULL);
    static const int ranks[] = { 3, 8 };
    for (int i = 0; i < 2; i++) {
        step_result *r = step_of(&w, ranks[i], NULL);
        for (int l = 0; l < one->layers; l++) {
            assert_true(one->dropped[l] > 0);
            assert_int_equal(r->dropped[l], one->dropped[l]);
        }
        same_arrays(one, r, false);
        drop(r);
    }
    drop(one);
}

/* Trap 10: a rank whose experts have no tokens takes no part, and the others wait for it. All
 * tokens are alike here, so most experts have none. */
static void test_experts_without_tokens(void **state)
{
    (void)state;
    const step_wanted w = { .recipe = "olmoe", .more = none, .alike = true };
    step_result *one = step_of(&w, 1, NULL);
    static const struct {
        int ranks;
        const char *layout;
    } layouts[] = { { 4, "expert=4" }, { 4, "expert=2,tensor=2" }, { 4, "data=2,pipeline=2" } };
    int idle = 0;
    for (int e = 0; e < 8; e++) idle += one->count[0][e] == 0;
    assert_true(idle >= 4);
    for (int i = 0; i < 3; i++) {
        step_result *r = step_of(&w, layouts[i].ranks, layouts[i].layout);
        same_arrays(one, r, false);
        drop(r);
    }
    drop(one);
}

/* Trap 12: the balancing loss is scaled a second time, by the number of ranks or micro-batches. */
static void test_losses_know_no_ranks(void **state)
{
    (void)state;
    static option_pair accumulated[] = { { "batch", "12" }, { "accumulate", "2" },
        { "balance-over", "sequence" }, { "aux-loss", "0.5" }, { NULL, NULL } };
    static option_pair whole[] = { { "batch", "12" }, { "balance-over", "sequence" },
        { "aux-loss", "0.5" }, { NULL, NULL } };
    const step_wanted w = { .recipe = "olmoe", .more = whole },
                      x = { .recipe = "olmoe", .more = accumulated };
    step_result *one = step_of(&w, 1, NULL), *ranks = step_of(&w, 4, NULL),
                *both = step_of(&x, 2, "data=2"), *cut = step_of(&w, 4, "tensor=2,pipeline=2");
    assert_true(one->report.aux > 0);
    assert_true(ranks->report.aux == one->report.aux && cut->report.aux == one->report.aux);
    assert_true(fabs(both->report.aux / one->report.aux - 1) < 1e-6);
    assert_true(ranks->report.loss == one->report.loss && cut->report.loss == one->report.loss);
    drop(one);
    drop(ranks);
    drop(both);
    drop(cut);
}

/* Trap 14: gradients of experts are divided by the number of ranks that share the batch, or summed
 * twice if both expert and data divide it. Trap 15: a checkpoint has the experts of one rank alone;
 * rank 0 must collect the values and moments of all experts. */
static void test_gradients_of_experts(void **state)
{
    (void)state;
    const step_wanted w = { .recipe = "olmoe", .more = none };
    static const char *const layouts[] = { "expert=4", "data=4", "expert=2,data=2",
        "data=2,tensor=2", "expert=2,pipeline=2" };
    step_result *one = step_of(&w, 1, NULL);
    for (int i = 0; i < 5; i++) {
        step_result *r = step_of(&w, 4, layouts[i]);
        same_arrays(one, r, true);
        for (int64_t k = 0; k < r->table.count; k++) {
            const param *p = &r->table.rows[k];
            size_t bytes = (size_t)(p->rows * p->cols) * sizeof(real);
            if (p->expert >= 0 && one->count[0][p->expert] && one->count[1][p->expert])
                assert_true(memcmp(r->value + p->offset, r->start + p->offset, bytes) != 0);
        }
        drop(r);
    }
    drop(one);
}

/* Trap 17: the norm for clipping counts an expert on each rank that has it, or not at all. It must
 * count every gradient once, which the first moments show. */
static void test_norm_counts_each_once(void **state)
{
    (void)state;
    static option_pair more[] = { { "batch", "12" }, { "clip", "0" }, { NULL, NULL } };
    const step_wanted w = { .recipe = "olmoe", .more = more };
    static const char *const layouts[] = { "expert=4", "data=4", "tensor=2,expert=2",
        "pipeline=2,data=2" };
    for (int i = 0; i < 4; i++) {
        double squares = 0;
        step_result *r = step_of(&w, 4, layouts[i]);
        for (int64_t k = 0; k < r->table.count; k++) {
            const param *p = &r->table.rows[k];
            for (int64_t j = 0; p->kind != PARAM_STATE && j < p->rows * p->cols; j++) {
                double g = (double)r->moment[p->offset + j] / (1 - r->beta1);
                squares += g * g;
            }
        }
        if (fabs(sqrt(squares) / r->report.gradient_norm - 1) > 1e-6)
            fail_msg(
                "%s: norm %g, expected %g", layouts[i], r->report.gradient_norm, sqrt(squares));
        drop(r);
    }
}

/* As many ranks as leaves, and all four kinds of parallelism */
static void test_64_ranks(void **state)
{
    (void)state;
    static option_pair leaves[] = { { "batch", "64" }, { "context", "256" }, { "experts", "64" },
        { "layers", "1" }, { NULL, NULL } };
    static option_pair ways[] = { { "batch", "16" }, { "context", "256" }, { "experts", "64" },
        { "heads", "4" }, { "kv-heads", "4" }, { "layers", "2" }, { NULL, NULL } };
    const step_wanted w = { .recipe = "olmoe", .more = leaves },
                      x = { .recipe = "olmoe", .more = ways };
    if (!long_form()) skip();
    step_result *one = step_of(&w, 1, NULL), *many = step_of(&w, 64, NULL);
    same_arrays(one, many, false);
    drop(one);
    drop(many);
    one = step_of(&x, 1, NULL);
    many = step_of(&x, 64, "expert=4,data=4,pipeline=2,tensor=2");
    same_arrays(one, many, false);
    drop(one);
    drop(many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_padding_is_not_counted),
        cmocka_unit_test(test_bias_moves_once),
        cmocka_unit_test(test_capacity_is_of_a_sequence),
        cmocka_unit_test(test_experts_without_tokens),
        cmocka_unit_test(test_losses_know_no_ranks),
        cmocka_unit_test(test_gradients_of_experts),
        cmocka_unit_test(test_norm_counts_each_once),
        cmocka_unit_test(test_64_ranks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
