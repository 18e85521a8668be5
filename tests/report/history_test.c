/* history_test.c - logs of any length in few spans of time; what a resumed run says again replaces
 * what it said before. */
#define _GNU_SOURCE
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_run),
        cmocka_unit_test(resumed_run),
        cmocka_unit_test(goes_back_before_its_beginning),
        cmocka_unit_test(dropped_is_a_share),
        cmocka_unit_test(unfinished_line),
        cmocka_unit_test(nothing_logged),
    };
    return cmocka_run_group_tests(tests, open_file, remove_file);
}
