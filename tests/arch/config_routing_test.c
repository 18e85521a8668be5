/* config_routing_test.c - what options say about routing is kept with a model where evaluation
 * reads it, and left behind where only training does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arch/architecture.h"
#include "support/family.h"
#include "support/succeeds.h"

static cadre_status read_with(
    const char *type, const char *members, const char *const (*given)[2], model_config *c)
{
    const cadre_option_table table = cadre_routing_options();
    cadre_options *o;
    *c = family_config(type, members);
    succeeds(cadre_options_new(&table, 1, &o));
    for (; (*given)[0]; given++) succeeds(cadre_options_set(o, (*given)[0], (*given)[1]));
    cadre_status status = model_config_read_routing(c, o);
    cadre_options_free(o);
    return status;
}

#define GIVEN(...) ((const char *const[][2]){ __VA_ARGS__, { NULL, NULL } })

static void what_evaluation_reads_is_kept(void **state)
{
    (void)state;
    model_config c;
    succeeds(read_with("cadre", "\"router\": \"softmax-bias\"",
        GIVEN({ "renormalise", "no" }, { "norm-eps", "0.125" }, { "survivors", "yes" },
            { "route-scale", "2.5" }, { "capacity-slots", "5" }, { "capacity-in-eval", "yes" },
            { "priority", "token" }),
        &c));
    assert_true(c.own_route && !c.route.renormalise && c.route.renormalise_kept &&
                c.route.norm_eps == REAL_C(0.125) && c.route_scale == 2.5);
    assert_true(c.capacity.in_eval && c.capacity.slots == 5 &&
                c.capacity.overflow == OVERFLOW_DROP && c.capacity.priority == PRIORITY_TOKEN);
    model_config_free(&c);
}

static void what_only_training_reads_is_not(void **state)
{
    (void)state;
    model_config c;
    succeeds(read_with("mixtral", "",
        GIVEN({ "jitter", "0.25" }, { "jitter-experts", "yes" }, { "capacity-factor", "1.5" }),
        &c));
    assert_true(
        c.own_route && c.route.jitter == 0 && !c.route.jitter_experts && c.route_scale == 1);
    assert_true(!c.capacity.in_eval && c.capacity.factor == 0 && c.capacity.slots == 0 &&
                c.capacity.overflow == OVERFLOW_NONE);
    model_config_free(&c);
    succeeds(read_with("mixtral", "",
        GIVEN({ "capacity-factor", "1.5" }, { "capacity-in-eval", "yes" }, { "overflow", "none" }),
        &c));
    assert_true(!c.capacity.in_eval && c.capacity.factor == 0);
    model_config_free(&c);
}

static void what_a_router_cannot_do_is_refused(void **state)
{
    (void)state;
    model_config c;
    refuses(read_with("mixtral", "", GIVEN({ "top-p", "0.5" }), &c), CADRE_EARGUMENT,
        "top-p: the router softmax-renorm has no such option");
    model_config_free(&c);
    refuses(read_with("mixtral", "", GIVEN({ "groups", "3" }, { "groups-used", "1" }), &c),
        CADRE_EARGUMENT, "options: groups: expected a divisor of 8 experts up to 256, found 3");
    model_config_free(&c);
}

/* Options of routing say nothing where no layer is sparse. */
static void a_dense_model_has_no_routing(void **state)
{
    (void)state;
    model_config c;
    succeeds(read_with("llama", "", GIVEN({ "route-scale", "2.5" }, { "top-p", "0.5" }), &c));
    assert_true(!c.own_route && c.route_scale == 1);
    model_config_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_evaluation_reads_is_kept),
        cmocka_unit_test(what_only_training_reads_is_not),
        cmocka_unit_test(what_a_router_cannot_do_is_refused),
        cmocka_unit_test(a_dense_model_has_no_routing),
    };
    return cmocka_run_group_tests_name("routing that a model keeps", tests, NULL, NULL);
}
