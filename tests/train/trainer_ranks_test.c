/* trainer_ranks_test.c - ranks that divide the sequences of a batch, experts, matrices or layers
 * have the same bits as one rank, in the parameters and in what they report. Ranks are threads. */
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
#include "moe/metrics.h"
#include "support/collect.h"
#include "support/small_run.h"
#include "support/thread_comm.h"
#include "weights/initialise.h"

enum { VOCAB = 40, STEPS = 3, MOST_LAYERS = 8, ARRAYS = 3 };

/* The results of a run; those of one rank are what others are compared with */
typedef struct outcome {
    param_table table;
    param_table shape[ARRAYS]; /* the layout of each array */
    real *array[ARRAYS];       /* values and moments */
    trainer_report report[STEPS];
    cadre_moe_metrics metrics[STEPS][MOST_LAYERS];
    double router_norm[STEPS][MOST_LAYERS], bias[STEPS][MOST_LAYERS];
    double held_out; /* the sum of the losses of held-out rows */
    int64_t counted;
} outcome;

typedef struct plan_of_run {
    const char *recipe;
    const char *const (*more)[2];
    const char *layout; /* NULL: all ranks divide the batch */
    int64_t documents;  /* in a row */
    int threads;
    outcome *one;      /* written by a run of one rank; other runs are compared with it */
    char refusal[300]; /* why rank 0 could not begin */
    char wrong[300];
} plan_of_run;

/* Keeps the first error. */
static void note(plan_of_run *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (!*p->wrong) vsnprintf(p->wrong, sizeof p->wrong, format, args);
    va_end(args);
}

/* Writes sequence s of every step, which has some tokens more often than others. */
static void feed(void *arg, int64_t first, int64_t count, const batch_rows *rows)
{
    int64_t context = *(const int64_t *)arg;
    for (int64_t i = 0; i < count * context; i++) {
        int64_t s = first + i / context, at = i % context;
        rows->inputs[i] = (int32_t)((s * 7 + at * at + at * (s % 3)) % VOCAB);
        rows->targets[i] = (int32_t)((s * 7 + (at + 1) * (at + 1) + (at + 1) * (s % 3)) % VOCAB);
    }
}

/* The same with documents of different lengths, at most 6 in a row, and targets of which most do
 * not count */
static void feed_documents(void *arg, int64_t first, int64_t count, const batch_rows *rows)
{
    int64_t context = *(const int64_t *)arg;
    feed(arg, first, count, rows);
    for (int64_t i = 0; i < count * context; i++) {
        int64_t s = first + i / context, at = i % context;
        rows->begins[i] = (at * (s % 4)) % (context / 2) == 1;
        if ((s + at) % 3 || s % 5 == 2) rows->targets[i] = -1;
    }
}

static const param *find(const param_table *t, const param *like)
{
    for (int64_t i = 0; i < t->count; i++)
        if (t->rows[i].role == like->role && t->rows[i].layer == like->layer &&
            t->rows[i].expert == like->expert && t->rows[i].encoder == like->encoder)
            return &t->rows[i];
    return NULL;
}

/* Parses "tensor=2,data=2", and sets the number of ranks of the layout. */
static rank_layout layout_of(const char *text)
{
    rank_layout l = layout_single();
    for (int ranks = 1; ranks <= THREAD_COMM_MOST; ranks++)
        if (layout_parse(text, ranks, &l) == CADRE_OK) return l;
    fail_msg("layout %s: %s", text, cadre_last_error());
    return l;
}

static void compare_values(plan_of_run *p, const trainer *t, const real *values)
{
    const param_table *table = trainer_table(t);
    for (int64_t i = 0; i < table->count; i++) {
        const param *own = &table->rows[i], *one = find(&p->one->table, own);
        size_t bytes = (size_t)(own->rows * own->cols) * sizeof(real);
        const real *expected = p->one->array[0] + one->offset + param_elements_before(own);
        if (memcmp(values + own->offset, expected, bytes))
            note(p, "the values of role %d in layer %d, expert %d", own->role, own->layer,
                own->expert);
    }
}

