/* pretokenizer_test.c - two lists of steps, for cutting and for changing a text, are the same only
 * where no member differs. */
#include "text/pretokenizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/succeeds.h"
#include "text/normalizer.h"

static json_document *parse(const char *text)
{
    json_document *document;
    succeeds(json_parse("steps", text, strlen(text), &document));
    return document;
}

static bool cut_alike(const char *one, const char *other)
{
    pretokenizer a = { 0 }, b = { 0 };
    json_document *documents[] = { parse(one), parse(other) };
    json_node x = json_root(documents[0]), y = json_root(documents[1]);
    succeeds(pretokenizer_read(&a, &x));
    succeeds(pretokenizer_read(&b, &y));
    bool same = pretokenizer_same(&a, &b);
    assert_int_equal(pretokenizer_same(&b, &a), same);
    pretokenizer_free(&a), pretokenizer_free(&b);
    json_close(documents[0]), json_close(documents[1]);
    return same;
}

static bool change_alike(const char *one, const char *other)
{
    normalizer a = { 0 }, b = { 0 };
    json_document *documents[] = { parse(one), parse(other) };
    json_node x = json_root(documents[0]), y = json_root(documents[1]);
    succeeds(normalizer_read(&a, &x));
    succeeds(normalizer_read(&b, &y));
    bool same = normalizer_same(&a, &b);
    assert_int_equal(normalizer_same(&b, &a), same);
    normalizer_free(&a), normalizer_free(&b);
    json_close(documents[0]), json_close(documents[1]);
    return same;
}

/* Each is like itself and like no other. */
static void all_differ(
    const char *const *steps, size_t count, bool (*alike)(const char *one, const char *other))
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++)
            if (alike(steps[i], steps[j]) != (i == j)) fail_msg("%s and %s", steps[i], steps[j]);
}

#define SPLIT(pattern, behavior, invert)                                                           \
    "{\"type\":\"Split\",\"pattern\":{\"" pattern "\"},\"behavior\":\"" behavior                   \
    "\",\"invert\":" invert "}"
#define SPACES(replacement, scheme, split)                                                         \
    "{\"type\":\"Metaspace\",\"replacement\":\"" replacement "\",\"prepend_scheme\":\"" scheme     \
    "\",\"split\":" split "}"
#define ALL_OF(list, ...) "{\"type\":\"Sequence\",\"" list "\":[" __VA_ARGS__ "]}"

static void test_pretokenizers(void **state)
{
    (void)state;
    static const char *const steps[] = {
        "null",
        SPLIT("Regex\":\"a+", "Isolated", "false"),
        SPLIT("Regex\":\"a+", "Isolated", "true"), /* invert alone */
        SPLIT("Regex\":\"a+", "Removed", "false"),
        SPLIT("Regex\":\"b+", "Isolated", "false"),
        SPLIT("String\":\"a+", "Isolated", "false"),
        SPACES("_", "always", "false"),
        SPACES("_", "first", "false"), /* prepend alone */
        SPACES("_", "never", "false"),
        SPACES("-", "always", "false"),
        SPACES("_", "always", "true"),
        "{\"type\":\"Digits\",\"individual_digits\":true}",
        "{\"type\":\"Digits\",\"individual_digits\":false}",
        "{\"type\":\"Punctuation\"}",
        "{\"type\":\"Punctuation\",\"behavior\":\"Removed\"}",
        "{\"type\":\"Whitespace\"}",
        "{\"type\":\"WhitespaceSplit\"}",
        "{\"type\":\"CharDelimiterSplit\",\"delimiter\":\"a\"}",
        "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false}",
        "{\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"use_regex\":false}",
        "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":true}",
        ALL_OF("pretokenizers", "{\"type\":\"Punctuation\"},{\"type\":\"Whitespace\"}"),
        ALL_OF("pretokenizers", "{\"type\":\"Whitespace\"},{\"type\":\"Punctuation\"}"),
    };
    all_differ(steps, sizeof steps / sizeof *steps, cut_alike);
    assert_true(cut_alike(
        ALL_OF("pretokenizers", "{\"type\":\"Whitespace\"}"), "{\"type\":\"Whitespace\"}"));
}

static void test_normalizers(void **state)
{
    (void)state;
    static const char *const steps[] = {
        "null",
        "{\"type\":\"NFC\"}",
        "{\"type\":\"NFD\"}",
        "{\"type\":\"NFKC\"}",
        "{\"type\":\"NFKD\"}",
        "{\"type\":\"Lowercase\"}",
        "{\"type\":\"StripAccents\"}",
        "{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":true}",
        "{\"type\":\"Strip\",\"strip_left\":false,\"strip_right\":true}",
        "{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":false}",
        "{\"type\":\"Prepend\",\"prepend\":\"a\"}",
        "{\"type\":\"Prepend\",\"prepend\":\"b\"}",
        "{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"b\"}",
        "{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"c\"}",
        "{\"type\":\"Replace\",\"pattern\":{\"String\":\"d\"},\"content\":\"b\"}",
        ALL_OF("normalizers", "{\"type\":\"NFC\"},{\"type\":\"Lowercase\"}"),
        ALL_OF("normalizers", "{\"type\":\"Lowercase\"},{\"type\":\"NFC\"}"),
    };
    all_differ(steps, sizeof steps / sizeof *steps, change_alike);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pretokenizers),
        cmocka_unit_test(test_normalizers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
