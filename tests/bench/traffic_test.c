/* traffic_test.c - bytes counted for a pass against the shapes of the model, and the lines of the
 * benchmarks that use them. */
#include "bench/traffic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "infer/runner.h"
#include "support/scratch.h"
#include "support/small_run.h"
#include "support/succeeds.h"

enum { WIDTH = 16, HIDDEN = 12, EXPERTS = 8, LAYERS = 2, VOCAB = 512 }; /* of small_run.h's olmoe */

static cadre_context *context;
static cadre_model *model;

static int begin(void **state)
{
    (void)state;
    const char *path = scratch_file("olmoe.gguf");
    cadre_options *o = small_options("olmoe");
    succeeds(cadre_context_new(2, NULL, &context));
    succeeds(cadre_init(context, o, NULL, "bf16", path, NULL));
    succeeds(cadre_model_open(context, path, &model));
    cadre_options_free(o);
    return 0;
}

static int end(void **state)
{
    (void)state;
    cadre_model_close(model);
    cadre_context_free(context);
    return 0;
}

/* bf16 matrices; routers (as every GGUF has them) and vectors in float. */
static void an_expert_counts_once_a_pass(void **state)
{
    (void)state;
    const int32_t same[] = { 7, 7, 7 };
    session sessions[3];
    runner_chunk chunks[3];
    runner r;
    traffic t;
    int64_t expert = 3 * WIDTH * HIDDEN * 2,
            layer = 4 * WIDTH * WIDTH * 2 + 4 * WIDTH * 4 + EXPERTS * WIDTH * 4;
    succeeds(traffic_open(model, &t));
    assert_int_equal(t.expert[0], expert);
    assert_int_equal(t.dense, LAYERS * layer + WIDTH * 4 + VOCAB * WIDTH * 2);
    succeeds(runner_open(model, 3, 3, 4, &r));
    r.watch = traffic_watch;
    r.watch_arg = &t;
    for (int i = 0; i < 3; i++) {
        succeeds(session_open(model, 4, &sessions[i]));
        chunks[i] = (runner_chunk){ &sessions[i], same + i, 1 };
    }
    runner_feed(&r, chunks, 3); /* three sequences alike choose the same two experts */
    assert_int_equal(t.experts_read, LAYERS * 2 * expert);
    for (int i = 0; i < 3; i++) session_close(&sessions[i]);
    runner_close(&r);
    traffic_close(&t);
}

static void take_line(void *arg, const char *line) { strncpy(arg, line, 255); }

static double value_of(const char *line, const char *key)
{
    const char *at = strstr(line, key);
    if (!at) fail_msg("no %s in %s", key, line);
    return strtod(at + strlen(key) + 2, NULL);
}

static void lines_hold_what_was_measured(void **state)
{
    (void)state;
    char line[256] = "";
    succeeds(cadre_bench_decode(model, 3, 2, 70, take_line, line));
    double rate = value_of(line, "\"tokens_per_second\""),
           bytes = value_of(line, "\"bytes_per_token\"");
    double share =
        value_of(line, "\"bandwidth_fraction\"") / (rate * bytes / value_of(line, "\"bandwidth\""));
    assert_true(rate > 0 && bytes > 0);
    assert_true(share > 0.999 && share < 1.001);
    succeeds(cadre_bench_prefill(model, 9, take_line, line));
    assert_true(value_of(line, "\"tokens\"") == 9);
    assert_true(
        value_of(line, "\"tokens_per_second\"") > 0 && value_of(line, "\"peak_fraction\"") > 0);
    assert_int_equal(cadre_bench_decode(model, 0, 1, 0, take_line, line), CADRE_EARGUMENT);
    assert_int_equal(cadre_bench_prefill(model, 0, take_line, line), CADRE_EARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_expert_counts_once_a_pass),
        cmocka_unit_test(lines_hold_what_was_measured),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