/* Whether all fields have the same bits; there is padding after `dead`. */
static bool same_metrics(const cadre_moe_metrics *a, const cadre_moe_metrics *b)
{
    size_t rest = offsetof(cadre_moe_metrics, load_entropy);
    return !memcmp(a, b, offsetof(cadre_moe_metrics, dead)) && a->dead == b->dead &&
           !memcmp((const char *)a + rest, (const char *)b + rest, sizeof *a - rest);
}

/* The range of a correction bias, as the metrics report it; -1: there is none */
static double bias_range(const trainer *t, int l)
{
    const real *bias = trainer_correction(t, l);
    return bias ? metrics_bias_range(bias, trainer_totals(t, l).experts) : -1;
}

static void compare_step(
    plan_of_run *p, const trainer *t, int s, const trainer_report *report, int layers)
{
    outcome *one = p->one;
    if (memcmp(&one->report[s], report, sizeof *report))
        note(p, "step %d: loss %.17g %.17g, aux %.17g %.17g, norm %.17g %.17g", s, report->loss,
            one->report[s].loss, report->aux, one->report[s].aux, report->gradient_norm,
            one->report[s].gradient_norm);
    for (int l = 0; l < layers; l++) {
        balance_totals totals = trainer_totals(t, l);
        cadre_moe_metrics m = metrics_of(&totals);
        if (!same_metrics(&m, &one->metrics[s][l])) note(p, "metrics of layer %d in step %d", l, s);
        if (trainer_router_norm(t, l) != one->router_norm[s][l])
            note(p, "router's norm of layer %d in step %d", l, s);
        if (bias_range(t, l) != one->bias[s][l]) note(p, "bias of layer %d in step %d", l, s);
    }
}

static void keep_step(plan_of_run *p, const trainer *t, int s, const trainer_report *r, int layers)
{
    p->one->report[s] = *r;
    for (int l = 0; l < layers; l++) {
        balance_totals totals = trainer_totals(t, l);
        p->one->metrics[s][l] = metrics_of(&totals);
        p->one->router_norm[s][l] = trainer_router_norm(t, l);
        p->one->bias[s][l] = bias_range(t, l);
    }
}

/* Compares the values and the optimiser's states. */
static int arrays_of(trainer *t) { return 1 + optimizer_states(trainer_optimizer(t)); }

static void keep_values(plan_of_run *p, const model_config *config, trainer *t)
{
    const param_table *table = trainer_table(t);
    assert_int_equal(param_table_make_whole(config, &p->one->table), CADRE_OK);
    assert_int_equal(p->one->table.count, table->count);
    for (int64_t i = 0; i < table->count; i++) p->one->table.rows[i].offset = table->rows[i].offset;
    for (int i = 0; i < arrays_of(t); i++) {
        const optimizer_state values = { NULL, table, trainer_values(t) },
                              from = i ? optimizer_state_at(trainer_optimizer(t), i - 1) : values;
        p->one->array[i] = mem_alloc((size_t)from.table->elements, sizeof(real));
        memcpy(p->one->array[i], from.values, (size_t)from.table->elements * sizeof(real));
        assert_int_equal(param_table_copy(from.table, &p->one->shape[i]), CADRE_OK);
    }
}

/* Elements that are read here and there, in windows that cut parameters and ranks' shares, are
 * those of the array that was read at once. whole: on rank 0 */
