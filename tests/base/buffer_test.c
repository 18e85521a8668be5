/* buffer_test.c - lists grow by doubling, keep what they hold, and refuse what they must not
 * hold. */
#include "base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "support/succeeds.h"

static void room_doubles_from_sixteen(void **state)
{
    (void)state;
    static const struct {
        size_t used, capacity, more, expected;
    } step[] = { { 0, 0, 1, 16 }, { 0, 0, 16, 16 }, { 0, 0, 17, 32 }, { 16, 16, 1, 32 },
        { 20, 32, 12, 32 }, { 20, 32, 13, 64 }, { 32, 32, 100, 256 }, { 5, 20, 16, 40 } };
    for (size_t i = 0; i < sizeof step / sizeof *step; i++) {
        size_t capacity = step[i].capacity;
        void *block = capacity ? mem_alloc(capacity, 8) : NULL;
        succeeds(buffer_grow(&block, step[i].used, &capacity, step[i].more, 8));
        assert_int_equal(capacity, step[i].expected);
        mem_free(block);
    }
}

static void growing_keeps_the_items(void **state)
{
    (void)state;
    int64_t *block = NULL;
    size_t capacity = 0;
    for (int64_t i = 0; i < 1000; i++) {
        succeeds(buffer_grow((void **)&block, (size_t)i, &capacity, 1, sizeof *block));
        block[i] = i * i;
    }
    for (int64_t i = 0; i < 1000; i++) assert_int_equal(block[i], i * i);
    assert_int_equal(capacity, 1024);
    mem_free(block);
}

static void a_list_that_cannot_grow_stays_as_it_is(void **state)
{
    (void)state;
    byte_buffer b = { 0 };
    succeeds(byte_buffer_put(&b, "abc", 3));
    mem_fail_at(1, false);
    cadre_status status = byte_buffer_put(&b, "0123456789abcdef", 16);
    mem_fail_at(0, false);
    assert_int_equal(status, CADRE_ENOMEM);
    assert_int_equal(b.size, 3);
    assert_int_equal(b.capacity, 16);
    assert_memory_equal(b.data, "abc", 3);
    refuses(buffer_grow((void **)&b.data, 3, &b.capacity, SIZE_MAX - 2, 1), CADRE_ENOMEM,
        "out of memory: a list of 18446744073709551613 more items");
    refuses(buffer_grow((void **)&b.data, 3, &b.capacity, SIZE_MAX / 2, 1), CADRE_ENOMEM,
        "out of memory");
    assert_int_equal(b.capacity, 16);
    byte_buffer_free(&b);
    assert_true(!b.data && b.size == 0 && b.capacity == 0);
}

static void bytes_are_put_one_after_another(void **state)
{
    (void)state;
    byte_buffer b = { 0 };
    succeeds(byte_buffer_put(&b, NULL, 0));
    assert_string_equal(b.data, "");
    succeeds(byte_buffer_put(&b, "in", 2));
    succeeds(byte_buffer_put(&b, "\0to", 3));
    succeeds(byte_buffer_put(&b, NULL, 0));
    assert_int_equal(b.size, 5);
    assert_memory_equal(b.data, "in\0to", 6);
    succeeds(byte_buffer_reserve(&b, 10)); /* and a NUL */
    assert_int_equal(b.capacity, 16);
    succeeds(byte_buffer_reserve(&b, 11));
    assert_int_equal(b.capacity, 32);
    assert_int_equal(b.size, 5);
    byte_buffer_free(&b);
}

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
    assert_true(!b.data && b.size == 0 && b.capacity == 0);
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
    assert_string_equal(b.data, "kept");
    byte_buffer_text(&b, "x");
    byte_buffer_format(&b, "%d", 1);
    byte_buffer_fill(&b, 'x', 1);
    assert_int_equal(b.status, CADRE_ENOMEM);
    byte_buffer_free(&b);
    assert_int_equal(b.status, CADRE_OK);
    byte_buffer_fill(&b, 'x', SIZE_MAX);
    assert_int_equal(b.status, CADRE_ENOMEM);
    byte_buffer_free(&b);
    assert_int_equal(mem_balance(), before);
}

