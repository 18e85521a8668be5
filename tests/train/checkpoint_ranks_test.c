/* checkpoint_ranks_test.c - checkpoints that several ranks save have the bytes of one process's,
 * whatever the layout, whether all ranks see the files or rank 0 alone. A rank that fails leaves
 * the checkpoint before. Ranks are threads. */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "kernel/context.h"
#include "support/small_run.h"
#include "support/scratch.h"
#include "support/succeeds.h"
#include "support/thread_comm.h"
#include "train/checkpoint.h"
#include "weights/initialise.h"

enum { VOCAB = 40, PATH = 300, MOST = 8, ARRAYS = 3 };

typedef const char *const option_pair[2];

typedef struct save_case {
    const char *recipe;
    option_pair *more;  /* NULL after the last */
    const char *layout; /* NULL: all divide the batch */
    const number_format *format;
    int64_t vocab; /* 0: VOCAB */
    char folder[PATH], elsewhere[PATH];
    int blind; /* the rank that saves elsewhere; 0: none does */
    int64_t step;
    int spoiled; /* the rank that has a NaN; 0: none has */
    long memory; /* the allocation that fails while all save; 0: none does */
    cadre_status status[MOST];
    char sentence[MOST][COMM_SENTENCE];
    int64_t bytes[MOST];
    int blind_found[MOST];
} save_case;

static void feed(void *arg, int64_t first, int64_t count, const batch_rows *rows)
{
    int64_t context = *(const int64_t *)arg;
    for (int64_t i = 0; i < count * context; i++) {
        int64_t s = first + i / context, at = i % context;
        rows->inputs[i] = (int32_t)((s * 7 + at * at) % VOCAB);
        rows->targets[i] = (int32_t)((s * 7 + (at + 1) * (at + 1)) % VOCAB);
    }
}

static rank_layout layout_of(const save_case *s, int ranks)
{
    rank_layout l = layout_single();
    if (s->layout && ranks > 1) layout_parse(s->layout, ranks, &l);
    return l;
}

/* Gives the rank's last expert a weight that no file may hold. */
static void spoil(trainer *t)
{
    const param_table *table = trainer_table(t);
    for (int64_t i = table->count; i-- > 0;)
        if (param_is_expert(table->rows[i].role)) {
            trainer_values(t)[table->rows[i].offset] = (real)NAN;
            return;
        }
}

/* The ranks' clocks differ, and with them the lengths of their headers. */
static cadre_status save(save_case *s, trainer *t, const model_config *config, comm *world)
{
    optimizer *o = trainer_optimizer(t);
    const int r = world->rank, states = optimizer_states(o);
    param_table table[ARRAYS] = { { 0 } };
    checkpoint_ranks ranks = { .world = world, .trainer = t };
    checkpoint_arrays a = { .config = config,
        .ranks = world->size > 1 ? &ranks : NULL,
        .table = trainer_table(t),
        .values = trainer_values(t),
        .format = s->format,
        .states = states };
    cadre_status status = CADRE_OK;
    for (int i = 0; i <= states && status == CADRE_OK; i++) {
        if (world->size > 1) status = trainer_array_table(t, i - 1, &table[i]);
        if (i) a.state[i - 1] = optimizer_state_at(o, i - 1);
        if (world->size > 1 && i) a.state[i - 1].table = &table[i];
        else if (world->size > 1) a.table = &table[0];
    }
    const checkpoint_state state = {
        .step = s->step, .tokens = 70, .seconds = r ? 123456.7 * r : 2.5, .run = "{}"
    };
    const char *folder = s->blind && s->blind == r ? s->elsewhere : s->folder;
    if (status == CADRE_OK) status = checkpoint_save(folder, &a, &state);
    if (status != CADRE_OK) comm_fail(world, status);
    comm_barrier(world);
    if (status == CADRE_OK) status = comm_status(world);
    s->bytes[r] = ranks.bytes;
    s->blind_found[r] = ranks.blind;
    for (int i = 0; i < ARRAYS; i++) param_table_free(&table[i]);
    return status;
}

/* Lets an allocation of any rank fail while all save. */
static void save_with_memory(save_case *s, trainer *t, const model_config *config, comm *world)
{
    comm_barrier(world);
    if (world->rank == 0) mem_fail_at(s->memory, false);
    comm_barrier(world);
    s->status[world->rank] = save(s, t, config, world);
    snprintf(s->sentence[world->rank], COMM_SENTENCE, "%s", world->sentence);
}

