/* state_test.c - what a model's cache may be kept in, what it then takes, and what is refused. */
#include "model/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "support/family.h"
#include "support/refusal.h"
#include "support/succeeds.h"

static void a_format_is_chosen_for_every_layer(void **state)
{
    (void)state;
    model_config c = family_config("olmoe", "\"hidden_size\": 128");
    size_t floats = model_state_bytes(&c, 100);
    succeeds(model_state_choose(&c, "f16", "m"));
    assert_int_equal(model_state_bytes(&c, 100), floats / sizeof(real) * 2);
    succeeds(model_state_choose(&c, "q8_0", "m"));
    assert_int_equal(model_state_bytes(&c, 100), floats / sizeof(real) / 32 * 34);
    succeeds(model_state_choose(&c, "f32", "m"));
    assert_int_equal(model_state_bytes(&c, 100), floats);
    succeeds(model_state_choose(&c, NULL, "m"));
    for (int64_t l = 0; l < c.layers; l++) assert_null(c.layer[l].mixer.cache);
    model_config_free(&c);
}

/* Heads of 8: no block of q8_0 fits. */
static void heads_that_are_no_blocks_are_refused(void **state)
{
    (void)state;
    model_config c = family_config("olmoe", "");
    assert_int_equal(model_state_choose(&c, "q8_0", "m"), CADRE_EUNSUPPORTED);
    assert_true(refusal_is_good("q8_0", CADRE_EUNSUPPORTED, "m",
        "a cache in q8_0: expected heads of a multiple of 32 elements, found 8 in layer 0"));
    succeeds(model_state_choose(&c, "f16", "m"));
    model_config_free(&c);
}

static void other_formats_are_refused(void **state)
{
    (void)state;
    model_config c = family_config("olmoe", "");
    assert_int_equal(model_state_choose(&c, "bf16", "m"), CADRE_EARGUMENT);
    assert_string_equal(
        cadre_last_error(), "a cache's format: expected f32, f16 or q8_0, found bf16");
    model_config_free(&c);
}

static void the_names_are_those_of_the_list(void **state)
{
    (void)state;
    const char *const names[] = { "f32", "f16", "q8_0" };
    for (int i = 0; i < 3; i++) assert_string_equal(cadre_cache_format_name(i), names[i]);
    assert_null(cadre_cache_format_name(3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_format_is_chosen_for_every_layer),
        cmocka_unit_test(heads_that_are_no_blocks_are_refused),
        cmocka_unit_test(other_formats_are_refused),
        cmocka_unit_test(the_names_are_those_of_the_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
