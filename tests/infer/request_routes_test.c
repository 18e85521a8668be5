/* request_routes_test.c - the picks of a pass's log as a request keeps them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "infer/request_routes.h"
#include "support/refusal.h"
#include "support/succeeds.h"

enum { LAYERS = 3, EXPERTS = 8, PICKS = 3 };

/* Its first layer is dense. */
static model_config config_of_three(layer_config *layer)
{
    for (int l = 1; l < LAYERS; l++) {
        layer[l].sparse = true;
        layer[l].moe.router = router_by_name("softmax");
        layer[l].moe.experts = EXPERTS, layer[l].moe.route.topk = PICKS;
    }
    return (model_config){ .layers = LAYERS, .layer = layer };
}

static void the_heaviest_comes_first_and_none_last(void **state)
{
    layer_config layer[LAYERS];
    memset(layer, 0, sizeof layer);
    model_config config = config_of_three(layer);
    /* [S, T, K] of two sparse layers and two tokens, by id; the second has fewer, and one that is
     * taken away */
    int32_t experts[] = { 1, 4, 6, 0, 2, -1, 3, 5, 7, 7, -1, -1 };
    float weights[] = { .2f, .5f, .3f, .5f, .5f, 0, .1f, .2f, .7f, -1, 0, 0 };
    static const int16_t kept[] = { 4, 6, 1, 7, 5, 3, 0, 2, -1, 7, -1, -1 };
    const route_log log = {
        .layers = 2, .room = 2, .picks = PICKS, .experts = experts, .weights = weights
    };
    int64_t rows[2 * EXPERTS] = { 0 };
    static const int64_t counted[] = { 1, 1, 1, 0, 1, 0, 1, 0, 0, 0, 0, 1, 0, 1, 0, 2 };
    request_routes r;
    (void)state;
    succeeds(request_routes_open(&config, true, true, 4, &r));
    for (int64_t t = 0; t < 2; t++) succeeds(request_routes_watch(&r, &log, t, 0, false));
    assert_int_equal(r.count, 2);
    assert_memory_equal(r.experts, kept, sizeof kept);
    request_routes_add_rows(&r, rows);
    assert_memory_equal(rows, counted, sizeof counted);
    request_routes_close(&r);
}

static void a_dense_model_has_none(void **state)
{
    layer_config layer[LAYERS];
    memset(layer, 0, sizeof layer);
    model_config config = { .layers = LAYERS, .layer = layer };
    request_routes r;
    int64_t rows = 0;
    (void)state;
    refuses(request_routes_open(&config, true, true, 4, &r), CADRE_EUNSUPPORTED, "sparse layers");
    succeeds(request_routes_open(&config, false, true, 4, &r));
    assert_int_equal(r.layers, 0);
    request_routes_add_rows(&r, &rows);
    assert_int_equal(rows, 0);
    request_routes_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_heaviest_comes_first_and_none_last),
        cmocka_unit_test(a_dense_model_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
