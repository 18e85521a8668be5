/* stop_test.c - texts that stop a text: found in every cut into pieces, nothing of them told,
 * nothing else lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "cadre.h"
#include "support/succeeds.h"

enum { ROOM = 64 };

typedef struct heard {
    char text[ROOM];
    size_t size;
    bool found;
} heard;

static void put(heard *h, const char *text, size_t size)
{
    assert_true(h->size + size < ROOM);
    if (size) memcpy(h->text + h->size, text, size);
    h->size += size;
}

/* Takes `text` in pieces that end where `cuts` has a bit, up to the stop or to the end. */
static heard hear(cadre_stop *s, const char *text, uint32_t cuts)
{
    heard h = { .size = 0 };
    const char *told;
    size_t length = strlen(text), told_size;
    for (size_t from = 0, at = 1; at <= length && !h.found; at++) {
        if (at < length && !(cuts >> (at - 1) & 1)) continue;
        succeeds(cadre_stop_take(s, text + from, at - from, &told, &told_size, &h.found));
        put(&h, told, told_size);
        from = at;
    }
    cadre_stop_rest(s, &told, &told_size);
    assert_true(!h.found || !told_size);
    put(&h, told, told_size);
    return h;
}

static void check(const char *const *texts, int count, const char *text, const char *expected)
{
    cadre_stop *s;
    succeeds(cadre_stop_new(texts, count, &s));
    bool found = strlen(expected) < strlen(text);
    for (uint32_t cuts = 0; cuts < 1u << (strlen(text) - 1); cuts++) {
        heard h = hear(s, text, cuts);
        if (h.found != found || h.size != strlen(expected) || memcmp(h.text, expected, h.size) != 0)
            fail_msg("%s in pieces %x: expected %s, found %.*s", text, cuts, expected, (int)h.size,
                h.text);
    }
    cadre_stop_free(s);
}

#define TEXTS(...) (const char *[]){ __VA_ARGS__ }, sizeof(TEXT_LIST(__VA_ARGS__)) / sizeof(char *)
#define TEXT_LIST(...)                                                                             \
    (const char *[]) { __VA_ARGS__ }

static void found_however_it_is_cut(void **state)
{
    (void)state;
    check(TEXTS("END"), "abcENDxyz", "abc");
    check(TEXTS("END"), "abcENxEND", "abcENx");
    check(TEXTS("END"), "END", "");
    check(TEXTS("x"), "abx", "ab");
    check(TEXTS("aab"), "aaaab", "aa"); /* goes on with a part of what failed */
    check(TEXTS("aab"), "aaab", "a");
    check(TEXTS("abac"), "ababacx", "ab");
    check(TEXTS("\n\n"), "a\nb\n\nc", "a\nb");
    check(TEXTS("\xe2\x82\xac"), "1\xe2\x82\x82\xe2\x82\xac", "1\xe2\x82\x82");
}

static void held_back_text_is_told(void **state)
{
    (void)state;
    check(TEXTS("END"), "abcEN", "abcEN");
    check(TEXTS("END", "aab"), "EEENaaE", "EEENaaE");
    check(NULL, 0, "abc", "abc");
}

/* The one that is complete first; of two with the same last byte the longer one. */
static void of_several_the_first(void **state)
{
    (void)state;
    check(TEXTS("xyz", "b"), "abxyz", "a");
    check(TEXTS("xyz", "q"), "abxyz", "ab"); /* what is held back is held for each of them */
    check(TEXTS("q", "xyz"), "abxyz", "ab");
    check(TEXTS("abcd", "bc"), "xabcd", "xa");
    check(TEXTS("c", "abc"), "xabc", "x");
    check(TEXTS("aaaa", "ab"), "aaab", "aa");
}

static void tells_as_soon_as_it_can(void **state)
{
    (void)state;
    const char *texts[] = { "END" }, *told;
    size_t size;
    bool found;
    cadre_stop *s;
    succeeds(cadre_stop_new(texts, 1, &s));
    succeeds(cadre_stop_take(s, "abE", 3, &told, &size, &found));
    assert_int_equal(size, 2);
    succeeds(cadre_stop_take(s, "", 0, &told, &size, &found));
    assert_int_equal(size, 0);
    succeeds(cadre_stop_take(s, "E", 1, &told, &size, &found));
    assert_int_equal(size, 1); /* only the last E may still begin it */
    succeeds(cadre_stop_take(s, "NDx", 3, &told, &size, &found));
    assert_true(found && size == 0);
    succeeds(cadre_stop_take(s, "x", 1, &told, &size, &found)); /* as new */
    assert_true(!found && size == 1 && *told == 'x');
    cadre_stop_free(s);
    cadre_stop_free(NULL);
}

static void refused(void **state)
{
    (void)state;
    const char *texts[] = { "a", "" };
    cadre_stop *s;
    assert_int_equal(cadre_stop_new(texts, 2, &s), CADRE_EARGUMENT);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    const char *texts[] = { "END", "stop" };
    cadre_status status = CADRE_ENOMEM;
    for (int64_t n = 1; status == CADRE_ENOMEM; n++) {
        cadre_stop *s = NULL;
        mem_fail_at(n, false);
        status = cadre_stop_new(texts, 2, &s);
        mem_fail_at(0, false);
        if (status == CADRE_OK) cadre_stop_free(s);
        else assert_int_equal(status, CADRE_ENOMEM);
    }
    assert_int_equal(status, CADRE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_however_it_is_cut),
        cmocka_unit_test(held_back_text_is_told),
        cmocka_unit_test(of_several_the_first),
        cmocka_unit_test(tells_as_soon_as_it_can),
        cmocka_unit_test(refused),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
