/* trainer_test.c - a training step: it allocates nothing, and the number of micro-batches changes
 * no bit. */
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
#include "support/heap_peak.h"
#include "support/small_run.h"
#include "support/thread_comm.h"
#include "support/within.h"
#include "weights/initialise.h"

enum { VOCAB = 24 };

typedef struct fixture {
    compute *c;
    cadre_options *options;
    model_config config;
    train_settings settings;
    trainer *t;
    double lr;
} fixture;

/* more: names and values of options, then NULL */
static void open_with(fixture *f, const char *name, const char *const more[][2])
{
    char *notes;
    const recipe *r = recipe_by_name(name);
    *f = (fixture){ .options = small_options(name), .lr = 0.01 };
    for (; (*more)[0]; more++) small_set(f->options, (*more)[0], (*more)[1]);
    assert_int_equal(compute_new(2, NULL, &f->c), CADRE_OK);
    assert_int_equal(recipe_apply(r, f->options), CADRE_OK);
    assert_int_equal(recipe_config(r, f->options, VOCAB, &f->config, &notes), CADRE_OK);
    mem_free(notes);
    assert_int_equal(train_settings_read(f->options, r, &f->settings), CADRE_OK);
    if (trainer_new(f->c, &f->config, &f->settings, NULL, &f->t) != CADRE_OK)
        fail_msg("%s", cadre_last_error());
    init_options start = init_options_of(r, &f->config, f->options, 5);
    model_initialise(f->c, trainer_table(f->t), &start, trainer_values(f->t));
}

static void open_case(fixture *f, const char *name, const char *option, const char *value)
{
    const char *const more[][2] = { { option, value }, { NULL, NULL } };
    open_with(f, name, more);
}

static void close_case(fixture *f)
{
    trainer_free(f->t);
    model_config_free(&f->config);
    cadre_options_free(f->options);
    compute_free(f->c);
}

/* Sequence s of every step counts up from s. */
static void feed(void *arg, int64_t first, int64_t count, const batch_rows *rows)
{
    int64_t context = *(const int64_t *)arg;
    for (int64_t i = 0; i < count * context; i++) {
        rows->inputs[i] = (int32_t)((first + i / context + i % context) % VOCAB);
        rows->targets[i] = (rows->inputs[i] + 1) % VOCAB;
    }
}

/* ---- evaluation, and steps that change nothing ---- */

/* The loss of evaluated rows is that of the next step on them, which the evaluation does not
 * change. */
static void test_an_evaluation_changes_nothing(void **state)
{
    (void)state;
    static const char *const computes[] = { "f32", "bf16" };
    for (int i = 0; i < (REAL_IS_DOUBLE ? 1 : 2); i++) {
        fixture f, other;
        trainer_report report, same;
        double sum = 0;
        int64_t counted = 0;
        open_case(&f, "olmoe", "compute", computes[i]);
        open_case(&other, "olmoe", "compute", computes[i]);
        int64_t context = f.settings.context;
        for (int64_t step = 0; step < 3; step++) {
            sum = 0, counted = 0;
            assert_int_equal(trainer_evaluate(f.t, feed, &context, &sum, &counted), CADRE_OK);
            assert_int_equal(trainer_step(f.t, step, 0.01, feed, &context, &report), CADRE_OK);
            assert_int_equal(trainer_step(other.t, step, 0.01, feed, &context, &same), CADRE_OK);
            assert_true(counted == f.settings.batch * context);
            assert_true(sum / (double)counted == report.loss && report.loss == same.loss);
        }
        size_t bytes = (size_t)trainer_table(f.t)->elements * sizeof(real);
        assert_memory_equal(trainer_values(f.t), trainer_values(other.t), bytes);
        close_case(&f), close_case(&other);
    }
}