static void run_rank(comm *world, void *arg)
{
    save_case *s = arg;
    compute *c;
    char *notes;
    model_config config;
    train_settings settings;
    trainer *t;
    const recipe *r = recipe_by_name(s->recipe);
    const rank_layout layout = layout_of(s, world->size);
    const train_ranks ranks = { world, s->layout && world->size > 1 ? &layout : NULL };
    cadre_options *options = small_options(s->recipe);
    small_set(options, "batch", "8");
    for (option_pair *more = s->more; (*more)[0]; more++)
        small_set(options, (*more)[0], (*more)[1]);
    compute_new(1, NULL, &c);
    recipe_apply(r, options);
    recipe_config(r, options, s->vocab ? s->vocab : VOCAB, &config, &notes);
    mem_free(notes);
    train_settings_read(options, r, &settings);
    s->status[world->rank] = trainer_new(c, &config, &settings, &ranks, &t);
    if (s->status[world->rank] == CADRE_OK) {
        trainer_report report;
        int64_t context = settings.context;
        init_options start = init_options_of(r, &config, options, 5);
        model_initialise(c, trainer_table(t), &start, trainer_values(t));
        trainer_step(t, 0, 0.01, feed, &context, &report);
        if (s->spoiled && s->spoiled == world->rank) spoil(t);
        save_with_memory(s, t, &config, world);
        trainer_free(t);
    } else {
        comm_fail(world, s->status[world->rank]);
        snprintf(s->sentence[world->rank], COMM_SENTENCE, "%s", world->sentence);
    }
    model_config_free(&config);
    cadre_options_free(options);
    compute_free(c);
}

/* ---- files ---- */

static void fresh(const char *name, char folder[PATH])
{
    snprintf(folder, PATH, "%s", scratch_file(name));
    small_remove(folder);
    succeeds(file_make_folder(folder));
}

static save_case case_of(const char *name, option_pair *more)
{
    save_case s = { .recipe = name, .more = more, .step = 7 };
    fresh("saved", s.folder);
    fresh("elsewhere", s.elsewhere);
    return s;
}

static void run(save_case *s, int ranks)
{
    thread_comm_run(ranks, 60, run_rank, s);
    mem_fail_at(0, false);
}

static void run_well(save_case *s, int ranks)
{
    run(s, ranks);
    for (int r = 0; r < ranks; r++)
        if (s->status[r] != CADRE_OK)
            fail_msg("%s on %d ranks, %s: rank %d: %s", s->recipe, ranks,
                s->layout ? s->layout : "any", r, s->sentence[r]);
}

static int64_t size_of(const char *folder, const char *name)
{
    char *path = file_join(folder, name);
    int64_t bytes = file_bytes(path);
    mem_free(path);
    return bytes;
}

#define MODEL "model.safetensors"
#define STATE_7 "training-state-000000007.safetensors"
#define STATE_8 "training-state-000000008.safetensors"

static void expect_same(const save_case *s, const char *one, int ranks)
{
    static const char *const files[] = { MODEL, STATE_7 };
    for (int i = 0; i < 2; i++)
        if (small_hash(one, files[i]) != small_hash(s->folder, files[i]))
            fail_msg("%s on %d ranks, %s: %s differs", s->recipe, ranks,
                s->layout ? s->layout : "any", files[i]);
}

/* The folder has these files and no other. */
static void expect_files(const char *folder, const char *state)
{
    char **names;
    int count;
    succeeds(file_list(folder, &names, &count));
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], MODEL) != 0 && (!state || strcmp(names[i], state) != 0))
            fail_msg("%s is there", names[i]);
    assert_int_equal(count, state ? 2 : 0);
    file_list_free(names, count);
}

/* Every byte is written by one rank, and every rank writes some. */
static void expect_shares(const save_case *s, int ranks)
{
    int64_t sum = 0, all = size_of(s->folder, MODEL) + size_of(s->folder, STATE_7);
    for (int r = 0; r < ranks; r++) {
        sum += s->bytes[r];
        assert_int_equal(s->blind_found[r], -1);
        if (s->bytes[r] < all / ranks / 8)
            fail_msg("%s, %s: rank %d has written %lld of %lld bytes", s->recipe,
                s->layout ? s->layout : "any", r, (long long)s->bytes[r], (long long)all);
    }
    if (sum != all)
        fail_msg("%s, %s: ranks have written %lld bytes of %lld", s->recipe,
            s->layout ? s->layout : "any", (long long)sum, (long long)all);
}

