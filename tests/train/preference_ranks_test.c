/* preference_ranks_test.c - preference pairs on ranks that divide the batch, where the two answers
 * of a pair may be on two ranks: losses, margins and steps have the same bits as on one rank. */
#include "kernel/context.h"
#include "train/trainer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "support/collect.h"
#include "support/small_run.h"
#include "support/thread_comm.h"
#include "weights/initialise.h"

enum { VOCAB = 40, STEPS = 3, BATCH = 12, MOST_EXPERTS = 64 };

typedef struct case_of {
    const char *layout;     /* NULL: all ranks divide the batch */
    const char *accumulate; /* of --accumulate */
    trainer_report report[STEPS];
    double measured[BATCH];
    int32_t loads[BATCH * MOST_EXPERTS];
    real *values; /* of one rank */
    char wrong[300];
} case_of;

static double reference_of(int64_t row) { return -20 - (double)(row * row % 7); }

/* Rows of different answers, whose first tokens, the prompt, do not count */
static void feed(void *arg, int64_t first, int64_t count, const batch_rows *rows)
{
    int64_t context = *(const int64_t *)arg;
    for (int64_t i = 0; i < count * context; i++) {
        int64_t row = first + i / context, at = i % context;
        rows->inputs[i] = (int32_t)((row / 2 * 5 + at * (1 + row % 2)) % VOCAB);
        rows->targets[i] =
            at < context / 2 ? -1 : (int32_t)((row / 2 * 5 + (at + 1) * (1 + row % 2)) % VOCAB);
    }
    for (int64_t i = 0; rows->reference && i < count; i++)
        rows->reference[i] = reference_of(first + i);
}

static void compare(case_of *c, comm *world, int step, const trainer_report *r)
{
    if (world->size == 1) c->report[step] = *r;
    else if (memcmp(&c->report[step], r, sizeof *r))
        snprintf(c->wrong, sizeof c->wrong,
            "step %d: loss %.17g, not %.17g; margin %.17g, not %.17g", step, r->loss,
            c->report[step].loss, r->margin, c->report[step].margin);
}

static void measure(case_of *c, comm *world, trainer *t, int64_t context)
{
    double sums[BATCH];
    int32_t loads[BATCH * MOST_EXPERTS] = { 0 };
    const trainer_rows rows = { sums, loads };
    assert_int_equal(trainer_measure(t, feed, &context, &rows), CADRE_OK);
    if (world->size == 1) {
        memcpy(c->measured, sums, sizeof sums);
        memcpy(c->loads, loads, sizeof loads);
    } else if (memcmp(c->measured, sums, sizeof sums) || memcmp(c->loads, loads, sizeof loads))
        snprintf(c->wrong, sizeof c->wrong, "rank %d measures other answers", world->rank);
}

static void take_steps(case_of *c, comm *world, trainer *t, int64_t context)
{
    measure(c, world, t, context);
    for (int s = 0; s < STEPS; s++) {
        trainer_report report;
        assert_int_equal(trainer_step(t, s, 0.01, feed, &context, &report), CADRE_OK);
        compare(c, world, s, &report);
    }
}

static void keep_or_compare(case_of *c, comm *world, trainer *t)
{
    const param_table *table = trainer_whole_table(t);
    size_t bytes = (size_t)table->elements * sizeof(real);
    real *whole = world->rank ? NULL : mem_alloc(bytes, 1);
    if (world->size > 1) assert_int_equal(collect_array(t, TRAINER_VALUES, whole), CADRE_OK);
    for (int64_t i = 0, at = 0; whole && i < table->count; i++) {
        const param *p = &table->rows[i];
        size_t size = (size_t)(p->rows * p->cols) * sizeof(real);
        const real *own = world->size > 1 ? whole + p->offset
                                          : trainer_values(t) + trainer_table(t)->rows[i].offset;
        if (world->size == 1) memcpy(c->values + at, own, size);
        else if (memcmp(c->values + at, own, size))
            snprintf(c->wrong, sizeof c->wrong, "the values of role %d", p->role);
        at += p->rows * p->cols;
    }
    mem_free(whole);
}

static void run_rank(comm *world, void *arg)
{
    case_of *c = arg;
    compute *on;
    char *notes;
    model_config config;
    train_settings settings;
    trainer *t;
    const recipe *r = recipe_by_name("olmoe");
    cadre_options *options = small_options("olmoe");
    rank_layout layout = layout_single();
    if (c->layout && world->size > 1)
        assert_int_equal(layout_parse(c->layout, world->size, &layout), CADRE_OK);
    train_ranks ranks = { world, c->layout && world->size > 1 ? &layout : NULL };
    small_set(options, "batch", "12");
    small_set(options, "accumulate", c->accumulate);
    compute_new(1, NULL, &on);
    recipe_apply(r, options);
    recipe_config(r, options, VOCAB, &config, &notes);
    mem_free(notes);
    train_settings_read(options, r, &settings);
    settings.preference = 0.2;
    if (trainer_new(on, &config, &settings, &ranks, &t) == CADRE_OK) {
        init_options start = init_options_of(r, &config, options, 5);
        model_initialise(on, trainer_table(t), &start, trainer_values(t));
        if (!c->values) c->values = MEM_ARRAY(real, trainer_table(t)->elements);
        take_steps(c, world, t, settings.context);
        keep_or_compare(c, world, t);
        trainer_free(t);
    } else if (!world->rank) snprintf(c->wrong, sizeof c->wrong, "%s", cadre_last_error());
    model_config_free(&config);
    cadre_options_free(options);
    compute_free(on);
}

static void run(case_of *c, int ranks, const char *layout)
{
    c->layout = layout;
    assert_int_equal(thread_comm_run(ranks, 60, run_rank, c), CADRE_OK);
}

static void check(const char *accumulate, const int *ranks)
{
    case_of c = { .accumulate = accumulate };
    run(&c, 1, NULL);
    assert_string_equal(c.wrong, "");
    for (int s = 1; s < STEPS; s++) assert_true(c.report[s].margin != c.report[0].margin);
    for (; *ranks; ranks++) run(&c, *ranks, NULL);
    run(&c, 2, "tensor=2");
    if (*c.wrong) fail_msg("%s", c.wrong);
    mem_free(c.values);
}

/* With three and eight ranks, the answers of some pairs are on two ranks. */
static void test_pairs_on_ranks(void **state)
{
    (void)state;
    check("1", (const int[]){ 2, 3, 8, 0 });
    check("2", (const int[]){ 2, 3, 0 });
}

static void test_stages_are_refused(void **state)
{
    (void)state;
    case_of c = { .accumulate = "2" };
    run(&c, 2, "pipeline=2");
    assert_non_null(strstr(c.wrong, "--preference: expected ranks that have all layers"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs_on_ranks),
        cmocka_unit_test(test_stages_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
