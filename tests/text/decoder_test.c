/* decoder_test.c - each kind of step on the tokens that show what it does, and the orders that are
 * refused. */
#include "text/decoder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "support/succeeds.h"

#define FALLBACK "{\"type\":\"ByteFallback\"}"
#define FUSE "{\"type\":\"Fuse\"}"
#define STRIP(start, stop)                                                                         \
    "{\"type\":\"Strip\",\"content\":\" \",\"start\":" #start ",\"stop\":" #stop "}"
#define SEQUENCE(steps) "{\"type\":\"Sequence\",\"decoders\":[" steps "]}"
#define REPLACE "{\"type\":\"Replace\",\"pattern\":{\"String\":\"_\"},\"content\":\" \"}"

static cadre_status read_text(const char *json, decoder *d)
{
    char whole[400];
    json_document *document;
    snprintf(whole, sizeof whole, "{\"decoder\":%s}", json);
    succeeds(json_parse("tokenizer.json", whole, strlen(whole), &document));
    json_node root = json_root(document), node = json_member(&root, "decoder");
    *d = (decoder){ 0 };
    cadre_status status = decoder_read(d, &node);
    json_close(document);
    return status;
}

/* Tokens are parted by '|'. Twice, for a state that begins again is a new one. */
static void makes(const char *json, const char *tokens, const char *expected)
{
    decoder d;
    decoder_state s = { 0 };
    byte_buffer out = { 0 };
    int64_t before = mem_balance();
    succeeds(read_text(json, &d));
    for (int time = 0; time < 2; time++) {
        out.size = 0;
        decoder_restart(&s);
        for (const char *at = tokens; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL)
            succeeds(decoder_put(&d, &s, (string_view){ at, strcspn(at, "|") }, &out));
        if (out.size != strlen(expected) || memcmp(out.data ? out.data : "", expected, out.size))
            fail_msg("%s of %s is \"%.*s\"", json, tokens, (int)out.size, out.data);
    }
    byte_buffer_free(&out);
    decoder_state_free(&s);
    decoder_free(&d);
    assert_int_equal(mem_balance(), before);
}

static void without_steps_tokens_are_parted_by_spaces(void **state)
{
    (void)state;
    makes("null", "a|b|c", "a b c");
    makes(SEQUENCE(""), "a|b", "a b");
    makes(FUSE, "a|b|c", "abc");
}

static void visible_characters_are_bytes_again(void **state)
{
    (void)state;
    static const char kind[] = "{\"type\":\"ByteLevel\",\"trim_offsets\":true}";
    makes(kind, "Ġa|Ċ|Ã©", " a\né");
    makes(kind, "a日|Ġ日Ġ", "a日Ġ日Ġ"); /* another character: the token as it stands */
}

static void byte_tokens_are_bytes(void **state)
{
    (void)state;
    makes(SEQUENCE(FALLBACK "," FUSE), "<0xC3>|<0xa9>|<0x41>", "éA");
    makes(SEQUENCE(FALLBACK "," FUSE), "<0x4>|<0xG1>|<0x411>|<0X41>|0x41>",
        "<0x4><0xG1><0x411><0X41>0x41>");
}

static void patterns_are_replaced_in_each_token(void **state)
{
    (void)state;
    makes(REPLACE, "_a|b_c_", " ab c ");
    makes(SEQUENCE(REPLACE "," FUSE), "_a||_", " a ");
}

static void a_metaspace_is_a_space_but_for_the_first(void **state)
{
    (void)state;
    makes("{\"type\":\"Metaspace\",\"replacement\":\"▁\",\"add_prefix_space\":true}", "▁a▁b|▁c|▁",
        "ab c ");
    makes("{\"type\":\"Metaspace\",\"replacement\":\"▁\",\"prepend_scheme\":\"always\"}", "▁a|▁b",
        "a b");
    makes("{\"type\":\"Metaspace\",\"replacement\":\"▁\",\"prepend_scheme\":\"never\"}", "▁a|▁b",
        " a b");
    makes("{\"type\":\"Metaspace\",\"replacement\":\"_\",\"add_prefix_space\":false}", "_a|_b",
        " a b");
}

static void strips_of_each_token(void **state)
{
    (void)state;
    makes(STRIP(1, 0), "  a |  b", " a  b");
    makes(STRIP(0, 1), " a  | b ", " a  b");
    makes(STRIP(2, 2), "   a   |  |   ", " a ");
    makes(STRIP(0, 0), " a ", " a ");
    makes("{\"type\":\"Strip\",\"content\":\"é\",\"start\":1,\"stop\":1}", "ééaéé|é", "éaé");
}

