/* completion_test.c - answers that must be JSON, also after thoughts, and the worker's jobs: large
 * bodies and slow schemas. */
#define _GNU_SOURCE
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "cadre.h"
#include "support/served.h"
#include "support/succeeds.h"

/* An answer is valid for its schema even if the model has learnt almost nothing. */
static void writes_json(void **state)
{
    served *s = *state;
    static const char *const schemas[] = { "{\"enum\": [\"yes\"]}",
        "{\"type\": \"object\", \"properties\": {\"a\": {\"type\": \"boolean\"}}, \"required\": "
        "[\"a\"], \"additionalProperties\": false}" };
    static const char *const texts[] = { "\\\"yes\\\"\"", "\\\"a\\\":" };
    for (int i = 0; i < 2; i++) {
        char *body = mem_printf("{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}], "
                                "\"max_tokens\": 60, \"seed\": 1, \"response_format\": {\"type\": "
                                "\"json_schema\", \"json_schema\": {\"schema\": %s}}}",
            schemas[i]);
        expect(s, 200, "POST", C, "", body, texts[i]);
        expect(s, 200, "POST", C, "", body, "\"finish_reason\": \"stop\"");
        mem_free(body);
    }
    expect(s, 400, "POST", T, "",
        "{\"prompt\": \"a\", \"response_format\": {\"type\": \"json_schema\", \"json_schema\": "
        "{\"schema\": {\"type\": \"wizard\"}}}}",
        "\"param\": \"response_format\"");
}

/* The JSON follows a thought, which may be any text, unless thinking is turned off. */
static void thinks_before_it_writes_json(void **state)
{
    (void)state;
    served s;
    cadre_server_options o = served_options();
    o.template_name = "qwen3-thinking";
    served_start(&s, o);
    static const char ask[] =
        "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}], "
        "\"max_tokens\": 9, \"response_format\": {\"type\": \"json_object\"}}";
    expect(&s, 200, "POST", C, "", ask, "\"content\": \"\"");
    expect(&s, 200, "POST", C, "", ask, "\"reasoning_content\": \"");
    served_stop(&s);
    o.template_name = "qwen3";
    served_start(&s, o);
    expect(&s, 200, "POST", C, "",
        "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}], \"max_tokens\": 60, "
        "\"chat_template_kwargs\": {\"enable_thinking\": false}, \"response_format\": {\"type\": "
        "\"json_schema\", \"json_schema\": {\"schema\": {\"enum\": [\"yes\"]}}}}",
        "\\\"yes\\\"\"");
    served_stop(&s);
}

/* A body of megabytes is read in the worker: others are answered meanwhile, and the job of a client
 * that disconnects is dropped. */
static void reads_large_bodies_in_the_worker(void **state)
{
    served *s = *state;
    enum { LARGE = 3 << 20 };
    char *head =
        mem_printf("POST /tokenize HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
                   "{\"content\": \"",
            LARGE + 15);
    char *text = malloc(LARGE);
    assert_non_null(text);
    for (int i = 0; i < LARGE; i++) text[i] = (char)(i % 5 ? 'a' + i % 23 : ' ');
    for (int leaves = 0; leaves < 2; leaves++) {
        client c = visit(s);
        say(&c, head);
        say_bytes(&c, text, LARGE);
        double begun = clock_seconds();
        say(&c, "\"}");
        if (leaves) {
            leave(&c);
            continue;
        }
        expect(s, 200, "POST", "/tokenize", "", "{\"content\": \"the\"}", "{\"tokens\": [");
        double others = clock_seconds() - begun;
        assert_non_null(hear_until(&c, "{\"tokens\": ["));
        assert_true(others < 0.5 || others < clock_seconds() - begun);
        leave(&c);
    }
    char *prompt = malloc(LARGE + 64);
    assert_non_null(prompt);
    int at = sprintf(prompt, "{\"prompt\": \"");
    memcpy(prompt + at, text, LARGE);
    strcpy(prompt + at + LARGE, "\"}");
    expect(s, 400, "POST", T, "", prompt, "context_length_exceeded");
    free(prompt);
    free(text);
    mem_free(head);
}

