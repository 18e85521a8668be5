/* generate_test.c - sessions that keep what they read, seeds, limits, ends and interruption. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "cadre.h"
#include "support/generation.h"
#include "support/scratch.h"
#include "support/small_run.h"
#include "support/succeeds.h"

enum { ROOM = 64 };

static const int32_t prompt[] = { 5, 17, 3, 9, 100, 42, 42, 7, 250, 11 };
static const int64_t prompt_count = sizeof prompt / sizeof *prompt;
static const cadre_sampling greedy = { .size = sizeof greedy, .top_p = 1, .repetition_penalty = 1 };

static cadre_context *context;
static cadre_model *model;

static int begin(void **state)
{
    (void)state;
    const char *path = scratch_file("qwen3.gguf");
    cadre_options *o = small_options("qwen3-moe");
    small_set(o, "context", "128");
    succeeds(cadre_context_new(1, NULL, &context));
    succeeds(cadre_init(context, o, NULL, "f32", path, NULL));
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

typedef struct heard {
    int32_t ids[ROOM];
    int64_t count, most; /* most: stops there; 0: never */
    bool interrupts;     /* at the second token */
} heard;

static bool listen(void *arg, int32_t id, const char *text, size_t size)
{
    heard *h = arg;
    (void)text, (void)size;
    if (id >= 0) h->ids[h->count++] = id;
    if (h->interrupts && h->count == 2) cadre_interrupt();
    return !h->most || h->count < h->most;
}

static heard generate(
    const int32_t *tokens, int64_t count, int64_t limit, const cadre_sampling *sampling)
{
    heard h = { .count = 0 };
    succeeds(continue_text(model, tokens, count, limit, sampling, listen, &h));
    return h;
}

static void same(const heard *a, const heard *b)
{
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->ids, b->ids, (size_t)a->count * sizeof *a->ids);
}

/* Texts that go on, go back, and begin anew, each as if it were alone. */
static void a_session_answers_as_if_it_had_read_all(void **state)
{
    (void)state;
    cadre_session *s;
    int32_t text[ROOM];
    memcpy(text, prompt, sizeof prompt);
    succeeds(cadre_session_new(model, ROOM, &s));
    const int64_t counts[] = { 4, 10, 10, 7, 1, 9 };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        heard h = { .count = 0 }, alone = generate(text, counts[i], 12, &greedy);
        succeeds(cadre_session_generate(s, text, counts[i], 12, &greedy, listen, &h));
        same(&h, &alone);
        if (i == 0) memcpy(text + 4, h.ids, 6 * sizeof *text); /* goes on with what was said */
        if (i == 3) text[0] = 9;
    }
    cadre_session_free(s);
    cadre_session_free(NULL);
}

static void a_session_has_room_for_so_many(void **state)
{
    (void)state;
    cadre_session *s;
    heard h = { .count = 0 };
    assert_int_equal(cadre_session_new(model, 0, &s), CADRE_EARGUMENT);
    succeeds(cadre_session_new(model, 12, &s));
    assert_int_equal(
        cadre_session_generate(s, prompt, prompt_count, 3, &greedy, listen, &h), CADRE_EARGUMENT);
    assert_non_null(strstr(cadre_last_error(), "at most 12 tokens"));
    succeeds(cadre_session_generate(s, prompt, prompt_count, 2, &greedy, listen, &h));
    assert_int_equal(h.count, 2);
    cadre_session_free(s);
}

static void a_seed_is_a_text(void **state)
{
    (void)state;
    cadre_sampling s = {
        .size = sizeof s, .temperature = 1, .top_p = 1, .repetition_penalty = 1, .seed = 7
    };
    heard first = generate(prompt, prompt_count, 20, &s),
          again = generate(prompt, prompt_count, 20, &s);
    same(&first, &again);
    s.seed = 8;
    heard other = generate(prompt, prompt_count, 20, &s);
    assert_memory_not_equal(first.ids, other.ids, 20 * sizeof *first.ids);
}

static void narrow_choices_are_greedy(void **state)
{
    (void)state;
    heard best = generate(prompt, prompt_count, 20, &greedy);
    const cadre_sampling narrow[] = {
        { .temperature = 5, .top_k = 1 },
        { .temperature = 5, .top_p = 1e-9 },
        { .temperature = 5, .min_p = 1 },
        { .temperature = 1e-9 },
    };
    for (size_t i = 0; i < sizeof narrow / sizeof *narrow; i++) {
        cadre_sampling sampling = narrow[i];
        sampling.size = sizeof sampling;
        heard h = generate(prompt, prompt_count, 20, &sampling);
        same(&h, &best);
    }
}

/* So strong a penalty lets nothing come twice, nor what the prompt has said. */
static void a_penalty_forbids_repetition(void **state)
{
    (void)state;
    const cadre_sampling strict = { .size = sizeof strict, .repetition_penalty = 1e6 };
    heard h = generate(prompt, prompt_count, 40, &strict);
    for (int64_t i = 0; i < h.count; i++) {
        for (int64_t j = 0; j < i; j++) assert_int_not_equal(h.ids[i], h.ids[j]);
        for (int64_t j = 0; j < prompt_count; j++) assert_int_not_equal(h.ids[i], prompt[j]);
    }
}

static void a_listener_and_an_interruption_stop(void **state)
{
    (void)state;
    heard h = { .most = 3 };
    succeeds(continue_text(model, prompt, prompt_count, 20, &greedy, listen, &h));
    assert_int_equal(h.count, 3);
    h = (heard){ .interrupts = true };
    assert_int_equal(
        continue_text(model, prompt, prompt_count, 20, &greedy, listen, &h), CADRE_EINTERRUPTED);
    assert_int_equal(h.count, 2);
    assert_int_equal(
        continue_text(model, prompt, prompt_count, 20, &greedy, listen, &h), CADRE_EINTERRUPTED);
    assert_int_equal(h.count, 2); /* the request stands until it is taken back */
    cadre_interrupt_clear();
}

