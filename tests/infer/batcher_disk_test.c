/* batcher_disk_test.c - an expert that cannot be read from disk fails the requests whose tokens
 * need it; the others write what they write alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "infer/batcher.h"
#include "support/bad_disk.h"
#include "support/scratch.h"
#include "support/small_run.h"
#include "support/succeeds.h"

enum { REQUESTS = 6, PROMPT = 3, LIMIT = 3, VOCAB = 512, PICKS = 64, BLOCKED = 4096 };

typedef struct told {
    int32_t prompt[PROMPT], ids[LIMIT];
    int64_t count;
    bool used[PICKS]; /* experts of the first sparse layer */
    cadre_status status;
} told;

static cadre_context *context;
static cadre_model *model;

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
    (void)token, (void)prompt;
    for (int64_t k = 0; k < log->picks; k++) {
        int32_t expert = log->experts[t * log->picks + k];
        if (expert >= 0) to->used[expert] = true;
    }
    return CADRE_OK;
}

/* All of them together, or the first alone */
static void run(told *all, int count)
{
    const cadre_sampling greedy = { .size = sizeof greedy };
    const batcher_limits limits = { count, PROMPT + LIMIT, PROMPT, PROMPT, 0 };
    session sessions[REQUESTS];
    request requests[REQUESTS];
    batcher b;
    for (int i = 0; i < count; i++) succeeds(session_open(model, PROMPT + LIMIT, &sessions[i]));
    succeeds(batcher_open(model, &limits, sessions, &b));
    for (int i = 0; i < count; i++) {
        const request_options o = { .limit = LIMIT,
            .sampling = &greedy,
            .listener = listen,
            .arg = &all[i],
            .watch = watch,
            .watch_arg = &all[i] };
        succeeds(request_open(model, all[i].prompt, PROMPT, &o, &requests[i]));
        succeeds(batcher_join(&b, &requests[i]));
    }
    while (!batcher_is_idle(&b)) batcher_pass(&b);
    for (int i = 0; i < count; i++) {
        all[i].status = requests[i].status;
        request_close(&requests[i]);
    }
    batcher_close(&b);
    for (int i = 0; i < count; i++) session_close(&sessions[i]);
}

/* A disk on which expert `bad` of layer 0 cannot be read; -1: all can */
static void restart(int32_t bad, bool stalled)
{
    const store_stack stack = { &model->config, &model->store.records, &model->weights };
    const store_options o = {
        .slots = model->store.size.least * 2, .engine = &bad_disk, .timeout = 0.05
    };
    bad_disk_manners = (bad_disk_manner){ .stalled = stalled };
    if (bad >= 0) {
        const file_range *range = &expert_record_of(&model->store.records, 0, bad)->range[0];
        bad_disk_manners.bad_from = range->offset + BLOCKED;
        bad_disk_manners.bad_to = bad_disk_manners.bad_from + 1;
        assert_true(range->bytes > 3 * BLOCKED);
    }
    expert_store_close(model->store.experts);
    model->store.experts = NULL;
    succeeds(expert_store_open(&model->file, &stack, 1, &o, &model->store.experts));
    model->weights.source = expert_store_source(model->store.experts, 0);
}

static int begin(void **state)
{
    const char *path = scratch_file("model.gguf");
    (void)state;
    cadre_options *o = small_options("mixtral");
    small_set(o, "experts", "32");
    small_set(o, "width", "64");
    small_set(o, "expert-width", "64");
    succeeds(cadre_context_new(1, NULL, &context));
    succeeds(cadre_init(context, o, NULL, "f32", path, NULL));
    succeeds(cadre_model_open(context, path, &model));
    const cadre_open_options how = { .size = sizeof how,
        .memory = weight_file_bytes(&model->file) - 1 };
    cadre_model_close(model);
    cadre_options_free(o);
    succeeds(cadre_model_open_with(context, path, &how, &model));
    return 0;
}

static int end(void **state)
{
    (void)state;
    cadre_model_close(model);
    cadre_context_free(context);
    return 0;
}

static void make_requests(told *all)
{
    memset(all, 0, REQUESTS * sizeof *all);
    for (int i = 0; i < REQUESTS; i++)
        for (int k = 0; k < PROMPT; k++) all[i].prompt[k] = (i * 131 + k * 57 + 11) % VOCAB;
}

/* Each expert that some use and others do not is bad in turn. */
static void only_who_needs_an_expert_misses_it(void **state)
{
    told alone[REQUESTS], got[REQUESTS];
    int tried = 0;
    (void)state;
    make_requests(alone);
    restart(-1, false);
    for (int i = 0; i < REQUESTS; i++) run(&alone[i], 1);
    for (int32_t bad = 0; bad < 32; bad++) {
        int users = 0;
        for (int i = 0; i < REQUESTS; i++) users += alone[i].used[bad];
        if (!users || users == REQUESTS) continue;
        tried++;
        make_requests(got);
        restart(bad, false);
        run(got, REQUESTS);
        for (int i = 0; i < REQUESTS; i++) {
            assert_int_equal(got[i].status, alone[i].used[bad] ? CADRE_EIO : CADRE_OK);
            assert_memory_equal(
                got[i].ids, alone[i].ids, (size_t)got[i].count * sizeof *got[i].ids);
            if (!alone[i].used[bad]) assert_int_equal(got[i].count, LIMIT);
        }
    }
    assert_true(tried > 3);
}

/* It is waited for once, not once for each. */
static void a_silent_disk_fails_all(void **state)
{
    told got[REQUESTS];
    (void)state;
    make_requests(got);
    restart(-1, true);
    run(got, REQUESTS);
    for (int i = 0; i < REQUESTS; i++) assert_int_equal(got[i].status, CADRE_EIO);
    assert_true(expert_store_stats(model->store.experts).waited < 3 * 0.05);
    bad_disk_wake();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_who_needs_an_expert_misses_it),
        cmocka_unit_test(a_silent_disk_fails_all),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
