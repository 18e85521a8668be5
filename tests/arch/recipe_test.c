/* recipe_test.c - what recipes set, and that every option given by a person wins. */
#include "arch/recipe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/architecture.h"
#include "base/memory.h"
#include "moe/settings.h"
#include "support/small_run.h"
#include "train/settings.h"

static cadre_options *applied(const char *name, const char *option, const char *value)
{
    cadre_options *o = small_options(name);
    if (option) small_set(o, option, value);
    assert_int_equal(recipe_apply(recipe_by_name(name), o), CADRE_OK);
    return o;
}

static void overflows(
    const char *name, const char *option, const char *value, dispatch_overflow expected)
{
    moe_config c;
    cadre_options *o = applied(name, option, value);
    moe_config_init(&c, router_by_name("softmax"), 8, 8, 4, 2);
    settings_read_layer(o, &c);
    assert_int_equal(c.dispatch.overflow, expected);
    cadre_options_free(o);
}

static void test_who_asks_for_a_capacity_gets_one(void **state)
{
    (void)state;
    overflows("mixtral", NULL, NULL, OVERFLOW_NONE);
    overflows("mixtral", "capacity-factor", "1.25", OVERFLOW_DROP);
    overflows("mixtral", "overflow", "pad", OVERFLOW_PAD);
    overflows("olmoe", "capacity-slots", "3", OVERFLOW_DROP);
    overflows("switch", "overflow", "reroute", OVERFLOW_REROUTE);
    overflows("switch", "overflow", "none", OVERFLOW_NONE);
    overflows("gshard", NULL, NULL, OVERFLOW_DROP);
}

/* Trap: weight decay on the router, norms and biases. */
static void test_router_does_not_decay_unless_told(void **state)
{
    (void)state;
    for (int i = 0; recipe_name(i); i++) {
        train_settings s;
        cadre_options *o = applied(recipe_name(i), NULL, NULL);
        assert_int_equal(train_settings_read(o, recipe_by_name(recipe_name(i)), &s), CADRE_OK);
        assert_true(s.optimizer.keep_router && s.optimizer.keep_norms && s.optimizer.keep_biases);
        cadre_options_free(o);
    }
    train_settings s;
    cadre_options *o = applied("olmoe", "no-decay", "norms,biases");
    assert_int_equal(train_settings_read(o, recipe_by_name("olmoe"), &s), CADRE_OK);
    assert_false(s.optimizer.keep_router);
    cadre_options_free(o);
}

/* Two short convolutions of three tokens before each layer that attends, dense layers first; the
 * files are LFM2-MoE's. */
static void test_lfm2_has_short_convolutions(void **state)
{
    (void)state;
    cadre_options *o = applied("lfm2", "layers", "6");
    model_config c;
    char *notes = NULL;
    assert_int_equal(recipe_config(recipe_by_name("lfm2"), o, 300, &c, &notes), CADRE_OK);
    assert_string_equal(c.arch->model_type, "lfm2_moe");
    assert_int_equal(c.conv, 3);
    for (int l = 0; l < 6; l++) {
        bool attends = l % 3 == 2;
        assert_string_equal(layer_mixer_name(&c.layer[l]), attends ? "attention" : "short-conv");
        assert_true(c.layer[l].sparse == (l >= 2));
    }
    assert_true(c.tie && c.gating == GATE_NONE);
    model_config_free(&c);
    mem_free(notes);
    cadre_options_free(o);
}

/* Trap: one pick a token is Switch's gating, two is GShard's. */
static void test_published_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *recipe, *option;
        double value;
    } facts[] = {
        { "gshard", "topk", 2 },
        { "switch", "topk", 1 },
        { "glam", "topk", 2 },
        { "mixtral", "topk", 2 },
        { "switch", "aux-loss", 0.01 },
        { "switch", "jitter", 0.01 },
        { "olmoe", "aux-loss", 0.01 },
        { "olmoe", "z-loss", 0.001 },
        { "qwen3-moe", "aux-loss", 0.001 },
        { "deepseek-v3", "bias-update-rate", 0.001 },
    };
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        cadre_options *o;
        cadre_option_table tables[] = { cadre_run_options(), cadre_model_options(),
            cadre_routing_options(), cadre_train_options() };
        assert_int_equal(cadre_options_new(tables, 4, &o), CADRE_OK);
        assert_int_equal(recipe_apply(recipe_by_name(facts[i].recipe), o), CADRE_OK);
        cadre_option_kind kind = cadre_options_row(o, facts[i].option)->kind;
        double value = kind == CADRE_OPTION_REAL || kind == CADRE_OPTION_REALS
                           ? cadre_options_real(o, facts[i].option)
                           : (double)cadre_options_int(o, facts[i].option, 0);
        if (fabs(value - facts[i].value) > 1e-9)
            fail_msg("%s: --%s is %g", facts[i].recipe, facts[i].option, value);
        cadre_options_free(o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_asks_for_a_capacity_gets_one),
        cmocka_unit_test(test_router_does_not_decay_unless_told),
        cmocka_unit_test(test_lfm2_has_short_convolutions),
        cmocka_unit_test(test_published_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