static void impossible_prompts_are_refused(void **state)
{
    (void)state;
    heard h = { .count = 0 };
    const int32_t high = 512, low = -1;
    assert_int_equal(continue_text(model, prompt, 0, 1, &greedy, listen, &h), CADRE_EARGUMENT);
    assert_int_equal(continue_text(model, prompt, 1, -1, &greedy, listen, &h), CADRE_EARGUMENT);
    assert_int_equal(continue_text(model, &high, 1, 1, &greedy, listen, &h), CADRE_EARGUMENT);
    assert_int_equal(continue_text(model, &low, 1, 1, &greedy, listen, &h), CADRE_EARGUMENT);
    assert_int_equal(cadre_generate(model, prompt, 1, NULL), CADRE_EARGUMENT);
    assert_int_equal(h.count, 0);
}

static void nobody_needs_to_listen(void **state)
{
    (void)state;
    succeeds(continue_text(model, prompt, prompt_count, 3, &greedy, NULL, NULL));
}

/* ---- threads, and listeners that call back ---- */

/* What another thread tries while one generates. */
typedef struct intruder {
    cadre_session *session;
    cadre_status generates;
    char said[200];
} intruder;

static void *intrude(void *arg)
{
    intruder *i = arg;
    heard h = { .count = 0 };
    i->generates = i->session
                       ? cadre_session_generate(i->session, prompt, 3, 2, &greedy, listen, &h)
                       : continue_text(model, prompt, 3, 2, &greedy, listen, &h);
    snprintf(i->said, sizeof i->said, "%s", i->generates == CADRE_OK ? "" : cadre_last_error());
    return NULL;
}

static void run_intruder(intruder *i)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, intrude, i), 0);
    pthread_join(thread, NULL);
}

typedef struct disturbed {
    heard heard;
    intruder other;
    cadre_status again; /* of the session that is generating */
} disturbed;

static bool listen_disturbed(void *arg, int32_t id, const char *text, size_t size)
{
    disturbed *d = arg;
    heard nested = { .count = 0 };
    if (d->heard.count == 1) {
        run_intruder(&d->other);
        d->again = cadre_session_generate(d->other.session, prompt, 3, 2, &greedy, listen, &nested);
        /* The same thread may */
        succeeds(continue_text(model, prompt, 3, 2, &greedy, listen, &nested));
    }
    return listen(&d->heard, id, text, size);
}

static void a_second_thread_is_refused(void **state)
{
    (void)state;
    heard alone = generate(prompt, prompt_count, 8, &greedy);
    disturbed d = { .again = CADRE_OK };
    succeeds(cadre_session_new(model, 64, &d.other.session));
    succeeds(cadre_session_generate(
        d.other.session, prompt, prompt_count, 8, &greedy, listen_disturbed, &d));
    same(&d.heard, &alone);
    assert_int_equal(d.other.generates, CADRE_EBUSY);
    assert_non_null(strstr(d.other.said, "no other thread"));
    assert_int_equal(d.again, CADRE_EBUSY);
    run_intruder(&d.other); /* now that nobody is inside */
    assert_int_equal(d.other.generates, CADRE_OK);
    cadre_session_free(d.other.session);
    intruder free_of_sessions = { .session = NULL };
    run_intruder(&free_of_sessions);
    assert_int_equal(free_of_sessions.generates, CADRE_OK);
}

static const char dense_config[] =
    "{\"model_type\": \"llama\", \"hidden_size\": 16, \"intermediate_size\": 24, "
    "\"num_hidden_layers\": 1, \"vocab_size\": 512,"
    " \"num_attention_heads\": 2, \"num_key_value_heads\": 1, \"rms_norm_eps\": 1e-5, "
    "\"max_position_embeddings\": 64}";

static void a_dense_model_has_no_routes(void **state)
{
    (void)state;
    const char *config = scratch_file("dense.json"), *path = scratch_file("dense.gguf"),
               *routes = scratch_file("routes.jsonl");
    cadre_options *o = small_options(NULL);
    cadre_model *dense;
    heard h = { .count = 0 };
    succeeds(file_write(config, dense_config, sizeof dense_config - 1));
    succeeds(cadre_init(context, o, config, "f32", path, NULL));
    succeeds(cadre_model_open(context, path, &dense));
    assert_int_equal(cadre_generate(dense, prompt, 3,
                         &(cadre_generation){ .size = sizeof(cadre_generation),
                             .limit = 2,
                             .sampling = &greedy,
                             .listener = listen,
                             .arg = &h,
                             .routes = routes }),
        CADRE_EUNSUPPORTED);
    assert_non_null(strstr(cadre_last_error(), "expected a model with sparse layers"));
    assert_false(file_exists(routes));
    succeeds(continue_text(dense, prompt, 3, 2, &greedy, listen, &h));
    cadre_model_close(dense);
    cadre_options_free(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_answers_as_if_it_had_read_all),
        cmocka_unit_test(a_session_has_room_for_so_many),
        cmocka_unit_test(a_second_thread_is_refused),
        cmocka_unit_test(a_seed_is_a_text),
        cmocka_unit_test(narrow_choices_are_greedy),
        cmocka_unit_test(a_penalty_forbids_repetition),
        cmocka_unit_test(a_listener_and_an_interruption_stop),
        cmocka_unit_test(impossible_prompts_are_refused),
        cmocka_unit_test(nobody_needs_to_listen),
        cmocka_unit_test(a_dense_model_has_no_routes),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
