/* expert_store_test.c - models whose experts are read into slots give the same bits as mapped
 * models, for any number of slots, threads and sequences and any order of reads. What cannot be
 * read is an error, and nothing wrong is computed. */
#include "store/expert_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/read_threads.h"
#include "cadre/store.h"
#include "model/model.h"
#include "support/bad_disk.h"
#include "support/oracle.h"
#include "support/scratch.h"
#include "support/small_run.h"
#include "support/succeeds.h"

enum { STREAMS = 3, PROMPT = 7, STEPS = 5, PASS = 512 };

/* ---- models ---- */

static char path[512];

static void make_model(const char *like, const char *dtype, const char *width)
{
    cadre_context *context;
    cadre_options *o = small_options(like);
    small_set(o, "width", width);
    small_set(o, "expert-width", width);
    snprintf(path, sizeof path, "%s", scratch_file("model.gguf"));
    succeeds(file_remove(path));
    succeeds(cadre_context_new(1, NULL, &context));
    succeeds(cadre_init(context, o, NULL, dtype, path, NULL));
    cadre_context_free(context);
    cadre_options_free(o);
}

static cadre_model *open(int threads, int64_t memory)
{
    cadre_context *context;
    cadre_model *m;
    const cadre_open_options how = { .size = sizeof how, .memory = memory };
    succeeds(cadre_context_new(threads, NULL, &context));
    succeeds(cadre_model_open_with(context, path, &how, &m));
    return m;
}

static void close(cadre_model *m)
{
    cadre_context *context = m->context;
    cadre_model_close(m);
    cadre_context_free(context);
}

/* One byte less than all weights take */
static cadre_model *open_streamed(int threads)
{
    cadre_model *m = open(1, 0);
    int64_t bytes = weight_file_bytes(&m->file);
    close(m);
    return open(threads, bytes - 1);
}

/* The memory of everything but experts, and of so many slots */
static int64_t memory_for(int32_t slots)
{
    cadre_context *context;
    cadre_model *m;
    const cadre_open_options how = { .size = sizeof how, .memory = 1 };
    long long least = 0;
    succeeds(cadre_context_new(1, NULL, &context));
    assert_int_equal(cadre_model_open_with(context, path, &how, &m), CADRE_EARGUMENT);
    assert_non_null(strstr(cadre_last_error(), "expected a memory of at least"));
    cadre_context_free(context);
    m = open_streamed(1);
    least = m->store.resident + slots * m->store.size.slot_bytes;
    close(m);
    return least;
}

/* Replaces the model's store by one with other slots and another disk. */
static double accuracy = 1; /* that is assumed of guesses at first */

static void restart(cadre_model *m, int32_t slots, const read_engine *engine, double timeout)
{
    const store_stack stack = { &m->config, &m->store.records, &m->weights };
    const store_options o = {
        .slots = slots, .engine = engine, .timeout = timeout, .accuracy = accuracy
    };
    expert_store_close(m->store.experts);
    m->store.experts = NULL;
    succeeds(expert_store_open(&m->file, &stack, 1, &o, &m->store.experts));
    m->weights.source = expert_store_source(m->store.experts, 0);
}

/* ---- a few passes ---- */

typedef struct answer {
    cadre_real *logits; /* [1 + STEPS, STREAMS, V] */
    int64_t row;        /* V */
} answer;

/* Runs prompts of several lengths side by side, then one token of each in every pass. */
static cadre_status run_passes(cadre_model *m, answer *a)
{
    cadre_session *session[STREAMS];
    cadre_pass *pass;
    cadre_pass_part part[STREAMS];
    int32_t tokens[STREAMS][PROMPT + STEPS];
    cadre_status status = CADRE_OK;
    a->row = m->config.vocab;
    a->logits = MEM_ARRAY(cadre_real, (1 + STEPS) * STREAMS * a->row);
    succeeds(cadre_pass_new(m, STREAMS * PROMPT, STREAMS, 64, &pass));
    for (int i = 0; i < STREAMS; i++) {
        succeeds(cadre_session_new(m, 64, &session[i]));
        for (int n = 0; n < PROMPT + STEPS; n++) tokens[i][n] = (n * 7 + i * 13 + 3) % 50;
    }
    for (int step = 0; status == CADRE_OK && step <= STEPS; step++) {
        for (int i = 0; i < STREAMS; i++)
            part[i] = (cadre_pass_part){ .session = session[i],
                .tokens = step ? &tokens[i][PROMPT + step - 1] : tokens[i] + i,
                .count = step ? 1 : PROMPT - i,
                .row_count = 1 };
        status = cadre_pass_run(pass, part, STREAMS, a->logits + step * STREAMS * a->row);
    }
    for (int i = 0; i < STREAMS; i++) cadre_session_free(session[i]);
    cadre_pass_free(pass);
    return status;
}