/* A bad batch changes neither values nor states nor a correction bias; the next good one does. */
static void test_a_bad_batch_is_skipped(void **state)
{
    (void)state;
    fixture f;
    trainer_report report;
    open_case(&f, "deepseek-v3", "bias-update-rate", "0.1");
    int64_t context = f.settings.context;
    size_t bytes = (size_t)trainer_table(f.t)->elements * sizeof(real);
    real *before = mem_alloc(bytes, 1);
    memcpy(before, trainer_values(f.t), bytes);
    trainer_guard(f.t, 0.001);
    assert_int_equal(trainer_step(f.t, 0, 0.01, feed, &context, &report), CADRE_OK);
    assert_true(report.skipped && report.loss > 1);
    assert_memory_equal(before, trainer_values(f.t), bytes);
    optimizer_state moments = optimizer_state_at(trainer_optimizer(f.t), 0);
    for (int64_t i = 0; i < moments.table->elements; i++) assert_true(moments.values[i] == 0);
    trainer_guard(f.t, 1000);
    assert_int_equal(trainer_step(f.t, 1, 0.01, feed, &context, &report), CADRE_OK);
    assert_true(!report.skipped && memcmp(before, trainer_values(f.t), bytes));
    mem_free(before);
    close_case(&f);
}

/* ---- targets that do not count, and documents ---- */

typedef struct document_feed {
    int64_t context, length; /* of a row, and of each document in it */
    int every;               /* one of so many targets counts; 0: none does */
} document_feed;

/* Writes the documents of a step one after another, however many a row has. Document d has the
 * tokens 5 d, 5 d + 1, and so on. */
static void feed_documents(void *arg, int64_t first, int64_t count, const batch_rows *rows)
{
    const document_feed *f = arg;
    for (int64_t i = 0; i < count * f->context; i++) {
        int64_t at = first * f->context + i, document = at / f->length, place = at % f->length;
        bool counts = f->every && (at * 7 + at / 3) % f->every == 0;
        rows->inputs[i] = (int32_t)((5 * document + place * (1 + document % 3)) % VOCAB);
        rows->targets[i] = counts ? (rows->inputs[i] + 1) % VOCAB : -1;
        rows->begins[i] = place == 0;
    }
}

static trainer_report step_of(fixture *f, const document_feed *documents)
{
    trainer_report report;
    document_feed own = *documents;
    assert_int_equal(trainer_step(f->t, 0, f->lr, feed_documents, &own, &report), CADRE_OK);
    return report;
}

/* Makes a trainer whose rows have at most so many documents. */
static void open_documents(
    fixture *f, const char *name, const char *const more[][2], int64_t documents)
{
    open_with(f, name, more);
    trainer_free(f->t);
    f->settings.documents = documents;
    assert_int_equal(trainer_new(f->c, &f->config, &f->settings, NULL, &f->t), CADRE_OK);
    init_options start = init_options_of(f->settings.recipe, &f->config, f->options, 5);
    model_initialise(f->c, trainer_table(f->t), &start, trainer_values(f->t));
}

static trainer_report step(fixture *f, int64_t number)
{
    trainer_report report;
    assert_int_equal(
        trainer_step(f->t, number, f->lr, feed, &f->settings.context, &report), CADRE_OK);
    return report;
}

static void test_a_step_allocates_nothing(void **state)
{
    (void)state;
    for (int i = 0; recipe_name(i); i++) {
        fixture f;
        open_case(&f, recipe_name(i), i % 2 ? "accumulate" : NULL, "2");
        mem_fail_at(0, false); /* count allocations from here */
        bool watched = heap_peak_begin();
        for (int64_t s = 0; s < 3; s++) step(&f, s);
        size_t grown = watched ? heap_peak_end() : 0;
        if (mem_count() || grown)
            fail_msg("%s: %ld allocations, %zu bytes", recipe_name(i), mem_count(), grown);
        close_case(&f);
    }
}

/* Whichever allocation fails, the error is that memory ran out, and nothing is leaked. */
static void test_memory_that_runs_out(void **state)
{
    (void)state;
    fixture f;
    open_case(&f, "deepseek-v3", "layers", "2");
    trainer_free(f.t);
    for (int what = 0; what < 2; what++) {
        int n = 0;
        for (cadre_status status = CADRE_ENOMEM; status != CADRE_OK;) {
            size_t bytes = 0;
            int64_t before = mem_balance();
            mem_fail_at(++n, false);
            status = what ? trainer_bytes(f.c, &f.config, &f.settings, NULL, &bytes)
                          : trainer_new(f.c, &f.config, &f.settings, NULL, &f.t);
            mem_fail_at(0, false);
            if (status == CADRE_OK) break;
            assert_int_equal(status, CADRE_ENOMEM);
            if (mem_balance() != before)
                fail_msg("%d bytes are left where allocation %d fails",
                    (int)(mem_balance() - before), n);
        }
        assert_true(n > (what ? 1 : 3)); /* the number of the first one that did not fail */
    }
    close_case(&f);
}

