/* settings_test.c - options of routing, capacity and balancing by name: each becomes its number,
 * and nothing else moves. */
#include "moe/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/succeeds.h"
#include "support/within.h"

static cadre_options *options_with(const char *name, const char *value)
{
    const cadre_option_table table = cadre_routing_options();
    cadre_options *o;
    succeeds(cadre_options_new(&table, 1, &o));
    if (name) succeeds(cadre_options_set(o, name, value));
    return o;
}

static moe_config layer_with(const char *name, const char *value)
{
    moe_config c;
    cadre_options *o = options_with(name, value);
    moe_config_init(&c, router_by_name("softmax"), 8, 8, 8, 2);
    settings_read_layer(o, &c);
    cadre_options_free(o);
    return c;
}

/* ---- a layer ---- */

typedef struct setting {
    const char *option, *value;
    size_t field; /* of moe_config */
    char kind;    /* i: int32_t, l: int64_t, e: an enumeration, r: real, d: double, b: bool */
    double number;
} setting;

#define AT(field, kind) offsetof(moe_config, field), kind

static const setting settings[] = {
    { "groups", "4", AT(route.groups, 'i'), 4 },
    { "groups-used", "3", AT(route.groups_used, 'i'), 3 },
    { "group-score", "max", AT(route.group_score, 'e'), GROUP_MAX },
    { "group-score", "top2", AT(route.group_score, 'e'), GROUP_TOP2 },
    { "group-mask", "inf", AT(route.group_mask, 'e'), GROUP_MASK_INF },
    { "group-mask", "zero", AT(route.group_mask, 'e'), GROUP_MASK_ZERO },
    { "route-scale", "2.5", AT(route.scale, 'r'), 2.5 },
    { "renormalise", "yes", AT(route.renormalise, 'b'), 1 },
    { "survivors", "yes", AT(route.renormalise_kept, 'b'), 1 },
    { "norm-eps", "0.25", AT(route.norm_eps, 'r'), 0.25 },
    { "top-p", "0.75", AT(route.top_p, 'r'), 0.75 },
    { "noise-floor", "0.5", AT(route.noise_floor, 'r'), 0.5 },
    { "jitter", "0.125", AT(route.jitter, 'r'), 0.125 },
    { "jitter-experts", "yes", AT(route.jitter_experts, 'b'), 1 },
    { "expert-dropout", "0.375", AT(expert_dropout, 'd'), 0.375 },
    { "capacity-factor", "1.5", AT(dispatch.factor, 'r'), 1.5 },
    { "capacity-factor", "1.5", AT(dispatch.overflow, 'e'), OVERFLOW_DROP },
    { "capacity-slots", "6", AT(dispatch.slots, 'l'), 6 },
    { "capacity-slots", "6", AT(dispatch.overflow, 'e'), OVERFLOW_DROP },
    { "capacity-slots", "0", AT(dispatch.overflow, 'e'), OVERFLOW_NONE },
    { "capacity-in-eval", "yes", AT(dispatch.in_eval, 'b'), 1 },
    { "overflow", "none", AT(dispatch.overflow, 'e'), OVERFLOW_NONE },
    { "overflow", "drop", AT(dispatch.overflow, 'e'), OVERFLOW_DROP },
    { "overflow", "reroute", AT(dispatch.overflow, 'e'), OVERFLOW_REROUTE },
    { "overflow", "pad", AT(dispatch.overflow, 'e'), OVERFLOW_PAD },
    { "priority", "choice", AT(dispatch.priority, 'e'), PRIORITY_CHOICE },
    { "priority", "token", AT(dispatch.priority, 'e'), PRIORITY_TOKEN },
    { "priority", "probability", AT(dispatch.priority, 'e'), PRIORITY_PROBABILITY },
    { "priority", "batch", AT(dispatch.priority, 'e'), PRIORITY_BATCH },
};