/* Both bodies are read before either request is submitted, but each request draws from its own
 * seed. */
static void large_bodies_have_seeds_of_their_own(void **state)
{
    served *s = *state;
    enum { LARGE = 2 << 20 };
    static const char begin[] =
        "{\"prompt\": \"a\", \"max_tokens\": 24, \"temperature\": 1, \"user\": \"";
    client c[2];
    answer a[2];
    char *head =
        mem_printf("POST " T " HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n%s",
            sizeof begin - 1 + LARGE + 2, begin);
    char *text = malloc(LARGE);
    assert_non_null(text);
    memset(text, 'x', LARGE);
    for (int i = 0; i < 2; i++) {
        c[i] = visit(s);
        say(&c[i], head);
        say_bytes(&c[i], text, LARGE);
    }
    for (int i = 0; i < 2; i++) say(&c[i], "\"}");
    for (int i = 0; i < 2; i++) {
        a[i] = hear(&c[i]);
        assert_int_equal(a[i].status, 200);
        leave(&c[i]);
    }
    const char *texts[2] = { strstr(a[0].body, "\"text\""), strstr(a[1].body, "\"text\"") };
    assert_non_null(texts[0]);
    assert_non_null(texts[1]);
    assert_string_not_equal(texts[0], texts[1]);
    for (int i = 0; i < 2; i++) free(a[i].body);
    free(text);
    mem_free(head);
}

static bool has_heard(const client *c)
{
    struct pollfd p = { .fd = c->socket, .events = POLLIN };
    return poll(&p, 1, 0) > 0;
}

/* Schemas in small bodies that take long to compile: other clients are answered before them. There
 * are three tries, because this thread may be delayed for longer than that. */
static void compiles_schemas_in_the_worker(void **state)
{
    served *s = *state;
    bool aside = false;
    char *schema = mem_printf("%s", "{\"type\": \"object\", \"properties\": {");
    for (int i = 0; i < 60; i++) {
        char *more = mem_printf("%s%s\"p%d\": {\"allOf\": [{\"pattern\": \"^x$\"}, {\"pattern\": "
                                "\"^(a|b|c|d|e|f|g|h)*a(a|b|c|d|e|f|g|h){10}%d$\"}]}",
            schema, i ? ", " : "", i, i);
        mem_free(schema);
        schema = more;
    }
    char *body = mem_printf("{\"prompt\": \"a\", \"response_format\": {\"type\": \"json_schema\", "
                            "\"json_schema\": {\"schema\": %s}}}}}",
        schema);
    for (int tries = 0; tries < 3 && !aside; tries++) {
        client c[4];
        for (int i = 0; i < 4; i++) c[i] = visit(s);
        for (int i = 0; i < 4; i++) ask(&c[i], "POST", T, "", body);
        usleep(20000);
        expect(s, 200, "GET", "/health", "", "", "ok");
        aside = !has_heard(&c[3]);
        for (int i = 0; i < 4; i++) {
            answer a = hear(&c[i]);
            assert_int_equal(a.status, 400);
            assert_non_null(strstr(a.body, "too many states"));
            free(a.body);
            leave(&c[i]);
        }
    }
    assert_true(aside);
    client gone = visit(s);
    ask(&gone, "POST", T, "", body);
    leave(&gone);
    expect(s, 200, "POST", "/tokenize", "", "{\"content\": \"the\"}", "{\"tokens\": [");
    mem_free(body);
    mem_free(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_json),
        cmocka_unit_test(thinks_before_it_writes_json),
        cmocka_unit_test(reads_large_bodies_in_the_worker),
        cmocka_unit_test(large_bodies_have_seeds_of_their_own),
        cmocka_unit_test(compiles_schemas_in_the_worker),
    };
    return cmocka_run_group_tests(tests, served_begin, served_end);
}
