/* batcher_public_test.c - requests submitted, polled and cancelled, by one thread and by two. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "cadre.h"
#include "support/generation.h"
#include "support/refusal.h"
#include "support/small_run.h"
#include "support/succeeds.h"

enum { REQUESTS = 20, PROMPT = 50, LIMIT = 20, TEXT = 512, CONTEXT = 96 };

typedef struct told {
    int32_t prompt[PROMPT], ids[LIMIT];
    int64_t prompt_count, limit, count;
    cadre_sampling sampling;
    char text[TEXT];
} told;

static cadre_context *context;
static cadre_model *model;
static told alone[REQUESTS], got[REQUESTS];

static bool listen(void *arg, int32_t id, const char *text, size_t size)
{
    told *t = arg;
    if (id >= 0) t->ids[t->count++] = id;
    strncat(t->text, text, size);
    return true;
}

static int64_t draw(uint64_t n, int64_t below)
{
    return (int64_t)(random_bits(random_key_of(9, "public", 0, 0), n) % (uint64_t)below);
}

static void make_requests(void)
{
    for (int i = 0; i < REQUESTS; i++) {
        told *t = &alone[i];
        uint64_t at = (uint64_t)i * 100;
        t->prompt_count = 1 + draw(at, PROMPT), t->limit = draw(at + 1, LIMIT + 1);
        t->sampling = (cadre_sampling){
            .size = sizeof t->sampling, .temperature = i % 2 ? 0 : 1, .seed = at
        };
        for (int p = 0; p < PROMPT; p++) t->prompt[p] = (int32_t)draw(at + 2 + (uint64_t)p, 300);
        got[i] = *t;
        succeeds(
            continue_text(model, t->prompt, t->prompt_count, t->limit, &t->sampling, listen, t));
    }
}

static int begin(void **state)
{
    (void)state;
    small_model_open("96", &context, &model);
    make_requests();
    return 0;
}

static int end(void **state)
{
    (void)state;
    small_model_close(context, model);
    return 0;
}

static cadre_batcher *open_bounded(int64_t slots, int64_t queue, int64_t cache)
{
    cadre_batcher_limits limits = {
        .size = sizeof limits, .slots = slots, .queue = queue, .cache = cache
    };
    cadre_batcher *b;
    succeeds(cadre_batcher_new(model, &limits, &b));
    return b;
}

static cadre_batcher *open_batcher(int64_t slots, int64_t queue)
{
    return open_bounded(slots, queue, 0);
}

static cadre_request request_of(const told *t)
{
    return (cadre_request){ .size = sizeof(cadre_request),
        .tokens = t->prompt,
        .count = t->prompt_count,
        .limit = t->limit,
        .sampling = &t->sampling };
}

static int64_t submit(cadre_batcher *b, const told *t)
{
    cadre_request r = request_of(t);
    int64_t id;
    succeeds(cadre_batcher_submit(b, &r, &id));
    return id;
}

static cadre_request_news poll(cadre_batcher *b, int64_t id)
{
    cadre_request_news news = { .size = sizeof news };
    succeeds(cadre_batcher_poll(b, id, &news));
    return news;
}

/* Takes the news down; whether the request has ended. */
static bool take_down(cadre_batcher *b, int64_t id, told *t)
{
    cadre_request_news news = poll(b, id);
    memcpy(t->ids + t->count, news.ids, (size_t)news.id_count * sizeof *news.ids);
    t->count += news.id_count;
    strncat(t->text, news.text, news.text_size);
    assert_int_equal(news.tokens, t->count);
    assert_int_equal(news.status, CADRE_OK);
    return cadre_request_has_ended(news.state);
}

static void forget(told *t)
{
    t->count = 0, t->text[0] = 0;
    memset(t->ids, 0, sizeof t->ids);
}

static void same(const told *a, const told *b)
{
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->ids, b->ids, (size_t)a->count * sizeof *a->ids);
    assert_string_equal(a->text, b->text);
}

static void one_pass(cadre_batcher *b)
{
    bool idle;
    succeeds(cadre_batcher_run(b, &idle));
}

