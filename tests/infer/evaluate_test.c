/* evaluate_test.c - the sum over overlapping windows is what the logits of each prediction, by
 * themselves, say. */
#include "infer/evaluate.h"
#include "infer/evaluate_lookahead.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/random.h"
#include "infer/runner.h"
#include "support/scratch.h"
#include "support/small_run.h"
#include "support/succeeds.h"

enum { CONTEXT = 64, TOKENS = 1200, VOCAB = 512 };

typedef struct fixture {
    cadre_context *context;
    cadre_model *model;
    int32_t tokens[TOKENS];
} fixture;

static fixture f;

static int open_model(void **state)
{
    const char *path = scratch_file("evaluated.gguf");
    cadre_options *o = small_options("olmoe");
    small_set(o, "context", "64");
    const char *const *own = *state; /* name, value, ... */
    for (; own && *own; own += 2) small_set(o, own[0], own[1]);
    for (int64_t i = 0; i < TOKENS; i++)
        f.tokens[i] = (int32_t)(random_bits(random_key_of(1, "tokens", 0, 0), (uint64_t)i) % VOCAB);
    succeeds(cadre_context_new(2, NULL, &f.context));
    succeeds(cadre_init(f.context, o, NULL, "f32", path, NULL));
    succeeds(cadre_model_open(f.context, path, &f.model));
    cadre_options_free(o);
    return 0;
}

static int close_model(void **state)
{
    (void)state;
    cadre_model_close(f.model);
    cadre_context_free(f.context);
    succeeds(file_remove(scratch_file("evaluated.gguf")));
    return 0;
}

/* Windows begin half a window apart, the last one where it ends with the text; a token is predicted
 * in the first window that has the tokens before it. */
static int64_t window_of(int64_t predicted, int64_t count, int64_t context)
{
    int64_t start = 0, half = context > 1 ? context / 2 : 1;
    while (start + context < predicted) start += half;
    return start + context < count ? start : count - 1 - context;
}

static double nats_of(const real *logits, int32_t token)
{
    double most = -INFINITY, sum = 0;
    for (int64_t v = 0; v < VOCAB; v++) most = fmax(most, (double)logits[v]);
    for (int64_t v = 0; v < VOCAB; v++) sum += exp((double)logits[v] - most);
    return log(sum) + most - (double)logits[token];
}

/* The whole sum, prediction by prediction; `uncounted` costs nothing. */
static double expected(int64_t count, int64_t context, int32_t uncounted)
{
    runner r;
    session s;
    real logits[VOCAB];
    double sum = log(VOCAB);
    int64_t last = 0;
    if (count == 1) return sum; /* nothing stands before it */
    if (context > count - 1) context = count - 1;
    succeeds(runner_open(f.model, context, 1, context, &r));
    succeeds(session_open(f.model, context, &s));
    for (int64_t q = 1; q < count; q++) {
        int64_t start = window_of(q, count, context), from = start + session_length(&s);
        if (start != last) {
            session_rewind(&s, 0);
            from = start;
        }
        last = start;
        succeeds(runner_feed(&r, &(runner_chunk){ &s, f.tokens + from, q - from }, 1));
        runner_logits(&r, &(int64_t){ q - from - 1 }, 1, logits);
        if (f.tokens[q] != uncounted) sum += nats_of(logits, f.tokens[q]);
    }
    session_close(&s);
    runner_close(&r);
    return sum;
}

static double evaluated(int64_t count, int64_t context, const evaluation_watch *watch)
{
    double nats = 0;
    succeeds(evaluate_tokens(f.model, f.tokens, count, context, watch, &nats));
    return nats;
}

static void near_expected(int64_t count, int64_t context, int64_t own)
{
    double want = expected(count, context, -1),
           got = evaluated(count, own, &(evaluation_watch){ 0 });
    assert_true(fabs(got - want) < 1e-5 * want);
}

static void sums(void **state)
{
    (void)state;
    near_expected(1, CONTEXT, 0); /* the first token has nothing before it */
    near_expected(2, CONTEXT, 0);
    near_expected(CONTEXT, CONTEXT, 0);     /* one window, shorter than the context */
    near_expected(CONTEXT + 1, CONTEXT, 0); /* one */
    near_expected(CONTEXT + 2, CONTEXT, 0); /* two, the second of one prediction */
    near_expected(2 * CONTEXT + 17, CONTEXT, 0);
    near_expected(50, 7, 7);           /* a context that is odd */
    near_expected(TOKENS, CONTEXT, 0); /* more windows than one pass takes */
}

static void one_token_of_context(void **state)
{
    (void)state;
    near_expected(9, 1, 1);
}

static void uncounted(void **state)
{
    (void)state;
    int32_t token = f.tokens[5];
    double all = expected(300, CONTEXT, -1), rest = expected(300, CONTEXT, token),
           got = evaluated(300, 0, &(evaluation_watch){ .uncounted = &token });
    assert_true(rest < all - 1);
    assert_true(fabs(got - rest) < 1e-5 * rest);
}

/* ---- what is told of a run ---- */

typedef struct heard {
    int count[TOKENS];       /* how often each place was told */
    int64_t tokens, rows;    /* of the batches, and of their plans */
    int64_t calls, done, of; /* of the progress */
    const int64_t *place;
} heard;

