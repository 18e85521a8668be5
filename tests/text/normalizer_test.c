/* normalizer_test.c - each kind of step on a text that shows what it does and what it leaves; two
 * lists that are the same, and two that are not. */
#include "text/normalizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "support/succeeds.h"

static cadre_status read_text(const char *json, normalizer *n)
{
    json_document *document;
    succeeds(json_parse("tokenizer.json", json, strlen(json), &document));
    json_node root = json_root(document), node = json_member(&root, "normalizer");
    *n = (normalizer){ 0 };
    cadre_status status = normalizer_read(n, &node);
    json_close(document);
    return status;
}

static void makes(const char *json, const char *in, const char *expected)
{
    char whole[600];
    normalizer n;
    normalizer_scratch s = { 0 };
    pattern_scan *scan;
    string_view out;
    int64_t before = mem_balance();
    snprintf(whole, sizeof whole, "{\"normalizer\":%s}", json);
    succeeds(read_text(whole, &n));
    succeeds(pattern_scan_new(&scan));
    succeeds(normalizer_apply(&n, &s, scan, (string_view){ in, strlen(in) }, &out));
    if (out.size != strlen(expected) || memcmp(out.data ? out.data : "", expected, out.size))
        fail_msg("%s of \"%s\" is \"%.*s\"", json, in, (int)out.size, out.data);
    pattern_scan_free(scan);
    normalizer_scratch_free(&s);
    normalizer_free(&n);
    assert_int_equal(mem_balance(), before);
}

static void forms_compose_and_take_apart(void **state)
{
    (void)state;
    makes("{\"type\":\"NFC\"}", "e\xcc\x81\xef\xac\x81", "é\xef\xac\x81");
    makes("{\"type\":\"NFD\"}", "é\xef\xac\x81", "e\xcc\x81\xef\xac\x81");
    makes("{\"type\":\"NFKC\"}", "e\xcc\x81\xef\xac\x81", "éfi");
    makes("{\"type\":\"NFKD\"}", "é\xef\xac\x81",
        "e\xcc\x81"
        "fi");
}

static void lower_case_is_one_character_but_for_the_dotted_i(void **state)
{
    (void)state;
    makes("{\"type\":\"Lowercase\"}", "ÀBC ß Σ 日", "àbc ß σ 日");
    makes("{\"type\":\"Lowercase\"}", "\xc4\xb0x", "i\xcc\x87x");
}

static void accents_alone_are_stripped(void **state)
{
    (void)state;
    makes("{\"type\":\"StripAccents\"}", "e\xcc\x81\xe0\xa4\xbe-\xe2\x83\x9d", "e-");
    makes("{\"type\":\"StripAccents\"}", "é", "é"); /* composed: no mark of its own */
}

static void strips_of_either_end(void **state)
{
    (void)state;
    static const char left[] = "{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":false}",
                      right[] = "{\"type\":\"Strip\",\"strip_left\":false,\"strip_right\":true}",
                      both[] = "{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":true}",
                      none[] = "{\"type\":\"Strip\",\"strip_left\":false,\"strip_right\":false}";
    const char *const text = " \t\xe3\x80\x80 a b\xc2\xa0 \n";
    makes(left, text, "a b\xc2\xa0 \n");
    makes(right, text, " \t\xe3\x80\x80 a b");
    makes(both, text, "a b");
    makes(none, text, text);
    makes(both, " \xe3\x80\x80 ", "");
    makes(both, "", "");
    makes(right, "日", "日");
    makes(right, "日 ", "日");
}

static void what_is_prepended_is_not_put_before_nothing(void **state)
{
    (void)state;
    makes("{\"type\":\"Prepend\",\"prepend\":\"_\"}", "ab", "_ab");
    makes("{\"type\":\"Prepend\",\"prepend\":\"_\"}", "", "");
}

static void matches_are_replaced_and_the_rest_stays(void **state)
{
    (void)state;
    static const char spaces[] =
        "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"_\"}";
    makes(spaces, " a  b ", "_a__b_");
    makes(spaces, "ab", "ab");
    makes(spaces, "", "");
    makes("{\"type\":\"Replace\",\"pattern\":{\"Regex\":\" +\"},\"content\":\"\"}", " a  b ", "ab");
    /* A string is no expression */
    makes("{\"type\":\"Replace\",\"pattern\":{\"String\":\".\"},\"content\":\"!\"}", "a.b", "a!b");
    static const char begin[] =
        "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"^\"},\"content\":\">\"}";
    makes(begin, "ab", ">ab");
    makes(begin, "", "");
}

static void steps_run_in_their_order(void **state)
{
    (void)state;
    static const char up[] = "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\","
                             "\"prepend\":\"A\"},{\"type\":\"Lowercase\"},{\"type\":\"Prepend\","
                             "\"prepend\":\"A\"}]}";
    makes(up, "B", "Aab");
    makes("{\"type\":\"Sequence\",\"normalizers\":[]}", "Ab", "Ab");
    makes("null", "Ab", "Ab");
}