static void write_all(cadre_batcher *b)
{
    int64_t ids[REQUESTS];
    bool idle = false;
    for (int i = 0; i < REQUESTS; i++) forget(&got[i]), ids[i] = submit(b, &got[i]);
    for (int pass = 0; !idle; pass++) {
        succeeds(cadre_batcher_run(b, &idle));
        for (int i = pass % 3; i < REQUESTS; i += 3) take_down(b, ids[i], &got[i]);
    }
    for (int i = 0; i < REQUESTS; i++) {
        assert_true(take_down(b, ids[i], &got[i]));
        same(&got[i], &alone[i]);
        succeeds(cadre_batcher_cancel(b, ids[i]));
    }
    cadre_batcher_free(b);
}

static void all_are_written_as_alone(void **state)
{
    (void)state;
    write_all(open_batcher(3, REQUESTS));
    write_all(open_bounded(3, REQUESTS, CONTEXT)); /* they wait for blocks, too */
}

static cadre_batcher_cache cache_of(cadre_batcher *b)
{
    cadre_batcher_cache cache = { .size = sizeof cache };
    succeeds(cadre_batcher_cache_get(b, &cache));
    assert_int_equal(cache.block_tokens, 64);
    assert_true(cache.used + cache.kept <= cache.blocks);
    return cache;
}

static void run_to_the_end(cadre_batcher *b)
{
    for (bool idle = false; !idle;) succeeds(cadre_batcher_run(b, &idle));
}

static void a_cache_is_bounded_and_says_what_it_holds(void **state)
{
    (void)state;
    int32_t tokens[90];
    for (int i = 0; i < 90; i++) tokens[i] = i;
    cadre_request r = { .size = sizeof r, .tokens = tokens, .count = 90, .limit = 5 };
    cadre_batcher *b = open_bounded(4, 4, 3 * 64);
    cadre_batcher_cache small = { .size = 8 };
    int64_t ids[3];
    refuses(cadre_batcher_cache_get(b, &small), CADRE_EARGUMENT, "size");
    assert_int_equal(cache_of(b).blocks, 3);
    assert_int_equal(cache_of(b).used, 0);
    succeeds(cadre_batcher_submit(b, &r, &ids[0]));
    succeeds(cadre_batcher_submit(b, &r, &ids[1]));
    one_pass(b);
    assert_int_equal(cache_of(b).used, 2);
    assert_int_equal(poll(b, ids[1]).state, CADRE_REQUEST_WAITS); /* slots are free, not blocks */
    one_pass(b);                                                  /* its first block is there now */
    assert_int_equal(poll(b, ids[1]).cached_tokens, 64);
    assert_int_equal(cache_of(b).used, 3);
    run_to_the_end(b);
    assert_int_equal(cache_of(b).used, 0);
    assert_int_equal(cache_of(b).kept, 3);
    assert_int_equal(cache_of(b).prompt_tokens, 2 * 90);
    assert_int_equal(cache_of(b).cached_tokens, 64);
    tokens[0] = 7, tokens[80] = 7; /* another text: what was kept makes room */
    r.limit = 1;
    succeeds(cadre_batcher_submit(b, &r, &ids[2]));
    run_to_the_end(b);
    assert_int_equal(poll(b, ids[2]).cached_tokens, 0);
    assert_int_equal(poll(b, ids[2]).state, CADRE_REQUEST_LIMIT);
    assert_int_equal(cache_of(b).evicted, 0); /* the ends of texts that slots had were enough */
    tokens[0] = 9;
    succeeds(cadre_batcher_cancel(b, ids[2]));
    succeeds(cadre_batcher_submit(b, &r, &ids[2]));
    run_to_the_end(b);
    assert_int_equal(cache_of(b).evicted, 1);
    cadre_batcher_free(b);
}