/* Compares what layouts save with what one rank does. */
static void compare_layouts(save_case *s, const char *const *layouts, const int *ranks)
{
    char one[PATH];
    fresh("one", one);
    memcpy(s->folder, one, PATH);
    run_well(s, 1);
    for (int i = 0; ranks[i]; i++) {
        fresh("saved", s->folder);
        s->layout = layouts[i];
        run_well(s, ranks[i]);
        expect_same(s, one, ranks[i]);
        expect_files(s->folder, STATE_7);
        expect_shares(s, ranks[i]);
    }
    small_remove(s->folder);
    small_remove(one);
}

static void check_layouts(const char *name, option_pair *more, const number_format *format,
    const char *const *layouts, const int *ranks)
{
    save_case s = case_of(name, more);
    s.format = format;
    compare_layouts(&s, layouts, ranks);
}

static option_pair no_more[] = { { NULL, NULL } };

static void every_layout_saves_the_same_files(void **state)
{
    (void)state;
    static option_pair more[] = { { "experts", "16" }, { "width", "32" }, { "heads", "4" },
        { "layers", "3" }, { NULL, NULL } };
    static const char *const layouts[] = { NULL, NULL, NULL, NULL, "expert=2", "tensor=2",
        "tensor=4", "pipeline=2", "pipeline=3", "data=2,tensor=2", "expert=2,pipeline=2",
        "pipeline=2,tensor=2", "expert=2,data=2,tensor=2", "data=2,pipeline=2,tensor=2",
        "expert=4,pipeline=2", "expert=2,tensor=4" };
    static const int ranks[] = { 2, 3, 4, 8, 2, 2, 4, 2, 3, 4, 4, 4, 8, 8, 8, 8, 0 };
    check_layouts("deepseek-v3", more, &number_f32, layouts, ranks);
    check_layouts("deepseek-v3", more, &number_bf16, layouts, ranks);
}

/* The first and the last stage have the embedding, and divide it. */
static void a_tied_embedding_is_written_once(void **state)
{
    (void)state;
    static option_pair more[] = { { "tie", "true" }, { "layers", "4" }, { "accumulate", "2" },
        { NULL, NULL } };
    static const char *const layouts[] = { "pipeline=2", "data=2,pipeline=2", "pipeline=4",
        "expert=2,pipeline=2,tensor=2", "pipeline=2,virtual=2" };
    static const int ranks[] = { 2, 4, 4, 8, 2, 0 };
    check_layouts("qwen3-moe", more, NULL, layouts, ranks);
}

/* Ranks that have the same elements, here an embedding of several blocks, update other ranges of
 * them, as the rest of what they have differs. */
static void ranges_that_differ_leave_no_gap(void **state)
{
    (void)state;
    static option_pair more[] = { { "tie", "true" }, { "layers", "3" }, { "accumulate", "2" },
        { "width", "64" }, { NULL, NULL } };
    static const char *const layouts[] = { "data=2,pipeline=2", "data=4,pipeline=2" };
    static const int ranks[] = { 4, 8, 0 };
    save_case s = case_of("qwen3-moe", more);
    s.vocab = 1024;
    compare_layouts(&s, layouts, ranks);
}

/* States with shapes of their own, and momentum alone */
static void every_optimizer_is_saved(void **state)
{
    (void)state;
    static const char *const names[] = { "sgd", "adafactor", "muon" };
    static const char *const layouts[] = { NULL, NULL, "expert=2,data=2", "data=2,pipeline=2" };
    static const int ranks[] = { 2, 3, 4, 4, 0 };
    for (int i = 0; i < 3; i++) {
        option_pair more[] = { { "optimizer", names[i] }, { "layers", "2" }, { NULL, NULL } };
        check_layouts("deepseek-v3", more, &number_bf16, layouts, ranks);
    }
}

static void every_recipe_is_saved(void **state)
{
    (void)state;
    static option_pair more[] = { { "accumulate", "2" }, { NULL, NULL } };
    static const char *const layouts[] = { NULL, "tensor=2", "pipeline=2" };
    static const int ranks[] = { 2, 2, 2, 0 };
    for (int i = 0; recipe_name(i); i++)
        if (strcmp(recipe_name(i), "switch-t5") != 0)
            check_layouts(recipe_name(i), more, NULL, layouts, ranks);
}

