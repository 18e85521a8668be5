/* runner_test.c - other sequences, chunks and threads change no bit of a sequence's logits. */
#include "infer/runner.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/random.h"
#include "kernel/variant.h"
#include "support/long.h"
#include "support/scratch.h"
#include "support/small_run.h"
#include "support/succeeds.h"

enum { SEQUENCES = 4, LENGTH = 70, VOCAB = 512 }; /* longer than a block of the cache */

static const int64_t lengths[SEQUENCES] = { LENGTH, 5, 33, 64 };

typedef struct fixture {
    const char *path, *cache; /* of the model; NULL: the usual one */
    int32_t tokens[SEQUENCES][LENGTH];
    real expected[SEQUENCES][LENGTH][VOCAB]; /* one sequence alone, token by token, on one thread */
    real got[SEQUENCES][LENGTH][VOCAB];
} fixture;

static fixture f;

/* How many tokens sequence i takes in pass `pass`, having taken `done`. */
typedef int64_t (*pace)(int64_t i, int64_t pass, int64_t done);

static int64_t one_by_one(int64_t i, int64_t pass, int64_t done)
{
    return (void)i, (void)pass, done >= 0;
}
static int64_t sevens(int64_t i, int64_t pass, int64_t done)
{
    return (void)i, (void)pass, done >= 0 ? 7 : 0;
}
static int64_t whole(int64_t i, int64_t pass, int64_t done)
{
    return (void)pass, lengths[i] - done;
}

/* Some read prompts while others generate; some join late or stand out a pass. */
static int64_t mixed(int64_t i, int64_t pass, int64_t done)
{
    if (pass < i || (pass + i) % 5 == 4) return 0;
    return done < 20 ? 9 * (i + 1) : 1;
}

/* Sequences first .. first + count - 1 in common passes, into f.got. */
static void run_together(cadre_model *model, int64_t first, int64_t count, pace next)
{
    runner r;
    session sessions[SEQUENCES];
    succeeds(runner_open(model, SEQUENCES * LENGTH, SEQUENCES, LENGTH, &r));
    for (int64_t i = 0; i < count; i++)
        succeeds(session_open(model, lengths[first + i], &sessions[i]));
    for (int64_t pass = 0, left = count; left > 0; pass++) {
        runner_chunk chunks[SEQUENCES];
        int64_t who[SEQUENCES], n = 0, row = 0;
        left = 0;
        for (int64_t i = 0; i < count; i++) {
            int64_t done = session_length(&sessions[i]), most = lengths[first + i] - done,
                    take = next(first + i, pass, done);
            if (take > most) take = most;
            left += most - take;
            if (!take) continue;
            chunks[n] = (runner_chunk){ &sessions[i], f.tokens[first + i] + done, take };
            who[n++] = first + i;
        }
        if (n) runner_feed(&r, chunks, n);
        for (int64_t i = 0; i < n; i++) {
            int64_t rows[LENGTH], from = session_length(chunks[i].session) - chunks[i].count;
            for (int64_t p = 0; p < chunks[i].count; p++) rows[p] = row++;
            runner_logits(&r, rows, chunks[i].count, f.got[who[i]][from]);
        }
    }
    for (int64_t i = 0; i < count; i++) session_close(&sessions[i]);
    runner_close(&r);
}

static void open_model(cadre_context *context, cadre_model **model)
{
    const cadre_open_options how = { .size = sizeof how, .cache = f.cache };
    succeeds(cadre_model_open_with(context, f.path, &how, model));
}

/* All sequences in one pass, of which nothing is kept, into f.got. */
static void run_without_sessions(cadre_model *model)
{
    runner r;
    runner_chunk chunks[SEQUENCES];
    succeeds(runner_open(model, SEQUENCES * LENGTH, SEQUENCES, LENGTH, &r));
    for (int64_t i = 0; i < SEQUENCES; i++)
        chunks[i] = (runner_chunk){ NULL, f.tokens[i], lengths[i] };
    succeeds(runner_feed(&r, chunks, SEQUENCES));
    for (int64_t i = 0, row = 0; i < SEQUENCES; i++)
        for (int64_t p = 0; p < lengths[i]; p++, row++) runner_logits(&r, &row, 1, f.got[i][p]);
    runner_close(&r);
}

static void expect_same(int64_t first, int64_t count)
{
    for (int64_t i = first; i < first + count; i++)
        assert_memory_equal(f.got[i], f.expected[i], (size_t)lengths[i] * sizeof f.got[i][0]);
    memset(f.got, 0, sizeof f.got);
}

/* Mixed passes have prompts and single tokens; in short, of two sequences alone. */
enum { MIXED = 1, ONES = 2, SEVENS = 4, IN_ONE = 8, UNKEPT = 16, EVERY = 31, SHORT = 32 };