static double number_in(const moe_config *c, const setting *s)
{
    const void *field = (const char *)c + s->field;
    switch (s->kind) {
    case 'i': return *(const int32_t *)field;
    case 'l': return (double)*(const int64_t *)field;
    case 'e': return *(const unsigned *)field;
    case 'r': return (double)*(const real *)field;
    case 'd': return *(const double *)field;
    default: return *(const bool *)field;
    }
}

static void an_option_is_its_number(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        const setting *s = &settings[i];
        const moe_config c = layer_with(s->option, s->value);
        if (number_in(&c, s) != s->number)
            fail_msg("--%s %s: %g", s->option, s->value, number_in(&c, s));
    }
}

static void what_is_not_given_stays(void **state)
{
    (void)state;
    const moe_config c = layer_with(NULL, NULL);
    assert_true(c.route.groups == 1 && c.route.groups_used == 1 && c.route.scale == 1 &&
                c.route.topk == 2 && c.route.top_p == REAL_C(0.4));
    assert_true(c.dispatch.overflow == OVERFLOW_NONE && c.dispatch.slots == 0 &&
                !c.dispatch.in_eval && c.expert_dropout == 0);
}

static void a_word_of_capacity_has_a_name(void **state)
{
    (void)state;
    assert_string_equal(settings_overflow_name(OVERFLOW_NONE), "none");
    assert_string_equal(settings_overflow_name(OVERFLOW_REROUTE), "reroute");
    assert_string_equal(settings_overflow_name(OVERFLOW_PAD), "pad");
    assert_string_equal(settings_priority_name(PRIORITY_CHOICE), "choice");
    assert_string_equal(settings_priority_name(PRIORITY_PROBABILITY), "probability");
}

/* ---- lists with an item a layer ---- */

static void layers_have_numbers_of_their_own(void **state)
{
    (void)state;
    moe_config c;
    cadre_options *o = options_with("route-scale", "1,2,3");
    succeeds(cadre_options_set(o, "slots", "5"));
    succeeds(cadre_options_set(o, "grid", "4,2/2,2,2/8"));
    for (int l = 0; l < 3; l++) {
        moe_config_init(&c, router_by_name("product"), 8, 8, 8, 2);
        succeeds(settings_read_layer_of(o, l, 3, &c));
        assert_true(c.route.scale == (real)(l + 1) && c.route.slots == 5);
        assert_int_equal(c.route.dimensions, l == 0 ? 2 : l == 1 ? 3 : 1);
        assert_int_equal(c.route.grid[0], l == 0 ? 4 : l == 1 ? 2 : 8);
    }
    assert_true(settings_route_by_layer(o));
    refuses(settings_read_layer_of(o, 0, 2, &c), CADRE_EARGUMENT,
        "--route-scale: expected one number, or one for each layer, found 3");
    refuses(
        settings_read_layer(o, &c), CADRE_EARGUMENT, "--route-scale: expected one number, found 3");
    succeeds(cadre_options_set(o, "route-scale", "2"));
    refuses(settings_read_layer_of(o, 0, 2, &c), CADRE_EARGUMENT,
        "--grid: expected sizes for all layers, or for each of 2 between slashes, found");
    cadre_options_free(o);
    o = options_with("route-scale", "2");
    assert_false(settings_route_by_layer(o));
    cadre_options_free(o);
}

/* ---- balancing ---- */

static balance_options balance_with(const char *const (*given)[2], int count)
{
    balance_options b = { 0 };
    cadre_options *o = options_with(NULL, NULL);
    for (int i = 0; i < count; i++) succeeds(cadre_options_set(o, given[i][0], given[i][1]));
    succeeds(settings_read_balance(o, &b));
    cadre_options_free(o);
    return b;
}

#define GIVEN(...)                                                                                 \
    (const char *const[][2]){ __VA_ARGS__ },                                                       \
        (int)(sizeof((const char *const[][2]){ __VA_ARGS__ }) / sizeof(const char *[2]))

