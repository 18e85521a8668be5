/* batcher_test.c - requests that join and leave at random, some of them cancelled: each writes what
 * it writes alone, and its tokens go where they go alone. */
#include "infer/batcher.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/random.h"
#include "support/scratch.h"
#include "support/small_run.h"
#include "support/succeeds.h"

enum { REQUESTS = 24, PROMPT = 90, LIMIT = 24, CAPACITY = PROMPT + LIMIT, VOCAB = 512, PICKS = 16 };

/* A request, and what came of it. */
typedef struct told {
    int32_t prompt[PROMPT], ids[LIMIT];
    int64_t prompt_count, limit, count;
    cadre_sampling sampling;
    int32_t experts[CAPACITY][PICKS]; /* of each token that was read, over all sparse layers */
    int64_t held, watched;            /* read before it came; and so far */
    bool cancelled;
} told;

typedef struct fixture {
    cadre_context *context;
    cadre_model *model;
    told alone[REQUESTS], got[REQUESTS];
    random_key key;
    uint64_t draws;
} fixture;

static fixture f;

static int64_t draw(int64_t below)
{
    return (int64_t)(random_bits(f.key, f.draws++) % (uint64_t)below);
}

static bool listen(void *arg, int32_t id, const char *text, size_t size)
{
    told *t = arg;
    (void)text, (void)size;
    t->ids[t->count++] = id;
    return true;
}

static cadre_status watch(void *arg, const route_log *log, int64_t t, int32_t token, bool prompt)
{
    told *to = arg;
    int64_t p = to->watched++;
    for (int64_t s = 0; s < log->layers; s++)
        memcpy(to->experts[p] + s * log->picks, log->experts + (s * log->room + t) * log->picks,
            (size_t)log->picks * sizeof **to->experts);
    assert_int_equal(prompt, p < to->prompt_count);
    assert_int_equal(token, prompt ? to->prompt[p] : to->ids[p - to->prompt_count]);
    return CADRE_OK;
}

static void open_request(request *r, told *t, bool watched)
{
    const request_options o = { .limit = t->limit,
        .sampling = &t->sampling,
        .listener = listen,
        .arg = t,
        .watch = watched ? watch : NULL,
        .watch_arg = t };
    succeeds(request_open(f.model, t->prompt, t->prompt_count, &o, r));
}

/* Half of them begin alike, so that slots hold what the next ones read. */
static void make_requests(void)
{
    memset(f.alone, 0, sizeof f.alone);
    for (int i = 0; i < REQUESTS; i++) {
        told *t = &f.alone[i];
        t->prompt_count = i % 5 ? 1 + draw(PROMPT) : 1;
        t->limit = i % 7 ? draw(LIMIT + 1) : 0;
        t->sampling = (cadre_sampling){
            .size = sizeof t->sampling, .temperature = i % 3 ? 1 : 0, .seed = (uint64_t)i
        };
        for (int64_t p = 0; p < PROMPT; p++)
            t->prompt[p] = (int32_t)(i % 2 && p < 40 ? p * 3 : draw(VOCAB));
    }
}

static void run_alone(told *t)
{
    const batcher_limits limits = { 1, CAPACITY, CAPACITY, CAPACITY, 0 };
    session s;
    batcher b;
    request r;
    succeeds(session_open(f.model, CAPACITY, &s));
    succeeds(batcher_open(f.model, &limits, &s, &b));
    open_request(&r, t, true);
    succeeds(batcher_join(&b, &r));
    while (!request_ended(&r)) batcher_pass(&b);
    succeeds(r.status);
    request_close(&r);
    batcher_close(&b);
    session_close(&s);
}

static void check(const told *got, const told *alone)
{
    if (!got->cancelled) assert_int_equal(got->count, alone->count);
    assert_memory_equal(got->ids, alone->ids, (size_t)got->count * sizeof *got->ids);
    for (int64_t p = got->held; p < got->watched; p++)
        assert_memory_equal(got->experts[p], alone->experts[p], sizeof *got->experts);
    if (!got->cancelled && got->watched) assert_int_equal(got->watched, alone->watched);
}

