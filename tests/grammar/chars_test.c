/* chars_test.c - automata over characters take what they say, and so do their spellings in JSON
 * and in UTF-8. */
#include "grammar/chars.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "grammar/walked.h"
#include "grammar/written.h"

static random_key key;
static uint64_t draws;

static size_t draw(size_t below) { return random_bits(key, draws++) % below; }

/* A string of few characters, of one to four bytes each, so that they meet often. */
static void put_string(char *text, size_t longest)
{
    static const char *const characters[] = { "a", "b", "\xc3\xa9", "\xe6\xbc\xa2",
        "\xf0\x9f\x98\x80", "a" };
    *text = 0;
    for (size_t n = draw(longest + 1); n > 0; n--)
        strcat(text, characters[draw(sizeof characters / sizeof *characters)]);
}

static size_t length_of(const char *text)
{
    size_t count = 0;
    for (; *text; text++) count += ((uint8_t)*text & 0xc0) != 0x80;
    return count;
}

static void lengths_are_counted_in_characters(void **state)
{
    (void)state;
    static const uint32_t bounds[][2] = { { 0, 0 }, { 0, 1 }, { 2, 2 }, { 1, 4 }, { 3, 3 },
        { 0, NETWORK_UNBOUNDED }, { 3, NETWORK_UNBOUNDED } };
    key = random_key_of(1, "lengths", 0, 0);
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        chars c;
        succeeds(chars_of_length(bounds[i][0], bounds[i][1], "C", &c));
        for (int k = 0; k < 200; k++) {
            char text[64];
            put_string(text, 7);
            size_t length = length_of(text);
            assert_int_equal(walked(&c, text), length >= bounds[i][0] && length <= bounds[i][1]);
        }
        chars_free(&c);
    }
}

static void any_string_but_some(void **state)
{
    (void)state;
    static const char *const sets[][4] = { { NULL }, { "" }, { "a" }, { "ab", "a", "b" },
        { "\xc3\xa9"
          "a",
            "\xc3\xa9", "\xe6\xbc\xa2" },
        { "aa", "aa", "ba", "bb" } };
    key = random_key_of(2, "but", 0, 0);
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        size_t count = 0;
        chars c;
        while (count < 4 && sets[i][count]) count++;
        succeeds(chars_but(sets[i], count, "C", &c));
        for (int k = 0; k < 300; k++) {
            char text[64];
            bool among = false;
            put_string(text, 3);
            for (size_t s = 0; s < count; s++) among |= strcmp(text, sets[i][s]) == 0;
            if (walked(&c, text) == among) fail_msg("set %zu: \"%s\"", i, text);
        }
        chars_free(&c);
    }
    chars c;
    assert_int_equal(chars_but((const char *[]){ "a\xff" }, 1, "C", &c), CADRE_EFORMAT);
    chars_free(&c);
}

/* They end with the first place where the mark stands, and nowhere else. */
static void strings_before_a_mark(void **state)
{
    (void)state;
    static const char *const marks[] = { "a", "ab", "aab", "abab", "aa", "aba\xc3\xa9",
        "\xe6\xbc\xa2", "abaab" };
    key = random_key_of(3, "marks", 0, 0);
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        chars c;
        int found = 0;
        succeeds(chars_before(marks[i], "C", &c));
        for (int k = 0; k < 3000; k++) {
            char text[96];
            put_string(text, 6);
            if (k % 2) strcat(text, marks[i]);
            const char *at = strstr(text, marks[i]);
            bool expected = at && at[strlen(marks[i])] == 0;
            found += expected;
            if (walked(&c, text) != expected) fail_msg("\"%s\" before \"%s\"", text, marks[i]);
        }
        assert_true(found > 100);
        chars_free(&c);
    }
    chars c;
    succeeds(chars_before("", "C", &c));
    assert_false(walked(&c, ""));
    assert_true(walked_text(&c, "any \xe6\xbc\xa2") >= 0);
    chars_free(&c);
    assert_int_equal(chars_before("\x80", "C", &c), CADRE_EFORMAT);
    chars_free(&c);
}

static void strings_without_a_mark(void **state)
{
    (void)state;
    static const char *const marks[] = { "a", "ab", "aab", "abab", "aba\xc3\xa9", "" };
    key = random_key_of(5, "without", 0, 0);
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        chars c;
        succeeds(chars_without(marks[i], "C", &c));
        for (int k = 0; k < 3000; k++) {
            char text[96];
            put_string(text, 6);
            bool expected = !*marks[i] || !strstr(text, marks[i]);
            if (walked(&c, text) != expected) fail_msg("\"%s\" without \"%s\"", text, marks[i]);
        }
        chars_free(&c);
    }
}