static void strips_of_the_fused_text_over_its_tokens(void **state)
{
    (void)state;
    makes(SEQUENCE(FUSE "," STRIP(1, 0)), "  a| b", " a b");
    makes(SEQUENCE(FUSE "," STRIP(3, 0)), " | |  a| b", " a b");
    makes(SEQUENCE(FUSE "," STRIP(3, 0)), " |a| b", "a b");
}

static void orders_that_cannot_be_streamed_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *json, *sentence;
    } bad[] = {
        { SEQUENCE(FUSE "," REPLACE),
            "tokenizer.json: decoders: Replace after a fused text is not supported" },
        { SEQUENCE(FUSE "," FALLBACK),
            "tokenizer.json: decoders: ByteFallback after a fused text is not supported" },
        { SEQUENCE(FALLBACK "," STRIP(1, 0)),
            "tokenizer.json: decoders: Strip after ByteFallback is not supported" },
        { SEQUENCE(FALLBACK "," REPLACE),
            "tokenizer.json: decoders: Replace after ByteFallback is not supported" },
        { SEQUENCE("{\"type\":\"ByteLevel\"}," REPLACE),
            "tokenizer.json: decoders: Replace after a fused text is not supported" },
        { SEQUENCE(FUSE "," STRIP(0, 1)),
            "tokenizer.json: decoder.decoders[1]: expected no Strip at the end of a fused text, "
            "found an object" },
        { SEQUENCE(FUSE "," STRIP(1, 0) "," STRIP(1, 0)),
            "tokenizer.json: decoder.decoders[2]: expected one Strip of a fused text, found an "
            "object" },
        { SEQUENCE(FUSE ",{\"type\":\"Strip\",\"content\":\"é\",\"start\":1,\"stop\":0}"),
            "tokenizer.json: decoder.decoders[1]: expected a Strip of an ASCII character from a "
            "fused text, found an object" },
        { "{\"type\":\"Strip\",\"content\":\"ab\",\"start\":1,\"stop\":0}",
            "tokenizer.json: decoder.content: expected one character, found \"ab\"" },
        { "{\"type\":\"Strip\",\"content\":\"\",\"start\":1,\"stop\":0}",
            "tokenizer.json: decoder.content: expected one character, found \"\"" },
        { "{\"type\":\"Strip\",\"content\":\" \",\"start\":-1,\"stop\":0}",
            "tokenizer.json: decoder.start: expected an integer in 0..1048576, found -1" },
        { "{\"type\":\"Strip\",\"content\":\" \",\"start\":1}",
            "tokenizer.json: decoder.stop: expected an integer in 0..1048576, found nothing" },
        { "{\"type\":\"CTC\"}",
            "tokenizer.json: decoders: \"CTC\" is not supported (supported: ByteFallback, "
            "ByteLevel, Fuse, Metaspace, Replace, Strip)" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        decoder d;
        int64_t before = mem_balance();
        assert_int_not_equal(read_text(bad[i].json, &d), CADRE_OK);
        assert_string_equal(cadre_last_error(), bad[i].sentence);
        decoder_free(&d);
        assert_int_equal(mem_balance(), before);
    }
}

static void what_a_decoder_does_to_bytes_is_known(void **state)
{
    (void)state;
    decoder d;
    succeeds(read_text(SEQUENCE(FALLBACK "," FUSE "," STRIP(1, 0)), &d));
    assert_true(d.fused && d.bytes && !d.byte_fallback);
    assert_int_equal(d.count, 2);
    decoder_free(&d);
    succeeds(read_text(SEQUENCE(REPLACE), &d));
    assert_true(!d.fused && !d.bytes);
    decoder_free(&d);
    succeeds(read_text(FALLBACK, &d));
    assert_true(d.byte_fallback && d.bytes && !d.fused);
    decoder_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_steps_tokens_are_parted_by_spaces),
        cmocka_unit_test(visible_characters_are_bytes_again),
        cmocka_unit_test(byte_tokens_are_bytes),
        cmocka_unit_test(patterns_are_replaced_in_each_token),
        cmocka_unit_test(a_metaspace_is_a_space_but_for_the_first),
        cmocka_unit_test(strips_of_each_token),
        cmocka_unit_test(strips_of_the_fused_text_over_its_tokens),
        cmocka_unit_test(orders_that_cannot_be_streamed_are_refused),
        cmocka_unit_test(what_a_decoder_does_to_bytes_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