static void a_queue_is_bounded_and_in_order(void **state)
{
    (void)state;
    cadre_batcher *b = open_batcher(1, 2);
    int64_t ids[4], refused = 0;
    cadre_request r = request_of(&got[1]);
    r.limit = LIMIT;
    for (int i = 0; i < 3; i++) succeeds(cadre_batcher_submit(b, &r, &ids[i]));
    refuses(cadre_batcher_submit(b, &r, &refused), CADRE_EFULL, "fewer than 3 requests");
    assert_int_equal(refused, 0);
    one_pass(b);
    assert_int_equal(poll(b, ids[0]).state, CADRE_REQUEST_WRITES);
    assert_int_equal(poll(b, ids[1]).state, CADRE_REQUEST_WAITS);
    succeeds(cadre_batcher_cancel(b, ids[1])); /* one that waits: its place is free at once */
    succeeds(cadre_batcher_submit(b, &r, &ids[3]));
    succeeds(cadre_batcher_cancel(b, ids[0])); /* one that is written: before the next pass */
    one_pass(b);
    assert_int_equal(poll(b, ids[2]).state, CADRE_REQUEST_WRITES);
    assert_int_equal(poll(b, ids[2]).cached_tokens, r.count - 1);
    assert_int_equal(poll(b, ids[3]).state, CADRE_REQUEST_WAITS);
    cadre_request_news news = { .size = sizeof news };
    refuses(cadre_batcher_poll(b, ids[0], &news), CADRE_EARGUMENT, "not cancelled");
    refuses(cadre_batcher_cancel(b, 0), CADRE_EARGUMENT, "found 0");
    cadre_batcher_free(b); /* with what runs and waits */
}

static void loads_are_those_of_routes(cadre_batcher *b, int64_t id, const cadre_request_news *news)
{
    int64_t rows[1024] = { 0 }, layers = news->route_layers, picks = news->route_picks;
    cadre_batcher_load all = { .size = sizeof all };
    succeeds(cadre_batcher_load_get(b, &all));
    assert_true(layers * all.experts <= 1024);
    succeeds(cadre_batcher_request_load(b, id, rows));
    for (int64_t t = 0; t < news->route_tokens; t++)
        for (int64_t i = 0; i < layers * picks; i++)
            rows[i / picks * all.experts + news->routes[t * layers * picks + i]]--;
    for (int64_t i = 0; i < layers * all.experts; i++) assert_int_equal(rows[i], 0);
    refuses(cadre_batcher_request_load(b, id + 1, rows), CADRE_EARGUMENT, "not cancelled");
}

/* Of a text that is known: the same shares when it is written, and when it is read; and the same
 * beside others that have read its beginning before. */
static void shares_and_routes_are_told(void **state)
{
    (void)state;
    enum { COUNT = 70, WRITTEN = 6, TOP = 3 };
    int32_t tokens[COUNT + WRITTEN];
    float written[WRITTEN];
    int64_t id;
    for (int i = 0; i < COUNT; i++) tokens[i] = i % 50;
    cadre_sampling greedy = { .size = sizeof greedy };
    cadre_request r = { .size = sizeof r, .tokens = tokens, .count = COUNT, .limit = WRITTEN };
    r.sampling = &greedy, r.logprobs = r.routes = r.load = true, r.top = TOP;
    cadre_batcher *b = open_batcher(2, 4);
    succeeds(cadre_batcher_submit(b, &r, &id));
    run_to_the_end(b);
    cadre_request_news news = poll(b, id);
    assert_int_equal(news.id_count, WRITTEN);
    assert_int_equal(news.route_tokens, COUNT + WRITTEN - 1);
    for (int i = 0; i < WRITTEN; i++) {
        tokens[COUNT + i] = news.ids[i], written[i] = news.logprobs[i];
        assert_int_equal(news.top[i * TOP].token, news.ids[i]); /* greedy */
        assert_true(news.top[i * TOP].logprob == news.logprobs[i] && news.logprobs[i] < 0);
        assert_true(news.top[i * TOP].logprob >= news.top[i * TOP + 1].logprob);
    }
    int64_t cells = news.route_layers * news.route_picks;
    for (int64_t i = 0; i < news.route_tokens * cells; i++) assert_true(news.routes[i] >= 0);
    loads_are_those_of_routes(b, id, &news);
    succeeds(cadre_batcher_cancel(b, id));
    r.count = COUNT + WRITTEN, r.limit = 0, r.prompt_logprobs = true, r.logprobs = false;
    succeeds(cadre_batcher_submit(b, &r, &id));
    run_to_the_end(b);
    news = poll(b, id);
    assert_int_equal(news.state, CADRE_REQUEST_LIMIT);
    assert_int_equal(news.cached_tokens, 0); /* it reads all of its prompt */
    for (int i = 0; i < WRITTEN; i++) assert_true(news.prompt_logprobs[COUNT + i] == written[i]);
    assert_int_equal(news.route_tokens, COUNT + WRITTEN);
    cadre_batcher_free(b);
}