/* The memory that is computed before a run is what the run takes, except for tables of pointers and
 * small structs. */
static void test_memory_is_known_before(void **state)
{
    (void)state;
    for (int i = 0; recipe_name(i); i++) {
        fixture f;
        size_t bytes;
        open_case(&f, recipe_name(i), "layers", "2");
        trainer_free(f.t);
        int64_t before = mem_balance();
        assert_int_equal(trainer_bytes(f.c, &f.config, &f.settings, NULL, &bytes), CADRE_OK);
        assert_int_equal(mem_balance(), before);
        assert_int_equal(trainer_new(f.c, &f.config, &f.settings, NULL, &f.t), CADRE_OK);
        int64_t taken = mem_balance() - before;
        if (taken < (int64_t)bytes || taken > (int64_t)bytes + (1 << 16))
            fail_msg(
                "%s: %zu bytes were told, %lld taken", recipe_name(i), bytes, (long long)taken);
        close_case(&f);
    }
}

static void test_it_learns_to_count(void **state)
{
    (void)state;
    for (int i = 0; recipe_name(i); i++) {
        fixture f;
        open_case(&f, recipe_name(i), NULL, NULL);
        double first = step(&f, 0).loss, last = first;
        for (int64_t s = 1; s < 60; s++) last = step(&f, s).loss;
        if (!(last < 0.5 * first))
            fail_msg("%s: loss %g, at first %g", recipe_name(i), last, first);
        close_case(&f);
    }
}

/* Frozen parameters keep their bits, and so does a frozen correction bias; all others change. */
static void test_what_is_frozen_stays(void **state)
{
    (void)state;
    static const char *const lists[] = { "router,experts", "attention,embeddings,layers=0-0",
        "experts=2-5,router=2-5" };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        fixture f;
        open_case(&f, "deepseek-v3", "freeze", lists[i]);
        const param_table *t = trainer_table(f.t);
        const real *values = trainer_values(f.t);
        real *before = MEM_ARRAY(real, t->elements);
        memcpy(before, values, (size_t)t->elements * sizeof *before);
        for (int64_t s = 0; s < 4; s++) step(&f, s);
        for (int64_t r = 0; r < t->count; r++) {
            const param *p = &t->rows[r];
            int64_t begin, end, moved = 0, count = p->rows * p->cols;
            const real *is = values + p->offset, *was = before + p->offset;
            freeze_elements(&f.settings.optimizer.freeze, p, &begin, &end);
            assert_memory_equal(is + begin, was + begin, (size_t)(end - begin) * sizeof *is);
            for (int64_t n = 0; n < count; n++) moved += (n < begin || n >= end) && is[n] != was[n];
            if (end - begin < count && !moved)
                fail_msg("%s: parameter %lld did not move", lists[i], (long long)r);
        }
        mem_free(before);
        close_case(&f);
    }
}

/* Trap: a balancing loss is reported but has no gradient, or it is counted in the language-model
 * loss. */
static void test_balancing_reaches_the_router_alone_apart_from_the_loss(void **state)
{
    (void)state;
    fixture plain, balanced;
    open_case(&plain, "olmoe", "aux-loss", "0"), open_case(&balanced, "olmoe", "aux-loss", "1");
    trainer_report p = step(&plain, 0), b = step(&balanced, 0);
    assert_within(p.loss, b.loss, 0);
    assert_true(p.aux == 0 && b.aux > 0.9);
    assert_true(trainer_router_norm(plain.t, 0) != trainer_router_norm(balanced.t, 0));
    close_case(&plain), close_case(&balanced);
}

/* Documents packed in one row give the same results as in rows of their own, in every mixer and
 * with every router, positions and capacity. */
