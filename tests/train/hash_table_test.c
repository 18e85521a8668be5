/* hash_table_test.c - the tables of hash routers: every id has distinct experts, balanced tables
 * give even loads, and tokens of one cluster are together (clustered) or apart (dispersed). */
#include "train/hash_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { IDS = 40, EXPERTS = 4, PICKS = 2, TOKENS = 4000 };

/* There are four kinds of tokens, id % 4. A token of the next kind follows each; low ids are more
 * frequent. */
static void make_text(int32_t *tokens)
{
    uint32_t state = 1;
    for (int i = 0; i < TOKENS; i++) {
        state = state * 1664525U + 1013904223U;
        uint32_t a = state >> 20 & 1023, b = a * a >> 10;
        tokens[i] = (int32_t)(b * 10 / 1024 * 4 + (uint32_t)i % 4);
    }
}

static void make_table_of(
    router_start start, int32_t experts, const char *kind, int32_t layer, real *values)
{
    static int32_t tokens[TOKENS];
    make_text(tokens);
    const token_run run = { .words = tokens, .count = TOKENS };
    const hash_table_source source = {
        .kind = &kind, .kinds = 1, .run = &run, .runs = 1, .seed = 3
    };
    param p = { .role = ROLE_ROUTER_OWN_0,
        .layer = layer,
        .rows = 1,
        .cols = IDS * PICKS,
        .start = { start, 0, PICKS, experts } };
    const param_table table = { .rows = &p, .count = 1 };
    assert_int_equal(hash_tables_fill(&source, &table, values), CADRE_OK);
}

static void make_table(const char *kind, int32_t layer, real *values)
{
    make_table_of(START_TABLE, EXPERTS, kind, layer, values);
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

/* The tokens of the expert that gets most, divided by an even share */
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
    assert_true(fullest("random") > 1.05); /* a random table is not even, so the test sees it */
}

/* How many ids of the texts have the same expert as the most frequent id of their kind */
static int together(const char *kind)
{
    real table[IDS * PICKS];
    int count = 0;
    make_table(kind, 0, table);
    for (int id = 4; id < IDS / 2; id++) count += table[id * PICKS] == table[id % 4 * PICKS];
    return count;
}

static void clusters_are_kept_together_or_dispersed(void **state)
{
    (void)state;
    enum { ALL = IDS / 2 - 4 };
    assert_int_equal(together("clustered"), ALL);
    assert_true(together("dispersed") <= ALL / 2);
}

/* Two segments of EXPERTS experts: the loads of each are as even as those of one table, and ids
 * that share an expert of the first segment do not all share one of the second. */
static void segments_have_tables_of_their_own(void **state)
{
    (void)state;
    int32_t tokens[TOKENS];
    make_text(tokens);
    for (int i = 1; hash_table_kind(i); i++) {
        real table[IDS * PICKS], first[IDS * PICKS];
        int load[PICKS * EXPERTS] = { 0 }, apart = 0;
        make_table_of(START_SEGMENTS, PICKS * EXPERTS, hash_table_kind(i), 0, table);
        make_table(hash_table_kind(i), 0, first);
        for (int id = 0; id < IDS; id++) {
            const real *row = table + id * PICKS;
            if (!(row[0] >= 0 && row[0] < EXPERTS && row[1] >= EXPERTS && row[1] < 2 * EXPERTS))
                fail_msg(
                    "%s: %d has %g, %g", hash_table_kind(i), id, (double)row[0], (double)row[1]);
            for (int other = 0; other < id; other++)
                apart += row[0] == table[other * PICKS] && row[1] != table[other * PICKS + 1];
            if (i != 2) assert_true(row[0] == first[id * PICKS]); /* balanced has one pick here */
        }
        if (apart < IDS / 4 && i != 3) /* 3: clustered, whose clusters are the same */
            fail_msg("%s: %d pairs part", hash_table_kind(i), apart);
        for (int t = 0; t < TOKENS; t++)
            for (int k = 0; k < PICKS; k++) load[(int)table[tokens[t] * PICKS + k]]++;
        for (int e = 0; i == 2 && e < PICKS * EXPERTS; e++)
            assert_in_range(load[e], TOKENS / EXPERTS * 9 / 10, TOKENS / EXPERTS * 11 / 10);
    }
}

/* Tables of layers are of the layers' kinds: those of modulo stay as they were initialised. */
static void layers_have_kinds_of_their_own(void **state)
{
    (void)state;
    enum { LAYERS = 4 };
    static const char *const kind[LAYERS] = { "dispersed", "modulo", "clustered", "dispersed" };
    static int32_t tokens[TOKENS];
    static real all[LAYERS][IDS * PICKS];
    real alone[IDS * PICKS];
    param rows[LAYERS];
    make_text(tokens);
    const token_run run = { .words = tokens, .count = TOKENS };
    const hash_table_source source = {
        .kind = kind, .kinds = LAYERS, .run = &run, .runs = 1, .seed = 3
    };
    for (int l = 0; l < LAYERS; l++)
        rows[l] = (param){ .role = ROLE_ROUTER_OWN_0,
            .layer = l,
            .rows = 1,
            .cols = IDS * PICKS,
            .offset = (int64_t)l * IDS * PICKS,
            .start = { START_TABLE, 0, PICKS, EXPERTS } };
    const param_table table = { .rows = rows, .count = LAYERS };
    all[1][5] = 3;
    assert_int_equal(hash_tables_fill(&source, &table, all[0]), CADRE_OK);
    for (int l = 0; l < LAYERS; l++) {
        if (l == 1) continue;
        make_table(kind[l], l, alone);
        assert_memory_equal(all[l], alone, sizeof alone);
    }
    assert_true(all[1][5] == 3 && memcmp(all[0], all[2], sizeof all[0]) != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_id_has_different_experts),
        cmocka_unit_test(balanced_tables_are_even),
        cmocka_unit_test(segments_have_tables_of_their_own),
        cmocka_unit_test(clusters_are_kept_together_or_dispersed),
        cmocka_unit_test(layers_have_kinds_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
