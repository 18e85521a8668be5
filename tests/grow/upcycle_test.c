/* upcycle_test.c - a sparse model of a dense one computes what the dense one does, wherever the
 * mathematics allows it; its parts are what each method says; what cannot be is refused by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/file.h"
#include "support/grown.h"
#include "support/scratch.h"
#include "support/succeeds.h"

enum { WIDTH = 16, HIDDEN = 48, LAYERS = 3 };

static cadre_context *context;

static int begin(void **state)
{
    (void)state;
    if (cadre_context_new(2, NULL, &context) != CADRE_OK) return 1;
    grown_dense(context, "dense", "llama", "");
    grown_dense(context, "biases", "llama", "\"mlp_bias\": true, \"attention_bias\": true,");
    grown_dense(context, "qwen3", "qwen3", "\"head_dim\": 8,");
    return 0;
}

static int end(void **state)
{
    (void)state;
    cadre_context_free(context);
    grown_remove("dense");
    grown_remove("biases");
    grown_remove("qwen3");
    return 0;
}

/* "--experts 8 --topk 2" of `from`, which becomes the model `grown`. */
static cadre_status upcycle(const char *from, const char *given, cadre_growth *growth)
{
    cadre_options *o = grown_options(cadre_upcycle_options(), given);
    *growth = (cadre_growth){ .size = sizeof *growth };
    cadre_status status =
        cadre_upcycle(context, scratch_file(from), scratch_file("grown"), o, NULL, growth);
    cadre_options_free(o);
    return status;
}

/* ---- the function ---- */

static void keeps(const char *from, const char *given, bool bits)
{
    cadre_growth g;
    succeeds(upcycle(from, given, &g));
    if (bits && !g.same_bits) fail_msg("%s: other bits", given);
    if (!(g.difference <= 1e-5)) fail_msg("%s: %s: %g apart", from, given, g.difference);
    assert_true(g.largest_logit > 0.1);
    assert_true(g.loss_before > 1 && fabs(g.loss_before - g.loss_after) < 1e-6);
    assert_true(g.same_bits == (g.difference == 0));
    assert_int_equal(g.tokens, 256);
    grown_remove("grown");
}

static void test_copies_compute_what_the_dense_model_does(void **state)
{
    (void)state;
    keeps("dense", "--experts 4 --topk 2", false);
    keeps("dense", "--experts 8 --topk 1", true);
    keeps("dense", "--experts 8 --topk 8 --every 2", false);
    keeps("dense", "--experts 8 --topk 2 --method drop --drop 0", false);
    keeps("biases", "--experts 3 --topk 2", false);
    keeps("qwen3", "--experts 4 --topk 2", false);
    keeps("qwen3", "--experts 4 --topk 2 --every 3", false);
}

/* A sum of weights that is a power of two, of equal weights, rounds nowhere. */
static void test_with_every_router(void **state)
{
    (void)state;
    static const struct {
        const char *router;
        bool bits;
    } of[] = { { "softmax", true }, { "softmax-renorm", false }, { "topk-softmax", false },
        { "noisy-topk", false }, { "sigmoid-bias", false }, { "sigmoid-bias-raw", true },
        { "sqrtsoftplus-bias", false }, { "softmax-bias", false } };
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        char given[160];
        snprintf(given, sizeof given, "--experts 8 --topk 4 --router %s", of[i].router);
        keeps("dense", given, of[i].bits);
        snprintf(given, sizeof given,
            "--experts 8 --topk 4 --method granular --granularity 2 --router %s", of[i].router);
        keeps("dense", given, false);
        keeps("biases", given, false);
    }
}

static void test_shards_compute_what_the_dense_model_does(void **state)
{
    (void)state;
    keeps("dense", "--method granular --granularity 2 --experts 8", false);
    keeps("dense", "--method granular --granularity 4 --experts 16 --topk 8", false);
    keeps("dense", "--method granular --granularity 48 --experts 48 --topk 48", false);
    keeps("biases", "--method granular --granularity 3 --experts 9 --topk 6", false);
    keeps("qwen3", "--method granular --granularity 2 --experts 4 --topk 2", false);
}

/* ---- the parts ---- */

static void test_copies_are_the_dense_network(void **state)
{
    (void)state;
    cadre_growth g;
    succeeds(upcycle("dense", "--experts 4 --topk 2", &g));
    safetensors *dense = grown_open("dense"), *sparse = grown_open("grown");
    static const char *const names[][2] = { { "gate_proj", "w1" }, { "up_proj", "w3" },
        { "down_proj", "w2" } };
    for (int l = 0; l < LAYERS; l++)
        for (int e = 0; e < 4; e++)
            for (int i = 0; i < 3; i++)
                assert_memory_equal(
                    grown_floats(dense, "model.layers.%d.mlp.%s.weight", l, names[i][0]),
                    grown_floats(sparse, "model.layers.%d.block_sparse_moe.experts.%d.%s.weight", l,
                        e, names[i][1]),
                    WIDTH * HIDDEN * sizeof(float));
    assert_memory_equal(grown_floats(dense, "model.embed_tokens.weight"),
        grown_floats(sparse, "model.embed_tokens.weight"), 64 * WIDTH * sizeof(float));
    assert_string_equal(g.model_type, "mixtral");
    assert_int_equal(g.experts, 4);
    assert_int_equal(g.experts_per_token, 2);
    safetensors_close(dense);
    safetensors_close(sparse);
    grown_remove("grown");
}

