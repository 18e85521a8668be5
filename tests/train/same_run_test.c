/* same_run_test.c - which differences between a run and its checkpoint are refused, which are
 * noted, and which are ignored. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "support/small_run.h"
#include "support/succeeds.h"
#include "train/run.h"

static char notes[4096];

static void take_note(void *arg, const char *sentence)
{
    (void)arg;
    snprintf(notes + strlen(notes), sizeof notes - strlen(notes), "%s\n", sentence);
}

static const cadre_train_listener listener = { .size = sizeof listener, .note = take_note };

/* Compares the run `now` with the run `saved` of a checkpoint. Both are members of JSON objects,
 * and have the same inputs unless they name their own. */
static cadre_status compare(cadre_options *o, const char *saved, const char *now)
{
    static const char inputs[] = "\"inputs\": [{\"name\": \"en\", \"bytes\": 5, \"hash\": \"a\"}]";
    char before[512], text[512];
    bool own = strstr(now, "inputs");
    snprintf(
        before, sizeof before, "{%s%s%s}", saved, *saved && !own ? ", " : "", own ? "" : inputs);
    snprintf(text, sizeof text, "{%s%s%s}", now, *now && !own ? ", " : "", own ? "" : inputs);
    train_run r = { .options = o, .listener = &listener, .out = "there", .text = text };
    r.state.step = 4;
    notes[0] = 0;
    return same_run_compare(&r, before);
}

static void refused(const char *saved, const char *now, const char *option, const char *phrase)
{
    cadre_options *o = small_options("olmoe");
    if (option) small_set(o, option, "7");
    refuses(compare(o, saved, now), CADRE_EMISMATCH, phrase);
    assert_string_equal(notes, ""); /* a run that is refused gets no notes */
    cadre_options_free(o);
}

static void allowed(const char *saved, const char *now, const char *noted)
{
    cadre_options *o = small_options("olmoe");
    small_set(o, "schedule", "cosine");
    succeeds(compare(o, saved, now));
    assert_string_equal(notes, noted);
    cadre_options_free(o);
}

static void the_same(void **state)
{
    (void)state;
    allowed("\"width\": \"16\"", "\"width\": \"16\"", "");
    allowed("\"experts\": [\"4\", \"8\"], \"width\": \"16\"",
        "\"width\": \"16\", \"experts\": [\"4\", \"8\"]", "");
    allowed("\"tie\": true", "\"tie\": true", "");
    /* an older checkpoint has a list as text */
    allowed("\"mixer\": \"lstm,attention\"", "\"mixer\": [\"lstm\", \"attention\"]", "");
}

static void another_run(void **state)
{
    (void)state;
    refused("\"width\": \"16\"", "\"width\": \"32\"", NULL,
        "--width: expected what the run there was started with, 16, found another value, 32");
    refused("\"experts\": [\"4\", \"8\"]", "\"experts\": [\"4\", \"9\"]", NULL,
        "4,8, found another value, 4,9");
    refused("\"experts\": [\"4\", \"8\"]", "\"experts\": [\"4\"]", NULL, "4,8");
    refused("\"experts\": [\"4\"]", "\"experts\": [\"4\", \"8\"]", NULL, "4,8");
    refused("\"experts\": [\"4\", \"8\"]", "\"experts\": \"4\"", NULL, "found another value, 4");
    refused("\"mixer\": \"lstm,attention\"", "\"mixer\": [\"lstm\", \"lstm\"]", NULL,
        "lstm,attention, found another value, lstm,lstm");
    refused("\"tie\": true", "\"tie\": false", NULL, "on, found another value, off");
    refused("\"tie\": true", "", NULL, "on, found another value, not given");
    refused("\"width\": \"16\"", "", NULL, "16, found another value, not given");
    /* an option that only one of the two runs has */
    refused("", "\"topk\": \"7\"", "topk", "not given, found another value, 7");
}

/* A checkpoint may be older than an option, and then does not have it. */
static void an_older_checkpoint(void **state)
{
    (void)state;
    allowed("", "\"jitter\": \"0\"", "");
    allowed("\"no-such-option\": \"1\"", "", "");
    allowed("", "\"lr\": \"0.1\"", "");
}

static void noted(void **state)
{
    (void)state;
    allowed("\"lr\": \"0.1\"", "\"lr\": \"0.2\"", "--lr was 0.1, and is 0.2 from step 5 on\n");
    allowed("\"clip\": \"1\", \"router-lr\": \"2\"", "\"clip\": \"0\", \"router-lr\": \"3\"",
        "--clip was 1, and is 0 from step 5 on\n--router-lr was 2, and is 3 from step 5 on\n");
    allowed("\"warmup\": \"3\"", "", "--warmup was 3, and is not given from step 5 on\n");
}

