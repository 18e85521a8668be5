/* byte_buffer_test.c - bytes one after another with a NUL behind them, and a failure that stays. */
#include "format/byte_buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

static void bytes_are_put_at_the_end(void **state)
{
    (void)state;
    byte_buffer b = { 0 };
    assert_null(b.data);
    byte_buffer_put(&b, "a\0b", 3);
    byte_buffer_text(&b, "cd");
    byte_buffer_format(&b, "<%d|%s>", -7, "x");
    byte_buffer_fill(&b, '.', 3);
    byte_buffer_fill(&b, '!', 0);
    byte_buffer_put(&b, NULL, 0);
    assert_int_equal(b.status, CADRE_OK);
    assert_int_equal(b.size, 14);
    assert_memory_equal(b.data, "a\0bcd<-7|x>...", 15); /* and the NUL */
    byte_buffer_free(&b);
    assert_true(!b.data && b.size == 0 && b.room == 0);
}

/* At each size that a block may have, however it is filled. */
static void a_nul_follows_whatever_the_size(void **state)
{
    (void)state;
    for (size_t size = 0; size < 70; size++)
        for (int how = 0; how < 3; how++) {
            byte_buffer b = { 0 };
            char text[70];
            memset(text, 'x', sizeof text);
            text[size] = 0;
            if (how == 0) byte_buffer_put(&b, text, size);
            if (how == 1) byte_buffer_fill(&b, 'x', size);
            if (how == 2) byte_buffer_format(&b, "%s", text);
            assert_int_equal(b.size, size);
            assert_string_equal(b.data, text);
            byte_buffer_free(&b);
        }
}

static void a_failure_stays(void **state)
{
    (void)state;
    int64_t before = mem_balance();
    byte_buffer b = { 0 };
    byte_buffer_text(&b, "kept");
    mem_fail_at(1, false);
    byte_buffer_fill(&b, 'x', 100);
    mem_fail_at(0, false);
    assert_int_equal(b.status, CADRE_ENOMEM);
    byte_buffer_text(&b, "x");
    byte_buffer_format(&b, "%d", 1);
    byte_buffer_fill(&b, 'x', 1);
    assert_int_equal(b.status, CADRE_ENOMEM);
    assert_string_equal(b.data, "kept");
    byte_buffer_free(&b);
    assert_int_equal(b.status, CADRE_OK);
    byte_buffer_fill(&b, 'x', SIZE_MAX);
    assert_int_equal(b.status, CADRE_ENOMEM);
    byte_buffer_free(&b);
    assert_int_equal(mem_balance(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(bytes_are_put_at_the_end),
        cmocka_unit_test(a_nul_follows_whatever_the_size), cmocka_unit_test(a_failure_stays) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
