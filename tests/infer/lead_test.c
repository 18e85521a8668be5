/* lead_test.c - what rank 0 tells the others of sequences' pasts: requests that share beginnings,
 * sessions that are forked and rewound, and layers whose past is not rows, give the bits of one
 * process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "cadre.h"
#include "model/model.h"
#include "support/ranked.h"
#include "support/scratch.h"
#include "support/small_run.h"
#include "support/succeeds.h"

enum { MOST = 512, PROMPT = 150, WRITTEN = 20 };

typedef struct heard {
    int32_t ids[MOST];
    int64_t count;
} heard;

static bool listen(void *arg, int32_t id, const char *piece, size_t size)
{
    heard *h = arg;
    (void)piece, (void)size;
    if (id >= 0 && h->count < MOST) h->ids[h->count++] = id;
    return true;
}

/* The i-th token of text `seed`: texts with seeds of one hundred begin alike. */
static void fill(int seed, int32_t *ids)
{
    for (int i = 0; i < PROMPT; i++) ids[i] = (i * 7 + (i < 100 ? seed / 100 : seed)) % 60 + 1;
}

#define TRY(call)                                                                                  \
    do {                                                                                           \
        cadre_status tried = (call);                                                               \
        if (tried != CADRE_OK) return tried;                                                       \
    } while (0)

/* ---- sessions ---- */

static cadre_status write_on(cadre_session *s, const int32_t *ids, int64_t count, heard *h)
{
    const cadre_sampling greedy = { .size = sizeof greedy };
    return cadre_session_generate(s, ids, count, WRITTEN, &greedy, listen, h);
}

static cadre_status fork_and_rewind(cadre_model *m, void *arg)
{
    heard *h = arg;
    int32_t ids[PROMPT], other[PROMPT];
    cadre_session *s, *fork = NULL;
    fill(100, ids);
    fill(101, other);
    TRY(cadre_session_new(m, 256, &s));
    cadre_status status = write_on(s, ids, PROMPT, h);
    if (status == CADRE_OK) status = cadre_session_fork(s, cadre_session_length(s), 256, &fork);
    if (status == CADRE_OK) {
        int32_t more[256];
        int64_t held = cadre_session_length(fork);
        memcpy(more, cadre_session_tokens(fork), (size_t)held * sizeof *more);
        more[held] = 9;
        status = write_on(fork, more, held + 1, h);
    }
    if (status == CADRE_OK) status = write_on(s, other, PROMPT, h);
    if (status == CADRE_OK) status = cadre_session_truncate(s, 0);
    if (status == CADRE_OK) status = write_on(s, ids, 3, h);
    cadre_session_free(fork);
    cadre_session_free(s);
    return status;
}

/* ---- requests ---- */

static cadre_status run_requests(cadre_batcher *b, heard *h)
{
    const cadre_sampling greedy = { .size = sizeof greedy };
    int64_t id[6];
    bool idle = false;
    for (int i = 0; i < 6; i++) {
        int32_t ids[PROMPT];
        fill(100 * (i / 3 + 1) + i, ids);
        const cadre_request r = {
            .size = sizeof r, .tokens = ids, .count = PROMPT, .limit = WRITTEN, .sampling = &greedy
        };
        TRY(cadre_batcher_submit(b, &r, &id[i]));
        for (int pass = 0; pass < 4 && !idle; pass++) TRY(cadre_batcher_run(b, &idle));
        idle = false;
    }
    while (!idle) TRY(cadre_batcher_run(b, &idle));
    for (int i = 0; i < 6; i++) {
        cadre_request_news news = { .size = sizeof news };
        TRY(cadre_batcher_poll(b, id[i], &news));
        if (news.status != CADRE_OK) return news.status;
        for (int64_t t = 0; t < news.id_count; t++) listen(h, news.ids[t], NULL, 0);
    }
    return CADRE_OK;
}

static cadre_status serve_requests(cadre_model *m, void *arg)
{
    cadre_batcher *b;
    const cadre_batcher_limits limits = {
        .size = sizeof limits, .slots = 2, .queue = 8, .context = 256, .chunk = 64, .beside = 16
    };
    TRY(cadre_batcher_new(m, &limits, &b));
    cadre_status status = run_requests(b, arg);
    cadre_batcher_free(b);
    return status;
}

/* ---- models ---- */

/* Sinks, and a window shorter than the sequences in every other layer */
static const char windowed_config[] =
    "{\"model_type\": \"gpt_oss\", \"hidden_size\": 32, \"intermediate_size\": 32, "
    "\"num_hidden_layers\": 4, \"head_dim\": 16,"
    " \"num_attention_heads\": 4, \"num_key_value_heads\": 2, \"num_local_experts\": 8, "
    "\"num_experts_per_tok\": 2,"
    " \"vocab_size\": 512, \"max_position_embeddings\": 256, \"sliding_window\": 16, "
    "\"rms_norm_eps\": 1e-5,"
    " \"layer_types\": [\"sliding_attention\", \"full_attention\", \"sliding_attention\", "
    "\"full_attention\"], \"rope_theta\": 10000.0, \"tie_word_embeddings\": false}";

