/* layer_public_test.c - the sparse layer that a stranger's program uses, through cadre.h alone:
 * gradients, steps, capacity, refusals, and the same bits for any number of threads. */
#include "cadre.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/gradient.h"
#include "support/within.h"

enum { WIDTH = 6, HIDDEN = 5, EXPERTS = 4, TOPK = 2, TOKENS = 10, NUMBERS = TOKENS * WIDTH };

static const int64_t two_sequences[] = { 0, 4, TOKENS };

typedef struct fixture {
    cadre_context *context;
    cadre_moe *moe;
    cadre_moe_batch batch;
    cadre_real x[NUMBERS], y[NUMBERS], dy[NUMBERS], dx[NUMBERS], losses[2];
} fixture;

static cadre_moe_shape shape_of(const char *router, const char *form)
{
    return (cadre_moe_shape){ .size = sizeof(cadre_moe_shape),
        .width = WIDTH,
        .hidden = HIDDEN,
        .experts = EXPERTS,
        .topk = TOPK,
        .router = router,
        .form = form,
        .tokens = TOKENS,
        .sequences = 2 };
}

/* settings: "name=value" pairs, NULL after the last. */
static cadre_status try_new(cadre_context *context, const cadre_moe_shape *shape,
    const char *const *settings, cadre_moe **moe)
{
    cadre_option_table table = cadre_routing_options();
    cadre_options *o;
    assert_int_equal(cadre_options_new(&table, 1, &o), CADRE_OK);
    for (; settings && *settings; settings++) {
        char name[64];
        const char *value = strchr(*settings, '=');
        memcpy(name, *settings, (size_t)(value - *settings));
        name[value - *settings] = 0;
        assert_int_equal(cadre_options_set(o, name, value + 1), CADRE_OK);
    }
    cadre_status status = cadre_moe_new(context, shape, o, 5, moe);
    cadre_options_free(o);
    return status;
}

static void enliven(fixture *f) /* weights far from each other, so that picks are sure */
{
    for (int64_t i = 0; i < cadre_moe_parameters(f->moe); i++) {
        cadre_moe_parameter p = cadre_moe_parameter_at(f->moe, i);
        gradient_fill(p.values, p.rows * p.cols, 100 + (uint64_t)i, p.gradient ? 0.8 : 0.1);
    }
}

static fixture *open_case(const cadre_moe_shape *shape, const char *const *settings, int threads)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_int_equal(cadre_context_new(threads, NULL, &f->context), CADRE_OK);
    assert_int_equal(try_new(f->context, shape, settings, &f->moe), CADRE_OK);
    f->batch = (cadre_moe_batch){
        .tokens = TOKENS, .sequences = 2, .start = two_sequences, .train = true
    };
    enliven(f);
    gradient_fill(f->x, NUMBERS, 1, 1);
    gradient_fill(f->dy, NUMBERS, 2, 1);
    return f;
}

static void close_case(fixture *f)
{
    cadre_moe_free(f->moe);
    cadre_context_free(f->context);
    free(f);
}

static void forward(void *arg)
{
    fixture *f = arg;
    double aux, z;
    cadre_moe_step_begin(f->moe, 3, 2, TOKENS);
    assert_int_equal(cadre_moe_forward(f->moe, &f->batch, f->x, f->y), CADRE_OK);
    cadre_moe_losses(f->moe, &aux, &z);
    f->losses[0] = (cadre_real)aux, f->losses[1] = (cadre_real)z;
}

static void check_gradients(const cadre_moe_shape *shape, const char *const *settings)
{
    static const cadre_real ones[] = { 1, 1 };
    fixture *f = open_case(shape, settings, 1);
    gradient_loss loss = {
        .forward = forward, .state = f, .part = { { f->y, f->dy, NUMBERS }, { f->losses, ones, 2 } }
    };
    forward(f);
    assert_int_equal(cadre_moe_backward(f->moe, f->dy, f->dx), CADRE_OK);
    gradient_check(&loss, "x", f->x, f->dx, NUMBERS);
    for (int64_t i = 0; i < cadre_moe_parameters(f->moe); i++) {
        cadre_moe_parameter p = cadre_moe_parameter_at(f->moe, i);
        if (p.gradient) gradient_check(&loss, p.name, p.values, p.gradient, p.rows * p.cols);
    }
    close_case(f);
}

static void test_every_parameter_has_its_gradient(void **state)
{
    (void)state;
    static const char *const losses[] = { "aux-loss=0.1", "z-loss=0.05", "route-scale=1.5", NULL };
    cadre_moe_shape plain = shape_of(NULL, NULL), full = shape_of("softmax-renorm", "swiglu"),
                    gptoss = shape_of("topk-softmax", "gpt-oss");
    full.shared = 3, full.shared_gated = true;
    gptoss.expert_bias = gptoss.router_bias = true, gptoss.limit = 7;
    cadre_moe_shape relu = shape_of("sigmoid-bias", "relu");
    relu.shared = 4, relu.expert_bias = true;
    check_gradients(&plain, losses);
    check_gradients(&full, losses);
    check_gradients(&gptoss, NULL);
    check_gradients(&relu, losses);
}

