/* expert_store_choice_test.c - which expert is evicted, and how much is read on guesses: the store
 * is compared with a list in order of use, and given guesses that are all wrong. */
#include "store/expert_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "model/model.h"
#include "support/bad_disk.h"
#include "support/scratch.h"
#include "support/small_run.h"
#include "support/succeeds.h"

enum { TOKENS = 160, EXPERTS_MOST = 64, LAYERS_MOST = 16 };

/* ---- a model whose store is watched ---- */

/* A source that passes everything on to the store's source. It keeps a list of the experts in order
 * of use, and can negate the scores that guesses are made of. */
typedef struct watch {
    expert_source source; /* first: the source is the watch */
    expert_source *store;
    const model_config *config;
    int32_t slots, length;
    int32_t list[EXPERTS_MOST]; /* layer * E + expert; what was used last comes first */
    int64_t picks, hits;        /* of the list */
    bool lies;                  /* guesses get negated scores */
} watch;

static void use(watch *w, int32_t expert)
{
    int32_t at = 0;
    while (at < w->length && w->list[at] != expert) at++;
    w->picks++;
    w->hits += at < w->length;
    if (at == w->length && w->length < w->slots) w->length++;
    else if (at == w->length) at--;
    memmove(w->list + 1, w->list, (size_t)at * sizeof *w->list);
    w->list[0] = expert;
}

static void prefetch(expert_source *s, int64_t layer, const plan *p)
{
    watch *w = (watch *)s;
    int32_t experts = w->config->layer[layer].moe.experts;
    for (int32_t e = 0; e < experts; e++)
        if (plan_rows_of(p, (gexp){ e })) use(w, (int32_t)layer * experts + e);
    w->store->prefetch(w->store, layer, p);
}

static void expect(expert_source *s, int64_t layer, const real *score, int64_t tokens)
{
    watch *w = (watch *)s;
    real told[EXPERTS_MOST];
    int32_t experts = w->config->layer[layer].moe.experts;
    assert_true(tokens == 1 && experts <= EXPERTS_MOST);
    for (int32_t e = 0; e < experts; e++) told[e] = w->lies ? -score[e] : score[e];
    w->store->expect(w->store, layer, told, tokens);
}

static cadre_status acquire(expert_source *s, expert_wave *wave)
{
    watch *w = (watch *)s;
    return w->store->acquire(w->store, wave);
}

static void release(expert_source *s, const expert_wave *wave)
{
    watch *w = (watch *)s;
    w->store->release(w->store, wave);
}

static cadre_model *open_model(const char *topk)
{
    cadre_context *context;
    cadre_model *m;
    cadre_options *o = small_options("olmoe");
    const char *path = scratch_file("model.gguf");
    const cadre_open_options all = { .size = sizeof all };
    small_set(o, "width", "64");
    small_set(o, "expert-width", "64");
    small_set(o, "topk", topk);
    succeeds(file_remove(path));
    succeeds(cadre_context_new(1, NULL, &context));
    succeeds(cadre_init(context, o, NULL, "q8_0", path, NULL));
    cadre_options_free(o);
    succeeds(cadre_model_open_with(context, path, &all, &m));
    const cadre_open_options less = { .size = sizeof less,
        .memory = weight_file_bytes(&m->file) - 1 };
    cadre_model_close(m);
    succeeds(cadre_model_open_with(context, path, &less, &m));
    return m;
}

static void close_model(cadre_model *m)
{
    cadre_context *context = m->context;
    cadre_model_close(m);
    cadre_context_free(context);
}

static void put_store(cadre_model *m, const char *name, int32_t slots, double accuracy, watch *w)
{
    const store_stack stack = { &m->config, &m->store.records, &m->weights };
    const store_options o = {
        .slots = slots, .policy = name, .engine = &bad_disk, .accuracy = accuracy
    };
    bad_disk_manners = (bad_disk_manner){ 0 };
    expert_store_close(m->store.experts);
    m->store.experts = NULL;
    succeeds(expert_store_open(&m->file, &stack, 1, &o, &m->store.experts));
    *w = (watch){ .source = { prefetch, expect, acquire, release },
        .store = expert_store_source(m->store.experts, 0),
        .config = &m->config,
        .slots = slots };
    m->weights.source = &w->source;
}

/* Runs tokens one by one. ahead [TOKENS]: how many experts were read on a guess up to each token;
 * NULL: not wanted */
static void run_tokens(cadre_model *m, int64_t *ahead)
{
    cadre_session *session;
    cadre_pass *pass;
    cadre_real *logits = MEM_ARRAY(cadre_real, m->config.vocab);
    succeeds(cadre_session_new(m, TOKENS, &session));
    succeeds(cadre_pass_new(m, 1, 1, TOKENS, &pass));
    for (int32_t n = 0; n < TOKENS; n++) {
        int32_t token = n * n % 50;
        cadre_pass_part part = { .session = session, .tokens = &token, .count = 1, .row_count = 1 };
        succeeds(cadre_pass_run(pass, &part, 1, logits));
        if (ahead) ahead[n] = expert_store_stats(m->store.experts).ahead;
    }
    cadre_session_free(session);
    cadre_pass_free(pass);
    mem_free(logits);
}

/* ---- eviction ---- */

/* With one pick a layer, the policy lru evicts the last expert of the list. */
static void the_least_recently_used_goes(void **state)
{
    int64_t hits = 0, most = 0;
    (void)state;
    cadre_model *m = open_model("1");
    assert_true(m->store.size.experts <= EXPERTS_MOST);
    for (int32_t slots = 2; slots < m->store.size.experts; slots++) {
        watch w;
        put_store(m, "lru", slots, 0, &w);
        w.source.expect = NULL; /* after right guesses, experts would be read ahead */
        run_tokens(m, NULL);
        store_stats s = expert_store_stats(m->store.experts);
        assert_int_equal(s.picks, w.picks);
        assert_int_equal(s.hits, w.hits);
        hits += s.hits, most += s.picks;
    }
    assert_true(hits > 0 && hits < most);
    close_model(m);
}

/* ---- how much is read on a guess ---- */

static int64_t sparse_layers(const cadre_model *m) { return m->store.size.layers; }

/* Experts that are read on guesses of a layer take an eighth of the slots at most. */
static void guesses_take_an_eighth_of_the_slots(void **state)
{
    int64_t ahead[TOKENS], reached = 0;
    (void)state;
    cadre_model *m = open_model("4");
    for (int32_t slots = 8; slots < 16; slots += 7) {
        watch w;
        put_store(m, "lru", slots, 1, &w);
        run_tokens(m, ahead);
        for (int n = 0; n < TOKENS; n++) {
            int64_t own = ahead[n] - (n ? ahead[n - 1] : 0);
            assert_true(own <= sparse_layers(m) * (slots / 8));
            reached += own;
        }
    }
    assert_true(reached > 0);
    close_model(m);
}

/* If all guesses are wrong, they are no longer read after a while. */
static void wrong_guesses_end(void **state)
{
    int64_t ahead[TOKENS];
    watch w;
    (void)state;
    cadre_model *m = open_model("1");
    put_store(m, "lru", 8, 1, &w);
    w.lies = true;
    run_tokens(m, ahead);
    assert_true(ahead[0] > 0 && ahead[TOKENS - 1] < 40);
    assert_int_equal(ahead[TOKENS - 1], ahead[TOKENS - 80]);
    close_model(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_recently_used_goes),
        cmocka_unit_test(guesses_take_an_eighth_of_the_slots),
        cmocka_unit_test(wrong_guesses_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
