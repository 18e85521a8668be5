/* prune_test.c - which experts stay, that they stay as they are with their rows of the router, that
 * experts which nothing picks can go without a trace, and what is refused. */
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

static cadre_context *context;

static int begin(void **state)
{
    (void)state;
    return cadre_context_new(2, NULL, &context) != CADRE_OK;
}

static int end(void **state)
{
    (void)state;
    cadre_context_free(context);
    return 0;
}

static void make_old(const char *type, const char *members)
{
    grown_family(context, "old", type, members, "1");
}

/* Recorded routes: the head, of the layers `first` .. 2, each of so many experts; then `lines`. */
static void record(int first, int experts, const char *lines)
{
    char text[4096];
    int size = snprintf(text, sizeof text, "{\"cadre_routes\": 1, \"sparse_layers\": [");
    for (int l = first; l < 3; l++)
        size += snprintf(text + size, sizeof text - (size_t)size,
            "%s{\"layer\": %d, \"experts\": %d, \"topk\": 2}", l > first ? ", " : "", l, experts);
    size += snprintf(text + size, sizeof text - (size_t)size, "]}\n%s", lines);
    succeeds(file_write(scratch_file("routes.jsonl"), text, (size_t)size));
}

static cadre_status prune(const char *from, const char *given, cadre_growth *growth)
{
    char path[4200], source[4200];
    cadre_options *o = grown_options(cadre_prune_options(), given);
    snprintf(path, sizeof path, "%s", scratch_file("routes.jsonl"));
    snprintf(source, sizeof source, "%s", scratch_file(from));
    small_set(o, "routes", path);
    *growth = (cadre_growth){ .size = sizeof *growth };
    grown_remove("pruned");
    cadre_status status = cadre_prune(context, source, scratch_file("pruned"), o, NULL, growth);
    cadre_options_free(o);
    return status;
}

/* Experts of the pruned model's layer are those of the old one. */
static void stayed(int layer, const int *experts, int count)
{
    safetensors *old = grown_open("old"), *new = grown_open("pruned");
    const float *was = grown_floats(old, "model.layers.%d.block_sparse_moe.gate.weight", layer);
    const float *is = grown_floats(new, "model.layers.%d.block_sparse_moe.gate.weight", layer);
    for (int e = 0; e < count; e++) {
        static const char *const name[] = { "w1", "w2", "w3" };
        assert_memory_equal(is + e * 32, was + experts[e] * 32, 32 * sizeof *is);
        for (int i = 0; i < 3; i++)
            assert_memory_equal(
                grown_floats(new, "model.layers.%d.block_sparse_moe.experts.%d.%s.weight", layer, e,
                    name[i]),
                grown_floats(old, "model.layers.%d.block_sparse_moe.experts.%d.%s.weight", layer,
                    experts[e], name[i]),
                sizeof(float) * 32 * 16);
    }
    safetensors_close(old);
    safetensors_close(new);
}

/* By use 7 and 2 lead in layer 0, by weight 7 and 5; of equal ones the lower number stays. */
static const char *const two_tokens =
    "{\"token\": 1, \"experts\": [[2, 7], [0, 1], [3, 4]], \"weights\": [[0.1, 0.9], [0.5, 0.5], "
    "[0.4, 0.6]]}\n"
    "{\"token\": 2, \"experts\": [[2, 5], [6, 7], [3, 4]], \"weights\": [[0.1, 0.9], [0.5, 0.5], "
    "[0.4, 0.6]]}\n"
    "{\"token\": 3, \"experts\": [[2, 7], [6, 0], [3, 4]], \"weights\": [[0.1, 0.9], [0.5, 0.5], "
    "[0.4, 0.6]]}\n";

static void test_the_most_used_stay(void **state)
{
    (void)state;
    cadre_growth g;
    make_old("mixtral", "");
    record(0, 8, two_tokens);
    succeeds(prune("old", "--keep 2", &g));
    assert_int_equal(g.experts, 2);
    assert_string_equal(g.model_type, "mixtral");
    assert_true(!g.same_bits && g.difference > 1e-3);
    stayed(0, (const int[]){ 2, 7 }, 2);
    stayed(1, (const int[]){ 0, 6 }, 2);
    stayed(2, (const int[]){ 3, 4 }, 2);
    succeeds(prune("old", "--keep 3", &g));
    stayed(1, (const int[]){ 0, 1, 6 }, 3);
    stayed(2, (const int[]){ 0, 3, 4 }, 3);
    succeeds(prune("old", "--keep 2 --by weight", &g));
    stayed(0, (const int[]){ 5, 7 }, 2);
    stayed(1, (const int[]){ 0, 6 }, 2);
    grown_remove("old");
    grown_remove("pruned");
}

