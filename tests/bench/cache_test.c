/* cache_test.c - recordings of routes on stores of several sizes: figures that can be counted by
 * hand, and recordings that are none. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/random.h"
#include "cadre.h"
#include "store/policy_row.h"
#include "store/replay.h"
#include "support/scratch.h"
#include "support/succeeds.h"

#define HEAD                                                                                       \
    "{\"cadre_routes\": 1, \"model\": \"m\", \"architecture\": \"olmoe\", \"sparse_layers\": "     \
    "[{\"layer\": 0, \"experts\": 8, \"topk\": 2}, {\"layer\": 1, \"experts\": 8, \"topk\": "      \
    "2}]}\n"

typedef struct told {
    int lines;
    double best, first, lru, cold, warm; /* of the line whose store has `slots` slots */
    int slots;
} told;

static double number(const char *line, const char *key)
{
    const char *at = strstr(line, key);
    assert_non_null(at);
    return strtod(at + strlen(key), NULL);
}

static void take_line(void *arg, const char *line)
{
    told *t = arg;
    t->lines++;
    assert_true(number(line, "\"experts\": ") == 16);
    assert_true(number(line, "\"learnt\": ") <= number(line, "\"best_possible\": "));
    if (number(line, "\"slots\": ") != t->slots) return;
    t->best = number(line, "\"best_possible\": ");
    t->first = number(line, "\"learnt\": ");
    t->lru = number(line, "\"lru\": ");
    t->cold = number(line, "\"second_half\": ");
    t->warm = number(line, "\"second_half_warm\": ");
}

enum { MADE = 400 }; /* tokens */
static const policy_row *const rows_named[] = { &policy_learnt, &policy_aged, &policy_lfu,
    &policy_lru };

typedef struct figures {
    int slots;
    const char *const *names; /* [4] */
    double value[4];          /* of the line whose store has `slots` slots */
} figures;

static void take_figures(void *arg, const char *line)
{
    figures *f = arg;
    if (number(line, "\"slots\": ") != f->slots) return;
    for (int i = 0; i < 4; i++) {
        char key[32];
        snprintf(key, sizeof key, "\"%s\": ", f->names[i]);
        f->value[i] = number(line, key);
    }
}

static const char *recording(const char *text)
{
    const char *path = scratch_file("routes.jsonl");
    succeeds(file_write(path, text, strlen(text)));
    return path;
}

/* Both layers pick 0 and 1 in every token: 4 experts, of which each is read once. */
static void the_same_picks_again(void **state)
{
    char text[4096] = HEAD;
    told t = { .slots = 4 };
    (void)state;
    for (int i = 0; i < 10; i++)
        strcat(text, "{\"token\": 5, \"experts\": [[0, 1], [1, 0]], \"weights\": []}\n");
    succeeds(cadre_bench_cache(recording(text), take_line, &t));
    assert_int_equal(t.lines, 6);
    assert_true(t.best == 0.9 && t.first == 0.9 && t.lru == 0.9);
    assert_true(t.cold == 0.8 && t.warm == 1); /* of 5 tokens, the first */
}

/* 8 experts in turn: with 4 slots the least recently used is always the next. */
static void picks_in_a_circle(void **state)
{
    char text[8192] = HEAD;
    told t = { .slots = 4 };
    (void)state;
    for (int i = 0; i < 40; i++)
        sprintf(text + strlen(text), "{\"token\": 5, \"experts\": [[%d, %d], []]}\n", 2 * i % 8,
            (2 * i + 1) % 8);
    succeeds(cadre_bench_cache(recording(text), take_line, &t));
    assert_true(t.lru == 0 && t.best > 0.3 && t.best < 0.5);
}

/* Every policy's figure stands under its own name: picks on which no two policies agree. */
static void a_figure_under_each_name(void **state)
{
    static char text[1 << 16] = HEAD;
    static const char *const names[] = { "learnt", "aged-lfu", "lfu", "lru" };
    static const int32_t first[] = { 0, 8, 16 };
    static int32_t layer[2 * MADE], picks[2 * MADE];
    static int64_t start[2 * MADE + 1];
    random_key key = random_key_of(4, "picks", 0, 0);
    size_t end = strlen(text);
    (void)state;
    for (int v = 0; v < 2 * MADE; v++) {
        double x = random_uniform(key, (uint64_t)v);
        int32_t expert = (int32_t)(x * x * 8 + v / 64) % 8;
        layer[v] = v % 2, picks[v] = first[v % 2] + expert, start[v + 1] = v + 1;
        end += (size_t)sprintf(
            text + end, v % 2 ? "[%d]]}\n" : "{\"token\": 5, \"experts\": [[%d], ", expert);
    }
    const replay r = { { 2, first }, 2 * MADE, layer, start, picks, NULL };
    figures f = { .slots = 8, .names = names };
    succeeds(cadre_bench_cache(recording(text), take_figures, &f));
    for (int i = 0; i < 4; i++) {
        int64_t hits;
        const policy_row *row = policy_by_name(names[i]);
        assert_non_null(row);
        assert_string_equal(row->name, names[i]);
        succeeds(replay_hits(&r, rows_named[i], f.slots, &hits));
        assert_ptr_equal(row, rows_named[i]);
        assert_true(fabs(f.value[i] - (double)hits / (2 * MADE)) < 1e-6);
        for (int k = 0; k < i; k++) assert_true(f.value[k] != f.value[i]);
    }
}

static void what_is_no_recording(void **state)
{
    told t = { 0 };
    (void)state;
    refuses(cadre_bench_cache(recording(""), take_line, &t), CADRE_EFORMAT, "empty file");
    refuses(
        cadre_bench_cache(recording("{\"x\": 1}\n"), take_line, &t), CADRE_EFORMAT, "cadre_routes");
    refuses(cadre_bench_cache(recording(HEAD), take_line, &t), CADRE_EFORMAT, "found none");
    refuses(cadre_bench_cache(recording(HEAD "{\"experts\": [[0]]}\n"), take_line, &t),
        CADRE_EFORMAT, "every layer");
    refuses(cadre_bench_cache(recording(HEAD "{\"experts\": [[8], [0]]}\n"), take_line, &t),
        CADRE_EFORMAT, "experts");
    assert_int_equal(t.lines, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_same_picks_again),
        cmocka_unit_test(picks_in_a_circle), cmocka_unit_test(a_figure_under_each_name),
        cmocka_unit_test(what_is_no_recording) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