/* A step may not make a text longer than 32 times itself and a mebibyte. */
static void growth_is_bounded(void **state)
{
    (void)state;
    enum { MEBIBYTE = 1 << 20 };
    normalizer n;
    normalizer_scratch s = { 0 };
    pattern_scan *scan;
    string_view out;
    char *text = mem_alloc(2 * MEBIBYTE, 1);
    memset(text, ' ', 2 * MEBIBYTE);
    succeeds(read_text("{\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},"
                       "\"content\":\"0123456789012345678901234567890123\"}}",
        &n)); /* 34 for one */
    succeeds(pattern_scan_new(&scan));
    succeeds(normalizer_apply(&n, &s, scan, (string_view){ text, MEBIBYTE / 2 }, &out));
    assert_int_equal(out.size, 34 * (size_t)MEBIBYTE / 2);
    refuses(normalizer_apply(&n, &s, scan, (string_view){ text, MEBIBYTE / 2 + 1 }, &out),
        CADRE_EUNSUPPORTED, "the text becomes longer than 17825824 bytes");
    pattern_scan_free(scan);
    normalizer_scratch_free(&s);
    normalizer_free(&n);
    mem_free(text);
}

static bool same(const char *a, const char *b)
{
    char one[300], other[300];
    normalizer x, y;
    snprintf(one, sizeof one, "{\"normalizer\":%s}", a);
    snprintf(other, sizeof other, "{\"normalizer\":%s}", b);
    succeeds(read_text(one, &x));
    succeeds(read_text(other, &y));
    bool result = normalizer_same(&x, &y);
    assert_int_equal(normalizer_same(&y, &x), result);
    normalizer_free(&x);
    normalizer_free(&y);
    return result;
}

static void lists_are_the_same_by_every_detail(void **state)
{
    (void)state;
    static const char *const kinds[] = { "null", "{\"type\":\"NFC\"}", "{\"type\":\"NFKC\"}",
        "{\"type\":\"Lowercase\"}", "{\"type\":\"Prepend\",\"prepend\":\"a\"}",
        "{\"type\":\"Prepend\",\"prepend\":\"b\"}",
        "{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":false}",
        "{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":true}",
        "{\"type\":\"Strip\",\"strip_left\":false,\"strip_right\":true}",
        "{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"b\"}",
        "{\"type\":\"Replace\",\"pattern\":{\"String\":\"b\"},\"content\":\"b\"}",
        "{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"c\"}",
        "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFC\"},{\"type\":\"NFC\"}]}" };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (size_t j = 0; j <= i; j++) assert_int_equal(same(kinds[i], kinds[j]), i == j);
}

static void spoilt_steps_are_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *json, *sentence;
        cadre_status status;
    } bad[] = {
        { "{\"type\":\"NFX\"}",
            "tokenizer.json: normalizers: \"NFX\" is not supported (supported: NFC, NFD, NFKC, "
            "NFKD, Lowercase, Precompiled, Prepend, Replace, Strip, StripAccents)",
            CADRE_EUNSUPPORTED },
        { "{\"type\":\"NFC\",\"x\":1}",
            "tokenizer.json: normalizers: the member \"x\" of NFC is not supported",
            CADRE_EUNSUPPORTED },
        { "{\"type\":\"Prepend\"}",
            "tokenizer.json: normalizer.prepend: expected a string, found nothing", CADRE_EFORMAT },
        { "{\"type\":\"Strip\",\"strip_left\":true}",
            "tokenizer.json: normalizer.strip_right: expected true or false, found nothing",
            CADRE_EFORMAT },
        { "{\"type\":\"Sequence\"}",
            "tokenizer.json: normalizer.normalizers: expected an array, found nothing",
            CADRE_EFORMAT },
        { "3", "tokenizer.json: normalizer: expected an object, found 3", CADRE_EFORMAT }
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char whole[200];
        normalizer n;
        int64_t before = mem_balance();
        snprintf(whole, sizeof whole, "{\"normalizer\":%s}", bad[i].json);
        assert_int_equal(read_text(whole, &n), bad[i].status);
        assert_string_equal(cadre_last_error(), bad[i].sentence);
        normalizer_free(&n);
        assert_int_equal(mem_balance(), before);
    }
}

static void a_list_holds_32_steps(void **state)
{
    (void)state;
    for (int count = 32; count <= 33; count++) {
        char whole[1000] = "{\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[";
        normalizer n;
        for (int i = 0; i < count; i++)
            strcat(whole, i ? ",{\"type\":\"NFC\"}" : "{\"type\":\"NFC\"}");
        strcat(whole, "]}}");
        cadre_status status = read_text(whole, &n);
        assert_int_equal(status, count == 32 ? CADRE_OK : CADRE_EFORMAT);
        assert_int_equal(n.count, 32);
        if (status != CADRE_OK)
            assert_string_equal(cadre_last_error(), "tokenizer.json: normalizer.normalizers[32]: "
                                                    "expected fewer steps, found an object");
        normalizer_free(&n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_compose_and_take_apart),
        cmocka_unit_test(lower_case_is_one_character_but_for_the_dotted_i),
        cmocka_unit_test(accents_alone_are_stripped),
        cmocka_unit_test(strips_of_either_end),
        cmocka_unit_test(what_is_prepended_is_not_put_before_nothing),
        cmocka_unit_test(matches_are_replaced_and_the_rest_stays),
        cmocka_unit_test(steps_run_in_their_order),
        cmocka_unit_test(growth_is_bounded),
        cmocka_unit_test(lists_are_the_same_by_every_detail),
        cmocka_unit_test(spoilt_steps_are_refused_by_name),
        cmocka_unit_test(a_list_holds_32_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
