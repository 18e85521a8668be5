/* train_test.c - the line of a training step: the members that are promised, numbers that belong
 * together, and parameters counted by hand. */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "cadre.h"
#include "support/small_run.h"
#include "support/succeeds.h"

enum { WIDTH = 16, HIDDEN = 12, EXPERTS = 8, PICKS = 2, LAYERS = 2, VOCAB = 512 }; /* small_run.h */

typedef struct heard {
    int lines;
    json_t *line;
} heard;

static void hear(void *arg, const char *line)
{
    heard *h = arg;
    h->lines++;
    json_decref(h->line);
    h->line = json_loads(line, 0, NULL);
}

static double number(const heard *h, const char *name)
{
    const json_t *value = json_object_get(h->line, name);
    if (!json_is_number(value)) fail_msg("no number %s", name);
    return json_number_value(value);
}

static cadre_status measure(const char *experts, heard *h)
{
    cadre_context *context;
    cadre_options *o = small_options("olmoe");
    if (experts) small_set(o, "experts", experts);
    succeeds(cadre_context_new(1, NULL, &context));
    cadre_status status = cadre_bench_train(context, o, hear, h);
    cadre_options_free(o);
    cadre_context_free(context);
    return status;
}

static void a_step_has_its_numbers(void **state)
{
    (void)state;
    heard h = { 0 };
    int64_t experts = LAYERS * 3 * WIDTH * HIDDEN, /* of one a layer */
        rest =
            LAYERS * (4 * WIDTH * WIDTH + 4 * WIDTH + EXPERTS * WIDTH) + WIDTH + 2 * VOCAB * WIDTH;
    succeeds(measure(NULL, &h));
    assert_int_equal(h.lines, 1);
    assert_int_equal(json_object_size(h.line), 5);
    assert_true(number(&h, "parameters") == (double)(rest + EXPERTS * experts));
    rest -= (VOCAB - 1) * WIDTH; /* a token looks one row up */
    assert_true(number(&h, "active_parameters") == (double)(rest + PICKS * experts));
    double rate = number(&h, "tokens_per_second"), gflops = number(&h, "gflops");
    double expected = 6e-9 * number(&h, "active_parameters") * rate;
    assert_true(rate > 0 && gflops > 0.999 * expected && gflops < 1.001 * expected);
    assert_true(number(&h, "peak_fraction") > 0 && number(&h, "peak_fraction") < 1.5);
    json_decref(h.line);
}

/* Shares are of one step, and each moment counts once. */
static void shares_are_one_together(void **state)
{
    (void)state;
    heard h = { 0 };
    cadre_context *context;
    cadre_options *o = small_options("olmoe");
    double sum = 0, products = 0;
    const char *name;
    json_t *share;
    small_set(o, "compute", "bf16");
    succeeds(cadre_context_new(2, NULL, &context));
    succeeds(cadre_bench_train_profile(context, o, hear, &h));
    json_t *shares = json_object_get(h.line, "shares");
    assert_int_equal(json_object_size(shares), 5);
    json_object_foreach(shares, name, share)
    {
        assert_true(json_number_value(share) > 0);
        sum += json_number_value(share);
        if (!strcmp(name, "products")) products = json_number_value(share);
    }
    assert_true(sum > 0.999 && sum < 1.001 && products > 0.05);
    json_decref(h.line);
    cadre_options_free(o);
    cadre_context_free(context);
}

/* More experts are more parameters, of which a token uses as many as before. */
static void experts_that_are_not_used_cost_no_active_parameters(void **state)
{
    (void)state;
    heard eight = { 0 }, sixteen = { 0 };
    succeeds(measure(NULL, &eight));
    succeeds(measure("16", &sixteen));
    double active = number(&sixteen, "active_parameters") - number(&eight, "active_parameters");
    double all = number(&sixteen, "parameters") - number(&eight, "parameters");
    assert_true(active == LAYERS * 8 * WIDTH); /* the routers' rows */
    assert_true(all == active + LAYERS * 8 * 3 * WIDTH * HIDDEN);
    json_decref(eight.line);
    json_decref(sixteen.line);
}

static void what_cannot_be_is_refused_without_a_line(void **state)
{
    (void)state;
    heard h = { 0 };
    cadre_context *context;
    cadre_options *o = small_options("olmoe");
    succeeds(cadre_context_new(1, NULL, &context));
    small_set(o, "topk", "9");
    assert_int_equal(cadre_bench_train(context, o, hear, &h), CADRE_EARGUMENT);
    assert_non_null(strstr(cadre_last_error(), "topk"));
    assert_int_equal(h.lines, 0);
    cadre_options_free(o);
    cadre_context_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_has_its_numbers),
        cmocka_unit_test(shares_are_one_together),
        cmocka_unit_test(experts_that_are_not_used_cost_no_active_parameters),
        cmocka_unit_test(what_cannot_be_is_refused_without_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