static void compare_windows(plan_of_run *p, trainer *t, int which, int64_t count, const real *whole)
{
    enum { WINDOW = 37, READS = 12, LENGTH = 90 };
    trainer_reader *reader;
    real read[LENGTH];
    if (!whole) {
        if (trainer_answer(t) != CADRE_OK) note(p, "answering: %s", cadre_last_error());
        return;
    }
    assert_int_equal(trainer_reader_open(t, WINDOW, &reader), CADRE_OK);
    for (int64_t i = 0; i < READS; i++) {
        int64_t first = i * 7919 % count, n = count - first < LENGTH ? count - first : LENGTH;
        if (trainer_reader_read(reader, which, first, n, read) != CADRE_OK)
            note(p, "reading array %d: %s", which, cadre_last_error());
        else if (memcmp(read, whole + first, (size_t)n * sizeof *read) != 0)
            note(p, "array %d, elements from %lld on", which, (long long)first);
    }
    trainer_reader_close(reader);
}

/* Collects the arrays of a checkpoint on rank 0. */
static void compare_collected(plan_of_run *p, trainer *t, comm *world)
{
    for (int a = 0; a < arrays_of(t); a++) {
        param_table table;
        assert_int_equal(trainer_array_table(t, a - 1, &table), CADRE_OK);
        real *whole = world->rank ? NULL : mem_alloc((size_t)table.elements, sizeof *whole);
        if (collect_array(t, a - 1, whole) != CADRE_OK)
            note(p, "collecting array %d: %s", a, cadre_last_error());
        for (int64_t i = 0; whole && i < table.count; i++) {
            const param *own = &table.rows[i], *one = find(&p->one->shape[a], own);
            if (own->kind == PARAM_STATE && a > 0) continue;
            if (own->rows != one->rows ||
                memcmp(whole + own->offset, p->one->array[a] + one->offset,
                    (size_t)(own->rows * own->cols) * sizeof(real)))
                note(p, "array %d, role %d, expert %d", a, own->role, own->expert);
        }
        compare_windows(p, t, a - 1, table.elements, whole);
        mem_free(whole);
        param_table_free(&table);
    }
}

static void take_steps(plan_of_run *p, const train_settings *settings, trainer *t, comm *world)
{
    int layers = trainer_sparse_layers(t);
    for (int s = 0; s < STEPS; s++) {
        trainer_report report;
        int64_t context = settings->context;
        trainer_feed own = p->documents > 1 ? feed_documents : feed;
        if (trainer_step(t, s, 0.01, own, &context, &report) != CADRE_OK) {
            note(p, "%s", cadre_last_error());
            return;
        }
        if (world->size == 1) keep_step(p, t, s, &report, layers);
        else compare_step(p, t, s, &report, layers);
    }
}

/* Evaluates held-out rows, and takes a step that is skipped because its loss is too large. Both
 * come before the values are compared, which they must not change. */
static void look(plan_of_run *p, const train_settings *settings, trainer *t, comm *world)
{
    double sum = 0;
    int64_t context = settings->context, counted = 0;
    trainer_report report;
    trainer_feed own = p->documents > 1 ? feed_documents : feed;
    if (trainer_evaluate(t, own, &context, &sum, &counted) != CADRE_OK)
        note(p, "held-out rows: %s", cadre_last_error());
    if (world->size == 1) p->one->held_out = sum, p->one->counted = counted;
    else if (sum != p->one->held_out || counted != p->one->counted)
        note(p, "held-out rows: %.17g of %lld, not %.17g of %lld", sum, (long long)counted,
            p->one->held_out, (long long)p->one->counted);
    trainer_guard(t, 0.001);
    if (trainer_step(t, STEPS, 0.01, own, &context, &report) != CADRE_OK || !report.skipped)
        note(p, "a bad batch is not passed over");
}