/* Some join, some are cancelled, a pass; until all have ended. */
static void run_together(const batcher_limits *limits)
{
    session sessions[REQUESTS];
    request requests[REQUESTS];
    batcher b;
    int next = 0, opened = 0;
    memcpy(f.got, f.alone, sizeof f.got);
    for (int i = 0; i < REQUESTS; i++) f.got[i].count = f.got[i].watched = 0;
    for (int64_t i = 0; i < limits->slots && !limits->blocks; i++)
        succeeds(session_open(f.model, CAPACITY, &sessions[i]));
    succeeds(batcher_open(f.model, limits, limits->blocks ? NULL : sessions, &b));
    while (next < REQUESTS || !batcher_is_idle(&b)) {
        while (next < REQUESTS && batcher_has_room(&b) && draw(3)) {
            if (opened == next) open_request(&requests[opened++], &f.got[next], next % 4 < 2);
            if (!batcher_admits(&b, &requests[next])) break;
            succeeds(batcher_join(&b, &requests[next]));
            f.got[next].held = requests[next].read;
            if (next % 4 < 2) f.got[next].watched = f.got[next].held;
            next++;
        }
        for (int i = 0; i < next; i++)
            if (!request_ended(&requests[i]) && !f.got[i].cancelled && draw(100) == 0) {
                f.got[i].cancelled = true;
                batcher_leave(&b, &requests[i]);
            }
        batcher_pass(&b);
    }
    for (int i = 0; i < REQUESTS; i++) {
        assert_true(f.got[i].cancelled || requests[i].state == REQUEST_LIMIT ||
                    requests[i].state == REQUEST_ENDED);
        check(&f.got[i], &f.alone[i]);
        request_close(&requests[i]);
    }
    batcher_close(&b);
    for (int64_t i = 0; i < limits->slots && !limits->blocks; i++) session_close(&sessions[i]);
}

static void is_batch_invariant(void **state)
{
    static const batcher_limits limits[] = {
        { 1, CAPACITY, 64, 7, 0 },
        { 5, CAPACITY, 64, 9, 0 },
        { 5, CAPACITY, 64, 9, 2 }, /* blocks for one long request, or two short ones */
        { 16, CAPACITY, 33, 1, 0 },
        { 16, CAPACITY, CAPACITY, CAPACITY, 0 },
        { 16, CAPACITY, CAPACITY, CAPACITY, 9 },
    };
    const char *path = scratch_file("model.gguf");
    cadre_options *o = small_options(*state);
    small_set(o, "context", "128");
    succeeds(cadre_context_new(2, NULL, &f.context));
    succeeds(cadre_init(f.context, o, NULL, "bf16", path, NULL));
    succeeds(cadre_model_open(f.context, path, &f.model));
    f.key = random_key_of(3, *state, 0, 0);
    make_requests();
    for (int i = 0; i < REQUESTS; i++) run_alone(&f.alone[i]);
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) run_together(&limits[i]);
    cadre_model_close(f.model);
    cadre_context_free(f.context);
    cadre_options_free(o);
    succeeds(file_remove(path));
}

/* ---- order, memory ---- */

static int open_model(void **state)
{
    (void)state;
    cadre_options *o = small_options("qwen3-moe");
    small_set(o, "context", "128");
    succeeds(cadre_context_new(1, NULL, &f.context));
    succeeds(cadre_init(f.context, o, NULL, "f32", scratch_file("one.gguf"), NULL));
    succeeds(cadre_model_open(f.context, scratch_file("one.gguf"), &f.model));
    f.key = random_key_of(4, "order", 0, 0);
    make_requests();
    memcpy(f.got, f.alone, sizeof f.got);
    cadre_options_free(o);
    return 0;
}

static int close_model(void **state)
{
    (void)state;
    cadre_model_close(f.model);
    cadre_context_free(f.context);
    return file_remove(scratch_file("one.gguf"));
}

typedef struct table {
    session sessions[4];
    request requests[4];
    batcher b;
} table;

/* Requests of these prompts' lengths have joined. */
static void open_table(
    table *t, int64_t chunk, int64_t beside, const int64_t *counts, int64_t count, bool watched)
{
    const batcher_limits limits = { 4, CAPACITY, chunk, beside, 0 };
    for (int i = 0; i < 4; i++) succeeds(session_open(f.model, CAPACITY, &t->sessions[i]));
    succeeds(batcher_open(f.model, &limits, t->sessions, &t->b));
    for (int64_t i = 0; i < count; i++) {
        told *to = &f.got[i];
        for (int64_t p = 0; p < PROMPT; p++) to->prompt[p] = (int32_t)(i * 100 + p);
        to->prompt_count = counts[i], to->limit = LIMIT, to->count = to->watched = 0;
        open_request(&t->requests[i], to, watched);
        succeeds(batcher_join(&t->b, &t->requests[i]));
    }
}

static void close_table(table *t, int64_t count)
{
    batcher_close(&t->b);
    for (int i = 0; i < 4; i++) session_close(&t->sessions[i]);
    for (int64_t i = 0; i < count; i++) request_close(&t->requests[i]);
}