/* A schedule that depends on the length gets the new length. */
static void a_new_length(void **state)
{
    (void)state;
    static const char *const names[] = { "steps", "minutes" };
    for (int i = 0; i < 2; i++)
        for (int constant = 0; constant < 2; constant++) {
            char saved[64], now[64], expected[160];
            cadre_options *o = small_options("olmoe");
            small_set(o, "schedule", constant ? "constant" : "cosine");
            snprintf(saved, sizeof saved, "\"%s\": \"4\"", names[i]);
            snprintf(now, sizeof now, "\"%s\": \"8\"", names[i]);
            snprintf(expected, sizeof expected, "--%s was 4, and is 8 from step 5 on%s\n", names[i],
                constant ? "" : ": the learning-rate schedule now has the new length");
            succeeds(compare(o, saved, now));
            assert_string_equal(notes, expected);
            cadre_options_free(o);
        }
}

static void ignored(void **state)
{
    (void)state;
    static const char *const names[] = { "data", "tokens", "from", "out", "resume", "metrics",
        "save-every", "threads", "dry-run" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char saved[64], now[64];
        snprintf(saved, sizeof saved, "\"%s\": \"a\"", names[i]);
        snprintf(now, sizeof now, "\"%s\": \"b\"", names[i]);
        allowed(saved, now, "");
    }
}

/* ---- inputs ---- */

#define INPUT(name, bytes, hash)                                                                   \
    "{\"name\": \"" name "\", \"bytes\": " #bytes ", \"hash\": \"" hash "\"}"
#define INPUTS(...) "\"inputs\": [" __VA_ARGS__ "]"

static void inputs(void **state)
{
    (void)state;
    const char en[] = INPUTS(INPUT("en", 5, "a"));
    allowed(en, en, "");
    refused(en, INPUTS(INPUT("en", 6, "b")), NULL,
        "en: expected what the run there was started with, 5 bytes, found other content, 6 bytes");
    refused(en, INPUTS(INPUT("en", 5, "b")), NULL, "found other content, 5 bytes");
    refused(en, INPUTS(INPUT("de", 5, "a")), NULL, "expected en, found de");
    refused(en, INPUTS(INPUT("en", 5, "a") ", " INPUT("de", 5, "a")), NULL,
        "expected nothing more, found de");
    refused(INPUTS(INPUT("en", 5, "a") ", " INPUT("de", 5, "a")), en, NULL,
        "expected de, found nothing more");
    allowed("\"width\": \"16\"", INPUTS(INPUT("en", 5, "a")) ", \"width\": \"16\"",
        "the checkpoint does not say what it was trained on: that the data are the same is not "
        "checked\n");
}

/* Options are compared before inputs, so that a difference of options is reported first. */
static void options_first(void **state)
{
    (void)state;
    refused("\"width\": \"16\", " INPUTS(INPUT("en", 5, "a")),
        "\"width\": \"32\", " INPUTS(INPUT("en", 5, "b")), NULL, "--width");
}

/* ---- the text that describes a run ---- */

static void text_of_a_run(void **state)
{
    (void)state;
    char *text;
    cadre_options *o = small_options("olmoe");
    small_set(o, "experts", "4,8");
    small_set(o, "threads", "3");
    small_set(o, "data", "a.txt");
    small_set(o, "tie", "yes");
    train_run r = { .options = o };
    succeeds(same_run_text(&r, &text));
    assert_non_null(strstr(text, "\"experts\": [\"4\", \"8\"]"));
    assert_non_null(strstr(text, "\"width\": \"16\""));
    assert_non_null(strstr(text, "\"tie\": true"));
    assert_non_null(strstr(text, "\"seed\": \"3\""));
    assert_non_null(strstr(text, "\"inputs\": []"));
    assert_non_null(strstr(text, "\"topk\": \"2\""));
    assert_non_null(strstr(text, "\"steps\": \"6\""));
    assert_null(strstr(text, "threads"));
    assert_null(strstr(text, "a.txt"));
    mem_free(text);
    cadre_options_free(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same),
        cmocka_unit_test(another_run),
        cmocka_unit_test(an_older_checkpoint),
        cmocka_unit_test(noted),
        cmocka_unit_test(a_new_length),
        cmocka_unit_test(ignored),
        cmocka_unit_test(inputs),
        cmocka_unit_test(options_first),
        cmocka_unit_test(text_of_a_run),
    };
    return cmocka_run_group_tests_name("the same run", tests, NULL, NULL);
}