static void run_rank(comm *world, void *arg)
{
    plan_of_run *p = arg;
    compute *c;
    char *notes;
    model_config config;
    train_settings settings;
    trainer *t;
    const recipe *r = recipe_by_name(p->recipe);
    rank_layout layout = p->layout ? layout_of(p->layout) : layout_single();
    train_ranks ranks = { world, p->layout && world->size > 1 ? &layout : NULL };
    cadre_options *options = small_options(p->recipe);
    small_set(options, "batch", "12");
    for (const char *const(*more)[2] = p->more; (*more)[0]; more++)
        small_set(options, (*more)[0], (*more)[1]);
    compute_new(p->threads, NULL, &c);
    recipe_apply(r, options);
    recipe_config(r, options, VOCAB, &config, &notes);
    mem_free(notes);
    train_settings_read(options, r, &settings);
    settings.documents = p->documents;
    if (trainer_new(c, &config, &settings, &ranks, &t) == CADRE_OK) {
        init_options start = init_options_of(r, &config, options, 5);
        model_initialise(c, trainer_table(t), &start, trainer_values(t));
        take_steps(p, &settings, t, world);
        look(p, &settings, t, world);
        if (world->size == 1) keep_values(p, &config, t);
        else {
            compare_values(p, t, trainer_values(t));
            compare_collected(p, t, world);
        }
        trainer_free(t);
    } else if (world->rank == 0) snprintf(p->refusal, sizeof p->refusal, "%s", cadre_last_error());
    model_config_free(&config);
    cadre_options_free(options);
    compute_free(c);
}

static void run_one(plan_of_run *p, const char *name, const char *const more[][2])
{
    *p = (plan_of_run){ .recipe = name,
        .more = more,
        .documents = p->documents,
        .threads = 1,
        .one = mem_alloc(1, sizeof *p->one) };
    assert_int_equal(thread_comm_run(1, 60, run_rank, p), CADRE_OK);
    if (*p->wrong || *p->refusal) fail_msg("%s: %s%s", name, p->wrong, p->refusal);
}

static void compare_run(plan_of_run *p, int ranks)
{
    p->threads = ranks == 2 ? 2 : 1;
    assert_int_equal(thread_comm_run(ranks, 60, run_rank, p), CADRE_OK);
    if (*p->wrong || *p->refusal)
        fail_msg("%s on %d ranks, %s: %s%s", p->recipe, ranks, p->layout ? p->layout : "any",
            p->wrong, p->refusal);
}

static void free_one(plan_of_run *p)
{
    param_table_free(&p->one->table);
    for (int i = 0; i < ARRAYS; i++) mem_free(p->one->array[i]);
    for (int i = 0; i < ARRAYS; i++) param_table_free(&p->one->shape[i]);
    mem_free(p->one);
}

/* Compares the results of one rank with those of several numbers of ranks. */
static void check_ranks(const char *name, const char *const more[][2], const int *ranks)
{
    plan_of_run p = { .documents = 1 };
    run_one(&p, name, more);
    for (; *ranks; ranks++) compare_run(&p, *ranks);
    free_one(&p);
}

/* Does the same with layouts; documents: how many a row has */
static void check_packed(
    int64_t documents, const char *name, const char *const more[][2], const char *const *layouts)
{
    plan_of_run p = { .documents = documents };
    run_one(&p, name, more);
    for (; *layouts; layouts++) {
        rank_layout l = layout_of(*layouts);
        p.layout = *layouts;
        compare_run(&p, layout_ranks(&l));
    }
    free_one(&p);
}

static void check_layouts(const char *name, const char *const more[][2], const char *const *layouts)
{
    check_packed(1, name, more, layouts);
}

static void check_refusal(
    const char *name, const char *const more[][2], int ranks, const char *word)
{
    plan_of_run p = { .recipe = name, .more = more, .documents = 1, .threads = 1 };
    assert_int_equal(thread_comm_run(ranks, 60, run_rank, &p), CADRE_OK);
    if (!strstr(p.refusal, word)) fail_msg("%s on %d ranks: %s", name, ranks, p.refusal);
}

