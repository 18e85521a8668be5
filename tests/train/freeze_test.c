/* freeze_test.c - which elements a list freezes, which lists are refused, and that the optimiser
 * leaves frozen elements alone: they do not count in the norm, are not updated and do not decay. */
#include "train/freeze.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/context.h"
#include "support/gradient.h"
#include "support/small_run.h"
#include "support/succeeds.h"
#include "support/within.h"
#include "train/optimizer.h"

/* The table of the parameters of a small model of a recipe */
static param_table table_of(const char *name)
{
    model_config c;
    param_table t;
    char *notes;
    cadre_options *o = small_options(name);
    succeeds(recipe_apply(recipe_by_name(name), o));
    succeeds(recipe_config(recipe_by_name(name), o, 512, &c, &notes));
    succeeds(param_table_make(&c, &t));
    cadre_free(notes);
    model_config_free(&c);
    cadre_options_free(o);
    return t;
}

static bool holds(const char *text, param_role role, int32_t layer, int32_t expert)
{
    freeze_list list;
    int64_t begin, end;
    const param p = { .role = role,
        .kind = param_row_of(role)->kind,
        .layer = layer,
        .expert = expert,
        .rows = 1,
        .cols = 8 };
    succeeds(freeze_parse(text, &list));
    freeze_elements(&list, &p, &begin, &end);
    assert_true(begin == end || (begin == 0 && end == 8));
    return begin < end;
}

static void test_what_each_word_holds(void **state)
{
    (void)state;
    assert_true(holds("attention", ROLE_Q, 0, -1) && holds("attention", ROLE_K_NORM, 1, -1));
    assert_true(holds("attention", ROLE_O_BIAS, 1, -1) && holds("attention", ROLE_KV_B, 1, -1));
    assert_false(holds("attention", ROLE_ATTN_NORM, 0, -1));
    assert_false(holds("attention", ROLE_GATE, 0, -1) || holds("attention", ROLE_EMBED, -1, -1));
    assert_false(holds("attention", ROLE_LSTM_INPUT, 0, -1));
    assert_true(holds("embeddings", ROLE_EMBED, -1, -1) && holds("embeddings", ROLE_HEAD, -1, -1));
    assert_false(holds("embeddings", ROLE_OUT_NORM, -1, -1));
    assert_true(holds("experts", ROLE_EXPERT_UP, 0, 3) && holds("experts", ROLE_SHARED_UP, 0, -1));
    assert_false(holds("experts", ROLE_ROUTER, 0, -1) || holds("experts", ROLE_GATE, 0, -1));
    assert_true(holds("router", ROLE_ROUTER_CORRECTION, 0, -1));
    assert_true(holds("experts=2-3", ROLE_EXPERT_DOWN, 0, 3));
    assert_false(holds("experts=2-3", ROLE_EXPERT_DOWN, 0, 4));
    assert_false(holds("experts=2-3", ROLE_SHARED_UP, 0, -1));
    assert_true(holds("layers=1-2", ROLE_FFN_NORM, 2, -1) && holds("layers=2", ROLE_Q, 2, -1));
    assert_false(
        holds("layers=1-2", ROLE_FFN_NORM, 0, -1) || holds("layers=0", ROLE_EMBED, -1, -1));
    assert_true(holds("router,layers=0-0", ROLE_Q, 0, -1));
    assert_false(holds("none", ROLE_Q, 0, -1) || holds(NULL, ROLE_Q, 0, -1));
}

static void test_rows_of_a_router(void **state)
{
    (void)state;
    freeze_list list;
    int64_t begin, end;
    succeeds(freeze_parse("router=2-5", &list));
    freeze_elements(&list,
        &(param){ .role = ROLE_ROUTER, .kind = PARAM_ROUTER, .expert = -1, .rows = 8, .cols = 16 },
        &begin, &end);
    assert_int_equal(begin, 2 * 16);
    assert_int_equal(end, 6 * 16);
    freeze_elements(&list,
        &(param){
            .role = ROLE_ROUTER_BIAS, .kind = PARAM_BIAS, .expert = -1, .rows = 1, .cols = 4 },
        &begin, &end);
    assert_int_equal(begin, 2);
    assert_int_equal(end, 4);
}

static void test_words_that_cannot_be(void **state)
{
    (void)state;
    static const char *const texts[] = { "", "routers", "layers", "layers=", "layers=3-1",
        "layers=-1", "layers=1-", "layers=a", "router,,experts", "experts=1-2-3",
        "layers=99999999999999999999", "experts=0x3", "none,router" };
    freeze_list list;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        refuses(freeze_parse(texts[i], &list), CADRE_EARGUMENT, "--freeze: expected router");
}

static void test_a_list_fits_its_model(void **state)
{
    (void)state;
    static const struct {
        const char *recipe, *text, *phrase;
    } of[] = { { "olmoe", "layers=1-2", "layers=1-2: expected numbers from 0 to 1" },
        { "olmoe", "experts=0-8", "experts=0-8: expected numbers from 0 to 7" },
        { "olmoe", "router=8", "found router, which it has not" },
        { "llama", "experts", "found experts, which it has not" },
        { "llama", "router", "found router, which it has not" } };
    freeze_list list;
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        param_table t = table_of(of[i].recipe);
        succeeds(freeze_parse(of[i].text, &list));
        refuses(freeze_check(&list, &t), CADRE_EARGUMENT, of[i].phrase);
        succeeds(freeze_parse("attention,embeddings,layers=0-1", &list));
        succeeds(freeze_check(&list, &t)); /* the last norm is left */
        param_table_free(&t);
    }
}

enum { ROWS = 6, COLS = 4000, SIZE = ROWS * COLS };

/* Rows 1 .. 4 of a router that has more than one block are frozen. */
static void test_the_optimiser_leaves_them(void **state)
{
    (void)state;
    static real values[SIZE], before[SIZE], gradient[SIZE];
    param row = {
        .role = ROLE_ROUTER, .kind = PARAM_ROUTER, .expert = -1, .rows = ROWS, .cols = COLS
    };
    const param_table table = { &row, 1, SIZE, SIZE, SIZE };
    optimizer_options options = { .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .weight_decay = 0.1 };
    compute *c;
    optimizer *o;
    double sum = 0;
    succeeds(freeze_parse("router=1-4", &options.freeze));
    succeeds(compute_new(2, NULL, &c));
    succeeds(optimizer_new(c, &table, &options, &o));
    gradient_fill(values, SIZE, 1, 1);
    gradient_fill(gradient, SIZE, 2, 1);
    memcpy(before, values, sizeof values);
    for (int i = 0; i < SIZE; i++)
        if (i / COLS == 0 || i / COLS == 5) sum += (double)gradient[i] * (double)gradient[i];
    double norm = optimizer_gradient_norm(o, gradient);
    assert_within(norm, sqrt(sum), 1e-5 * norm);
    optimizer_step(o, values, gradient, norm, 0.01, 0.01, 1);
    assert_memory_equal(values + COLS, before + COLS, 4 * COLS * sizeof *values);
    for (int i = 0; i < SIZE; i++)
        if (i / COLS == 0 || i / COLS == 5) assert_true(values[i] != before[i]);
    optimizer_free(o);
    compute_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_each_word_holds),
        cmocka_unit_test(test_rows_of_a_router),
        cmocka_unit_test(test_words_that_cannot_be),
        cmocka_unit_test(test_a_list_fits_its_model),
        cmocka_unit_test(test_the_optimiser_leaves_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