static void load_is_counted(void **state)
{
    (void)state;
    const int32_t tokens[] = { 1, 2, 3, 4, 5 };
    cadre_request r = { .size = sizeof r, .tokens = tokens, .count = 5, .limit = 1 };
    cadre_batcher *b = open_batcher(1, 1);
    cadre_batcher_load load = { .size = sizeof load };
    int64_t id;
    succeeds(cadre_batcher_submit(b, &r, &id));
    run_to_the_end(b);
    succeeds(cadre_batcher_load_get(b, &load));
    assert_int_equal(load.passes, 1);
    for (int64_t s = 0; s < load.layers; s++) {
        int64_t rows = 0;
        for (int64_t e = 0; e < load.experts; e++) rows += load.rows[s * load.experts + e];
        cadre_model_info info = { .size = sizeof info };
        succeeds(cadre_model_info_get(model, &info));
        assert_int_equal(rows, 5 * info.experts_per_token);
        assert_true(load.largest[s] * load.layer_experts[s] >= rows);
    }
    cadre_batcher_free(b);
}

/* The second reads nothing before the first has read what both begin with. */
static void one_waits_for_the_prompt_of_another(void **state)
{
    (void)state;
    int32_t tokens[90] = { 0 };
    cadre_request r = { .size = sizeof r, .tokens = tokens, .count = 90, .limit = 5 };
    cadre_batcher *b = open_batcher(4, 4);
    int64_t ids[2];
    succeeds(cadre_batcher_submit(b, &r, &ids[0]));
    r.after = ids[0];
    succeeds(cadre_batcher_submit(b, &r, &ids[1]));
    one_pass(b);
    assert_int_equal(poll(b, ids[1]).state, CADRE_REQUEST_WAITS);
    one_pass(b);
    assert_int_equal(poll(b, ids[1]).cached_tokens, 64);
    run_to_the_end(b);
    assert_int_equal(poll(b, ids[1]).tokens, 5);
    cadre_batcher_free(b);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    cadre_batcher *b = open_batcher(1, 1);
    cadre_batcher_limits limits = { .size = sizeof limits, .slots = 0 };
    int32_t tokens[CONTEXT] = { 0 };
    cadre_request r = request_of(&got[0]);
    int64_t id = 0;
    refuses(cadre_batcher_new(model, &limits, &b), CADRE_EARGUMENT, "slots");
    limits = (cadre_batcher_limits){ .size = sizeof limits, .slots = 1, .context = CONTEXT + 1 };
    refuses(cadre_batcher_new(model, &limits, &b), CADRE_EARGUMENT, "at most the model's own, 96");
    limits = (cadre_batcher_limits){ .size = sizeof limits, .slots = 1, .cache = CONTEXT - 1 };
    refuses(cadre_batcher_new(model, &limits, &b), CADRE_EARGUMENT, "at least the 96 tokens");
    limits.cache = -1;
    refuses(cadre_batcher_new(model, &limits, &b), CADRE_EARGUMENT, "found -1");
    r.count = 0;
    refuses(cadre_batcher_submit(b, &r, &id), CADRE_EARGUMENT, "at least one token");
    r.tokens = tokens, r.count = CONTEXT;
    refuses(cadre_batcher_submit(b, &r, &id), CADRE_EARGUMENT, "fewer than the 96 tokens");
    r.count = 4, tokens[3] = INT32_MAX;
    refuses(cadre_batcher_submit(b, &r, &id), CADRE_EARGUMENT, "expected an id");
    tokens[3] = 0;
    cadre_sampling wrong = { .size = sizeof wrong, .temperature = -1 };
    r.sampling = &wrong;
    refuses(cadre_batcher_submit(b, &r, &id), CADRE_EARGUMENT, "temperature");
    const cadre_bias nobody = { INT32_MAX, 1 };
    wrong = (cadre_sampling){ .size = sizeof wrong, .biases = &nobody, .bias_count = 1 };
    refuses(cadre_batcher_submit(b, &r, &id), CADRE_EARGUMENT, "biases");
    r.sampling = NULL, r.limit = INT64_MAX; /* to the end of the context */
    succeeds(cadre_batcher_submit(b, &r, &id));
    run_to_the_end(b);
    assert_int_equal(poll(b, id).state, CADRE_REQUEST_LIMIT);
    assert_int_equal(poll(b, id).tokens, CONTEXT - 4);
    cadre_batcher_free(b);
}

