/* byte_level_test.c - the alphabet against the rule that it was made by. */
#include "text/byte_level.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/utf8.h"

/* As its inventors wrote it: printable bytes stand for themselves, the next of the others for the
 * next character from 256 on. */
static void bytes_are_visible_in_their_order(void **state)
{
    (void)state;
    uint32_t next = 256;
    for (int b = 0; b < 256; b++) {
        bool itself =
            (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || (b >= 0xae && b <= 0xff);
        assert_int_equal(byte_level_char((uint8_t)b), itself ? (uint32_t)b : next++);
    }
    assert_int_equal(next, BYTE_LEVEL_END);
}

static void every_byte_comes_back_and_nothing_else(void **state)
{
    (void)state;
    int found = 0;
    for (int b = 0; b < 256; b++) assert_int_equal(byte_level_byte(byte_level_char((uint8_t)b)), b);
    for (uint32_t code = 0; code < 0x1000; code++) {
        int byte = byte_level_byte(code);
        found += byte >= 0;
        if (byte >= 0) assert_int_equal(byte_level_char((uint8_t)byte), code);
    }
    assert_int_equal(found, 256);
}

static void texts_are_put_after_what_is_there(void **state)
{
    (void)state;
    byte_buffer out = { 0 };
    assert_int_equal(byte_level_put(&out, "a b", 3), CADRE_OK);
    assert_int_equal(byte_level_put(&out, "\n\xff\xad\0", 4), CADRE_OK);
    assert_int_equal(byte_level_put(&out, "", 0), CADRE_OK);
    const char *const expected = "aĠbĊÿŃĀ";
    assert_int_equal(out.size, strlen(expected));
    assert_memory_equal(out.data, expected, out.size);
    byte_buffer_free(&out);
    mem_fail_at(1, false);
    cadre_status status = byte_level_put(&out, "a", 1);
    mem_fail_at(0, false);
    assert_int_equal(status, CADRE_ENOMEM);
    assert_int_equal(out.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(bytes_are_visible_in_their_order),
        cmocka_unit_test(every_byte_comes_back_and_nothing_else),
        cmocka_unit_test(texts_are_put_after_what_is_there) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