static void is_term(const balance_options *b, int i, const char *loss, double coefficient,
    balance_over over, balance_form form)
{
    const balance_term *t = &b->term[i];
    assert_string_equal(t->loss->name, loss);
    assert_true(t->coefficient == coefficient);
    assert_int_equal(t->over, over);
    assert_int_equal(t->form, form);
}

static void losses_of_a_layer(void **state)
{
    (void)state;
    balance_options b = balance_with(GIVEN({ "aux-loss", "0.5" }));
    assert_int_equal(b.terms, 1);
    is_term(&b, 0, "load", 0.5, BALANCE_MICRO, BALANCE_LAYER);
    b = balance_with(GIVEN({ "aux-loss", "0.5" }, { "balance-loss", "importance" },
        { "balance-over", "step" }, { "aux-form", "pooled" }));
    assert_int_equal(b.terms, 1);
    is_term(&b, 0, "importance", 0.5, BALANCE_STEP, BALANCE_POOLED);
    b = balance_with(GIVEN({ "aux-loss", "0.5" }, { "balance-over", "sequence" },
        { "aux-form", "mean" }, { "sequence-aux", "0.25" }, { "sequence-entropy", "0.125" }));
    assert_int_equal(b.terms, 3);
    is_term(&b, 0, "load", 0.5, BALANCE_SEQUENCE, BALANCE_MEAN);
    is_term(&b, 1, "load", 0.25, BALANCE_SEQUENCE, BALANCE_LAYER);
    is_term(&b, 2, "mean-entropy", 0.125, BALANCE_SEQUENCE, BALANCE_LAYER);
}

static void numbers_beside_losses(void **state)
{
    (void)state;
    balance_options b = balance_with(GIVEN({ "z-loss", "0.5" }, { "bias-update-rate", "0.25" },
        { "devices", "4" }, { "devices-used", "2" }));
    assert_true(b.terms == 0 && b.z_loss == 0.5 && b.bias_rate == 0.25 && b.devices == 4 &&
                b.devices_used == 2);
}

/* Layers have the same terms, each with its own coefficient. */
static void losses_of_layers(void **state)
{
    (void)state;
    balance_coefficients c;
    cadre_options *o = options_with("aux-loss", "0.5,0,0.25");
    succeeds(cadre_options_set(o, "z-loss", "0,0.125,0"));
    succeeds(cadre_options_set(o, "sequence-aux", "0.5"));
    succeeds(cadre_options_set(o, "bias-update-rate", "0.5,0.25,0"));
    balance_options b = { 0 };
    succeeds(settings_read_balance(o, &b));
    assert_int_equal(b.terms, 2);
    is_term(&b, 0, "load", 0.5, BALANCE_MICRO, BALANCE_LAYER);
    is_term(&b, 1, "load", 0.5, BALANCE_SEQUENCE, BALANCE_LAYER);
    assert_true(b.z_loss == 0.125 && b.bias_rate == 0.5);
    static const double aux[] = { 0.5, 0, 0.25 }, z[] = { 0, 0.125, 0 }, rate[] = { 0.5, 0.25, 0 };
    for (int l = 0; l < 3; l++) {
        succeeds(settings_read_coefficients(o, l, 3, &c));
        assert_true(c.given && c.term[0] == aux[l] && c.term[1] == 0.5 && c.z_loss == z[l] &&
                    c.bias_rate == rate[l]);
    }
    assert_true(settings_losses_by_layer(o));
    refuses(settings_read_coefficients(o, 0, 2, &c), CADRE_EARGUMENT,
        "--aux-loss: expected one number, or one for each layer, found 3");
    cadre_options_free(o);
    o = options_with("aux-loss", "0.5");
    succeeds(settings_read_coefficients(o, 1, 2, &c));
    assert_false(c.given || settings_losses_by_layer(o));
    cadre_options_free(o);
}