/* ---- threads ---- */

typedef struct service {
    cadre_batcher *b;
    atomic_bool over;
} service;

static void *serve(void *arg)
{
    service *s = arg;
    bool idle;
    while (!s->over) assert_int_equal(cadre_batcher_run(s->b, &idle), CADRE_OK);
    return NULL;
}

/* Others submit, poll and cancel while one thread runs. */
static void a_thread_runs_and_another_asks(void **state)
{
    (void)state;
    service s = { .b = open_batcher(4, 3) };
    pthread_t thread;
    int64_t ids[REQUESTS] = { 0 };
    int next = 0, ended = 0;
    assert_int_equal(pthread_create(&thread, NULL, serve, &s), 0);
    while (ended < REQUESTS) {
        cadre_request r = request_of(&got[next < REQUESTS ? next : 0]);
        if (next < REQUESTS) {
            forget(&got[next]);
            cadre_status status = cadre_batcher_submit(s.b, &r, &ids[next]);
            assert_true(status == CADRE_OK || status == CADRE_EFULL);
            next += status == CADRE_OK;
        }
        for (int i = 0; i < next; i++) {
            if (!ids[i]) continue;
            bool over = take_down(s.b, ids[i], &got[i]), cut = i % 5 == 4 && got[i].count > 1;
            if (over) same(&got[i], &alone[i]);
            if (!over && !cut) continue;
            assert_memory_equal(got[i].ids, alone[i].ids, (size_t)got[i].count * 4);
            succeeds(cadre_batcher_cancel(s.b, ids[i]));
            ids[i] = 0, ended++;
        }
    }
    s.over = true;
    pthread_join(thread, NULL);
    cadre_batcher_free(s.b);
}

/* Once a request writes, a token takes no memory, nor does asking for it. */
static void a_token_allocates_nothing(void **state)
{
    (void)state;
    cadre_batcher *b = open_batcher(2, 0);
    cadre_request r = { .size = sizeof r, .tokens = got[0].prompt, .count = 4, .limit = 80 };
    int64_t id;
    succeeds(cadre_batcher_submit(b, &r, &id));
    for (int pass = 0; pass < 30; pass++) one_pass(b), poll(b, id);
    mem_fail_at(0, false);
    for (int pass = 0; pass < 30; pass++) one_pass(b), poll(b, id);
    assert_int_equal(mem_count(), 0);
    cadre_batcher_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_are_written_as_alone),
        cmocka_unit_test(a_queue_is_bounded_and_in_order),
        cmocka_unit_test(a_cache_is_bounded_and_says_what_it_holds),
        cmocka_unit_test(shares_and_routes_are_told),
        cmocka_unit_test(load_is_counted),
        cmocka_unit_test(one_waits_for_the_prompt_of_another),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(a_thread_runs_and_another_asks),
        cmocka_unit_test(a_token_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