static void compare_packed(const char *name, const char *const extra[2])
{
    fixture apart, packed;
    const char *const alone[][2] = { { "batch", "8" }, { "context", "6" },
        { extra[0] ? extra[0] : "seed", extra[0] ? extra[1] : "1" }, { NULL, NULL } };
    const char *const together[][2] = { { "batch", "2" }, { "context", "24" },
        { alone[2][0], alone[2][1] }, { NULL, NULL } };
    open_documents(&apart, name, alone, 1), open_documents(&packed, name, together, 4);
    trainer_report a = step_of(&apart, &(document_feed){ 6, 6, 3 }),
                   p = step_of(&packed, &(document_feed){ 24, 6, 3 });
    assert_true(a.loss > 1);
    assert_within(p.loss, a.loss, 1e-6);
    assert_within(p.aux, a.aux, 1e-6);
    assert_within(p.z, a.z, 1e-6);
    assert_within(p.gradient_norm, a.gradient_norm, 1e-5 * a.gradient_norm);
    close_case(&apart), close_case(&packed);
}

static void test_documents_in_a_row_are_sequences(void **state)
{
    (void)state;
    const char *const lstm[2] = { "mixer", "lstm" }, *const conv[2] = { "mixer", "short-conv" },
                      *const space[2] = { "mixer", "mamba2" }, *const none[2] = { NULL, NULL };
    for (int i = 0; recipe_name(i); i++)
        if (strcmp(recipe_name(i), "switch-t5")) compare_packed(recipe_name(i), none);
    compare_packed("olmoe", lstm), compare_packed("olmoe", conv), compare_packed("olmoe", space);
}

/* The bits are the same though micro-batches count different numbers of targets, or none. */
static void test_documents_in_micro_batches(void **state)
{
    (void)state;
    static const char *const cuts[] = { "1", "2", "4" };
    const document_feed documents = { 24, 5, 31 };
    fixture f[3];
    trainer_report r[3];
    for (int i = 0; i < 3; i++) {
        const char *const more[][2] = { { "accumulate", cuts[i] }, { "batch", "4" },
            { "context", "24" }, { "aux-loss", "0" }, { "z-loss", "0" }, { NULL, NULL } };
        open_documents(&f[i], "olmoe", more, 6);
        r[i] = step_of(&f[i], &documents);
    }
    for (int i = 1; i < 3; i++) {
        assert_memory_equal(&r[i], &r[0], sizeof r[0]);
        assert_memory_equal(trainer_values(f[i].t), trainer_values(f[0].t),
            (size_t)trainer_table(f[0].t)->elements * sizeof(real));
    }
    for (int i = 0; i < 3; i++) close_case(&f[i]);
}

static void test_a_step_that_counts_nothing(void **state)
{
    (void)state;
    fixture f;
    const char *const more[][2] = { { "batch", "4" }, { "context", "24" }, { "aux-loss", "0" },
        { "z-loss", "0" }, { NULL, NULL } };
    open_documents(&f, "olmoe", more, 1);
    trainer_report r = step_of(&f, &(document_feed){ 24, 24, 0 });
    assert_true(r.loss == 0 && r.gradient_norm == 0 && r.tokens == 96);
    close_case(&f);
}

/* ---- recomputed layers ---- */