static void a_limit_is_reached_and_not_passed(void **state)
{
    (void)state;
    byte_buffer b = { .limit = 5 };
    succeeds(byte_buffer_put(&b, "abc", 3));
    refuses(
        byte_buffer_put(&b, "def", 3), CADRE_EUNSUPPORTED, "the text becomes longer than 5 bytes");
    assert_int_equal(b.size, 3);
    succeeds(byte_buffer_put(&b, "de", 2));
    refuses(byte_buffer_put(&b, "f", 1), CADRE_EUNSUPPORTED, "longer than 5 bytes");
    succeeds(byte_buffer_put(&b, NULL, 0));
    assert_memory_equal(b.data, "abcde", 5);
    byte_buffer_free(&b);
}

static bool same(const char *a, size_t n, const char *b, size_t m)
{
    byte_buffer x = { 0 }, y = { 0 };
    succeeds(byte_buffer_put(&x, a, n));
    succeeds(byte_buffer_put(&y, b, m));
    bool result = byte_buffer_same(&x, &y);
    byte_buffer_free(&x);
    byte_buffer_free(&y);
    return result;
}

static void lists_are_the_same_by_every_byte(void **state)
{
    (void)state;
    assert_true(same("", 0, "", 0));
    assert_true(same("a\0b", 3, "a\0b", 3));
    assert_false(same("a\0b", 3, "a\0c", 3));
    assert_false(same("ab", 2, "abc", 3));
    assert_false(same("", 0, "a", 1));
}

static void views_are_compared_with_whole_texts(void **state)
{
    (void)state;
    string_view v = { "expert", 3 };
    assert_true(string_view_is(v, "exp"));
    assert_false(string_view_is(v, "expert"));
    assert_false(string_view_is(v, "ex"));
    assert_false(string_view_is(v, "exq"));
}

static void ids_are_put_and_given_back(void **state)
{
    (void)state;
    token_list l = { 0 };
    for (int32_t i = 0; i < 17; i++) succeeds(token_list_put(&l, -i));
    assert_int_equal(l.count, 17);
    assert_int_equal(l.capacity, 32);
    for (int32_t i = 0; i < 17; i++) assert_int_equal(l.ids[i], -i);
    succeeds(token_list_reserve(&l, 15));
    assert_int_equal(l.capacity, 32);
    succeeds(token_list_reserve(&l, 16));
    assert_int_equal(l.capacity, 64);
    l.count = 64;
    mem_fail_at(1, false);
    cadre_status status = token_list_put(&l, 1);
    mem_fail_at(0, false);
    assert_int_equal(status, CADRE_ENOMEM);
    assert_int_equal(l.count, 64);
    token_list_free(&l);
    assert_true(!l.ids && l.count == 0 && l.capacity == 0);
}

static void nothing_stays_when_lists_are_freed(void **state)
{
    (void)state;
    int64_t before = mem_balance();
    byte_buffer b = { 0 };
    token_list l = { 0 };
    for (int i = 0; i < 100; i++) {
        succeeds(byte_buffer_put(&b, "expert", 6));
        succeeds(token_list_put(&l, i));
    }
    byte_buffer_free(&b);
    token_list_free(&l);
    byte_buffer_free(&b);
    token_list_free(&l);
    assert_int_equal(mem_balance(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(room_doubles_from_sixteen),
        cmocka_unit_test(growing_keeps_the_items),
        cmocka_unit_test(a_list_that_cannot_grow_stays_as_it_is),
        cmocka_unit_test(bytes_are_put_one_after_another),
        cmocka_unit_test(bytes_are_put_at_the_end),
        cmocka_unit_test(a_nul_follows_whatever_the_size),
        cmocka_unit_test(a_failure_stays),
        cmocka_unit_test(a_limit_is_reached_and_not_passed),
        cmocka_unit_test(lists_are_the_same_by_every_byte),
        cmocka_unit_test(views_are_compared_with_whole_texts),
        cmocka_unit_test(ids_are_put_and_given_back),
        cmocka_unit_test(nothing_stays_when_lists_are_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