static void test_names_and_shapes(void **state)
{
    (void)state;
    cadre_moe_shape shape = shape_of("sigmoid-bias", "swiglu");
    shape.shared = 3, shape.shared_gated = shape.expert_bias = shape.router_bias = true;
    fixture *f = open_case(&shape, NULL, 1);
    assert_int_equal(cadre_moe_parameters(f->moe), 3 + 6 * EXPERTS + 4);
    int64_t seen = 0;
    for (int64_t i = 0; i < cadre_moe_parameters(f->moe); i++) {
        cadre_moe_parameter p = cadre_moe_parameter_at(f->moe, i);
        if (!strcmp(p.name, "experts.down") && p.expert == 2)
            seen += p.rows == WIDTH && p.cols == HIDDEN;
        if (!strcmp(p.name, "router.correction"))
            seen += p.expert == -1 && p.cols == EXPERTS && !p.gradient;
        if (!strcmp(p.name, "shared.weight")) seen += p.rows == 1 && p.cols == WIDTH;
    }
    assert_int_equal(seen, 3);
    close_case(f);
}

static void test_gradients_of_a_step_add_up(void **state)
{
    (void)state;
    cadre_moe_shape shape = shape_of(NULL, NULL);
    fixture *f = open_case(&shape, NULL, 1);
    cadre_moe_parameter p = cadre_moe_parameter_at(f->moe, 1);
    cadre_real once[WIDTH * HIDDEN];
    forward(f);
    assert_int_equal(cadre_moe_backward(f->moe, f->dy, f->dx), CADRE_OK);
    memcpy(once, p.gradient, sizeof once);
    assert_int_equal(cadre_moe_forward(f->moe, &f->batch, f->x, f->y), CADRE_OK);
    assert_int_equal(cadre_moe_backward(f->moe, f->dy, f->dx), CADRE_OK);
    for (int i = 0; i < WIDTH * HIDDEN; i++) assert_within(p.gradient[i], 2 * once[i], 1e-4);
    forward(f); /* a new step starts afresh */
    assert_int_equal(cadre_moe_backward(f->moe, f->dy, f->dx), CADRE_OK);
    assert_memory_equal(p.gradient, once, sizeof once);
    close_case(f);
}

static void test_metrics_count_every_pick_once(void **state)
{
    (void)state;
    cadre_moe_shape shape = shape_of("sigmoid-bias", NULL);
    fixture *f = open_case(&shape, (const char *const[]){ "bias-update-rate=0.5", NULL }, 1);
    bool valid[TOKENS];
    memset(valid, 1, sizeof valid);
    valid[7] = false;
    f->batch.valid = valid;
    forward(f);
    cadre_moe_batch evaluation = f->batch;
    evaluation.train = false;
    /* Counts nothing */
    assert_int_equal(cadre_moe_forward(f->moe, &evaluation, f->x, f->y), CADRE_OK);
    assert_int_equal(cadre_moe_step_end(f->moe), CADRE_OK);
    const int64_t *count;
    cadre_moe_metrics m = cadre_moe_metrics_get(f->moe, &count);
    int64_t most = 0, sum = 0;
    for (int e = 0; e < EXPERTS; e++) sum += count[e], most = count[e] > most ? count[e] : most;
    assert_int_equal(sum, (TOKENS - 1) * TOPK);
    assert_within(m.max_vio, (double)most * EXPERTS / (double)sum - 1, 1e-12);
    cadre_moe_routes r = cadre_moe_routes_get(f->moe);
    /* padding */
    assert_true(r.tokens == TOKENS && r.edges == (TOKENS - 1) * TOPK && r.start[7] == r.start[8]);
    /* The bias moved against the load */
    for (int64_t i = 0; i < cadre_moe_parameters(f->moe); i++) {
        cadre_moe_parameter p = cadre_moe_parameter_at(f->moe, i);
        cadre_real before[EXPERTS];
        if (p.gradient) continue;
        gradient_fill(before, EXPERTS, 100 + (uint64_t)i, 0.1);
        for (int e = 0; e < EXPERTS; e++)
            assert_within(p.values[e] - before[e],
                count[e] * EXPERTS > sum   ? -0.5
                : count[e] * EXPERTS < sum ? 0.5
                                           : 0,
                1e-6);
    }
    close_case(f);
}

static void test_capacity_says_who_was_dropped(void **state)
{
    (void)state;
    cadre_moe_shape shape = shape_of(NULL, NULL);
    fixture *f = open_case(&shape, (const char *const[]){ "capacity-slots=1", NULL }, 1);
    forward(f);
    cadre_moe_routes r = cadre_moe_routes_get(f->moe);
    cadre_moe_overflow o;
    int64_t cursor = 0, lost = 0;
    while (cadre_moe_next_overflow(f->moe, &cursor, &o)) {
        assert_int_equal(o.instead, -1);
        assert_int_equal(r.row[r.start[o.token] + o.rank], -1);
        lost++;
    }
    assert_int_equal(r.capacity, 1);
    assert_true(lost == r.dropped && lost >= TOKENS * TOPK - 2 * EXPERTS);
    close_case(f);
}