static void expect_same(const answer *a, const answer *b)
{
    assert_memory_equal(
        a->logits, b->logits, (size_t)((1 + STEPS) * STREAMS * a->row) * sizeof *a->logits);
}

static answer mapped(void)
{
    answer a;
    cadre_model *m = open(2, 0);
    assert_null(m->store.experts);
    succeeds(run_passes(m, &a));
    close(m);
    return a;
}

static void check_same(const read_engine *engine, cadre_model *m, int32_t slots, const answer *want)
{
    answer got;
    restart(m, slots, engine, 0);
    succeeds(run_passes(m, &got));
    expect_same(want, &got);
    store_stats s = expert_store_stats(m->store.experts);
    assert_true(s.held <= slots && s.hits < s.picks && s.read_bytes > 0);
    mem_free(got.logits);
}

static void any_room_gives_the_same_bits(void)
{
    answer want = mapped();
    for (int threads = 1; threads <= 3; threads++) {
        cadre_model *m = open_streamed(threads);
        int32_t all = m->store.size.experts;
        const int32_t slots[] = { m->store.size.least, m->store.size.least + 1, all / 2, all };
        for (int i = 0; i < 4; i++) check_same(i % 2 ? &read_threads : NULL, m, slots[i], &want);
        close(m);
    }
    mem_free(want.logits);
}

static void files_of_every_kind(void **state)
{
    static const char *const cases[][3] = { { "olmoe", "q8_0", "64" },
        { "qwen3-moe", "q4_k_m", "256" }, { "mixtral", "f32", "32" },
        { "deepseek-v3", "bf16", "64" }, { "gshard", "mxfp4", "64" } };
    static const char *const folders[] = { "olmoe", "qwen3_moe_sharded", "deepseek_v3_fp8",
        "gpt_oss_mxfp4", "mixtral_bf16" };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        make_model(cases[i][0], cases[i][1], cases[i][2]);
        any_room_gives_the_same_bits();
    }
    if (oracle_is_small()) /* experts of less than a page */
        printf("SKIP: models of the small oracle have experts too small for slots: "
               "files_of_every_kind\n");
    for (size_t i = 0; !oracle_is_small() && i < sizeof folders / sizeof *folders; i++) {
        char name[128];
        snprintf(name, sizeof name, "models/%s", folders[i]);
        snprintf(path, sizeof path, "%s", oracle_path(name));
        answer want = mapped();
        cadre_model *m = open_streamed(2);
        check_same(NULL, m, m->store.size.least, &want);
        check_same(NULL, m, m->store.size.experts, &want);
        mem_free(want.logits);
        close(m);
    }
}

/* ---- the public face ---- */

static void memory_decides(void **state)
{
    cadre_context *context;
    cadre_model *m;
    cadre_store s = { .size = sizeof s };
    (void)state;
    make_model("olmoe", "q8_0", "64");
    int64_t least = memory_for(2);
    m = open(1, least + 4096);
    succeeds(cadre_model_store(m, &s));
    assert_true(s.least <= least && s.resident < s.least && s.memory == least + 4096);
    assert_int_equal(s.slots, 2);
    close(m);
    succeeds(cadre_context_new(1, NULL, &context));
    const cadre_open_options less = { .size = sizeof less, .memory = s.least - 1 },
                             enough = { .size = sizeof enough, .memory = s.least };
    refuses(cadre_model_open_with(context, path, &less, &m), CADRE_EARGUMENT, "at least");
    succeeds(cadre_model_open_with(context, path, &enough, &m));
    cadre_model_close(m);
    cadre_context_free(context);
    m = open(1, file_bytes(path)); /* the whole file fits: there is no store */
    succeeds(cadre_model_store(m, &s));
    double disk;
    assert_true(!s.slots && !s.picks);
    refuses(cadre_model_disk(m, 0.1, &disk), CADRE_EARGUMENT, "larger than its memory");
    close(m);
}

