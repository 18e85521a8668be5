/* history_test.c - logs of any length in few spans of time; what a resumed run says again replaces
 * what it said before. */
#define _GNU_SOURCE
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "report/history.h"

static shape_layer layer[] = { { .experts = 2, .picks = 1 },
    { .experts = 1, .picks = 1, .first_expert = 2, .first_pick = 1 } };
static const model_shape shape = { .layers = 2, .experts = 3, .picks = 2, .layer = layer };
static char path[] = "/tmp/cadre-history-XXXXXX";
static FILE *file;

static int open_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 || !(file = fdopen(fd, "w"));
}

static int remove_file(void **state)
{
    (void)state;
    fclose(file);
    return unlink(path);
}

static void start(void)
{
    rewind(file);
    if (ftruncate(fileno(file), 0) != 0) abort();
}

static run_history read_back(void)
{
    run_history h;
    fflush(file);
    assert_int_equal(history_read(path, &shape, &h), CADRE_OK);
    return h;
}

static void long_run(void **state)
{
    (void)state;
    enum { STEPS = 100000 };
    start();
    for (int i = 1; i <= STEPS; i++)
        fprintf(file, "{\"step\":%d,\"loss\":%d,\"dead\":[0,%d],\"loads\":[[3,1],[4]]}\n", i, i,
            i == 70000 ? 1 : 0);
    run_history h = read_back();
    const metric_point *loss = history_scalar(&h, METRIC_LOSS);
    double sum = 0, picks = 0;
    int64_t count = 0;
    assert_int_equal(h.points, HISTORY_POINTS);
    assert_int_equal(h.columns, HISTORY_COLUMNS);
    for (int p = 0; p < h.points; p++) {
        sum += loss[p].sum;
        count += loss[p].count;
        assert_true(fabs(metric_mean(&loss[p]) - history_step(&h, p)) <= 1);
    }
    for (int i = 0; i < h.columns * h.experts; i++) picks += h.loads[i];
    assert_int_equal(count, STEPS);
    assert_true(sum == 0.5 * STEPS * (STEPS + 1));
    assert_true(picks == 8.0 * STEPS);
    assert_true(loss[0].low == 1 && loss[h.points - 1].high == STEPS);
    assert_true(history_greatest(&h, history_layer(&h, LAYER_DEAD, 1)) == 1);
    assert_true(history_greatest(&h, history_layer(&h, LAYER_DEAD, 0)) == 0);
    history_free(&h);
}

static void resumed_run(void **state)
{
    (void)state;
    start();
    for (int i = 1; i <= 6; i++)
        fprintf(file, "{\"step\":%d,\"loss\":100,\"loads\":[[1,0],[1]]}\n", i);
    for (int i = 4; i <= 8; i++)
        fprintf(file, "{\"step\":%d,\"loss\":7,\"loads\":[[0,1],[1]]}\n", i);
    run_history h = read_back();
    const metric_point *loss = history_scalar(&h, METRIC_LOSS);
    double loads[3];
    assert_int_equal(h.points, 8);
    for (int p = 0; p < 8; p++) {
        assert_int_equal(loss[p].count, 1);
        assert_true(loss[p].sum == (p < 3 ? 100 : 7));
        assert_true(h.loads[p * 3] == (p < 3 ? 1 : 0));
    }
    assert_int_equal(history_final_loads(&h, loads), 8);
    assert_true(loads[0] == 0 && loads[1] == 1 && loads[2] == 1);
    assert_true(history_late(&h, loss, 0.5) == 7);
    history_free(&h);
}

/* The log was cut back to before what its first line says. */
static void goes_back_before_its_beginning(void **state)
{
    (void)state;
    start();
    fprintf(file, "{\"step\":50,\"loss\":1}\n{\"step\":60,\"loss\":1}\n{\"step\":3,\"loss\":2}\n");
    run_history h = read_back();
    assert_int_equal(h.points, 1);
    assert_true(metric_mean(history_scalar(&h, METRIC_LOSS)) == 2);
    history_free(&h);
}

static void dropped_is_a_share(void **state)
{
    (void)state;
    start();
    fprintf(file, "{\"step\":1,\"dropped\":[2,0],\"loads\":[[6,2],[0]]}\n");
    run_history h = read_back();
    assert_true(metric_mean(history_layer(&h, LAYER_DROPPED, 0)) == 0.25);
    assert_true(metric_mean(history_layer(&h, LAYER_DROPPED, 1)) == 0);
    assert_false(history_any(&h, history_layer(&h, LAYER_ENTROPY, 0)));
    history_free(&h);
}

static void unfinished_line(void **state)
{
    (void)state;
    start();
    fprintf(file, "{\"step\":1,\"loss\":3}\n\n{\"step\":2,\"loss\":4}\r\n{\"step\":3,\"lo");
    run_history h = read_back();
    assert_int_equal(h.last, 2);
    assert_int_equal(h.points, 2);
    history_free(&h);
}

static void nothing_logged(void **state)
{
    (void)state;
    start();
    fprintf(file, "\n");
    run_history h = read_back();
    assert_int_equal(h.points, 0);
    history_free(&h);
    assert_int_equal(history_read("/nowhere/metrics.jsonl", &shape, &h), CADRE_OK);
    assert_int_equal(h.points, 0);
    history_free(&h);
}

