/* option_size_test.c - sizes in bytes, as people write them. */
#include "base/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/succeeds.h"

static const cadre_option rows[] = {
    { .name = "memory", .kind = CADRE_OPTION_SIZE, .min = 1000, .max = 1e15, .help = "memory" },
    { .name = "usual", .kind = CADRE_OPTION_SIZE, .min = 1, .max = 1e15, .fallback = "8M" },
};

static cadre_options *make(void)
{
    const cadre_option_table table = OPTION_TABLE(rows);
    cadre_options *o;
    succeeds(cadre_options_new(&table, 1, &o));
    return o;
}

static void units_are_powers_of_1024(void **state)
{
    static const struct {
        const char *text;
        int64_t bytes;
    } cases[] = { { "1000", 1000 }, { "4K", 4096 }, { "1.5K", 1536 }, { "512M", 512 << 20 },
        { "6G", INT64_C(6) << 30 }, { "6.5G", INT64_C(13) << 29 }, { "2T", INT64_C(2) << 40 },
        { "0.001G", 1073741 }, { "1e6", 1000000 } };
    cadre_options *o = make();
    (void)state;
    assert_int_equal(cadre_options_int(o, "usual", 0), 8 << 20);
    assert_int_equal(cadre_options_count(o, "memory"), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        succeeds(cadre_options_set(o, "memory", cases[i].text));
        assert_int_equal(cadre_options_int(o, "memory", 0), cases[i].bytes);
    }
    cadre_options_free(o);
}

static void what_is_no_size_is_refused(void **state)
{
    static const char *const cases[] = { "", "G", "6X", "6GB", "6 G", "-6G", "999", "nan", "inf",
        "1e30", "999999T", "6G6", "six" };
    cadre_options *o = make();
    (void)state;
    succeeds(cadre_options_set(o, "memory", "6G"));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refuses(cadre_options_set(o, "memory", cases[i]), CADRE_EARGUMENT, "such as 512M");
    assert_int_equal(cadre_options_int(o, "memory", 0), INT64_C(6) << 30); /* as it was */
    cadre_options_free(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(units_are_powers_of_1024),
        cmocka_unit_test(what_is_no_size_is_refused) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