/* Experts whose matrices are transposed in the file stay in memory; if the memory is too small for
 * that, the error says so. */
static void what_is_laid_out_anew(void **state)
{
    cadre_context *context;
    cadre_model *m;
    const cadre_open_options one = { .size = sizeof one, .memory = 1 };
    (void)state;
    if (!oracle_has("models-newer/qwen3_vl_moe")) skip();
    snprintf(path, sizeof path, "%s", oracle_path("models-newer/qwen3_vl_moe"));
    succeeds(cadre_context_new(1, NULL, &context));
    refuses(cadre_model_open_with(context, path, &one, &m), CADRE_EARGUMENT,
        "of experts are transposed in the file");
    cadre_context_free(context);
    answer want = mapped(), got;
    m = open_streamed(2);
    assert_null(m->store.experts);
    succeeds(run_passes(m, &got));
    expect_same(&want, &got);
    mem_free(want.logits);
    mem_free(got.logits);
    close(m);
}

static void a_prompt_reads_an_expert_once(void **state)
{
    static int32_t tokens[PASS];
    (void)state;
    make_model("olmoe", "q8_0", "64");
    for (int i = 0; i < PASS; i++) tokens[i] = i * i % 50;
    for (int32_t slots = 2; slots < 9; slots += 3) {
        cadre_model *m = open_streamed(2);
        restart(m, slots, &bad_disk, 0);
        bad_disk_manners = (bad_disk_manner){ .shuffled = true };
        const char *out = scratch_file("logits.safetensors");
        succeeds(file_remove(out));
        succeeds(cadre_logits(m, tokens, PASS, NULL, 0, out));
        store_stats s = expert_store_stats(m->store.experts);
        assert_true(s.picks - s.hits <= m->store.size.experts);
        assert_true(s.read_bytes <= m->store.size.experts * m->store.size.slot_bytes);
        close(m);
    }
}

/* ---- filling the store before the first pass ---- */

/* A second run begins with the experts in memory that the first used most, and has the same
 * bits. */
static void a_second_run_begins_warm(void **state)
{
    answer want, first, again;
    (void)state;
    make_model("olmoe", "q8_0", "64");
    const char *kept = scratch_file(".cadre/model.gguf.experts");
    want = mapped();
    int64_t memory = memory_for(3);
    for (int run = 0; run < 2; run++) {
        cadre_model *m = open(2, memory);
        succeeds(cadre_model_warm(m, NULL, NULL, NULL));
        store_stats s = expert_store_stats(m->store.experts);
        assert_int_equal(s.held, run ? 3 : 0);
        assert_true(s.picks == 0 && s.hits == 0);
        succeeds(run_passes(m, run ? &again : &first));
        expect_same(&want, run ? &again : &first);
        refuses(cadre_model_warm(m, NULL, NULL, NULL), CADRE_EARGUMENT, "before it runs");
        succeeds(cadre_model_keep_use(m));
        assert_true(file_exists(kept));
        close(m);
    }
    static const char other[] = "{\"cadre_expert_use\": 1, \"tokens\": 3, \"use\": []}\n";
    succeeds(file_write(kept, other, strlen(other)));
    cadre_model *m = open(1, memory); /* a file that another model left is ignored, */
    succeeds(cadre_model_warm(m, NULL, NULL, NULL));
    assert_int_equal(expert_store_stats(m->store.experts).held, 0);
    refuses(cadre_model_warm(m, kept, NULL, NULL), CADRE_EFORMAT, "layers"); /* unless named */
    close(m);
    succeeds(file_remove(kept));
    mem_free(want.logits), mem_free(first.logits), mem_free(again.logits);
}