/* Mean and deviation of a set of numbers. */
static void moments(const float *values, size_t count, double *mean, double *deviation)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++) sum += (double)values[i];
    *mean = sum / (double)count;
    for (size_t i = 0; i < count; i++)
        squares += ((double)values[i] - *mean) * ((double)values[i] - *mean);
    *deviation = sqrt(squares / (double)count);
}

/* The router's rows: those of a copy's shards equal, of others not, of the deviation asked for. */
static void test_rows_of_a_router(void **state)
{
    (void)state;
    cadre_growth g;
    double mean, deviation;
    succeeds(upcycle(
        "dense", "--method granular --granularity 4 --experts 64 --topk 4 --router-init 0.5", &g));
    safetensors *sparse = grown_open("grown");
    const float *rows = grown_floats(sparse, "model.layers.1.block_sparse_moe.gate.weight");
    for (int e = 0; e < 64; e++) {
        const float *first = rows + e / 4 * 4 * WIDTH, *row = rows + e * WIDTH;
        assert_memory_equal(row, first, WIDTH * sizeof(float));
        if (e >= 4) assert_memory_not_equal(row, rows + (e - 4) * WIDTH, WIDTH * sizeof(float));
    }
    moments(rows, (size_t)64 * WIDTH, &mean, &deviation);
    assert_true(fabs(mean) < 0.15 && fabs(deviation - 0.5) < 0.1);
    safetensors_close(sparse);
    grown_remove("grown");
}

/* Which hidden units of an expert are others than the dense network's, in each of its matrices. */
typedef struct dropped {
    bool unit[HIDDEN];
    int count;
} dropped;

static dropped units_of(const float *dense, const float *expert, bool down)
{
    dropped d = { 0 };
    for (int h = 0; h < HIDDEN; h++) {
        int others = 0;
        for (int i = 0; i < WIDTH; i++) {
            int at = down ? i * HIDDEN + h : h * WIDTH + i;
            others += dense[at] != expert[at];
        }
        assert_true(others == 0 || others == WIDTH);
        d.count += d.unit[h] = others > 0;
    }
    return d;
}

/* The new numbers of a matrix against those that they replace: mean and deviation within four
 * standard errors. */
static void resemble(const float *dense, const float *expert)
{
    float was[WIDTH * HIDDEN], is[WIDTH * HIDDEN];
    size_t n = 0;
    double mean[2], deviation[2];
    for (int i = 0; i < WIDTH * HIDDEN; i++)
        if (dense[i] != expert[i]) was[n] = dense[i], is[n++] = expert[i];
    moments(was, n, &mean[0], &deviation[0]);
    moments(is, n, &mean[1], &deviation[1]);
    assert_true(fabs(mean[0] - mean[1]) < 4 * deviation[0] / sqrt((double)n));
    assert_true(fabs(deviation[0] - deviation[1]) < 4 * deviation[0] / sqrt(2 * (double)n));
}

static void test_dropped_units(void **state)
{
    (void)state;
    enum { EXPERTS = 6, DROPPED = HIDDEN / 2 };
    cadre_growth g;
    dropped of[EXPERTS];
    int overlap = 0;
    succeeds(upcycle("dense", "--method drop --drop 0.5 --experts 6 --topk 2", &g));
    assert_true(g.difference > 1e-4);
    safetensors *dense = grown_open("dense"), *sparse = grown_open("grown");
    static const char *const names[][2] = { { "gate_proj", "w1" }, { "up_proj", "w3" },
        { "down_proj", "w2" } };
    for (int e = 0; e < EXPERTS; e++)
        for (int i = 0; i < 3; i++) {
            const float *was = grown_floats(dense, "model.layers.2.mlp.%s.weight", names[i][0]);
            const float *is = grown_floats(
                sparse, "model.layers.2.block_sparse_moe.experts.%d.%s.weight", e, names[i][1]);
            dropped d = units_of(was, is, i == 2);
            assert_int_equal(d.count, DROPPED);
            if (i) assert_memory_equal(d.unit, of[e].unit, sizeof d.unit);
            of[e] = d;
            resemble(was, is);
        }
    for (int h = 0; h < HIDDEN; h++) overlap += of[0].unit[h] && of[1].unit[h];
    assert_in_range(overlap, DROPPED / 2 - 8, DROPPED / 2 + 8); /* two drawn by themselves */
    safetensors_close(dense);
    safetensors_close(sparse);
    grown_remove("grown");
}

