/* result_test.c - a benchmark's line is one object of JSON, given once, or none at all. */
#include "bench/result.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "support/succeeds.h"

typedef struct heard {
    int lines;
    char text[256];
} heard;

static void hear(void *arg, const char *line)
{
    heard *h = arg;
    h->lines++;
    snprintf(h->text, sizeof h->text, "%s", line);
}

static cadre_status say(heard *h)
{
    json_writer w = result_new();
    json_put_string(&w, "what", "a \"kind\"\n");
    json_put_int(&w, "m", 512);
    json_put_real(&w, "ratio", 0.25);
    json_put_null(&w, "other");
    return result_put(&w, hear, h);
}

static void a_line_is_one_object(void **state)
{
    (void)state;
    heard h = { 0 };
    int64_t before = mem_balance();
    succeeds(say(&h));
    assert_int_equal(h.lines, 1);
    assert_null(strchr(h.text, '\n'));
    json_t *line = json_loads(h.text, 0, NULL);
    assert_non_null(line);
    assert_int_equal(json_object_size(line), 4);
    assert_string_equal(json_string_value(json_object_get(line, "what")), "a \"kind\"\n");
    assert_int_equal(json_integer_value(json_object_get(line, "m")), 512);
    assert_true(json_real_value(json_object_get(line, "ratio")) == 0.25);
    assert_true(json_is_null(json_object_get(line, "other")));
    json_decref(line);
    assert_int_equal(mem_balance(), before);
}

static void without_memory_there_is_no_line(void **state)
{
    (void)state;
    int64_t before = mem_balance();
    cadre_status status = CADRE_ENOMEM;
    for (int k = 1; status == CADRE_ENOMEM; k++) {
        heard h = { 0 };
        assert_true(k < 20);
        mem_fail_at(k, true);
        status = say(&h);
        mem_fail_at(0, false);
        assert_int_equal(h.lines, status == CADRE_OK);
        assert_int_equal(mem_balance(), before);
    }
    succeeds(status);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_one_object),
        cmocka_unit_test(without_memory_there_is_no_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
