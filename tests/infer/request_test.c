/* request_test.c - a request that no model runs: what it wants to read, and what ends it, of logits
 * made up here. */
#include "infer/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/interrupt.h"
#include "support/small_run.h"
#include "support/succeeds.h"

static cadre_context *context;
static cadre_model *model;
static real *logits; /* [V] */

static int begin(void **state)
{
    (void)state;
    small_model_open(NULL, &context, &model);
    logits = MEM_ARRAY(real, model->config.vocab);
    return 0;
}

static int end(void **state)
{
    (void)state;
    mem_free(logits);
    small_model_close(context, model);
    return 0;
}

typedef struct heard {
    int32_t ids[32];
    int count, most; /* most: wants no more; 0: all */
    char text[256];
} heard;

static bool listen(void *arg, int32_t id, const char *text, size_t size)
{
    heard *h = arg;
    strncat(h->text, text, size);
    if (id >= 0) h->ids[h->count++] = id;
    return !h->most || h->count < h->most;
}

static const int32_t prompt[] = { 5, 17, 3, 9, 100 };
enum { PROMPT = sizeof prompt / sizeof *prompt };
static const cadre_sampling greedy = { .size = sizeof greedy };

static void open(request *r, request_options *o, heard *h)
{
    o->sampling = &greedy;
    o->listener = listen;
    o->arg = h;
    succeeds(request_open(model, prompt, PROMPT, o, r));
    succeeds(request_begin(r, 0));
}

static void choose(request *r, int32_t token)
{
    for (int64_t i = 0; i < model->config.vocab; i++) logits[i] = i == token;
    assert_true(request_wants_logits(r));
    request_make_ready(r);
    request_draw(r, logits);
    request_take(r);
}

static void read_all(request *r) { request_read(r, request_left(r), NULL, 0); }

/* The ids of a text, each chosen in turn until the request has ended. */
static void write(request *r, const char *text)
{
    const cadre_tokenizer *t;
    int32_t *ids;
    int64_t count;
    succeeds(cadre_model_tokenizer(model, &t));
    succeeds(cadre_tokenizer_encode(t, text, strlen(text), 0, &ids, &count));
    for (int64_t i = 0; i < count && !request_ended(r); i++) {
        read_all(r);
        choose(r, ids[i]);
    }
    cadre_free(ids);
}

static void a_prompt_is_read_in_pieces(void **state)
{
    (void)state;
    heard h = { .count = 0 };
    request r;
    const int32_t *tokens;
    open(&r, &(request_options){ .limit = 3 }, &h);
    assert_int_equal(request_next(&r, 3, &tokens), 3);
    assert_int_equal(tokens[0], 5);
    request_read(&r, 3, NULL, 0);
    assert_true(r.state == REQUEST_READS && !request_wants_logits(&r));
    assert_int_equal(request_next(&r, 3, &tokens), 2);
    assert_int_equal(tokens[1], 100);
    request_read(&r, 2, NULL, 0);
    assert_true(r.state == REQUEST_WRITES && request_wants_logits(&r));
    choose(&r, 42);
    assert_int_equal(request_next(&r, 3, &tokens), 1);
    assert_int_equal(tokens[0], 42);
    assert_false(request_wants_logits(&r));
    request_close(&r);
}

static void a_limit_ends_it(void **state)
{
    (void)state;
    heard h = { .count = 0 };
    request r;
    open(&r, &(request_options){ .limit = 2 }, &h);
    for (int i = 0; i < 2; i++) {
        read_all(&r);
        choose(&r, 42);
    }
    assert_true(r.state == REQUEST_LIMIT && h.count == 2);
    request_close(&r);
    open(&r, &(request_options){ .limit = 0 }, &h);
    read_all(&r);
    assert_true(r.state == REQUEST_LIMIT && h.count == 2);
    request_close(&r);
}

static void tokens_and_listeners_end_it(void **state)
{
    (void)state;
    heard h = { .count = 0 };
    request r;
    const int32_t own[] = { 301, 44 };
    open(&r, &(request_options){ .limit = 9, .ends = own, .end_count = 2 }, &h);
    read_all(&r);
    choose(&r, 42);
    size_t told = strlen(h.text);
    read_all(&r);
    choose(&r, 44);
    assert_true(r.state == REQUEST_ENDED && h.count == 2 && strlen(h.text) == told);
    request_close(&r);
    h = (heard){ .most = 1 };
    open(&r, &(request_options){ .limit = 9 }, &h);
    read_all(&r);
    choose(&r, 42);
    assert_true(r.state == REQUEST_LEFT && h.count == 1);
    request_close(&r);
}

/* Nothing of it is told, wherever tokens begin; what only looked like one is told at the end. */
static void a_text_ends_it(void **state)
{
    (void)state;
    heard h = { .count = 0 };
    request r;
    const char *const stops[] = { "e, tw", "zzz" };
    open(&r, &(request_options){ .limit = 30, .stops = stops, .stop_count = 2 }, &h);
    write(&r, "one, two, three");
    assert_int_equal(r.state, REQUEST_STOPPED);
    assert_string_equal(h.text, "on");
    request_close(&r);
    h = (heard){ .count = 0 };
    open(&r, &(request_options){ .limit = 6, .stops = stops, .stop_count = 2 }, &h);
    for (int i = 0; i < 5; i++) write(&r, i < 3 ? "x" : "z");
    assert_string_equal(h.text, "xxx");
    write(&r, "e");
    assert_int_equal(r.state, REQUEST_LIMIT);
    assert_string_equal(h.text, "xxxzze");
    request_close(&r);
}

static void a_fault_is_kept(void **state)
{
    (void)state;
    heard h = { .count = 0 };
    request r;
    open(&r, &(request_options){ .limit = 9 }, &h);
    read_all(&r);
    for (int64_t i = 0; i < model->config.vocab; i++) logits[i] = (real)NAN;
    request_make_ready(&r);
    request_draw(&r, logits);
    request_take(&r);
    assert_true(r.state == REQUEST_FAILED && r.status == CADRE_EFORMAT && h.count == 0);
    assert_non_null(strstr(r.sentence, "the logits of token 5"));
    request_close(&r);
    open(&r, &(request_options){ .limit = 9, .may_stop = true }, &h);
    cadre_interrupt();
    request_read(&r, 1, NULL, 0);
    assert_true(r.state == REQUEST_FAILED && r.status == CADRE_EINTERRUPTED);
    request_close(&r);
    open(&r, &(request_options){ .limit = 9 }, &h); /* which is not the process's to stop */
    read_all(&r);
    choose(&r, 42);
    assert_int_equal(r.state, REQUEST_WRITES);
    cadre_interrupt_clear();
    request_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_prompt_is_read_in_pieces),
        cmocka_unit_test(a_limit_ends_it),
        cmocka_unit_test(tokens_and_listeners_end_it),
        cmocka_unit_test(a_text_ends_it),
        cmocka_unit_test(a_fault_is_kept),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