typedef struct model_case {
    const char *config, *mixer, *dtype;
} model_case;

static const char *make_model(const model_case *m)
{
    const char *path = scratch_file("model.gguf"), *config = NULL;
    cadre_context *context;
    cadre_options *o = small_options(m->config ? NULL : "olmoe");
    if (m->config) {
        config = scratch_file("config.json");
        succeeds(file_write(config, m->config, strlen(m->config)));
    } else {
        small_set(o, "context", "256");
        small_set(o, "layers", "4");
    }
    if (m->mixer) small_set(o, "mixer", m->mixer);
    succeeds(cadre_context_new(1, NULL, &context));
    succeeds(cadre_init(context, o, config, m->dtype, path, NULL));
    cadre_context_free(context);
    cadre_options_free(o);
    return path;
}

static void compare(const char *path, int ranks, const char *layout,
    cadre_status (*work)(cadre_model *model, void *arg))
{
    static heard one, many;
    one.count = many.count = 0;
    memset(many.ids, 0, sizeof many.ids);
    ranked_result r = ranked_run(path, 1, NULL, work, &one);
    if (r.status != CADRE_OK) fail_msg("one process: %s", r.sentence);
    r = ranked_run(path, ranks, layout, work, &many);
    if (r.status != CADRE_OK) fail_msg("%s: %s", layout, r.sentence);
    assert_true(one.count > 2 * WRITTEN);
    assert_int_equal(one.count, many.count);
    assert_memory_equal(one.ids, many.ids, (size_t)one.count * sizeof *one.ids);
}

static void check_model(void **state)
{
    const char *path = make_model(*state);
    compare(path, 2, "tensor=2", fork_and_rewind);
    compare(path, 2, "pipeline=2", fork_and_rewind);
    compare(path, 4, "expert=2,pipeline=2", serve_requests);
    compare(path, 2, "tensor=2", serve_requests);
    succeeds(file_remove(path));
}

/* ---- what they sent ---- */

static cadre_status count_rows(cadre_model *m, void *arg)
{
    int32_t ids[PROMPT];
    cadre_session *s;
    fill(100, ids);
    TRY(cadre_session_new(m, 256, &s));
    cadre_status status = write_on(s, ids, PROMPT, arg);
    cadre_session_free(s);
    comm_tally rank[4];
    int ranks = model_ranks_tallies(m->ranks, rank, 4);
    assert_int_equal(ranks, 2);
    for (int i = 0; i < 2; i++) {
        assert_true(rank[i].rows_sent > 0 && rank[i].bytes_sent > rank[i].rows_sent);
        assert_true(rank[i].rows_sent == rank[1 - i].rows_received);
        assert_true(rank[i].seconds > 0 && rank[i].seconds < 60);
    }
    return status;
}

/* As rank 0 hears of them after its first pass: what one sent, the other received. */
static void tallies(void **state)
{
    const model_case attends = { .dtype = "f32" };
    const char *path = make_model(&attends);
    heard h = { 0 };
    (void)state;
    ranked_result r = ranked_run(path, 2, "expert=2", count_rows, &h);
    if (r.status != CADRE_OK) fail_msg("%s", r.sentence);
    succeeds(file_remove(path));
}

/* ---- refusals ---- */

static cadre_status never(cadre_model *m, void *arg)
{
    (void)m;
    *(bool *)arg = true;
    return CADRE_OK;
}

static void check_refused(const char *path, int ranks, const char *layout, const char *word)
{
    bool ran = false;
    ranked_result r = ranked_run(path, ranks, layout, never, &ran);
    assert_int_equal(r.status, CADRE_EARGUMENT);
    if (!strstr(r.sentence, word)) fail_msg("%s: %s", layout, r.sentence);
    assert_false(ran);
}

static void refusals(void **state)
{
    const model_case windowed = { .config = windowed_config, .dtype = "f32" };
    const char *path = make_model(&windowed);
    (void)state;
    check_refused(path, 3, "tensor=3", "tensor=3");
    check_refused(path, 9, "expert=9", "expert=9");
    check_refused(path, 5, "pipeline=5", "pipeline=5");
    check_refused(path, 2, "data=2", "data=2");
    bool ran = false;
    ranked_result r = ranked_run("/nowhere", 2, "tensor=2", never, &ran);
    assert_true(r.status != CADRE_OK && !ran);
    succeeds(file_remove(path));
}

int main(void)
{
    static model_case attends = { .dtype = "f32" }, quantised = { .dtype = "q8_0" },
                      recurrent = { .mixer = "attention,lstm,attention,lstm", .dtype = "f32" },
                      windowed = { .config = windowed_config, .dtype = "f32" };
    const struct CMUnitTest tests[] = {
        { "attention", check_model, NULL, NULL, &attends },
        { "quantised", check_model, NULL, NULL, &quantised },
        { "recurrent layers", check_model, NULL, NULL, &recurrent },
        { "windows", check_model, NULL, NULL, &windowed },
        cmocka_unit_test(tallies),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests_name("what ranks are told", tests, NULL, NULL);
}