static void with_threads(int threads, const char *variant, int paces)
{
    cadre_context *context;
    cadre_model *model;
    succeeds(cadre_context_new(threads, variant, &context));
    open_model(context, &model);
    if (paces & MIXED) {
        run_together(model, 0, SEQUENCES, mixed);
        expect_same(0, SEQUENCES);
    }
    if (paces & SHORT) {
        run_together(model, 1, 2, mixed);
        expect_same(1, 2);
    }
    if (paces & ONES) {
        run_together(model, 0, SEQUENCES, one_by_one);
        expect_same(0, SEQUENCES);
    }
    if (paces & SEVENS) {
        run_together(model, 0, 1, sevens);
        expect_same(0, 1);
    }
    if (paces & IN_ONE) {
        run_together(model, 1, 3, whole);
        expect_same(1, 3);
    }
    if (paces & UNKEPT && !f.cache) {
        run_without_sessions(model);
        expect_same(0, SEQUENCES);
    }
    cadre_model_close(model);
    cadre_context_free(context);
}

/* The paces on 1, 2 and 3 threads in the short form: every one of them, or some, for models whose
 * layers are those of a model that runs at every pace. */
enum { THREADS = 3 };
static const int every_pace[THREADS] = { SEVENS | IN_ONE, ONES | UNKEPT, MIXED };
static const int some_paces[THREADS] = { IN_ONE, MIXED, SEVENS };

/* On every CPU variant that the machine has. */
static void with_variants(int paces)
{
    int count;
    const kernel_variant *const *list = variant_list(&count);
    for (int v = 0; v < count; v++)
        if (!(list[v]->needs & ~cpu_features())) with_threads(2, list[v]->name, paces);
}

static void check_model(const char *path, const int paces[THREADS])
{
    cadre_context *context;
    cadre_model *model;
    f.path = path;
    for (int64_t i = 0; i < SEQUENCES * LENGTH; i++)
        f.tokens[i / LENGTH][i % LENGTH] =
            (int32_t)(random_bits(random_key_of(1, "tokens", 0, 0), (uint64_t)i) % VOCAB);
    succeeds(cadre_context_new(1, NULL, &context));
    open_model(context, &model);
    for (int64_t i = 0; i < SEQUENCES; i++) run_together(model, i, 1, one_by_one);
    memcpy(f.expected, f.got, sizeof f.got);
    cadre_model_close(model);
    cadre_context_free(context);
    for (int i = 0; i < THREADS; i++) with_threads(i + 1, NULL, long_form() ? EVERY : paces[i]);
}

static void make_model(cadre_options *o, const char *config, const char *dtype, const char *path)
{
    cadre_context *context;
    succeeds(cadre_context_new(1, NULL, &context));
    succeeds(cadre_init(context, o, config, dtype, path, NULL));
    cadre_context_free(context);
}

static void of_recipe(void **state)
{
    const char *path = scratch_file("recipe.gguf");
    cadre_options *o = small_options(*state);
    small_set(o, "context", "128");
    make_model(o, NULL, "bf16", path);
    check_model(path, every_pace);
    cadre_options_free(o);
    succeeds(file_remove(path));
}

/* Products in integers: the same bits on every CPU variant too. */
static void quantised(void **state)
{
    const char *path = scratch_file("quantised.gguf");
    cadre_options *o = small_options("qwen3-moe");
    small_set(o, "context", "128");
    small_set(o, "layers", long_form() ? "2" : "1");
    small_set(o, "width", "256"); /* a block of the K formats */
    small_set(o, "head-dim", "16");
    small_set(o, "expert-width", "64");
    make_model(o, NULL, *state, path);
    check_model(path, some_paces);
    with_variants(long_form() ? MIXED : SHORT);
    cadre_options_free(o);
    succeeds(file_remove(path));
}

/* Sinks, a window shorter than the sequences, biases, experts in MXFP4's form of activation. */
static const char windowed_config[] =
    "{\"model_type\": \"gpt_oss\", \"hidden_size\": 32, \"intermediate_size\": 32, "
    "\"num_hidden_layers\": 2, \"head_dim\": 16,"
    " \"num_attention_heads\": 4, \"num_key_value_heads\": 2, \"num_local_experts\": 8, "
    "\"num_experts_per_tok\": 2,"
    " \"vocab_size\": 512, \"max_position_embeddings\": 128, \"sliding_window\": 16, "
    "\"rms_norm_eps\": 1e-5,"
    " \"layer_types\": [\"sliding_attention\", \"full_attention\"], \"rope_theta\": 10000.0, "
    "\"tie_word_embeddings\": false}";