static void mixers_are_saved(void **state)
{
    (void)state;
    static const char *const mixers[] = { "lstm", "short-conv", "mamba2", "gated-delta", "kda" };
    static const char *const layouts[] = { "tensor=2", "data=2,tensor=2" };
    static const int ranks[] = { 2, 4, 0 };
    for (size_t i = 0; i < sizeof mixers / sizeof *mixers; i++) {
        char list[64];
        snprintf(list, sizeof list, "%s,attention", mixers[i]);
        option_pair more[] = { { "mixer", list }, { "layers", "2" }, { NULL, NULL } };
        check_layouts("olmoe", more, NULL, layouts, ranks);
    }
}

/* ---- a rank that does not see the files, and ranks that fail ---- */

static void rank_0_writes_what_others_do_not_see(void **state)
{
    (void)state;
    static const char *const layouts[] = { NULL, "data=2,tensor=2" };
    char one[PATH];
    save_case s = case_of("deepseek-v3", no_more);
    fresh("one", one);
    memcpy(s.folder, one, PATH);
    run_well(&s, 1);
    for (int i = 0; i < 2; i++) {
        for (s.blind = 1; s.blind < 4; s.blind++) {
            fresh("saved", s.folder);
            s.layout = layouts[i];
            run_well(&s, 4);
            expect_same(&s, one, 4);
            expect_files(s.folder, STATE_7);
            expect_files(s.elsewhere, NULL);
            for (int r = 0; r < 4; r++) {
                assert_int_equal(s.blind_found[r], s.blind);
                if (r) assert_int_equal(s.bytes[r], 0);
            }
        }
    }
}

/* A checkpoint of step 7 is there, and that of step 8 fails on all ranks. */
static void expect_failure(save_case *s, const char *sentence)
{
    uint64_t before = small_hash(s->folder, MODEL);
    s->step = 8;
    run(s, 4);
    for (int r = 0; r < 4; r++) {
        if (s->status[r] == CADRE_OK) fail_msg("rank %d has saved", r);
        if (!strstr(s->sentence[r], sentence)) fail_msg("rank %d: %s", r, s->sentence[r]);
    }
    assert_int_equal(small_hash(s->folder, MODEL), before);
    expect_files(s->folder, STATE_7);
}

static void a_rank_that_fails_leaves_the_last_checkpoint(void **state)
{
    (void)state;
    for (int blind = 0; blind < 2; blind++) {
        save_case s = case_of("deepseek-v3", no_more);
        s.blind = blind;
        run_well(&s, 4);
        s.spoiled = 3;
        expect_failure(&s, "expected finite numbers, which f32 can hold, found others");
    }
}

static void a_full_disk_leaves_the_last_checkpoint(void **state)
{
    (void)state;
    save_case s = case_of("deepseek-v3", no_more);
    run_well(&s, 4);
    struct rlimit before, little;
    getrlimit(RLIMIT_FSIZE, &before);
    little = (struct rlimit){ 2048, before.rlim_max };
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &little);
    s.step = 8;
    run(&s, 4);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, handler);
    for (int r = 0; r < 4; r++)
        if (!strstr(s.sentence[r], "model.safetensors: could not be made "))
            fail_msg("rank %d: %s", r, s.sentence[r]);
    expect_files(s.folder, STATE_7);
}

/* Either checkpoint is whole then. */
static void memory_may_run_out_on_any_rank(void **state)
{
    (void)state;
    for (int blind = 0; blind < 2; blind++) {
        save_case s = case_of("deepseek-v3", no_more);
        s.blind = blind;
        run_well(&s, 4);
        for (s.memory = 1; s.memory < 3000; s.memory += 1 + s.memory / 4) {
            checkpoint_state found;
            char *text;
            s.step = 8;
            run(&s, 4);
            bool failed = false;
            for (int r = 0; r < 4; r++) failed |= s.status[r] != CADRE_OK;
            succeeds(checkpoint_peek(s.folder, &found, &text));
            mem_free(text);
            if (!failed) assert_int_equal(found.step, 8);
            expect_files(s.folder, found.step == 8 ? STATE_8 : STATE_7);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layout_saves_the_same_files),
        cmocka_unit_test(a_tied_embedding_is_written_once),
        cmocka_unit_test(ranges_that_differ_leave_no_gap),
        cmocka_unit_test(every_optimizer_is_saved),
        cmocka_unit_test(every_recipe_is_saved),
        cmocka_unit_test(mixers_are_saved),
        cmocka_unit_test(rank_0_writes_what_others_do_not_see),
        cmocka_unit_test(a_rank_that_fails_leaves_the_last_checkpoint),
        cmocka_unit_test(a_full_disk_leaves_the_last_checkpoint),
        cmocka_unit_test(memory_may_run_out_on_any_rank),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