/* What was added and held back is not picked: without it the model is what it was. */
static void test_what_nothing_picks_leaves_no_trace(void **state)
{
    (void)state;
    static const char *const routers[] = { "softmax", "topk-softmax", "noisy-topk", "sigmoid-bias",
        "softmax-bias" };
    for (size_t i = 0; i < sizeof routers / sizeof *routers; i++) {
        char member[64], from[4200];
        cadre_growth g = { .size = sizeof g };
        snprintf(member, sizeof member, "\"router\": \"%s\"", routers[i]);
        make_old("cadre", member);
        cadre_options *o = grown_options(cadre_grow_options(), "--add 3");
        snprintf(from, sizeof from, "%s", scratch_file("old"));
        grown_remove("grown");
        succeeds(cadre_grow(context, from, scratch_file("grown"), o, NULL, &g));
        cadre_options_free(o);
        record(1, 11, "{\"experts\": [[0, 1], [0, 1]], \"weights\": [[0.5, 0.5], [0.5, 0.5]]}\n");
        succeeds(prune("grown", "--keep 8", &g));
        if (!g.same_bits) fail_msg("%s: %g apart", routers[i], g.difference);
        assert_true(g.largest_logit > 0.1);
        assert_int_equal(g.experts, 8);
        grown_remove("old");
        grown_remove("grown");
        grown_remove("pruned");
    }
}

/* Each of 4 groups of two keeps its best, though the best two of all are in one. */
static void test_every_group_keeps_as_many(void **state)
{
    (void)state;
    cadre_growth g;
    make_old("deepseek_v3", "\"n_group\": 4, \"topk_group\": 2");
    record(0, 8,
        "{\"experts\": [[0, 1], [5, 7], [5, 7]], \"weights\": [[0.5, 0.5], [0.5, 0.5], [0.5, "
        "0.5]]}\n");
    succeeds(prune("old", "--keep 4", &g));
    safetensors *old = grown_open("old"), *new = grown_open("pruned");
    static const int of[3][4] = { { 0, 2, 4, 6 }, { 0, 2, 5, 7 }, { 0, 2, 5, 7 } };
    for (int l = 0; l < 3; l++) {
        const float *was = grown_floats(old, "model.layers.%d.mlp.gate.weight", l);
        const float *is = grown_floats(new, "model.layers.%d.mlp.gate.weight", l);
        for (int e = 0; e < 4; e++)
            assert_memory_equal(is + e * 32, was + of[l][e] * 32, 32 * sizeof *is);
    }
    safetensors_close(old);
    safetensors_close(new);
    refuses(prune("old", "--keep 6", &g), CADRE_EARGUMENT, "a multiple of the 4 groups");
    grown_remove("old");
    grown_remove("pruned");
}

/* Each of two banks keeps its best; a bank of no more than are to stay keeps all. */
static void test_every_bank_keeps_its_own(void **state)
{
    (void)state;
    static const char *const types = "\"router\": \"softmax-bias\", \"token_types\": [{\"name\": "
                                     "\"text\", \"experts\": 5, \"expert_width\": 9}, {\"name\": "
                                     "\"image\", \"first\": 10, \"count\": 30, \"experts\": 3}]";
    static const struct {
        const char *given;
        int experts, of[6];
    } runs[] = { { "--keep 2", 4, { 0, 4, 5, 7 } }, { "--keep 3", 6, { 0, 1, 4, 5, 6, 7 } } };
    cadre_growth g;
    make_old("cadre", types);
    record(1, 8,
        "{\"experts\": [[4, 0], [4, 0]], \"weights\": [[0.5, 0.5], [0.5, 0.5]]}\n"
        "{\"experts\": [[7, 5], [7, 5]], \"weights\": [[0.5, 0.5], [0.5, 0.5]]}\n");
    for (int i = 0; i < 2; i++) {
        succeeds(prune("old", runs[i].given, &g));
        assert_int_equal(g.experts, runs[i].experts);
        safetensors *old = grown_open("old"), *new = grown_open("pruned");
        const float *was = grown_floats(old, "model.layers.2.mlp.gate.weight");
        const float *is = grown_floats(new, "model.layers.2.mlp.gate.weight");
        for (int e = 0; e < runs[i].experts; e++) {
            int from = runs[i].of[e];
            assert_memory_equal(is + e * 32, was + from * 32, 32 * sizeof *is);
            assert_memory_equal(
                grown_floats(new, "model.layers.2.mlp.experts.%d.up_proj.weight", e),
                grown_floats(old, "model.layers.2.mlp.experts.%d.up_proj.weight", from),
                sizeof(float) * 32 * (from < 5 ? 9 : 12));
        }
        safetensors_close(old);
        safetensors_close(new);
    }
    refuses(prune("old", "--keep 1", &g), CADRE_EARGUMENT, "expected at least the 2 experts");
    refuses(prune("old", "--keep 5", &g), CADRE_EARGUMENT, "expected fewer than");
    grown_remove("old");
    grown_remove("pruned");
}

