/* same_tokens_test.c - the ids of sixteen requests: alone and among the fifteen others, with a
 * prefix that the server holds and without, streamed and whole, on 1, 2 and 3 threads. They are
 * always those of cadre_generate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "cadre.h"
#include "support/generation.h"
#include "support/scratch.h"
#include "support/served.h"
#include "support/succeeds.h"

/* Every fourth prompt begins alike, for longer than a block of the cache, which has 64 tokens. */
enum { REQUESTS = 16, SHARED = 66, PROMPT = 72, LIMIT = 20 };

typedef struct text {
    int64_t count;
    int32_t ids[CONTEXT];
} text;

static text wanted[REQUESTS];

static int32_t prompt_id(int request, int at)
{
    int kind = at < SHARED ? request % 4 : 4 + request;
    return (int32_t)((7 * at + 31 * kind) % 250 + 1);
}

static cadre_sampling sampling_of(int request)
{
    return (cadre_sampling){ .size = sizeof(cadre_sampling),
        .temperature = request % 3 ? 1 : 0,
        .top_p = 0.9,
        .seed = (uint64_t)request };
}

static bool listen(void *arg, int32_t id, const char *bytes, size_t size)
{
    text *t = arg;
    (void)bytes, (void)size;
    if (id >= 0) t->ids[t->count++] = id;
    return true;
}

static void generate_all(void)
{
    cadre_context *context;
    cadre_model *model;
    int64_t count = 0;
    succeeds(cadre_context_new(1, NULL, &context));
    succeeds(cadre_model_open(context, scratch_file("model"), &model));
    for (int i = 0; i < REQUESTS; i++) {
        const cadre_sampling sampling = sampling_of(i);
        int32_t prompt[PROMPT];
        for (int at = 0; at < PROMPT; at++) prompt[at] = prompt_id(i, at);
        succeeds(continue_text(model, prompt, PROMPT, LIMIT, &sampling, listen, &wanted[i]));
        count += wanted[i].count;
    }
    assert_true(count > REQUESTS * LIMIT / 2); /* most texts do not end early */
    cadre_model_close(model);
    cadre_context_free(context);
}

static void send_request(const client *c, int request, bool stream)
{
    const cadre_sampling s = sampling_of(request);
    char ids[PROMPT * 8] = "", *body;
    for (int at = 0; at < PROMPT; at++) {
        size_t used = strlen(ids);
        snprintf(ids + used, sizeof ids - used, at ? ", %d" : "%d", prompt_id(request, at));
    }
    body = mem_printf("{\"prompt\": [%s], \"max_tokens\": %d, \"temperature\": %g, \"top_p\": 0.9, "
                      "\"seed\": %d, \"return_token_ids\": true, \"stream\": %s}",
        ids, LIMIT, s.temperature, request, stream ? "true" : "false");
    ask(c, "POST", T, "", body);
    mem_free(body);
}

/* Hears the answer, and compares its ids with those that cadre_generate gave. */
static void check_answer(client *c, int request, bool stream)
{
    static const char mark[] = "\"token_ids\": [";
    answer a = hear(c);
    text found = { 0 };
    assert_int_equal(a.status, 200);
    if (stream) keep_events(a.body);
    const char *at = strstr(a.body, "\"choices\"");
    while (at && (at = strstr(at, mark))) {
        at += sizeof mark - 1;
        bool prompt = at - a.body > 32 && strncmp(at - sizeof mark - 6, "prompt_", 7) == 0;
        while (*at != ']') {
            char *end;
            int32_t id = (int32_t)strtol(at, &end, 10);
            if (!prompt) found.ids[found.count++] = id;
            at = end + strspn(end, ", ");
        }
    }
    assert_int_equal(found.count, wanted[request].count);
    assert_memory_equal(found.ids, wanted[request].ids, (size_t)found.count * sizeof *found.ids);
    free(a.body);
}

static void ask_one(const served *s, int request, bool stream)
{
    client c = visit(s);
    send_request(&c, request, stream);
    check_answer(&c, request, stream);
    leave(&c);
}

static void ask_all(const served *s, int round)
{
    client c[REQUESTS];
    for (int i = 0; i < REQUESTS; i++) {
        c[i] = visit(s);
        send_request(&c[i], i, (i + round) % 2);
    }
    for (int i = 0; i < REQUESTS; i++) {
        check_answer(&c[i], i, (i + round) % 2);
        leave(&c[i]);
    }
}

static void start(served *s, int threads)
{
    cadre_server_options o = served_options();
    o.streams = REQUESTS, o.queue = REQUESTS;
    served_start_on(s, o, threads);
}

static void tokens_are_those_of_generate(int threads)
{
    served s;
    start(&s, threads);
    ask_all(&s, 0); /* no prefix is held yet */
    ask_all(&s, 1);
    assert_true(metric(&s, "cadre_cached_tokens_total") >= REQUESTS * 64);
    served_stop(&s);
    start(&s, threads);
    ask_one(&s, 0, false); /* alone, without a prefix */
    assert_int_equal(metric(&s, "cadre_cached_tokens_total"), 0);
    ask_one(&s, 0, true);  /* all of the prompt but a token is held */
    ask_one(&s, 4, false); /* another prompt that begins so */
    assert_true(metric(&s, "cadre_cached_tokens_total") >= PROMPT - 1 + 64);
    for (int i = 0; i < REQUESTS; i++) ask_one(&s, i, i % 2);
    ask_all(&s, 1);
    served_stop(&s);
}

static void on_one_thread(void **state)
{
    (void)state;
    tokens_are_those_of_generate(1);
}

static void on_two_threads(void **state)
{
    (void)state;
    tokens_are_those_of_generate(2);
}

static void on_three_threads(void **state)
{
    (void)state;
    tokens_are_those_of_generate(3);
}

static int begin(void **state)
{
    served_model_begin(state);
    generate_all();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_one_thread),
        cmocka_unit_test(on_two_threads),
        cmocka_unit_test(on_three_threads),
    };
    return cmocka_run_group_tests(tests, begin, served_model_end);
}