static void both_is_what_each_takes(void **state)
{
    (void)state;
    chars length, but, mark, two, three;
    key = random_key_of(4, "both", 0, 0);
    succeeds(chars_of_length(1, 4, "C", &length));
    succeeds(chars_but((const char *[]){ "ab", "a\xc3\xa9", "b" }, 3, "C", &but));
    succeeds(chars_before("ab", "C", &mark));
    succeeds(chars_both(&length, &but, "C", &two));
    succeeds(chars_both(&two, &mark, "C", &three));
    for (int k = 0; k < 3000; k++) {
        char text[64];
        put_string(text, 5);
        bool in_two = walked(&length, text) && walked(&but, text);
        assert_int_equal(walked(&two, text), in_two);
        assert_int_equal(walked(&three, text), in_two && walked(&mark, text));
    }
    chars_free(&length);
    chars_free(&but);
    chars_free(&mark);
    chars_free(&two);
    chars_free(&three);
}

/* ---- spellings ---- */

/* One edge that takes the characters low to high. */
static void open_one(uint32_t low, uint32_t high, chars *c)
{
    *c = (chars){ 0 };
    succeeds(chars_add_state(c, "C", false));
    succeeds(chars_add_edge(c, "C", (chars_edge){ low, high, 1 }));
    succeeds(chars_add_state(c, "C", true));
}

static size_t put_character(char *text, uint32_t x)
{
    if (x < 0x80) return text[0] = (char)x, 1;
    int more = x < 0x800 ? 1 : x < 0x10000 ? 2 : 3;
    text[0] = (char)((0xff00 >> (more + 1) & 0xff) | x >> 6 * more);
    for (int i = 1; i <= more; i++) text[i] = (char)(0x80 | (x >> 6 * (more - i) & 63));
    return (size_t)more + 1;
}

/* In JSON each character has one spelling, which jansson reads as that character; surrogates and
 * control characters without a letter have none. */
static void a_range_in_json_is_that_range(void **state)
{
    (void)state;
    static const uint32_t ranges[][2] = { { 0, CHAR_LAST }, { 'a', 'z' }, { 0x7f, 0x80 },
        { 0x7ff, 0x800 }, { 0x20, 0x10000 }, { 0xd7ff, 0xe000 }, { 0xd900, 0xdfff },
        { 0xffff, 0x10ffff }, { 0x10ffff, 0x10ffff }, { 0xe9, 0xe9 }, { 0x1f600, 0x1f64f },
        { 0, 0x1f }, { '"', '\\' }, { 0x3ff, 0x1041 } };
    static const uint32_t around[] = { 0, 8, 9, 10, 0x1f, 0x20, '"', '/', '\\', 'a', 'z', 0x7e,
        0x7f, 0x80, 0xe9, 0x3ff, 0x400, 0x7ff, 0x800, 0x1041, 0x1042, 0xd7ff, 0xe000, 0xffff,
        0x10000, 0x1f600, 0x1f64f, 0x1f650, 0x10fffe, 0x10ffff };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        network n;
        pushdown p;
        chars c;
        open_one(ranges[i][0], ranges[i][1], &c);
        succeeds(network_open(&n, "C"));
        written_open(&n, chars_in_json(&c, &n, NETWORK_END), &p);
        for (size_t k = 0; k < sizeof around / sizeof *around; k++) {
            uint32_t x = around[k];
            const char *letter = x ? strchr("\b\f\n\r\t\"\\", (int)x) : NULL;
            char text[8];
            size_t size;
            if (x < 0x80 && letter)
                size = (size_t)sprintf(text, "\\%c\"", "bfnrt\"\\"[letter - "\b\f\n\r\t\"\\"]);
            else size = put_character(text, x), text[size++] = '"';
            bool in = x >= ranges[i][0] && x <= ranges[i][1] && (x >= 0x20 || letter);
            if (written_bytes(&p, text, size) != in)
                fail_msg("U+%04x in %x..%x", x, ranges[i][0], ranges[i][1]);
        }
        written_close(&n, &p);
        chars_free(&c);
    }
}