/* Trap: a parameter of the router's own with many numbers an expert, stored as one vector. */
static void test_own_parameters_of_routers(void **state)
{
    (void)state;
    enum { PROJECTOR = 6 };
    static const char *const routers[] = { "cosine\", \"router_projector\": 6, \"x\": \"",
        "quantile", "threshold" };
    static const int each[] = { PROJECTOR, 1, 1 };
    for (size_t i = 0; i < sizeof routers / sizeof *routers; i++) {
        char member[96];
        cadre_growth g;
        snprintf(member, sizeof member, "\"router\": \"%s\"", routers[i]);
        make_old("cadre", member);
        record(1, 8, "{\"experts\": [[2, 7], [2, 7]], \"weights\": [[0.5, 0.5], [0.5, 0.5]]}\n");
        succeeds(prune("old", "--keep 2", &g));
        safetensors *old = grown_open("old"), *new = grown_open("pruned");
        const float *was = grown_floats(old, "model.layers.1.mlp.router_own.0");
        const float *is = grown_floats(new, "model.layers.1.mlp.router_own.0");
        size_t bytes = sizeof(float) * (size_t)each[i];
        assert_memory_equal(is, was + 2 * each[i], bytes);
        assert_memory_equal(is + each[i], was + 7 * each[i], bytes);
        safetensors_close(old);
        safetensors_close(new);
    }
    grown_remove("old");
    grown_remove("pruned");
}

static void test_refusals(void **state)
{
    (void)state;
    cadre_growth g;
    make_old("llama", "");
    record(0, 8, two_tokens);
    refuses(
        prune("old", "--keep 4", &g), CADRE_EARGUMENT, "expected a sparse model, found a dense");
    make_old("mixtral", "");
    refuses(prune("old", "", &g), CADRE_EARGUMENT, "--keep: expected a number");
    refuses(prune("old", "--keep 1", &g), CADRE_EARGUMENT, "at least the 2 experts");
    refuses(prune("old", "--keep 8", &g), CADRE_EARGUMENT, "fewer than the 8 experts");
    refuses(prune("old", "--keep 4 --by saliency", &g), CADRE_EARGUMENT, "--by use or weight");
    cadre_options *o = grown_options(cadre_prune_options(), "--keep 4");
    char from[4200];
    snprintf(from, sizeof from, "%s", scratch_file("old"));
    refuses(cadre_prune(context, from, scratch_file("pruned"), o, NULL, &g), CADRE_EARGUMENT,
        "--text or --routes");
    cadre_options_free(o);
    assert_false(file_exists(scratch_file("pruned")));
    grown_remove("old");
}

static void test_recordings_of_other_models(void **state)
{
    (void)state;
    static const struct {
        int first, experts;
        const char *lines, *phrase;
    } of[] = { { 1, 8, "", "sparse_layers: expected the model's 3 sparse layers" },
        { 0, 7, "", "experts: expected an integer in 8..8, found 7" },
        { 0, 8, "", "expected recorded routes of some tokens, found none" },
        { 0, 8, "{\"experts\": [[0]], \"weights\": [[1]]}\n", "expected 3 sparse layers" },
        { 0, 8, "{\"experts\": [[8], [0], [0]], \"weights\": [[1], [1], [1]]}\n", "found 8" },
        { 0, 8, "{\"experts\": [[0], [0], [0]], \"weights\": [[1], [1, 2], [1]]}\n",
            "expected a weight for each of 1 experts" } };
    cadre_growth g;
    make_old("mixtral", "");
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        record(of[i].first, of[i].experts, of[i].lines);
        refuses(prune("old", "--keep 4", &g), CADRE_EFORMAT, of[i].phrase);
        assert_false(file_exists(scratch_file("pruned")));
    }
    grown_remove("old");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_most_used_stay),
        cmocka_unit_test(test_what_nothing_picks_leaves_no_trace),
        cmocka_unit_test(test_every_group_keeps_as_many),
        cmocka_unit_test(test_every_bank_keeps_its_own),
        cmocka_unit_test(test_own_parameters_of_routers),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_recordings_of_other_models),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
