/* variant_test.c - which kernels a machine gets, named and unnamed. */
#define _POSIX_C_SOURCE 200809L /* unsetenv */
#include "kernel/variant.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/context.h"
#include "support/succeeds.h"

static bool runs_here(const kernel_variant *v) { return !(v->needs & ~cpu_features()); }

/* Without a name it is the last one of the list that runs here and is not slower on this core. */
static void the_fastest_is_chosen(void **state)
{
    int count;
    const kernel_variant *chosen, *fastest = NULL, *const *list = variant_list(&count);
    (void)state;
    unsetenv("CADRE_CPU");
    for (int i = 0; i < count; i++)
        if (runs_here(list[i]) && !(list[i]->avoids & cpu_features())) fastest = list[i];
    succeeds(variant_choose(NULL, &chosen));
    assert_ptr_equal(chosen, fastest);
}

static void a_slower_one_can_be_named(void **state)
{
    int count;
    const kernel_variant *chosen, *const *list = variant_list(&count);
    (void)state;
    for (int i = 0; i < count; i++) {
        if (!runs_here(list[i])) continue;
        succeeds(variant_choose(list[i]->name, &chosen));
        assert_ptr_equal(chosen, list[i]);
    }
    assert_int_equal(variant_choose("abacus", &chosen), CADRE_EARGUMENT);
    assert_non_null(strstr(cadre_last_error(), "expected one of: portable"));
}

/* On a core with AMX, products in bfloat16 are those of floats. */
static void bf16_avoids_amx(void **state)
{
    int count;
    const kernel_variant *const *list = variant_list(&count);
    (void)state;
    for (int i = 0; i < count; i++)
        assert_int_equal(list[i]->avoids, strcmp(list[i]->name, "avx512bf16") ? 0 : CPU_AMX);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_fastest_is_chosen),
        cmocka_unit_test(a_slower_one_can_be_named), cmocka_unit_test(bf16_avoids_amx) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