/* What may be written is a string to jansson, and the automaton takes what it reads. */
static void what_is_spelt_is_read_back(void **state)
{
    (void)state;
    chars c;
    network n;
    pushdown p;
    key = random_key_of(6, "spelling", 0, 0);
    open_one(0, CHAR_LAST, &c);
    c.edges[0].to = 0;
    c.states[0].ends = true;
    succeeds(network_open(&n, "C"));
    written_open(&n, chars_in_json(&c, &n, NETWORK_END), &p);
    for (int i = 0; i < 500; i++) {
        char text[256] = "\"";
        size_t size = 1;
        state_id at = p.start;
        while (size < 200 && !p.states[at].ends) {
            uint8_t byte = (uint8_t)draw(256);
            if (size > 60 && pushdown_step(&p, at, '"')) byte = '"';
            state_id next = pushdown_step(&p, at, byte);
            if (!next) next = pushdown_step(&p, at, byte = 0x80 | (byte & 63));
            if (!next) next = pushdown_step(&p, at, byte = 'n');
            if (!next) continue;
            at = next, text[size++] = (char)byte;
        }
        json_error_t error;
        json_t *value = json_loadb(text, size, JSON_DECODE_ANY, &error);
        if (!value) fail_msg("%s: %.*s", error.text, (int)size, text);
        assert_true(walked(&c, json_string_value(value)));
        json_decref(value);
    }
    written_close(&n, &p);
    chars_free(&c);
}

/* As text: whatever comes before the mark, then `found`; `over` is a choice everywhere else. */
static void text_ends_at_its_mark(void **state)
{
    (void)state;
    chars c;
    network n;
    pushdown p;
    succeeds(chars_before("<end>", "C", &c));
    succeeds(network_open(&n, "C"));
    node_id found = network_byte(&n, '!', NETWORK_END);
    written_open(&n, chars_as_text(&c, &n, found, NETWORK_END), &p);
    assert_true(written(&p, ""));
    assert_true(written(&p, "a <en<end"));
    assert_false(written(&p, "a <end>"));
    assert_true(written(&p, "a <en<end>!"));
    assert_false(written(&p, "<end>a!"));
    assert_true(written(&p, "\xe6\xbc\xa2"));
    assert_false(written(&p, "\xe6\xbc"));
    written_close(&n, &p);
    chars_free(&c);
}

static void sizes_are_bounded_and_memory_may_fail(void **state)
{
    (void)state;
    chars c, long_one;
    assert_int_equal(chars_of_length(0, CHARS_STATES_MAX, "C", &c), CADRE_EUNSUPPORTED);
    chars_free(&c);
    succeeds(chars_of_length(0, CHARS_STATES_MAX - 1, "C", &c));
    succeeds(chars_of_length(0, 1000, "C", &long_one));
    chars both;
    assert_int_equal(chars_both(&c, &long_one, "C", &both), CADRE_EUNSUPPORTED);
    chars_free(&both);
    chars_free(&c);
    chars_free(&long_one);
    cadre_status status = CADRE_ENOMEM;
    int64_t before = mem_balance();
    for (int k = 1; status == CADRE_ENOMEM; k++) {
        assert_true(k < 100);
        mem_fail_at(k, k % 2);
        status = chars_but((const char *[]){ "ab", "abc", "b" }, 3, "C", &c);
        mem_fail_at(0, false);
        chars_free(&c);
        assert_int_equal(mem_balance(), before);
    }
    succeeds(status);
}

/* Not is the other strings, and not of not the same ones. */
static void not_is_the_rest(void **state)
{
    (void)state;
    static const char *const texts[] = { "", "a", "ab", "b", "abc", "\xc3\xa9",
        "a\xf0\x9f\x98\x80" };
    chars some = { 0 }, rest = { 0 }, again = { 0 };
    succeeds(chars_but((const char *[]){ "ab", "\xc3\xa9" }, 2, "C", &some));
    succeeds(chars_not(&some, "C", &rest));
    succeeds(chars_not(&rest, "C", &again));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        bool named = strcmp(texts[i], "ab") == 0 || strcmp(texts[i], "\xc3\xa9") == 0;
        assert_int_equal(chars_take(&some, texts[i]), !named);
        assert_int_equal(chars_take(&rest, texts[i]), named);
        assert_int_equal(walked(&rest, texts[i]), named);
        assert_int_equal(chars_take(&again, texts[i]), !named);
    }
    chars_free(&some);
    chars_free(&rest);
    chars_free(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(not_is_the_rest),
        cmocka_unit_test(lengths_are_counted_in_characters),
        cmocka_unit_test(any_string_but_some),
        cmocka_unit_test(strings_before_a_mark),
        cmocka_unit_test(strings_without_a_mark),
        cmocka_unit_test(both_is_what_each_takes),
        cmocka_unit_test(a_range_in_json_is_that_range),
        cmocka_unit_test(what_is_spelt_is_read_back),
        cmocka_unit_test(text_ends_at_its_mark),
        cmocka_unit_test(sizes_are_bounded_and_memory_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