static void count_calls(void *arg, int64_t done, int64_t total)
{
    int *calls = arg;
    assert_true(done <= total && total == 7);
    ++*calls;
}

/* An expert that cannot be read before the first pass is an error of the pass that needs it. */
static void warmed_by_a_bad_disk(void **state)
{
    static const double use[] = { 9, 8, 7, 6, 5, 4, 3, 2, 1 };
    answer want, got;
    (void)state;
    make_model("olmoe", "q8_0", "64");
    want = mapped();
    for (int fails = 0; fails < 2; fails++) {
        cadre_model *m = open_streamed(2);
        bad_disk_manners = (bad_disk_manner){ .shuffled = true, .fails_after = fails ? 6 : 0 };
        restart(m, 7, &bad_disk, 0);
        expert_frequency past;
        int calls = 0;
        succeeds(expert_frequency_open(expert_store_shape(m->store.experts), &past));
        for (int e = 0; e < 9; e++) past.use[e] = use[e];
        past.tokens = 10;
        succeeds(expert_store_warm(m->store.experts, &past, false, count_calls, &calls));
        assert_true(calls > 0);
        assert_int_equal(expert_store_stats(m->store.experts).held < 7, fails);
        cadre_status status = run_passes(m, &got);
        assert_int_equal(status, fails ? CADRE_EIO : CADRE_OK);
        if (!fails) expect_same(&want, &got);
        mem_free(got.logits);
        close(m);
    }
    bad_disk_manners = (bad_disk_manner){ 0 };
    mem_free(want.logits);
}

/* ---- faults ---- */

static void expect_failure(bad_disk_manner manner, double timeout, const char *phrase)
{
    answer a, want = mapped();
    cadre_model *m = open_streamed(2);
    bad_disk_manners = manner;
    restart(m, 3, &bad_disk, timeout);
    cadre_status status = run_passes(m, &a);
    if (status != CADRE_EIO || !strstr(cadre_last_error(), phrase))
        fail_msg("%d: %s", (int)status, cadre_last_error());
    if (manner.stalled) bad_disk_wake();
    mem_free(a.logits);
    bad_disk_manners = (bad_disk_manner){ 0 };
    restart(m, 3, &bad_disk, 0); /* the disk is well again, and so is the model */
    succeeds(run_passes(m, &a));
    expect_same(&want, &a);
    mem_free(a.logits);
    mem_free(want.logits);
    close(m);
}

static void a_disk_that_fails(void **state)
{
    (void)state;
    make_model("olmoe", "q8_0", "64");
    for (int n = 1; n < 40; n += 6) {
        expect_failure((bad_disk_manner){ .fails_after = n }, 0, "cannot be read");
        expect_failure((bad_disk_manner){ .ends_after = n }, 0, "found the file's end");
    }
    expect_failure((bad_disk_manner){ .stalled = true }, 0.02, "answer within 0.02 seconds");
}

static void a_file_that_is_written(void **state)
{
    answer a;
    (void)state;
    make_model("olmoe", "q8_0", "64");
    cadre_model *m = open_streamed(1);
    FILE *w = fopen(path, "a");
    assert_non_null(w);
    fputc('x', w);
    fclose(w);
    refuses(run_passes(m, &a), CADRE_EIO, "when it was opened");
    mem_free(a.logits);
    close(m);
}

/* ---- guesses ---- */

/* Runs tokens one by one: there are guesses for every layer but the first. */
static cadre_status write_tokens(cadre_model *m, cadre_real *logits)
{
    cadre_session *session;
    cadre_pass *pass;
    cadre_status status = CADRE_OK;
    succeeds(cadre_session_new(m, 64, &session));
    succeeds(cadre_pass_new(m, 1, 1, 64, &pass));
    for (int32_t n = 0; status == CADRE_OK && n < 12; n++) {
        int32_t token = n * 7 % 50;
        cadre_pass_part part = { .session = session, .tokens = &token, .count = 1, .row_count = 1 };
        status = cadre_pass_run(pass, &part, 1, logits + n * m->config.vocab);
    }
    cadre_session_free(session);
    cadre_pass_free(pass);
    return status;
}