static void losses_in_parts(void **state)
{
    (void)state;
    const cadre_option_table tables[] = { cadre_routing_options(), cadre_train_options() };
    balance_coefficients c;
    balance_options b = { 0 };
    cadre_options *o;
    succeeds(cadre_options_new(tables, 2, &o));
    succeeds(cadre_options_set(o, "losses", "load=0.5,z=0.25//importance=0.125,load=0.75"));
    succeeds(settings_read_balance(o, &b));
    assert_int_equal(b.terms, 2);
    is_term(&b, 0, "load", 0.75, BALANCE_MICRO, BALANCE_LAYER);
    is_term(&b, 1, "importance", 0.125, BALANCE_MICRO, BALANCE_LAYER);
    assert_true(b.z_loss == 0.25);
    static const double load[] = { 0.5, 0, 0.75 }, importance[] = { 0, 0, 0.125 },
                        z[] = { 0.25, 0, 0 };
    for (int l = 0; l < 3; l++) {
        succeeds(settings_read_coefficients(o, l, 3, &c));
        assert_true(c.given && c.term[0] == load[l] && c.term[1] == importance[l]);
        assert_true(c.z_loss == z[l]);
    }
    refuses(settings_read_coefficients(o, 0, 2, &c), CADRE_EARGUMENT,
        "--losses: expected losses for all layers, or for each of 2 between slashes, found");
    succeeds(cadre_options_set(o, "losses", "load=0.5/lod=1"));
    refuses(settings_read_balance(o, &b), CADRE_EARGUMENT, "found 'lod'");
    cadre_options_free(o);
}

/* ---- words of layers ---- */

static void layers_have_words_of_their_own(void **state)
{
    (void)state;
    static const dispatch_overflow overflow[] = { OVERFLOW_NONE, OVERFLOW_DROP, OVERFLOW_REROUTE };
    static const estimator taken[] = { ESTIMATOR_DENSE, ESTIMATOR_ROUTER, ESTIMATOR_ROUTER };
    moe_config c;
    cadre_options *o = options_with("overflow", "none,drop,reroute");
    succeeds(cadre_options_set(o, "estimator", "dense,router,router"));
    succeeds(cadre_options_set(o, "renormalise", "yes,no,yes"));
    succeeds(cadre_options_set(o, "priority", "token"));
    for (int l = 0; l < 3; l++) {
        moe_config_init(&c, router_by_name("softmax"), 8, 8, 8, 2);
        succeeds(settings_read_layer_of(o, l, 3, &c));
        assert_true(c.dispatch.overflow == overflow[l] && c.estimator == taken[l] &&
                    c.route.renormalise == (l != 1) && c.dispatch.priority == PRIORITY_TOKEN);
    }
    assert_true(settings_route_by_layer(o));
    refuses(settings_read_layer_of(o, 0, 2, &c), CADRE_EARGUMENT,
        "--renormalise: expected one yes or no, or one for each layer, found 3");
    succeeds(cadre_options_set(o, "renormalise", "yes"));
    refuses(settings_read_layer(o, &c), CADRE_EARGUMENT, "expected one word, found 3");
    cadre_options_free(o);
}

/* ---- routers ---- */

static cadre_status check_router(const cadre_options *o, const router *r)
{
    return settings_check_routers(o, &r, 1);
}