static void hear_places(void *arg, const int64_t *place, int64_t tokens)
{
    heard *h = arg;
    for (int64_t p = 0; p < tokens; p++)
        if (place[p] >= 0) h->count[place[p]]++;
    h->tokens += tokens;
    h->place = place;
}

static void hear_layer(void *arg, int64_t layer, const plan *p)
{
    heard *h = arg;
    assert_non_null(h->place);
    if (layer == 0) h->rows += p->tokens;
}

static void hear_progress(void *arg, int64_t done, int64_t of)
{
    heard *h = arg;
    assert_true(done > h->done);
    h->calls++, h->done = done, h->of = of;
}

static void told(void **state)
{
    (void)state;
    heard h = { 0 };
    evaluated(TOKENS, 0,
        &(evaluation_watch){ .places = hear_places,
            .layer = hear_layer,
            .layer_arg = &h,
            .progress = hear_progress,
            .progress_arg = &h });
    for (int64_t p = 0; p < TOKENS - 1; p++) assert_int_equal(h.count[p], 1);
    assert_int_equal(h.count[TOKENS - 1], 0); /* predicts nothing */
    assert_int_equal(h.rows, h.tokens);
    assert_int_equal(h.done, TOKENS - 1);
    assert_int_equal(h.of, TOKENS - 1);
    assert_true(h.calls > 1);
}

static void refusals(void **state)
{
    (void)state;
    double nats = -1;
    const evaluation_watch none = { 0 };
    assert_int_equal(
        evaluate_tokens(f.model, f.tokens, 9, CONTEXT + 1, &none, &nats), CADRE_EARGUMENT);
    assert_int_equal(evaluate_tokens(f.model, f.tokens, 9, -1, &none, &nats), CADRE_EARGUMENT);
    const int32_t wrong[] = { 1, VOCAB };
    assert_int_equal(evaluate_tokens(f.model, wrong, 2, 0, &none, &nats), CADRE_EARGUMENT);
    cadre_interrupt();
    assert_int_equal(evaluate_tokens(f.model, f.tokens, 9, 0, &none, &nats), CADRE_EINTERRUPTED);
    cadre_interrupt_clear();
    assert_true(nats == -1);
}

/* ---- routers that look ahead ---- */

/* The losses of the predictions where each window ends with what a prediction may know. */
static double without_future(int64_t count, int64_t context)
{
    runner r;
    real logits[VOCAB];
    double sum = 0;
    enum { WINDOWS = 16, PLACES = 16 };
    int64_t half = context / 2, last = count - 1 - context;
    succeeds(runner_open(f.model, context, 1, context, &r));
    for (int64_t i = 0; i < WINDOWS; i++)
        for (int64_t k = 0; k < PLACES; k++) {
            const int32_t *window = f.tokens + last * i / (WINDOWS - 1);
            int64_t place = half + k * (context - half) / PLACES;
            succeeds(runner_feed(&r, &(runner_chunk){ NULL, window, place + 1 }, 1));
            runner_logits(&r, &place, 1, logits);
            sum += nats_of(logits, window[place + 1]);
        }
    runner_close(&r);
    return sum;
}

static void what_is_read_from_the_future(void **state)
{
    (void)state;
    lookahead_evaluation e;
    assert_true(evaluate_looks_ahead(f.model));
    succeeds(evaluate_lookahead(f.model, f.tokens, TOKENS, CONTEXT, &e));
    assert_int_equal(e.tokens, 256);
    double want = without_future(TOKENS, CONTEXT);
    assert_true(fabs(e.nats_without - want) < 1e-5 * want);
    assert_true(e.nats_with != e.nats_without);
}

/* A router that looks ahead at nothing reads nothing, to the bit; also of short texts. */
static void a_causal_router_reads_nothing(void **state)
{
    (void)state;
    static const int64_t counts[] = { TOKENS, CONTEXT + 5, 20, 3, 2, 1, 0 };
    assert_false(evaluate_looks_ahead(f.model));
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        lookahead_evaluation e;
        succeeds(evaluate_lookahead(f.model, f.tokens, counts[i], CONTEXT, &e));
        assert_true(counts[i] < 2 ? e.tokens == 0 : e.tokens > 0);
        assert_true(e.nats_with == e.nats_without);
    }
}

static const char *const recurrent[] = { "mixer", "attention,lstm", NULL },
                         *const choosing[] = { "router", "expert-choice", "capacity-factor", "2",
                             NULL },
                         *const mixing[] = { "router", "soft", NULL },
                         *const looking[] = { "router", "hash-next", NULL };

#define OF(test, options)                                                                          \
    {                                                                                              \
        #test " of " #options, test, open_model, close_model, (void *)(uintptr_t)(options)         \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        OF(what_is_read_from_the_future, choosing),
        OF(what_is_read_from_the_future, mixing),
        OF(what_is_read_from_the_future, looking),
        cmocka_unit_test_setup_teardown(a_causal_router_reads_nothing, open_model, close_model),
        cmocka_unit_test_setup_teardown(sums, open_model, close_model),
        OF(sums, recurrent),
        cmocka_unit_test_setup_teardown(one_token_of_context, open_model, close_model),
        cmocka_unit_test_setup_teardown(uncounted, open_model, close_model),
        cmocka_unit_test_setup_teardown(told, open_model, close_model),
        cmocka_unit_test_setup_teardown(refusals, open_model, close_model),
    };
    return cmocka_run_group_tests_name("evaluation", tests, NULL, NULL);
}