static void test_threads_change_no_bit(void **state)
{
    (void)state;
    static const char *const settings[] = { "aux-loss=0.1", "jitter=0.1", "expert-dropout=0.2",
        NULL };
    cadre_real y[NUMBERS], dx[NUMBERS];
    for (int threads = 1; threads <= 3; threads++) {
        cadre_moe_shape shape = shape_of(NULL, NULL);
        fixture *f = open_case(&shape, settings, threads);
        forward(f);
        assert_int_equal(cadre_moe_backward(f->moe, f->dy, f->dx), CADRE_OK);
        if (threads == 1) memcpy(y, f->y, sizeof y), memcpy(dx, f->dx, sizeof dx);
        assert_memory_equal(y, f->y, sizeof y);
        assert_memory_equal(dx, f->dx, sizeof dx);
        close_case(f);
    }
}

/* Trap: jitter that is added to the input. Nothing times anything is nothing: every logit is 0, and
 * ties go to the first experts. */
static void test_jitter_multiplies(void **state)
{
    (void)state;
    cadre_moe_shape shape = shape_of(NULL, NULL);
    fixture *f = open_case(&shape, (const char *const[]){ "jitter=0.9", NULL }, 1);
    memset(f->x, 0, sizeof f->x);
    forward(f);
    cadre_moe_routes r = cadre_moe_routes_get(f->moe);
    for (int64_t t = 0; t < r.tokens; t++)
        for (int64_t i = r.start[t]; i < r.start[t + 1]; i++)
            assert_int_equal(r.expert[i], i - r.start[t]);
    close_case(f);
}

static void refused(cadre_context *context, const cadre_moe_shape *shape,
    const char *const *settings, const char *phrase)
{
    cadre_moe *moe = NULL;
    assert_int_equal(try_new(context, shape, settings, &moe), CADRE_EARGUMENT);
    assert_null(moe);
    if (!strstr(cadre_last_error(), phrase))
        fail_msg("'%s' does not say '%s'", cadre_last_error(), phrase);
}

static void test_what_cannot_be_is_refused(void **state)
{
    (void)state;
    cadre_context *context;
    assert_int_equal(cadre_context_new(1, NULL, &context), CADRE_OK);
    cadre_moe_shape s = shape_of("nonsense", NULL);
    refused(context, &s, NULL, "router");
    s = shape_of(NULL, "nonsense"), refused(context, &s, NULL, "expert-form");
    s = shape_of(NULL, NULL), s.topk = EXPERTS + 1, refused(context, &s, NULL, "topk");
    s = shape_of(NULL, NULL), s.width = 0, refused(context, &s, NULL, "width");
    s = shape_of(NULL, NULL), s.tokens = 0, refused(context, &s, NULL, "batch");
    s = shape_of(NULL, NULL), s.shared_gated = true, refused(context, &s, NULL, "shared");
    s = shape_of(NULL, NULL), s.size = 1, refused(context, &s, NULL, "size");
    s = shape_of(NULL, NULL),
    refused(context, &s, (const char *const[]){ "top-p=0.5", NULL }, "top-p");
    cadre_context_free(context);
}

static void test_wrong_calls_are_refused(void **state)
{
    (void)state;
    cadre_moe_shape shape = shape_of(NULL, NULL);
    fixture *f = open_case(&shape, NULL, 1);
    const int64_t falling[] = { 0, 12, TOKENS };
    /* No forward yet */
    assert_int_equal(cadre_moe_backward(f->moe, f->dy, f->dx), CADRE_EARGUMENT);
    cadre_moe_batch large = { .tokens = TOKENS + 1, .train = true }, wrong = f->batch;
    wrong.start = falling;
    assert_int_equal(cadre_moe_forward(f->moe, &large, f->x, f->y), CADRE_EARGUMENT);
    assert_int_equal(cadre_moe_forward(f->moe, &wrong, f->x, f->y), CADRE_EARGUMENT);
    forward(f);
    assert_int_equal(cadre_moe_backward(f->moe, f->dy, f->dx), CADRE_OK);
    /* Once is enough */
    assert_int_equal(cadre_moe_backward(f->moe, f->dy, f->dx), CADRE_EARGUMENT);
    close_case(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_parameter_has_its_gradient),
        cmocka_unit_test(test_names_and_shapes),
        cmocka_unit_test(test_gradients_of_a_step_add_up),
        cmocka_unit_test(test_metrics_count_every_pick_once),
        cmocka_unit_test(test_capacity_says_who_was_dropped),
        cmocka_unit_test(test_threads_change_no_bit),
        cmocka_unit_test(test_jitter_multiplies),
        cmocka_unit_test(test_what_cannot_be_is_refused),
        cmocka_unit_test(test_wrong_calls_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
