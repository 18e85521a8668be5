/* expert_frequency_test.c - the counts of experts against counts by hand, written and read again;
 * recordings; and files of other models, or of other kinds. */
#include "store/expert_frequency.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "support/scratch.h"
#include "support/succeeds.h"

static const int32_t first[] = { 0, 3, 5 };
static const policy_shape shape = { 2, first };

static void expect_use(const expert_frequency *h, double tokens, const double use[5])
{
    assert_true(fabs(h->tokens - tokens) < 1e-9);
    for (int e = 0; e < 5; e++) assert_true(fabs(h->use[e] - use[e]) < 1e-2);
}

/* Three tokens, one by one: they use experts 0 and 2 of the first layer, and 1 of the second. */
static void use_three(expert_frequency *h)
{
    for (int t = 0; t < 3; t++) {
        expert_frequency_add(h, 0, (const int32_t[]){ 1, 0, 1 }, 1);
        expert_frequency_add(h, 1, (const int32_t[]){ 0, 1 }, 1);
    }
}

static void counts_are_kept(void **state)
{
    const char *path = scratch_file("m.experts");
    expert_frequency h, again;
    (void)state;
    succeeds(expert_frequency_open(shape, &h));
    use_three(&h);
    expect_use(&h, 3, (const double[]){ 3, 0, 3, 0, 3 });
    succeeds(expert_frequency_write(&h, path));
    succeeds(expert_frequency_read(path, shape, &again));
    expect_use(&again, 3, (const double[]){ 3, 0, 3, 0, 3 });
    expert_frequency_add_past(&h, &again);
    expect_use(&h, 3 + 3 * exp2(-3 / 4096.0), (const double[]){ 6, 0, 6, 0, 6 });
    h.tokens = 1e9; /* so many tokens since then that the past counts nothing */
    expert_frequency_add_past(&h, &again);
    expect_use(&h, 1e9, (const double[]){ 6, 0, 6, 0, 6 });
    expert_frequency_close(&h);
    expert_frequency_close(&again);
}

/* A prompt of 512 tokens counts as much as 16 tokens. */
static void a_prompt_is_a_few_tokens(void **state)
{
    expert_frequency h;
    (void)state;
    succeeds(expert_frequency_open(shape, &h));
    expert_frequency_add(&h, 0, (const int32_t[]){ 512, 256, 0 }, 512);
    expect_use(&h, 16, (const double[]){ 16, 8, 0, 0, 0 });
    expert_frequency_close(&h);
}

#define HEAD                                                                                       \
    "{\"cadre_routes\": 1, \"sparse_layers\": [{\"layer\": 0, \"experts\": 3}, "                   \
    "{\"layer\": 1, \"experts\": 2}]}\n"

static cadre_status read_text(const char *text, expert_frequency *h)
{
    const char *path = scratch_file("routes.jsonl");
    succeeds(file_write(path, text, strlen(text)));
    return expert_frequency_read(path, shape, h);
}

static void recordings_are_counted(void **state)
{
    expert_frequency h;
    (void)state;
    succeeds(read_text(HEAD "{\"experts\": [[0, 2], [1]]}\n{\"experts\": [[2, -1], []]}\n", &h));
    expect_use(&h, 2, (const double[]){ 1, 0, 2, 0, 1 });
    expert_frequency_close(&h);
}

static void what_does_not_fit(void **state)
{
    static const char *const cases[][2] = {
        { "", "expected tokens" },
        { "{}\n", "a recording of routes" },
        { "7\n", "expected" },
        { HEAD, "expected tokens" },
        { HEAD "{\"experts\": [[0, 3], [1]]}\n", "experts[0][1]" },
        { HEAD "{\"experts\": [[0]]}\n", "the model's 2 layers" },
        { "{\"cadre_routes\": 1, \"sparse_layers\": [{\"experts\": 3}]}\n",
            "the model's 2 layers" },
        { "{\"cadre_routes\": 1, \"sparse_layers\": [{\"experts\": 3}, {\"experts\": 9}]}\n",
            "expected an integer in 2..2" },
        { "{\"cadre_expert_use\": 1, \"tokens\": 1, \"use\": [[1, 0, 1]]}\n", "2 layers" },
        { "{\"cadre_expert_use\": 1, \"tokens\": 1, \"use\": [[1, 0], [1, 0]]}\n", "3 experts" },
        { "{\"cadre_expert_use\": 1, \"tokens\": 1, \"use\": [[1, 0, -1], [1, 0]]}\n", "[2]" },
        { "{\"cadre_expert_use\": 1, \"tokens\": -1, \"use\": [[1, 0, 1], [1, 0]]}\n", "tokens" },
    };
    expert_frequency h;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refuses(read_text(cases[i][0], &h), CADRE_EFORMAT, cases[i][1]);
    refuses(expert_frequency_read(scratch_file("none"), shape, &h), CADRE_EIO, "readable file");
}

static void the_most_used_come_first(void **state)
{
    int32_t *order;
    (void)state;
    succeeds(expert_frequency_order((const double[]){ 1, 5, 0, 5, 2 }, 5, &order));
    assert_memory_equal(order, ((const int32_t[]){ 1, 3, 4, 0, 2 }), 5 * sizeof *order);
    mem_free(order);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(counts_are_kept),
        cmocka_unit_test(a_prompt_is_a_few_tokens), cmocka_unit_test(recordings_are_counted),
        cmocka_unit_test(what_does_not_fit), cmocka_unit_test(the_most_used_come_first) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