/* Whether guesses are right or wrong, and in whatever order reads finish, the bits are the same. */
static void guesses_change_no_bit(void **state)
{
    int64_t right = 0, ahead = 0;
    (void)state;
    make_model("olmoe", "q8_0", "64");
    cadre_model *m = open(1, 0);
    size_t bytes = (size_t)(12 * m->config.vocab) * sizeof(cadre_real);
    cadre_real *want = MEM_ARRAY(cadre_real, 12 * m->config.vocab),
               *got = MEM_ARRAY(cadre_real, 12 * m->config.vocab);
    succeeds(write_tokens(m, want));
    close(m);
    m = open_streamed(2);
    for (uint64_t seed = 0; seed < 30; seed++) {
        bad_disk_manners = (bad_disk_manner){
            .seed = seed, .shuffled = seed % 2, .shorts = 0.2, .slow = seed % 3 ? 0 : 0.5
        };
        restart(m, 8 + (int32_t)seed % (m->store.size.experts - 8), &bad_disk, 0);
        succeeds(write_tokens(m, got));
        assert_memory_equal(want, got, bytes);
        store_stats s = expert_store_stats(m->store.experts);
        assert_true(s.right <= s.ahead && s.hits <= s.picks);
        right += s.right, ahead += s.ahead;
    }
    assert_true(ahead > 0 && right > 0);
    close(m);
    mem_free(want);
    mem_free(got);
}

static int64_t misses_with_trust(cadre_model *m, double in_guesses, cadre_real *logits)
{
    accuracy = in_guesses;
    restart(m, m->store.size.experts, &bad_disk, 0);
    accuracy = 1;
    succeeds(write_tokens(m, logits));
    store_stats s = expert_store_stats(m->store.experts);
    assert_int_equal(s.ahead > 0, in_guesses > 0.6);
    return s.picks - s.hits;
}

/* If there is a slot for every expert, each that is used is missed once, guessed or not. */
static void what_was_read_on_a_wrong_guess_is_missed(void **state)
{
    (void)state;
    make_model("olmoe", "q8_0", "64");
    bad_disk_manners = (bad_disk_manner){ 0 };
    cadre_model *m = open_streamed(1);
    cadre_real *logits = MEM_ARRAY(cadre_real, 12 * m->config.vocab);
    int64_t misses = misses_with_trust(m, 0, logits);
    assert_int_equal(misses_with_trust(m, 1, logits), misses);
    mem_free(logits);
    close(m);
}

/* ---- any order of reads ---- */

/* CADRE_SCHEDULES: how many; a thousand take a minute. */
static void random_schedules(void **state)
{
    const char *asked = getenv("CADRE_SCHEDULES");
    int schedules = asked ? atoi(asked) : 60;
    (void)state;
    make_model("qwen3-moe", "q8_0", "32");
    answer want = mapped();
    cadre_model *m = open_streamed(2);
    for (int i = 0; i < schedules; i++) {
        bad_disk_manners = (bad_disk_manner){ .seed = (uint64_t)i,
            .shuffled = true,
            .shorts = 0.1 * (i % 5),
            .interrupted = 0.05 * (i % 3),
            .slow = i % 4 ? 0 : 0.3 };
        int32_t least = m->store.size.least, all = m->store.size.experts;
        check_same(&bad_disk, m, least + i % (all - least), &want);
    }
    close(m);
    mem_free(want.logits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_of_every_kind),
        cmocka_unit_test(memory_decides),
        cmocka_unit_test(what_is_laid_out_anew),
        cmocka_unit_test(a_prompt_reads_an_expert_once),
        cmocka_unit_test(a_second_run_begins_warm),
        cmocka_unit_test(warmed_by_a_bad_disk),
        cmocka_unit_test(a_disk_that_fails),
        cmocka_unit_test(a_file_that_is_written),
        cmocka_unit_test(guesses_change_no_bit),
        cmocka_unit_test(what_was_read_on_a_wrong_guess_is_missed),
        cmocka_unit_test(random_schedules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
