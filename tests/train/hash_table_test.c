/* hash_table_test.c - tables of router hash: distinct experts for every id, even loads where they
 * are promised, and tokens of one kind together or apart. */
#include "train/hash_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { IDS = 40, EXPERTS = 4, PICKS = 2, TOKENS = 4000 };

/* Four kinds of tokens, id % 4, whose followers are of the next kind; low ids are frequent. */
static void make_text(int32_t *tokens)
{
    uint32_t state = 1;
    for (int i = 0; i < TOKENS; i++) {
        state = state * 1664525U + 1013904223U;
        uint32_t a = state >> 20 & 1023, b = a * a >> 10;
        tokens[i] = (int32_t)(b * 10 / 1024 * 4 + (uint32_t)i % 4);
    }
}

static void make_table(const char *kind, int32_t layer, real *values)
{
    static int32_t tokens[TOKENS];
    make_text(tokens);
    const token_run run = { .words = tokens, .count = TOKENS };
    const hash_table_source source = { .kind = kind, .run = &run, .runs = 1, .seed = 3 };
    param p = { .role = ROLE_ROUTER_OWN_0,
        .layer = layer,
        .rows = 1,
        .cols = IDS * PICKS,
        .start = { START_TABLE, 0, PICKS, EXPERTS } };
    const param_table table = { .rows = &p, .count = 1 };
    assert_int_equal(hash_tables_fill(&source, &table, values), CADRE_OK);
}

static void every_id_has_different_experts(void **state)
{
    (void)state;
    for (int i = 1; hash_table_kind(i); i++) {
        real table[IDS * PICKS], again[IDS * PICKS], other[IDS * PICKS];
        make_table(hash_table_kind(i), 0, table);
        make_table(hash_table_kind(i), 0, again);
        make_table(hash_table_kind(i), 1, other);
        assert_memory_equal(table, again, sizeof table);
        if (i <= 2) assert_true(memcmp(table, other, sizeof table) != 0);
        for (int id = 0; id < IDS; id++) {
            const real *row = table + id * PICKS;
            if (!(row[0] >= 0 && row[0] < EXPERTS && row[1] >= 0 && row[1] < EXPERTS) ||
                row[0] == row[1])
                fail_msg("%s: id %d leads to %g and %g", hash_table_kind(i), id, (double)row[0],
                    (double)row[1]);
        }
    }
}

/* Tokens that the fullest expert gets, over an even share. */
static double fullest(const char *kind)
{
    int32_t tokens[TOKENS];
    real table[IDS * PICKS];
    double load[EXPERTS] = { 0 }, most = 0;
    make_text(tokens);
    make_table(kind, 0, table);
    for (int i = 0; i < TOKENS; i++)
        for (int k = 0; k < PICKS; k++) load[(int)table[tokens[i] * PICKS + k]]++;
    for (int e = 0; e < EXPERTS; e++) most = load[e] > most ? load[e] : most;
    return most * EXPERTS / (TOKENS * PICKS);
}

static void balanced_tables_are_even(void **state)
{
    (void)state;
    assert_true(fullest("balanced") < 1.05);
    assert_true(fullest("random") > 1.05); /* a chance that the test would not see otherwise */
}

/* Ids of the texts that have the expert of the frequent id of their kind. */
static int together(const char *kind)
{
    real table[IDS * PICKS];
    int count = 0;
    make_table(kind, 0, table);
    for (int id = 4; id < IDS / 2; id++) count += table[id * PICKS] == table[id % 4 * PICKS];
    return count;
}

static void clusters_are_kept_together_or_dealt_out(void **state)
{
    (void)state;
    enum { ALL = IDS / 2 - 4 };
    assert_int_equal(together("clustered"), ALL);
    assert_true(together("dispersed") <= ALL / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_id_has_different_experts),
        cmocka_unit_test(balanced_tables_are_even),
        cmocka_unit_test(clusters_are_kept_together_or_dealt_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