static void prompts_share_a_pass_and_writers_go_on(void **state)
{
    (void)state;
    table t;
    open_table(&t, 40, 6, (const int64_t[]){ 4, 90, 90 }, 3, false);
    batcher_pass(&t.b); /* 40: all of the short one, half of the rest for each */
    assert_int_equal(t.requests[0].written, 1);
    assert_int_equal(t.requests[1].read, 18);
    assert_int_equal(t.requests[2].read, 18);
    for (int pass = 0; pass < 4; pass++) batcher_pass(&t.b); /* 6 for each, as one writes */
    assert_int_equal(t.requests[0].written, 5);
    assert_int_equal(t.requests[1].read, 18 + 4 * 6);
    assert_int_equal(t.requests[2].read, 18 + 4 * 6);
    batcher_leave(&t.b, &t.requests[0]);
    batcher_pass(&t.b);
    assert_int_equal(t.requests[0].written, 5);
    assert_int_equal(t.requests[1].read, 42 + 20);
    close_table(&t, 3);
}

/* As many tokens of prompts as are allowed beside those that write, however many these are; more
 * where more read; never more than without anybody who writes. */
static void who_reads_waits_as_who_writes(void **state)
{
    (void)state;
    table t;
    open_table(&t, 40, 6, (const int64_t[]){ 4, 4, 4, 90 }, 4, false);
    batcher_pass(&t.b);
    assert_int_equal(t.requests[3].read, 28);
    batcher_pass(&t.b);
    assert_int_equal(t.requests[0].written, 2);
    assert_int_equal(t.requests[3].read, 28 + 6);
    close_table(&t, 4);
    open_table(&t, 40, 30, (const int64_t[]){ 4, 90, 90, 90 }, 4, false);
    batcher_pass(&t.b);
    batcher_pass(&t.b);
    assert_int_equal(t.requests[0].written, 2);
    assert_int_equal(t.requests[1].read + t.requests[2].read + t.requests[3].read, 40 - 4 + 40);
    close_table(&t, 4);
}

/* A pass of one token of prompts: they take turns. */
static void nobody_starves(void **state)
{
    (void)state;
    table t;
    open_table(&t, 1, 1, (const int64_t[]){ 90, 90, 90, 90 }, 4, false);
    for (int pass = 0; pass < 40; pass++) batcher_pass(&t.b);
    for (int i = 0; i < 4; i++) assert_int_equal(t.requests[i].read, 10);
    close_table(&t, 4);
}

static void a_slot_that_holds_the_beginning_is_taken(void **state)
{
    (void)state;
    table t;
    request again;
    open_table(&t, 200, 200, (const int64_t[]){ 50, 60, 70 }, 3, false);
    batcher_pass(&t.b);
    batcher_leave(&t.b, &t.requests[0]);
    batcher_leave(&t.b, &t.requests[1]);
    open_request(&again, &f.got[1], false);
    succeeds(batcher_join(&t.b, &again));
    assert_ptr_equal(t.b.slots[1].request, &again);
    assert_int_equal(again.read, 59); /* the last one is read again, for its logits */
    close_table(&t, 3);
    request_close(&again);
}

static void a_token_allocates_nothing(void **state)
{
    (void)state;
    table t;
    open_table(&t, 40, 6, (const int64_t[]){ 4, 20, 90, 7 }, 4, true);
    batcher_pass(&t.b);
    mem_fail_at(0, false);
    for (int pass = 0; pass < 20; pass++) batcher_pass(&t.b);
    assert_int_equal(mem_count(), 0);
    assert_true(t.requests[0].written > 15);
    close_table(&t, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        { "olmoe", is_batch_invariant, NULL, NULL, (void *)(uintptr_t) "olmoe" },
        { "qwen3-moe", is_batch_invariant, NULL, NULL, (void *)(uintptr_t) "qwen3-moe" },
        { "deepseek-v3", is_batch_invariant, NULL, NULL, (void *)(uintptr_t) "deepseek-v3" },
        cmocka_unit_test_setup_teardown(
            prompts_share_a_pass_and_writers_go_on, open_model, close_model),
        cmocka_unit_test_setup_teardown(who_reads_waits_as_who_writes, open_model, close_model),
        cmocka_unit_test_setup_teardown(nobody_starves, open_model, close_model),
        cmocka_unit_test_setup_teardown(
            a_slot_that_holds_the_beginning_is_taken, open_model, close_model),
        cmocka_unit_test_setup_teardown(a_token_allocates_nothing, open_model, close_model),
    };
    return cmocka_run_group_tests_name("requests in a batch", tests, NULL, NULL);
}