static void windows(void **state)
{
    (void)state;
    const char *config = scratch_file("windows.json"), *path = scratch_file("windows.gguf");
    cadre_options *o = small_options(NULL);
    succeeds(file_write(config, windowed_config, sizeof windowed_config - 1));
    make_model(o, config, "f32", path);
    check_model(path, every_pace);
    cadre_options_free(o);
}

/* The root mean square of how far f.got is from f.expected, relative to that of the latter. */
static double distance(void)
{
    double off = 0, all = 0;
    for (int64_t i = 0; i < SEQUENCES; i++)
        for (int64_t p = 0; p < lengths[i]; p++)
            for (int64_t v = 0; v < VOCAB; v++) {
                double x = (double)f.expected[i][p][v], d = (double)f.got[i][p][v] - x;
                off += d * d, all += x * x;
            }
    return sqrt(off / all);
}

/* Logits with a cache in this format are near those with one in float, and not the same. */
static void check_error(const char *path, const char *cache, double bound)
{
    cadre_context *context;
    cadre_model *model;
    static real with_cache[SEQUENCES][LENGTH][VOCAB];
    memcpy(with_cache, f.expected, sizeof with_cache);
    f.cache = NULL, f.path = path;
    succeeds(cadre_context_new(1, NULL, &context));
    open_model(context, &model);
    run_together(model, 0, SEQUENCES, whole);
    memcpy(f.expected, f.got, sizeof f.got);
    memcpy(f.got, with_cache, sizeof f.got);
    double error = distance();
    printf("    a cache in %s: logits are off by %.2g of their size\n", cache, error);
    assert_true(error > 0 && error < bound);
    cadre_model_close(model);
    cadre_context_free(context);
}

/* Products of keys in f16 and q8_0 have the same bits on every CPU variant. */
static void check_cache(const char *path, const char *cache, double bound)
{
    f.cache = cache;
    check_model(path, some_paces);
    with_variants(MIXED);
    check_error(path, cache, bound);
}

/* Heads of 64: a row of keys is two blocks of q8_0. The bounds leave room for what rounding does to
 * the choice between two experts that are about as good. */
static void caches(void **state)
{
    const char *name = *state, *path = scratch_file("caches.gguf");
    cadre_options *o = small_options(name);
    small_set(o, "context", "128");
    small_set(o, "width", "128");
    if (!strcmp(name, "qwen3-moe")) {
        small_set(o, "heads", "4");
        small_set(o, "kv-heads", "2");
        small_set(o, "head-dim", "64");
    }
    if (!strcmp(name, "deepseek-v3")) {
        small_set(o, "kv-lora-rank", "32");
        small_set(o, "qk-rope-head-dim", "32");
    }
    make_model(o, NULL, "f32", path);
    check_cache(path, "f16", 0.005);
    check_cache(path, "q8_0", 0.02);
    cadre_options_free(o);
    succeeds(file_remove(path));
}

static void caches_with_windows(void **state)
{
    (void)state;
    const char *path = scratch_file("windows.gguf");
    check_cache(path, "f16", 0.002);
    f.cache = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        { "olmoe", of_recipe, NULL, NULL, (void *)(uintptr_t) "olmoe" },
        { "qwen3-moe", of_recipe, NULL, NULL, (void *)(uintptr_t) "qwen3-moe" },
        { "deepseek-v3", of_recipe, NULL, NULL, (void *)(uintptr_t) "deepseek-v3" },
        { "q4_k_m", quantised, NULL, NULL, (void *)(uintptr_t) "q4_k_m" },
        { "q8_0", quantised, NULL, NULL, (void *)(uintptr_t) "q8_0" },
        { "q4_0", quantised, NULL, NULL, (void *)(uintptr_t) "q4_0" },
        { "q4_k", quantised, NULL, NULL, (void *)(uintptr_t) "q4_k" },
        { "q5_k", quantised, NULL, NULL, (void *)(uintptr_t) "q5_k" },
        { "q6_k", quantised, NULL, NULL, (void *)(uintptr_t) "q6_k" },
        { "mxfp4", quantised, NULL, NULL, (void *)(uintptr_t) "mxfp4" },
        cmocka_unit_test(windows),
        { "olmoe, caches", caches, NULL, NULL, (void *)(uintptr_t) "olmoe" },
        { "qwen3-moe, caches", caches, NULL, NULL, (void *)(uintptr_t) "qwen3-moe" },
        { "deepseek-v3, caches", caches, NULL, NULL, (void *)(uintptr_t) "deepseek-v3" },
        cmocka_unit_test(caches_with_windows),
    };
    return cmocka_run_group_tests_name("batch composition, chunks and threads", tests, NULL, NULL);
}