/* Rows hold different numbers of documents and count different numbers of targets, or none. */
static void test_documents_on_ranks(void **state)
{
    (void)state;
    const char *const plain[][2] = { { "experts", "12" }, { NULL, NULL } },
                      *const accumulated[][2] = { { "accumulate", "2" }, { "balance-over", "step" },
                          { NULL, NULL } };
    check_packed(7, "deepseek-v3", plain, (const char *const[]){ "data=2", "data=3", NULL });
    check_packed(7, "qwen3-moe", accumulated,
        (const char *const[]){ "data=2", "pipeline=2", "pipeline=2,data=2", "tensor=2", NULL });
}

static void test_what_is_refused(void **state)
{
    (void)state;
    const char *const accumulated[][2] = { { "accumulate", "4" }, { NULL, NULL } },
                      *const dense[][2] = { { "estimator", "dense" }, { NULL, NULL } };
    check_refusal("deepseek-v3", accumulated, 3, "at most 2 ranks");
    check_refusal("olmoe", dense, 2, "--estimator dense");
}

/* Optimisers that update a matrix as a whole: one rank updates each matrix. */
static void test_whole_matrices_on_ranks(void **state)
{
    (void)state;
    const char *const muon[][2] = { { "optimizer", "muon" }, { "experts", "12" },
        { "weight-decay", "0.1" }, { NULL, NULL } },
                      *const factors[][2] = { { "optimizer", "adafactor" }, { "experts", "12" },
                          { "tie", "true" }, { "accumulate", "2" }, { NULL, NULL } };
    check_ranks("deepseek-v3", muon, (const int[]){ 2, 3, 4, 8, 0 });
    check_layouts(
        "qwen3-moe", muon, (const char *const[]){ "pipeline=2", "expert=2,data=2", NULL });
    check_layouts("olmoe", factors,
        (const char *const[]){ "data=2", "data=3", "pipeline=2", "data=2,pipeline=2", NULL });
}

/* The rank that updates a slice of a parameter has the momentum of that slice. */
static void test_momentum_on_ranks(void **state)
{
    (void)state;
    const char *const sgd[][2] = { { "optimizer", "sgd" }, { "experts", "12" },
        { "weight-decay", "0.1" }, { NULL, NULL } };
    check_ranks("deepseek-v3", sgd, (const int[]){ 2, 3, 0 });
    check_layouts("qwen3-moe", sgd, (const char *const[]){ "tensor=2", "pipeline=2", NULL });
    check_layouts("olmoe", sgd, (const char *const[]){ "tensor=2", "data=2,pipeline=2", NULL });
}

/* Products of rounded operands are chains in the order of k too, so ranks can divide them. */
static void test_rounded_products_on_ranks(void **state)
{
    (void)state;
    const char *const rounded[][2] = { { "compute", "bf16" }, { "experts", "12" }, { NULL, NULL } },
                      *const accumulated[][2] = { { "compute", "bf16" }, { "accumulate", "2" },
                          { "tie", "true" }, { NULL, NULL } };
    if (REAL_IS_DOUBLE) skip();
    check_ranks("deepseek-v3", rounded, (const int[]){ 2, 3, 4, 0 });
    check_layouts("qwen3-moe", accumulated,
        (const char *const[]){ "tensor=2", "pipeline=2", "data=2,tensor=2", NULL });
}

/* When layers are recomputed, ranks exchange again what these need. */
static void test_recomputed_layers_on_ranks(void **state)
{
    (void)state;
    const char *const again[][2] = { { "recompute", "layers" }, { "experts", "12" },
        { "layers", "4" }, { "accumulate", "2" }, { NULL, NULL } };
    check_ranks("deepseek-v3", again, (const int[]){ 2, 3, 0 });
    check_layouts("qwen3-moe", again,
        (const char *const[]){
            "tensor=2", "pipeline=2", "data=2,pipeline=2", "pipeline=2,tensor=2", NULL });
}

static void test_every_number_of_ranks(void **state)
{
    (void)state;
    const char *const more[][2] = { { "experts", "12" }, { NULL, NULL } };
    check_ranks("deepseek-v3", more, (const int[]){ 2, 3, 4, 8, 0 });
}

