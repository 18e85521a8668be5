/* corpus_lines_test.c - lines of JSON in pieces of any size, and lines that are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "text/corpus_lines.h"

static void free_domain(corpus_domain *d)
{
    mem_free(d->text);
    mem_free(d->document);
    mem_free(d->parts);
    *d = (corpus_domain){ 0 };
}

static cadre_status read_in_pieces(corpus_domain *d, const char *text, size_t piece)
{
    corpus_lines l = { .domain = d, .path = "a.jsonl" };
    cadre_status status = CADRE_OK;
    for (size_t at = 0, size = strlen(text); at < size && status == CADRE_OK; at += piece)
        status = corpus_lines_put(&l, text + at, size - at < piece ? size - at : piece);
    if (status == CADRE_OK) status = corpus_lines_end(&l);
    corpus_lines_free(&l);
    return status;
}

static const char lines[] =
    "{\"text\": \"one\"}\n\n{\"messages\": [{\"role\": \"system\", \"content\": \"Be\"}, "
    "{\"role\": "
    "\"user\", \"content\": \"Hi\"}, {\"role\": \"assistant\", \"content\": \"\"}]}\r\n \n"
    "{\"prompt\": \"\\u0041\", \"completion\": \"b\", \"other\": [1]}";

static bool begins_conversation(const char *text)
{
    return corpus_lines_begin_conversation(text, strlen(text));
}

static void the_first_line_may_be_a_conversation(void **state)
{
    (void)state;
    assert_true(begins_conversation("{\"messages\": []}"));
    assert_true(begins_conversation(" \r\n{\"messages\": []}\n{\"text\": \"a\"}\n"));
    assert_true(begins_conversation("{\"prompt\": [], \"completion\": []}\n"));
    assert_false(begins_conversation("{\"prompt\": \"a\", \"completion\": \"b\"}\n"));
    assert_false(begins_conversation("{\"text\": \"a\"}\n{\"messages\": []}\n"));
    assert_false(begins_conversation("{\"messages\": [\n"));
    assert_false(begins_conversation("[]"));
    assert_false(begins_conversation(""));
}

static void test_lines_in_pieces(void **state)
{
    (void)state;
    static const corpus_role roles[] = { CORPUS_SYSTEM, CORPUS_USER, CORPUS_ASSISTANT,
        CORPUS_PROMPT, CORPUS_COMPLETION };
    static const size_t ends[] = { 5, 7, 7, 8, 9 }, documents[] = { 3, 7, 9 },
                        parts[] = { 0, 3, 5 };
    for (size_t piece = 1; piece < sizeof lines; piece += 5) {
        corpus_domain d = { 0 };
        if (read_in_pieces(&d, lines, piece) != CADRE_OK) fail_msg("%s", cadre_last_error());
        assert_string_equal(d.text, "oneBeHiAb");
        assert_int_equal(d.documents, 3);
        for (int i = 0; i < 3; i++) {
            assert_int_equal(d.document[i].end, documents[i]);
            assert_int_equal(d.document[i].parts, parts[i]);
        }
        assert_int_equal(d.part_count, 5);
        for (int i = 0; i < 5; i++) {
            assert_int_equal(d.parts[i].end, ends[i]);
            assert_int_equal(d.parts[i].role, roles[i]);
        }
        free_domain(&d);
    }
}

/* A conversation with functions, results or thoughts is one part: what is said of it in JSON. */
static void test_conversations_with_functions(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\","
        "\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":{}}}]},{\"role\":\"tool\","
        "\"content\":\"b\"}]}",
        "{\"messages\":[{\"role\":\"assistant\",\"content\":\"a\",\"thinking\":\"b\"}],\"x\":1}",
        ("{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"tools\":[{\"type\":\"function\","
         "\"function\":{\"name\":\"f\"}}]}"),
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        corpus_domain d = { 0 };
        if (read_in_pieces(&d, texts[i], 11) != CADRE_OK) fail_msg("%s", cadre_last_error());
        assert_int_equal(d.documents, 1);
        assert_int_equal(d.part_count, 1);
        assert_int_equal(d.parts[0].role, CORPUS_CONVERSATION);
        assert_int_equal(d.parts[0].end, d.size);
        assert_memory_equal(d.text, "{\"messages\": ", 13);
        assert_null(strstr(d.text, "\"x\""));
        free_domain(&d);
    }
}

static void test_lines_that_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } cases[] = {
        { "{\"text\": \"a\"}\n{\"text\": 1}", "a.jsonl: line 2: text: expected" },
        { "{\"text\": \"a\"}\n\n{\"text\": \"a\"", "a.jsonl: line 3" },
        { "[]", "a.jsonl: line 1" },
        { "{\"prompt\": \"a\"}", "expected an object with a \"text\"" },
        { "{\"prompt\": \"a\", \"completion\": 3}", "completion: expected" },
        { "{\"messages\": {}}", "messages: expected" },
        { "{\"messages\": [1]}", "messages[0]: expected" },
        { "{\"messages\": [{\"content\": \"a\"}]}", "role" },
        { "{\"messages\": [{\"role\": \"user\"}]}", "content" },
        { "{\"messages\": [{\"role\": \"robot\", \"content\": \"a\"}]}",
            "messages[0].role: expected the role system, user or assistant" },
        { "{\"messages\": [{\"role\": \"tool\"}]}", "messages[0].content" },
        { "{\"messages\": [], \"tools\": 1}", "tools: expected" },
        { "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"system\", "
          "\"content\": \"a\"}]}",
            "messages[1].role: expected the system message first" },
        { "{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"image\"}]}]}",
            "content[0]: expected a part of the type \"text\"" },
        { "{\"messages\": [{\"role\": \"assistant\", \"content\": \"a\", \"tool_calls\": [{}]}]}",
            "tool_calls" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        corpus_domain d = { 0 };
        if (read_in_pieces(&d, cases[i].text, 7) == CADRE_OK) fail_msg("%s", cases[i].text);
        if (!strstr(cadre_last_error(), cases[i].words))
            fail_msg("\"%s\" is not in \"%s\"", cases[i].words, cadre_last_error());
        free_domain(&d);
    }
}

static void test_what_begins_lines(void **state)
{
    (void)state;
    assert_true(corpus_lines_begin(" \n\r\n{", 5));
    assert_false(corpus_lines_begin(" \n\r\n{", 4));
    assert_false(corpus_lines_begin("[1]", 3));
}

/* Wherever memory runs out, nothing is left behind. */
static void test_memory_that_runs_out(void **state)
{
    (void)state;
    int n = 0;
    for (cadre_status status = CADRE_ENOMEM; status != CADRE_OK;) {
        corpus_domain d = { 0 };
        int64_t before = mem_balance();
        mem_fail_at(++n, false);
        status = read_in_pieces(&d, lines, 9);
        mem_fail_at(0, false);
        free_domain(&d);
        assert_int_equal(mem_balance(), before);
        if (status != CADRE_OK) assert_int_equal(status, CADRE_ENOMEM);
    }
    assert_true(n > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_line_may_be_a_conversation),
        cmocka_unit_test(test_lines_in_pieces),
        cmocka_unit_test(test_conversations_with_functions),
        cmocka_unit_test(test_lines_that_are_refused),
        cmocka_unit_test(test_what_begins_lines),
        cmocka_unit_test(test_memory_that_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