/* Steps with and without --recompute layers have the same bits; those with it need less memory. */
static void compare_recomputed(const char *name, const char *const extra[][2])
{
    const char *more[2][8][2];
    fixture f[2];
    size_t bytes[2];
    for (int i = 0; i < 2; i++) {
        int n = 0;
        for (; extra[n][0]; n++) more[i][n][0] = extra[n][0], more[i][n][1] = extra[n][1];
        more[i][n][0] = "recompute", more[i][n][1] = i ? "layers" : "none";
        more[i][n + 1][0] = NULL;
        open_with(&f[i], name, (const char *const(*)[2])more[i]);
        assert_int_equal(
            trainer_bytes(f[i].c, &f[i].config, &f[i].settings, NULL, &bytes[i]), CADRE_OK);
    }
    if (bytes[1] >= bytes[0])
        fail_msg("%s %s: %zu bytes instead of %zu", name, extra[0][0], bytes[1], bytes[0]);
    for (int64_t s = 0; s < 3; s++) {
        trainer_report kept = step(&f[0], s), again = step(&f[1], s);
        assert_memory_equal(&again, &kept, sizeof kept);
        for (int i = 0; i < trainer_sparse_layers(f[0].t); i++) {
            balance_totals a = trainer_totals(f[0].t, i), b = trainer_totals(f[1].t, i);
            assert_memory_equal(b.count, a.count, (size_t)a.experts * sizeof *a.count);
            assert_true(trainer_router_norm(f[0].t, i) == trainer_router_norm(f[1].t, i));
        }
    }
    if (memcmp(trainer_values(f[1].t), trainer_values(f[0].t),
            (size_t)trainer_table(f[0].t)->elements * sizeof(real)))
        fail_msg("%s %s: the values differ", name, extra[0][0]);
    close_case(&f[0]), close_case(&f[1]);
}

static void test_recomputed_layers_have_the_same_bits(void **state)
{
    (void)state;
    for (int i = 0; recipe_name(i); i++)
        compare_recomputed(recipe_name(i),
            (const char *const[][2]){ { "layers", "4" }, { "accumulate", i % 2 ? "2" : "1" },
                { "dropout", "0.2" }, { NULL, NULL } });
    static const char *const mixers[] = { "lstm", "short-conv", "mamba2", "gated-delta", "kda",
        NULL };

    for (int i = 0; mixers[i]; i++)
        compare_recomputed("olmoe",
            (const char *const[][2]){ { "layers", "4" }, { "mixer", mixers[i] }, { NULL, NULL } });
}

/* Recomputed layers have the same noise, jitter and dropout, and states of routers change once. */
static void test_recomputed_routing_has_the_same_bits(void **state)
{
    (void)state;
    for (int i = 0; router_list_name(i); i++) {
        const char *name = router_list_name(i);
        bool one = !strcmp(name, "base") || !strcmp(name, "sparsemixer-1");
        compare_recomputed("olmoe",
            (const char *const[][2]){ { "router", name }, { "layers", "4" },
                { "topk", one ? "1" : "2" }, { "allow-lookahead", "true" }, { NULL, NULL } });
    }
    static const char *const kinds[][2] = { { "latent-width", "12" }, { "residual-width", "8" },
        { "constant-experts", "2" }, { "residual-logits", "yes" }, { "expert-input-scale", "2" },
        { "shared-experts", "1" }, { "estimator", "dense" }, { "estimator", "straight-through" } };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        compare_recomputed("olmoe", (const char *const[][2]){ { kinds[i][0], kinds[i][1] },
                                        { "layers", "4" }, { NULL, NULL } });
    compare_recomputed(
        "olmoe", (const char *const[][2]){ { "jitter", "0.1" }, { "expert-dropout", "0.2" },
                     { "layers", "4" }, { "capacity-factor", "1" }, { "balance-over", "step" },
                     { "accumulate", "2" }, { NULL, NULL } });
}

static void test_metrics_are_of_the_sparse_layers(void **state)
{
    (void)state;
    fixture f;
    open_case(&f, "deepseek-v3", "dense-layers", "1");
    step(&f, 0);
    assert_int_equal(trainer_sparse_layers(f.t), 1);
    assert_non_null(trainer_correction(f.t, 0));
    assert_true(trainer_router_norm(f.t, 0) > 0);
    assert_int_equal(trainer_totals(f.t, 0).tokens, f.settings.batch * f.settings.context);
    close_case(&f);
}

/* With balancing over a whole step, losses, gradients and values do not depend on the number of
 * micro-batches. */