static void test_balance_over_micro_and_step(void **state)
{
    (void)state;
    const char *const micro[][2] = { { "balance-over", "micro" }, { NULL, NULL } },
                      *const step[][2] = { { "balance-over", "step" }, { "tie", "true" },
                          { "accumulate", "2" }, { NULL, NULL } },
                      *const capacity[][2] = { { "capacity-factor", "1.0" }, { NULL, NULL } };
    check_ranks("olmoe", micro, (const int[]){ 2, 3, 4, 0 });
    check_ranks("qwen3-moe", step, (const int[]){ 2, 4, 0 });
    check_ranks("gshard", capacity, (const int[]){ 2, 3, 0 });
}

/* Trap: slices are divided wrongly if experts lie between other parameters, or they are uneven, and
 * the memory for what is received is that of even ones. */
static void test_slices_of_wide_layers(void **state)
{
    (void)state;
    const char *const wide[][2] = { { "width", "128" }, { "heads", "4" }, { "layers", "4" },
        { "experts", "12" }, { NULL, NULL } };
    check_ranks("gshard", wide, (const int[]){ 4, 0 });
}

static void test_every_recipe(void **state)
{
    (void)state;
    const char *const none[][2] = { { NULL, NULL } };
    for (int i = 0; recipe_name(i); i++)
        if (!strcmp(recipe_name(i), "switch-t5")) check_refusal(recipe_name(i), none, 2, "encoder");
        else check_ranks(recipe_name(i), none, (const int[]){ 2, 0 });
}

static void test_accumulated_batches(void **state)
{
    (void)state;
    const char *const two[][2] = { { "accumulate", "2" }, { NULL, NULL } }, *const four[][2] = {
        { "accumulate", "4" }, { NULL, NULL }
    };
    check_ranks("deepseek-v3", two, (const int[]){ 2, 3, 4, 0 });
    check_ranks("deepseek-v3", four, (const int[]){ 2, 0 });
}

/* Numbers of heads, rows and columns that are not divisible by 2 and 3 */
static void test_slices(void **state)
{
    (void)state;
    const char *const uneven[][2] = { { "width", "36" }, { "heads", "6" }, { "experts", "12" },
        { NULL, NULL } },
                      *const tied[][2] = { { "tie", "true" }, { "accumulate", "2" },
                          { NULL, NULL } };
    check_layouts("deepseek-v3", uneven,
        (const char *const[]){
            "tensor=2", "tensor=3", "tensor=2,data=2", "expert=3,tensor=2", NULL });
    check_layouts("qwen3-moe", tied, (const char *const[]){ "tensor=2", "data=2,tensor=2", NULL });
}

static void test_slices_of_every_recipe(void **state)
{
    (void)state;
    const char *const none[][2] = { { NULL, NULL } };
    for (int i = 0; recipe_name(i); i++)
        if (strcmp(recipe_name(i), "switch-t5") != 0)
            check_layouts(recipe_name(i), none, (const char *const[]){ "tensor=2", NULL });
}

/* Stages of unequal numbers of layers, more or fewer micro-batches than stages, a tied embedding at
 * both ends, and losses that read all layers or the whole step */
