/* rank_log_test.c - what several ranks did: its sums and shares, the files that are refused, and
 * the section of the report. */
#include "report/rank_log.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "report/sections.h"
#include "support/scratch.h"

#define LINE(step, seconds, calls)                                                                 \
    "{\"step\":" step ",\"parallel\":\"expert=2\",\"expert_ranks\":2,\"rows_sent\":[3,5],"         \
    "\"rows_received\":[3,5],\"bytes_sent\":[30,50],\"bytes_received\":[40,60],\"step_"            \
    "seconds\":" seconds ",\"call_seconds\":" calls "}\n"

static const char *written(const char *text)
{
    const char *path = scratch_file("ranks.jsonl");
    assert_int_equal(file_write(path, text, strlen(text)), CADRE_OK);
    return path;
}

static void equals(double found, double expected) { assert_true(fabs(found - expected) < 1e-12); }

/* In either step one rank is slower, which the other waits for: the exchange takes 1 second. */
static void test_shares(void **state)
{
    (void)state;
    rank_log log;
    const char *path = written(LINE("1", "[10,10]", "[1,4]") LINE("2", "[10,10]", "[3,1]"));
    assert_int_equal(rank_log_read(path, &log), CADRE_OK);
    assert_int_equal(log.ranks, 2);
    assert_int_equal(log.steps, 2);
    assert_string_equal(log.layout, "expert=2");
    equals(log.work[1].rows_sent, 10);
    equals(log.work[0].bytes_received, 80);
    rank_shares a = rank_shares_of(&log, 0), b = rank_shares_of(&log, 1);
    equals(a.computing, 0.8);
    equals(a.waiting, 0.1);
    equals(a.exchanging, 0.1);
    equals(b.computing, 0.75);
    equals(b.waiting, 0.15);
    rank_log_free(&log);
}

/* A run that goes on with other ranks begins its sums again. */
static void test_other_ranks(void **state)
{
    (void)state;
    rank_log log;
    const char *three = "{\"step\":2,\"rows_sent\":[1,1,1],\"rows_received\":[1,1,1],"
                        "\"bytes_sent\":[1,1,1],\"bytes_received\":[1,1,1],"
                        "\"step_seconds\":[1,1,1],\"call_seconds\":[0,0,0]}\n";
    char text[2048];
    snprintf(text, sizeof text, "%s%s", LINE("1", "[10,10]", "[1,4]"), three);
    assert_int_equal(rank_log_read(written(text), &log), CADRE_OK);
    assert_int_equal(log.ranks, 3);
    assert_int_equal(log.steps, 1);
    equals(rank_shares_of(&log, 2).computing, 1);
    rank_log_free(&log);
}

static void test_none(void **state)
{
    (void)state;
    rank_log log;
    assert_int_equal(rank_log_read(scratch_file("nothing.jsonl"), &log), CADRE_OK);
    assert_int_equal(log.ranks, 0);
    static const char *const wrong[] = { "[]\n", "{\"step_seconds\":[]}\n",
        LINE("1", "[10,10]", "[1]"), LINE("1", "[10,10]", "[1,-1]"),
        LINE("1", "[10,10]", "[1,\"x\"]") };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(rank_log_read(written(wrong[i]), &log), CADRE_EFORMAT);
}

/* Experts 0 and 1 lie on rank 0, 2 and 3 on rank 1, which has three quarters of the picks. */
static void test_section(void **state)
{
    (void)state;
    shape_layer layer = { .experts = 4, .picks = 1 };
    metric_point points[METRIC_COUNT + LAYER_METRIC_COUNT] = { 0 };
    double loads[] = { 10, 15, 75, 0 };
    training_run r = { .shape = { 1, 4, 1, &layer },
        .history = { .first = 1,
            .last = 1,
            .points = 1,
            .columns = 1,
            .layers = 1,
            .experts = 4,
            .scalar = points,
            .layer = points + METRIC_COUNT,
            .loads = loads } };
    assert_int_equal(rank_log_read(written(LINE("1", "[10,10]", "[1,4]")), &r.ranks), CADRE_OK);
    byte_buffer page = { 0 };
    section_ranks(&page, &r);
    byte_buffer_fill(&page, 0, 1);
    assert_int_equal(page.status, CADRE_OK);
    static const char *const parts[] = { "2 ranks (expert=2) took 1 steps: 75",
        "busiest rank 1.50 times the fair share", "<td>2 to 3</td><td>1.50</td>",
        "<td>0 to 1</td><td>0.50</td>" };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!strstr(page.data, parts[i])) fail_msg("no '%s' in\n%s", parts[i], page.data);
    byte_buffer_free(&page);
    rank_log_free(&r.ranks);
    section_ranks(&page, &r); /* of one process: nothing */
    assert_int_equal(page.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_other_ranks),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_section),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
