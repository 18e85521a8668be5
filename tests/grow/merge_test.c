/* merge_test.c - experts are the models' feed-forwards as they are, the rest is their mean or the
 * base's, a model merged with itself stays what it is, and models that do not fit are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/file.h"
#include "support/family.h"
#include "support/grown.h"
#include "support/scratch.h"
#include "support/small_run.h"
#include "support/succeeds.h"

enum { WIDTH = 32, MODELS = 3 };

static cadre_context *context;
static const char *const names[MODELS] = { "base", "first", "second" };

static int begin(void **state)
{
    static const char *const seeds[MODELS] = { "1", "2", "3" };
    (void)state;
    if (cadre_context_new(2, NULL, &context) != CADRE_OK) return 1;
    for (int i = 0; i < MODELS; i++)
        grown_family(context, names[i], "llama", "\"mlp_bias\": true", seeds[i]);
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (int i = 0; i < MODELS; i++) grown_remove(names[i]);
    cadre_context_free(context);
    return 0;
}

static cadre_status merge(
    const char *const *from, int count, const char *given, cadre_growth *growth)
{
    static char path[MODELS][4200];
    const char *paths[MODELS] = { path[0], path[1], path[2] };
    cadre_options *o = grown_options(cadre_merge_options(), given);
    *growth = (cadre_growth){ .size = sizeof *growth };
    grown_remove("merged");
    for (int i = 0; i < count; i++) snprintf(path[i], sizeof path[i], "%s", scratch_file(from[i]));
    cadre_status status =
        cadre_merge(context, paths, count, scratch_file("merged"), o, NULL, growth);
    cadre_options_free(o);
    return status;
}

static void open_all(safetensors *from[MODELS], safetensors **merged)
{
    for (int i = 0; i < MODELS; i++) from[i] = grown_open(names[i]);
    *merged = grown_open("merged");
}

static void close_all(safetensors *from[MODELS], safetensors *merged)
{
    for (int i = 0; i < MODELS; i++) safetensors_close(from[i]);
    safetensors_close(merged);
}

static int64_t numbers_of(const safetensors *file, const char *name)
{
    const safetensors_tensor *t = safetensors_find(file, name);
    if (!t) fail_msg("no tensor %s", name);
    return (int64_t)(t->size / sizeof(float));
}

static void test_experts_are_the_models(void **state)
{
    (void)state;
    static const char *const part[] = { "gate_proj.weight", "up_proj.weight", "down_proj.weight",
        "gate_proj.bias", "up_proj.bias", "down_proj.bias" };
    cadre_growth g;
    safetensors *from[MODELS], *merged;
    succeeds(merge(names, MODELS, "", &g));
    assert_true(g.experts == 3 && g.experts_per_token == 2);
    assert_true(!g.same_bits && g.difference > 1e-3);
    open_all(from, &merged);
    for (int l = 0; l < 3; l++)
        for (int e = 0; e < MODELS; e++)
            for (int i = 0; i < 6; i++) {
                char name[128];
                snprintf(name, sizeof name, "model.layers.%d.mlp.%s", l, part[i]);
                int64_t count = numbers_of(from[e], name);
                assert_memory_equal(
                    grown_floats(merged, "model.layers.%d.mlp.experts.%d.%s", l, e, part[i]),
                    grown_floats(from[e], "%s", name), sizeof(float) * (size_t)count);
            }
    close_all(from, merged);
    grown_remove("merged");
}

static const char *const rest[] = { "model.embed_tokens.weight", "model.norm.weight",
    "model.layers.0.self_attn.q_proj.weight", "model.layers.1.self_attn.o_proj.weight",
    "model.layers.2.input_layernorm.weight", "lm_head.weight" };

static void test_the_rest_is_the_mean_or_the_base(void **state)
{
    (void)state;
    static const char *const given[] = { "--rest average", "--rest base" };
    for (int by_base = 0; by_base < 2; by_base++) {
        cadre_growth g;
        safetensors *from[MODELS], *merged;
        succeeds(merge(names, MODELS, given[by_base], &g));
        open_all(from, &merged);
        for (size_t i = 0; i < sizeof rest / sizeof *rest; i++) {
            const float *x[MODELS], *is = grown_floats(merged, "%s", rest[i]);
            for (int k = 0; k < MODELS; k++) x[k] = grown_floats(from[k], "%s", rest[i]);
            for (int64_t n = 0; n < numbers_of(merged, rest[i]); n++) {
                double mean = ((double)x[0][n] + (double)x[1][n] + (double)x[2][n]) / 3;
                float expected = by_base ? x[0][n] : (float)mean;
                if (is[n] != expected)
                    fail_msg(
                        "%s[%d]: %g, not %g", rest[i], (int)n, (double)is[n], (double)expected);
            }
        }
        close_all(from, merged);
        grown_remove("merged");
    }
}

static void test_a_model_merged_with_itself_stays(void **state)
{
    (void)state;
    static const char *const same[MODELS] = { "base", "base", "base" };
    static const char *const given[] = { "", "--topk 1", "--topk 3", "--every 3",
        "--router sigmoid-bias", "--router dense", "--router softmax --router-init 0",
        "--router sigmoid-bias-raw --router-init 0" };
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        cadre_growth g;
        succeeds(merge(same, MODELS, given[i], &g));
        if (!(g.difference <= 1e-4)) fail_msg("%s: %g apart", given[i], g.difference);
        assert_true(g.largest_logit > 0.1);
    }
    grown_remove("merged");
}

static void test_the_router_is_drawn(void **state)
{
    (void)state;
    cadre_growth g;
    double squares = 0;
    succeeds(merge(names, MODELS, "--router-init 0.5", &g));
    safetensors *merged = grown_open("merged");
    const float *w = grown_floats(merged, "model.layers.0.mlp.gate.weight");
    for (int i = 0; i < MODELS * WIDTH; i++) squares += (double)w[i] * (double)w[i];
    assert_true(fabs(sqrt(squares / (MODELS * WIDTH)) - 0.5) < 0.12);
    safetensors_close(merged);
    grown_remove("merged");
}

static void test_gguf(void **state)
{
    (void)state;
    cadre_growth g = { .size = sizeof g };
    char path[2][4200], out[4200];
    const char *paths[] = { path[0], path[1] };
    cadre_options *o = grown_options(cadre_merge_options(), "");
    grown_family(context, "plain", "llama", "", "5");
    snprintf(path[0], sizeof path[0], "%s", scratch_file("plain"));
    snprintf(path[1], sizeof path[1], "%s", scratch_file("plain.gguf"));
    snprintf(out, sizeof out, "%s", scratch_file("merged.gguf"));
    succeeds(cadre_convert(context, path[0], path[1], "f32", NULL, NULL));
    succeeds(cadre_merge(context, paths, 2, out, o, NULL, &g));
    assert_true(g.difference <= 1e-4 && g.largest_logit > 0.1);
    assert_int_equal(cadre_merge(context, paths, 2, out, o, NULL, &g), CADRE_EEXISTS);
    cadre_options_free(o);
    remove(path[1]);
    remove(out);
    grown_remove("plain");
}

static void test_refusals(void **state)
{
    (void)state;
    static const char *const two[] = { "base", "other" };
    cadre_growth g;
    refuses(
        merge(names, 1, "", &g), CADRE_EARGUMENT, "expected 2 to 4096 models to merge, found 1");
    refuses(merge(names, 2, "--topk 3", &g), CADRE_EARGUMENT, "--topk: expected at most the 2");
    refuses(merge(names, 2, "--every 4", &g), CADRE_EARGUMENT, "--every: expected at most");
    refuses(merge(names, 2, "--router top-p", &g), CADRE_EARGUMENT,
        "sum to a known number, found top-p");
    refuses(merge(names, 2, "--router hash", &g), CADRE_EARGUMENT, "a known number, found hash");
    refuses(merge(two, 2, "", &g), CADRE_EIO, "other");
    grown_family(context, "other", "mixtral", "", "1");
    refuses(merge(two, 2, "", &g), CADRE_EARGUMENT, "expected a dense model, found one with 3");
    grown_family(context, "other", "llama", "", "1");
    refuses(merge(two, 2, "", &g), CADRE_EMISMATCH, "a model of the same numbers");
    assert_false(file_exists(scratch_file("merged")));
    grown_remove("other");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_experts_are_the_models),
        cmocka_unit_test(test_the_rest_is_the_mean_or_the_base),
        cmocka_unit_test(test_a_model_merged_with_itself_stays),
        cmocka_unit_test(test_the_router_is_drawn),
        cmocka_unit_test(test_gguf),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