static void compare_cuts(const char *loss, const char *form, const char *router_name)
{
    static const char *const cuts[] = { "1", "2", "4" };
    fixture f[3];
    trainer_report r[3];
    for (int i = 0; i < 3; i++) {
        const char *const more[][2] = { { "accumulate", cuts[i] }, { "balance-over", "step" },
            { "balance-loss", loss }, { "aux-form", form }, { "devices", "4" },
            { "devices-used", "2" }, { "router", router_name }, { "aux-loss", "1" },
            { NULL, NULL } };
        open_with(&f[i], "olmoe", more);
        r[i] = step(&f[i], 0);
    }
    for (int i = 1; i < 3; i++) {
        assert_within(r[i].aux, r[0].aux, 1e-5);
        assert_within(trainer_router_norm(f[i].t, 1), trainer_router_norm(f[0].t, 1), 2e-5);
        assert_within(r[i].gradient_norm, r[0].gradient_norm, 1e-4);
    }
    for (int i = 0; i < 3; i++) close_case(&f[i]);
}

static void test_balance_over_a_step_is_of_all_micro_batches(void **state)
{
    (void)state;
    static const char *const losses[] = { "load", "first-choice", "importance", "entropy", "device",
        "communication", "mutual-information", NULL };
    static const char *const forms[] = { "layer", "mean", "pooled" };
    for (int i = 0; losses[i]; i++)
        for (int k = 0; k < 3; k++) compare_cuts(losses[i], forms[k], "softmax");
    compare_cuts("load", "layer", "sigmoid-bias");
    compare_cuts("smooth-load", "layer", "noisy-topk");
}

/* ---- another rank that fails ---- */

typedef struct failing {
    cadre_status status[2];
    char sentence[2][COMM_SENTENCE];
    bool kept[2];
} failing;

/* Rank 1 fails for lack of memory, and rank 0 gets the error in the middle of a step. */
static void step_or_fail(comm *world, void *arg)
{
    failing *f = arg;
    fixture one;
    trainer_report report;
    open_case(&one, "olmoe", "balance-over", "step");
    trainer_free(one.t);
    if (trainer_new(one.c, &one.config, &one.settings, &(train_ranks){ world, NULL }, &one.t) !=
        CADRE_OK)
        return;
    init_options start = init_options_of(one.settings.recipe, &one.config, one.options, 5);
    model_initialise(one.c, trainer_table(one.t), &start, trainer_values(one.t));
    size_t size = (size_t)trainer_table(one.t)->elements * sizeof(real);
    real *before = mem_alloc(size, 1);
    memcpy(before, trainer_values(one.t), size);
    if (world->rank == 1) comm_fail(world, cadre_fail(CADRE_ENOMEM, NULL, "no room"));
    f->status[world->rank] = trainer_step(one.t, 0, 0.01, feed, &one.settings.context, &report);
    snprintf(f->sentence[world->rank], COMM_SENTENCE, "%s", cadre_last_error());
    f->kept[world->rank] = !memcmp(before, trainer_values(one.t), size);
    mem_free(before);
    close_case(&one);
}

static void test_a_failing_rank_changes_nothing(void **state)
{
    (void)state;
    static failing f;
    assert_int_equal(thread_comm_run(2, 60, step_or_fail, &f), CADRE_OK);
    for (int r = 0; r < 2; r++) {
        assert_int_equal(f.status[r], CADRE_ENOMEM);
        assert_string_equal(f.sentence[r], "rank 1: no room");
        assert_true(f.kept[r]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_evaluation_changes_nothing),
        cmocka_unit_test(test_a_bad_batch_is_skipped),
        cmocka_unit_test(test_a_step_allocates_nothing),
        cmocka_unit_test(test_memory_that_runs_out),
        cmocka_unit_test(test_memory_is_known_before),
        cmocka_unit_test(test_it_learns_to_count),
        cmocka_unit_test(test_what_is_frozen_stays),
        cmocka_unit_test(test_balancing_reaches_the_router_alone_apart_from_the_loss),
        cmocka_unit_test(test_balance_over_a_step_is_of_all_micro_batches),
        cmocka_unit_test(test_documents_in_a_row_are_sequences),
        cmocka_unit_test(test_documents_in_micro_batches),
        cmocka_unit_test(test_a_step_that_counts_nothing),
        cmocka_unit_test(test_recomputed_layers_have_the_same_bits),
        cmocka_unit_test(test_recomputed_routing_has_the_same_bits),
        cmocka_unit_test(test_metrics_are_of_the_sparse_layers),
        cmocka_unit_test(test_a_failing_rank_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