static void test_stages(void **state)
{
    (void)state;
    const char *const one[][2] = { { "layers", "3" }, { "experts", "12" }, { NULL, NULL } },
                      *const four[][2] = { { "layers", "5" }, { "accumulate", "4" },
                          { NULL, NULL } },
                      *const step[][2] = { { "balance-over", "step" }, { "tie", "true" },
                          { "accumulate", "4" }, { "layers", "3" }, { NULL, NULL } },
                      *const pooled[][2] = { { "accumulate", "2" }, { "layers", "4" },
                          { NULL, NULL } };
    check_layouts("deepseek-v3", one,
        (const char *const[]){
            "pipeline=2", "pipeline=3", "data=2,pipeline=2", "pipeline=2,tensor=2", NULL });
    check_layouts("deepseek-v3", four,
        (const char *const[]){ "pipeline=2", "pipeline=4", "expert=2,pipeline=3", NULL });
    check_layouts("qwen3-moe", step,
        (const char *const[]){
            "pipeline=2", "pipeline=3", "data=2,pipeline=2", "pipeline=2,tensor=2", NULL });
    check_layouts("mixtral", pooled, (const char *const[]){ "pipeline=4", NULL });
}

/* Two to four chunks of layers a stage; a tied embedding at both ends; balancing over a step */
static void test_several_chunks_of_layers(void **state)
{
    (void)state;
    const char *const two[][2] = { { "layers", "5" }, { "accumulate", "2" }, { "experts", "12" },
        { NULL, NULL } },
                      *const four[][2] = { { "layers", "8" }, { "accumulate", "4" },
                          { NULL, NULL } },
                      *const step[][2] = { { "balance-over", "step" }, { "tie", "true" },
                          { "accumulate", "4" }, { "layers", "6" }, { NULL, NULL } };
    check_layouts("deepseek-v3", two,
        (const char *const[]){ "pipeline=2,virtual=2", "data=2,pipeline=2,virtual=2",
            "pipeline=2,tensor=2,virtual=2", NULL });
    check_layouts("deepseek-v3", four,
        (const char *const[]){
            "pipeline=2,virtual=4", "pipeline=4,virtual=2", "pipeline=2,virtual=3", NULL });
    check_layouts("qwen3-moe", step,
        (const char *const[]){ "pipeline=2,virtual=3", "expert=2,pipeline=2,virtual=2", NULL });
}

static void test_stages_of_every_recipe(void **state)
{
    (void)state;
    const char *const two[][2] = { { "accumulate", "2" }, { NULL, NULL } };
    for (int i = 0; recipe_name(i); i++)
        if (strcmp(recipe_name(i), "switch-t5") != 0)
            check_layouts(recipe_name(i), two, (const char *const[]){ "pipeline=2", NULL });
}

/* Recurrent layers and convolutions between attention layers: every rank of `tensor` has all of
 * them */
static void test_every_mixer(void **state)
{
    (void)state;
    static const char *const mixers[] = { "lstm", "short-conv", "mamba2", "gated-delta", "kda" };
    for (size_t i = 0; i < sizeof mixers / sizeof *mixers; i++) {
        char list[64];
        snprintf(list, sizeof list, "%s,attention,%s", mixers[i], mixers[i]);
        const char *const more[][2] = { { "mixer", list }, { "layers", "3" }, { "accumulate", "2" },
            { NULL, NULL } };
        check_layouts("olmoe", more,
            (const char *const[]){
                "data=2", "tensor=2", "pipeline=3", "expert=2,pipeline=2", NULL });
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_mixer),
        cmocka_unit_test(test_momentum_on_ranks),
        cmocka_unit_test(test_whole_matrices_on_ranks),
        cmocka_unit_test(test_rounded_products_on_ranks),
        cmocka_unit_test(test_recomputed_layers_on_ranks),
        cmocka_unit_test(test_every_number_of_ranks),
        cmocka_unit_test(test_balance_over_micro_and_step),
        cmocka_unit_test(test_accumulated_batches),
        cmocka_unit_test(test_slices_of_wide_layers),
        cmocka_unit_test(test_every_recipe),
        cmocka_unit_test(test_slices),
        cmocka_unit_test(test_slices_of_every_recipe),
        cmocka_unit_test(test_stages),
        cmocka_unit_test(test_several_chunks_of_layers),
        cmocka_unit_test(test_stages_of_every_recipe),
        cmocka_unit_test(test_documents_on_ranks),
        cmocka_unit_test(test_what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