/* Which router reads which option: given to another, it is refused by name. */
static void an_option_belongs_to_some_routers(void **state)
{
    (void)state;
    static const struct {
        const char *option, *value, *routers; /* that understand it, each in spaces */
    } cases[] = {
        { "group-score", "max",
            " softmax softmax-renorm topk-softmax sigmoid-bias sigmoid-bias-raw "
            "sqrtsoftplus-bias softmax-bias " },
        { "group-mask", "zero",
            " softmax softmax-renorm topk-softmax sigmoid-bias sigmoid-bias-raw "
            "sqrtsoftplus-bias softmax-bias " },
        { "renormalise", "yes", " softmax-bias cosine product " },
        { "survivors", "yes",
            " softmax-renorm topk-softmax sigmoid-bias sqrtsoftplus-bias softmax-bias "
            "noisy-topk cosine product quantile threshold " },
        { "norm-eps", "0.1",
            " sigmoid-bias sqrtsoftplus-bias softmax-bias hash hash-next cosine product "
            "quantile " },
        { "top-p", "0.5", " top-p " },
        { "noise-floor", "0.5", " noisy-topk hierarchical " },
        { "score", "sigmoid", " expert-choice hash hash-next quantile " },
        { "logit-noise", "1", " softmax softmax-renorm topk-softmax softmax-bias top-p " },
        { "slots", "2", " soft " },
        { "grid", "2,4", " product " },
        { "projector", "9", " cosine " },
        { "tasks", "2", " dense " },
        { "l1", "1", " relu " },
        { "l1-multiplier", "1.1", " relu " },
        { "sinkhorn-tolerance", "0.1", " sinkhorn " },
        { "sparsemixer-epsilon", "0.1", " sparsemixer sparsemixer-1 " },
        { "quantile-ema", "0.5", " quantile " },
        { "bias-update-rate", "0.1",
            " sigmoid-bias sigmoid-bias-raw sqrtsoftplus-bias softmax-bias " },
    };
    int count;
    const router *const *list = router_list(&count);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int r = 0; r < count; r++) {
            char word[64];
            snprintf(word, sizeof word, " %s ", list[r]->name);
            cadre_options *o = options_with(cases[i].option, cases[i].value);
            bool taken = check_router(o, list[r]) == CADRE_OK;
            if (taken != (strstr(cases[i].routers, word) != NULL))
                fail_msg("--%s, %s: %s", cases[i].option, list[r]->name, taken ? "taken" : "no");
            if (!taken && !strstr(cadre_last_error(), list[r]->name))
                fail_msg("\"%s\" does not name %s", cadre_last_error(), list[r]->name);
            cadre_options_free(o);
        }
    cadre_options *o = options_with("top-p", "0.5");
    refuses(check_router(o, router_by_name("softmax")), CADRE_EARGUMENT,
        "top-p: the router softmax has no such option");
    cadre_options_free(o);
    const router *both[] = { NULL, router_by_name("softmax"), router_by_name("top-p") };
    o = options_with("top-p", "0.5"); /* one of the layers reads it */
    succeeds(settings_check_routers(o, both, 3));
    cadre_options_free(o);
    both[2] = router_by_name("sigmoid-bias");
    o = options_with("bias-update-rate", "0.1"); /* of the layers that have a bias */
    succeeds(settings_check_routers(o, both, 3));
    succeeds(cadre_options_set(o, "bias-update-rate", "0,0,0.1"));
    succeeds(settings_check_routers(o, both, 3));
    succeeds(cadre_options_set(o, "bias-update-rate", "0,0.1,0.1"));
    refuses(settings_check_routers(o, both, 3), CADRE_EARGUMENT,
        "bias-update-rate: the router softmax has no correction bias to move");
    cadre_options_free(o);
    o = options_with("bias-update-rate", "0"); /* moves nothing */
    succeeds(check_router(o, router_by_name("softmax")));
    cadre_options_free(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_option_is_its_number),
        cmocka_unit_test(what_is_not_given_stays),
        cmocka_unit_test(a_word_of_capacity_has_a_name),
        cmocka_unit_test(layers_have_numbers_of_their_own),
        cmocka_unit_test(losses_of_a_layer),
        cmocka_unit_test(numbers_beside_losses),
        cmocka_unit_test(losses_of_layers),
        cmocka_unit_test(losses_in_parts),
        cmocka_unit_test(layers_have_words_of_their_own),
        cmocka_unit_test(an_option_belongs_to_some_routers),
    };
    return cmocka_run_group_tests_name("settings of sparse layers", tests, NULL, NULL);
}