static void test_a_seed_is_a_model(void **state)
{
    (void)state;
    cadre_growth g[3];
    static const char *const given[] = { "--method drop --seed 1", "--method drop --seed 1",
        "--method drop --seed 2" };
    for (int i = 0; i < 3; i++) {
        succeeds(upcycle("dense", given[i], &g[i]));
        grown_remove("grown");
    }
    assert_true(g[0].difference == g[1].difference && g[0].loss_after == g[1].loss_after);
    assert_true(g[0].loss_after != g[2].loss_after);
}

/* ---- GGUF, and quantised weights ---- */

static void test_gguf_to_gguf(void **state)
{
    (void)state;
    static const char *const formats[] = { "f32", "q8_0", "q4_0" };
    for (int i = 0; i < 3; i++) {
        cadre_growth g = { .size = sizeof g };
        cadre_options *o = grown_options(cadre_upcycle_options(), "--experts 4 --topk 1");
        char from[4200], to[4200];
        snprintf(from, sizeof from, "%s", scratch_file("dense.gguf"));
        snprintf(to, sizeof to, "%s", scratch_file("grown.gguf"));
        succeeds(cadre_convert(context, scratch_file("dense"), from, formats[i], NULL, NULL));
        succeeds(cadre_upcycle(context, from, to, o, NULL, &g));
        assert_true(g.same_bits);
        assert_int_equal(cadre_upcycle(context, from, to, o, NULL, &g), CADRE_EEXISTS);
        cadre_options_free(o);
        remove(from);
        remove(to);
    }
}

/* ---- what cannot be ---- */

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *given, *phrase;
    } of[] = { { "--experts 3 --topk 4", "--topk: expected at most the 3 experts, found 4" },
        { "--method granular --granularity 5", "--granularity: expected a divisor" },
        { "--method granular --granularity 4 --experts 6", "--experts: expected a multiple" },
        { "--method granular --granularity 4 --experts 8 --topk 6", "--topk: expected a multiple" },
        { "--granularity 2", "--granularity: expected --method granular" },
        { "--drop 0.5", "--drop: expected --method drop" },
        { "--every 4", "--every: expected at most the model's 3 layers" },
        { "--router top-p", "--router: expected one whose weights of a token sum" },
        { "--router softmax --router-init 0.1", "--router-init: expected 0" } };
    cadre_growth g;
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        refuses(upcycle("dense", of[i].given, &g), CADRE_EARGUMENT, of[i].phrase);
        assert_false(file_exists(scratch_file("grown")));
    }
    static const char *const routers[] = { "sigmoid-input", "expert-choice", "soft", "threshold",
        "quantile", "cosine", "product", "hierarchical", "hash" };
    for (size_t i = 0; i < sizeof routers / sizeof *routers; i++) {
        char given[64];
        snprintf(given, sizeof given, "--router %s", routers[i]);
        refuses(upcycle("dense", given, &g), CADRE_EARGUMENT, "a known number, found");
        assert_false(file_exists(scratch_file("grown")));
    }
    refuses(upcycle("dense", "--text nothing.txt", &g), CADRE_EIO, "tokenizer.json");
    refuses(upcycle("nowhere", "", &g), CADRE_EIO, "nowhere");
    g.size = 4;
    assert_int_equal(cadre_upcycle(context, "a", "b", NULL, NULL, &g), CADRE_EARGUMENT);
}

static void test_a_sparse_model_is_not_upcycled(void **state)
{
    (void)state;
    cadre_growth g = { .size = sizeof g };
    succeeds(upcycle("dense", "", &g));
    cadre_options *o = grown_options(cadre_upcycle_options(), "");
    refuses(cadre_upcycle(context, scratch_file("grown"), scratch_file("other"), o, NULL, &g),
        CADRE_EARGUMENT, "expected a dense model, found one with 3 sparse layers");
    cadre_options_free(o);
    grown_remove("grown");
}

static void stop(void *arg, int64_t done, int64_t total)
{
    (void)arg, (void)total;
    if (done) cadre_interrupt();
}

static void test_nothing_is_left_by_one_that_was_stopped(void **state)
{
    (void)state;
    cadre_growth g = { .size = sizeof g };
    const cadre_output_listener listener = { .size = sizeof listener, .progress = stop };
    cadre_options *o = grown_options(cadre_upcycle_options(), "");
    assert_int_equal(
        cadre_upcycle(context, scratch_file("dense"), scratch_file("grown"), o, &listener, &g),
        CADRE_EINTERRUPTED);
    cadre_interrupt_clear();
    cadre_options_free(o);
    assert_false(file_exists(scratch_file("grown")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copies_compute_what_the_dense_model_does),
        cmocka_unit_test(test_with_every_router),
        cmocka_unit_test(test_shards_compute_what_the_dense_model_does),
        cmocka_unit_test(test_copies_are_the_dense_network),
        cmocka_unit_test(test_rows_of_a_router),
        cmocka_unit_test(test_dropped_units),
        cmocka_unit_test(test_a_seed_is_a_model),
        cmocka_unit_test(test_gguf_to_gguf),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_a_sparse_model_is_not_upcycled),
        cmocka_unit_test(test_nothing_is_left_by_one_that_was_stopped),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