static void refused(const char *line, const char *phrase)
{
    run_history h;
    start();
    fprintf(file, "{\"step\":1}\n%s\n", line);
    fflush(file);
    cadre_status status = history_read(path, &shape, &h);
    if (status != CADRE_EFORMAT || !strstr(cadre_last_error(), phrase))
        fail_msg("status %d, \"%s\", wanted \"%s\"", (int)status, cadre_last_error(), phrase);
}

static void spoilt_lines_are_refused_by_line_and_key(void **state)
{
    (void)state;
    int64_t before = mem_balance();
    refused("{\"loss\":1}", ":2: step: expected an integer in 0..4503599627370496, found nothing");
    refused("{\"step\":-1}", ":2: step: expected an integer in 0..4503599627370496, found -1");
    refused("{\"step\":2,\"loss\":\"x\"}", ":2: loss: expected a number");
    refused("{\"step\":2,\"dead\":[1]}", ":2: dead: expected 2 items, one a sparse layer");
    refused("{\"step\":2,\"dead\":[1,-1]}", ":2: dead[1]: expected ");
    refused("{\"step\":2,\"loads\":[[1,2]]}", ":2: loads: expected 2 items, one a sparse layer");
    refused(
        "{\"step\":2,\"loads\":[[1,2],[1,2]]}", ":2: loads[1]: expected 1 numbers, one an expert");
    refused("{\"step\":2,\"loads\":[[1,-2],[1]]}", ":2: loads[0][1]: expected ");
    refused("[2]", ":2: ");
    assert_int_equal(mem_balance(), before);
}

static void what_was_not_logged_is_no_number(void **state)
{
    (void)state;
    start();
    fprintf(file, "{\"step\":5,\"loss\":null,\"entropy\":[null,1.5]}\n"
                  "{\"step\":6,\"loss\":2,\"valid_loss\":3}\n");
    run_history h = read_back();
    assert_true(h.first == 5 && h.last == 6);
    assert_int_equal(h.not_finite, 1);
    assert_int_equal(history_scalar(&h, METRIC_LOSS)[0].count, 0);
    assert_false(history_any(&h, history_layer(&h, LAYER_ENTROPY, 0)));
    assert_true(history_greatest(&h, history_layer(&h, LAYER_ENTROPY, 1)) == 1.5);
    assert_true(history_late(&h, history_scalar(&h, METRIC_VALID), 1) == 3);
    assert_true(isnan(history_late(&h, history_scalar(&h, METRIC_AUX), 1)));
    history_free(&h);
}

static void a_step_that_is_said_again_counts_once(void **state)
{
    (void)state;
    start();
    fprintf(file, "{\"step\":1,\"loss\":1}\n{\"step\":2,\"loss\":5}\n{\"step\":2,\"loss\":-7}\n");
    run_history h = read_back();
    const metric_point *loss = history_scalar(&h, METRIC_LOSS);
    assert_true(loss[0].count == 1 && loss[0].sum == 1);
    assert_true(loss[1].count == 1 && loss[1].low == -7 && loss[1].high == -7);
    history_free(&h);
}

/* Ten steps: the last logged span at least, else the share that is asked for. */
static void the_end_is_the_mean_of_the_last_share(void **state)
{
    (void)state;
    start();
    for (int i = 1; i <= 10; i++) fprintf(file, "{\"step\":%d,\"loss\":%d}\n", i, i * i);
    fprintf(file, "{\"step\":11}\n");
    run_history h = read_back();
    const metric_point *loss = history_scalar(&h, METRIC_LOSS);
    assert_true(history_late(&h, loss, HISTORY_END) == 100);
    assert_true(history_late(&h, loss, 0.3) == 90.5);
    assert_true(history_late(&h, loss, 1) == 38.5);
    assert_true(history_step(&h, 0) == 1 && history_step(&h, 10) == 11);
    assert_true(history_column_step(&h, 10) == 11);
    history_free(&h);
}

static void loads_of_the_last_twentieth_are_the_final_ones(void **state)
{
    (void)state;
    double loads[3];
    start();
    for (int i = 1; i <= 40; i++)
        fprintf(file, "{\"step\":%d,\"loads\":[[%d,1],[2]]}\n", i, i == 39 ? 5 : i == 38 ? 100 : 0);
    run_history h = read_back();
    assert_int_equal(history_final_loads(&h, loads), 39);
    assert_true(loads[0] == 5 && loads[1] == 2 && loads[2] == 4);
    history_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_run),
        cmocka_unit_test(resumed_run),
        cmocka_unit_test(goes_back_before_its_beginning),
        cmocka_unit_test(dropped_is_a_share),
        cmocka_unit_test(unfinished_line),
        cmocka_unit_test(nothing_logged),
        cmocka_unit_test(spoilt_lines_are_refused_by_line_and_key),
        cmocka_unit_test(what_was_not_logged_is_no_number),
        cmocka_unit_test(the_end_is_the_mean_of_the_last_share),
        cmocka_unit_test(loads_of_the_last_twentieth_are_the_final_ones),
        cmocka_unit_test(a_step_that_is_said_again_counts_once),
    };
    return cmocka_run_group_tests(tests, open_file, remove_file);
}
