/* router_hash_test.c - routers hash-next and multi-hash, beside hash: the next token's id is the
 * same as ids that are moved by one, and experts in parts are the same as whole ones. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "base/real.h"
#include "cadre.h"
#include "support/succeeds.h"

enum { WIDTH = 5, HIDDEN = 3, PARTS = 3, WHOLE = 4, VOCABULARY = 7, MOST = 8 };

typedef struct layer {
    cadre_context *context;
    cadre_options *options;
    cadre_moe *moe;
} layer;

static layer open_layer(const char *router, int32_t experts, int32_t topk, int64_t hidden)
{
    const cadre_moe_shape shape = { .size = sizeof shape,
        .width = WIDTH,
        .hidden = hidden,
        .experts = experts,
        .topk = topk,
        .router = router,
        .form = "swiglu",
        .tokens = MOST,
        .sequences = MOST,
        .vocabulary = VOCABULARY };
    const cadre_option_table table = cadre_routing_options();
    layer l;
    succeeds(cadre_context_new(2, NULL, &l.context));
    succeeds(cadre_options_new(&table, 1, &l.options));
    succeeds(cadre_moe_new(l.context, &shape, l.options, 3, &l.moe));
    return l;
}

static void close_layer(layer *l)
{
    cadre_moe_free(l->moe);
    cadre_options_free(l->options);
    cadre_context_free(l->context);
}

/* expert -1: of what belongs to none */
static cadre_real *values_of(const layer *l, const char *name, int32_t expert)
{
    for (int64_t i = 0; i < cadre_moe_parameters(l->moe); i++) {
        cadre_moe_parameter p = cadre_moe_parameter_at(l->moe, i);
        if (!strcmp(p.name, name) && p.expert == expert) return p.values;
    }
    fail_msg("no parameter %s", name);
    return NULL;
}

static void fill(cadre_real *out, int64_t count, const char *use, int expert)
{
    random_key key = random_key_of(5, use, (uint64_t)expert, 0);
    for (int64_t i = 0; i < count; i++) out[i] = (real)(random_uniform(key, (uint64_t)i) - 0.5);
}

/* ---- the next token's id ---- */

static void run(const layer *l, const int32_t *ids, const bool *valid, cadre_real *y)
{
    static const int64_t start[] = { 0, 3, 3, 8 }; /* the second sequence is empty */
    const cadre_moe_batch batch = {
        .tokens = MOST, .sequences = 3, .start = start, .valid = valid, .ids = ids
    };
    cadre_real x[MOST * WIDTH];
    fill(x, MOST * WIDTH, "x", 0);
    cadre_moe_step_begin(l->moe, 0, 3, MOST);
    succeeds(cadre_moe_forward(l->moe, &batch, x, y));
}

static void the_next_id_decides(void **state)
{
    (void)state;
    static const int32_t ids[MOST] = { 0, 1, 2, 3, 4, 5, 6, 1 };
    /* Token 6 is padding, so that tokens 2, 5 and 7 have none behind them. */
    static const int32_t next[MOST] = { 1, 2, 2, 4, 5, 5, 0, 1 };
    static const bool valid[MOST] = { true, true, true, true, true, true, false, true };
    layer ahead = open_layer("hash-next", WHOLE, 2, HIDDEN),
          own = open_layer("hash", WHOLE, 2, HIDDEN);
    cadre_real y[MOST * WIDTH], expected[MOST * WIDTH];
    static const char *const names[] = { "experts.gate", "experts.up", "experts.down" };
    for (int i = 0; i < 3 * WHOLE; i++) {
        const char *name = names[i % 3];
        cadre_real *values = values_of(&ahead, name, i / 3);
        fill(values, HIDDEN * WIDTH, name, i / 3);
        memcpy(values_of(&own, name, i / 3), values, HIDDEN * WIDTH * sizeof *values);
    }
    run(&ahead, ids, valid, y);
    run(&own, next, valid, expected);
    assert_memory_equal(y, expected, sizeof y);
    run(&own, ids, valid, expected);
    assert_memory_not_equal(y, expected, sizeof y);
    close_layer(&ahead);
    close_layer(&own);
}

/* ---- experts in parts ---- */

/* Part k of expert e is narrow expert k * WHOLE + e: H rows of gate and up, H columns of down. */
static void cut(const layer *whole, const layer *parts, int32_t e)
{
    enum { ALL = PARTS * HIDDEN };
    static const char *const rows[] = { "experts.gate", "experts.up" };
    for (int i = 0; i < 2; i++) {
        cadre_real *from = values_of(whole, rows[i], e);
        fill(from, ALL * WIDTH, rows[i], e);
        for (int k = 0; k < PARTS; k++)
            memcpy(values_of(parts, rows[i], k * WHOLE + e), from + k * HIDDEN * WIDTH,
                HIDDEN * WIDTH * sizeof *from);
    }
    cadre_real *from = values_of(whole, "experts.down", e);
    fill(from, ALL * WIDTH, "experts.down", e);
    for (int d = 0; d < WIDTH; d++)
        for (int h = 0; h < ALL; h++)
            values_of(parts, "experts.down", h / HIDDEN * WHOLE + e)[d * HIDDEN + h % HIDDEN] =
                from[d * ALL + h];
}

/* Where all tables agree, the parts are those of one expert. */
static void parts_make_a_whole(void **state)
{
    (void)state;
    static const int32_t ids[MOST] = { 0, 1, 2, 3, 4, 5, 6, 1 };
    layer whole = open_layer("hash", WHOLE, 1, PARTS * HIDDEN);
    layer parts = open_layer("multi-hash", PARTS * WHOLE, PARTS, HIDDEN);
    cadre_real y[MOST * WIDTH], expected[MOST * WIDTH];
    cadre_real *table = values_of(&parts, "router.table", -1),
               *one = values_of(&whole, "router.table", -1);
    for (int32_t e = 0; e < WHOLE; e++) cut(&whole, &parts, e);
    for (int id = 0; id < VOCABULARY; id++)
        for (int k = 0; k < PARTS; k++) table[id * PARTS + k] = (real)(k * WHOLE) + one[id];
    run(&whole, ids, NULL, expected);
    run(&parts, ids, NULL, y);
    for (int i = 0; i < MOST * WIDTH; i++)
        if (fabs((double)(y[i] - expected[i])) > (REAL_IS_DOUBLE ? 1e-14 : 1e-6))
            fail_msg("y %d: %g, expected %g", i, (double)y[i], (double)expected[i]);
    table[PARTS + 1] = table[PARTS]; /* an expert of the first run as the second part */
    const cadre_moe_batch batch = { .tokens = 1, .ids = ids + 1 };
    assert_int_equal(cadre_moe_forward(parts.moe, &batch, expected, y), CADRE_EARGUMENT);
    assert_non_null(
        strstr(cadre_last_error(), "expected an expert from 4 to 7 as entry 1 of id 1"));
    close_layer(&whole);
    close_layer(&parts);
}

/* Two ids that meet in one run of the first table part in another one. */
static void tables_begin_apart(void **state)
{
    (void)state;
    layer l = open_layer("multi-hash", PARTS * WHOLE, PARTS, HIDDEN);
    const cadre_real *table = values_of(&l, "router.table", -1);
    for (int a = 0; a < VOCABULARY; a++)
        for (int b = 0; b < a; b++)
            assert_memory_not_equal(table + a * PARTS, table + b * PARTS, PARTS * sizeof *table);
    close_layer(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_id_decides),
        cmocka_unit_test(parts_make_a_whole),
        cmocka_unit_test(tables_begin_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
