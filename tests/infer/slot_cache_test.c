/* slot_cache_test.c - requests in a small pool: none runs out of blocks, each writes what it
 * writes alone, and its logits are the same bits, whatever was shared, kept or evicted. */
#include "infer/slot_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "format/hash.h"
#include "infer/batcher.h"
#include "model/state.h"
#include "support/long.h"
#include "support/scratch.h"
#include "support/small_run.h"
#include "support/succeeds.h"

enum { REQUESTS = 40, PROMPT = 300, LIMIT = 30, CAPACITY = PROMPT + LIMIT, VOCAB = 512 };

typedef struct told {
    int32_t prompt[PROMPT], ids[LIMIT];
    hash128 logits[LIMIT]; /* of the logits that a token was drawn from */
    int64_t prompt_count, limit, count;
} told;

static cadre_context *context;
static cadre_model *model;
static int request_count; /* of them, at most REQUESTS */
static told alone[REQUESTS], got[REQUESTS];
static random_key key;
static uint64_t draws;

static int64_t draw(int64_t below)
{
    return (int64_t)(random_bits(key, draws++) % (uint64_t)below);
}

static bool listen(void *arg, int32_t id, const char *text, size_t size)
{
    told *t = arg;
    (void)text, (void)size;
    t->ids[t->count++] = id;
    return true;
}

static void open_request(request *r, told *t)
{
    const request_options o = { .limit = t->limit, .listener = listen, .arg = t };
    succeeds(request_open(model, t->prompt, t->prompt_count, &o, r));
}

/* Texts of three beginnings, which some of them leave in the middle of a block. */
static void make_requests(void)
{
    for (int i = 0; i < request_count; i++) {
        told *t = &alone[i];
        int64_t same = i % 4 ? 40 + draw(PROMPT - 60) : 0, begins = draw(3);
        t->prompt_count = 1 + draw(PROMPT), t->limit = draw(LIMIT + 1), t->count = 0;
        for (int64_t p = 0; p < PROMPT; p++)
            t->prompt[p] = (int32_t)(p < same ? (p * 7 + begins) % VOCAB : draw(VOCAB));
        got[i] = *t;
    }
}

/* A pass; takes down the logits that tokens were drawn from. */
static void pass(batcher *b)
{
    told *of[REQUESTS];
    for (int64_t i = 0; i < b->limits.slots; i++)
        of[i] = b->slots[i].request ? b->slots[i].request->options.arg : NULL;
    batcher_pass(b);
    for (int64_t i = 0; i < b->limits.slots; i++)
        if (of[i] && b->slots[i].count && b->slots[i].row >= 0)
            of[i]->logits[of[i]->count - 1] =
                hash_bytes(b->logits + b->slots[i].row * VOCAB, VOCAB * sizeof(real));
}

static void run_alone(told *t)
{
    const batcher_limits limits = { 1, CAPACITY, CAPACITY, CAPACITY, 0 };
    session s;
    batcher b;
    request r;
    succeeds(session_open(model, CAPACITY, &s));
    succeeds(batcher_open(model, &limits, &s, &b));
    open_request(&r, t);
    succeeds(batcher_join(&b, &r));
    while (!request_ended(&r)) pass(&b);
    succeeds(r.status);
    request_close(&r);
    batcher_close(&b);
    session_close(&s);
}

/* A recipe, perhaps with other mixers: RECIPE or RECIPE/MIXER[,MIXER] */
static void open_model_with(const char *name, const char *heads)
{
    char first[64];
    const char *mixers = strchr(name, '/');
    snprintf(first, sizeof first, "%.*s", (int)strcspn(name, "/"), name);
    cadre_options *o = small_options(first);
    small_set(o, "context", "512");
    if (mixers) small_set(o, "mixer", mixers + 1);
    if (heads) small_set(o, "heads", heads);
    if (heads) small_set(o, "kv-heads", heads);
    if (heads) small_set(o, "width", "32");
    succeeds(cadre_context_new(2, NULL, &context));
    succeeds(cadre_init(context, o, NULL, "bf16", scratch_file("model.gguf"), NULL));
    succeeds(cadre_model_open(context, scratch_file("model.gguf"), &model));
    assert_int_equal(model->config.vocab, VOCAB);
    cadre_options_free(o);
}

static void open_model(const char *name) { open_model_with(name, NULL); }

/* Every other layer has this window, and the cache this format. */
static void give_window(int64_t window, const char *format)
{
    for (int64_t l = 0; l < model->config.layers; l += 2)
        model->config.layer[l].mixer.window = window;
    succeeds(model_state_choose(&model->config, format, NULL));
}

static void close_model(void)
{
    cadre_model_close(model);
    cadre_context_free(context);
    succeeds(file_remove(scratch_file("model.gguf")));
}

/* What is used and what is not are all blocks. */
static void balanced(const slot_cache *c)
{
    int64_t free = state_pool_room(c->pool, STATE_WHOLE), kept = slot_cache_idle_blocks(c),
            held = 0;
    assert_true(free >= 0 && kept >= 0 && free + kept <= c->blocks);
    for (int64_t i = 0; i < c->slots; i++) held += !c->past[i].left;
    if (!held) assert_int_equal(free + kept, c->blocks);
}

/* Returns the tokens of prompts that were not read again. */
static int64_t run_together(const batcher_limits *limits, bool cut)
{
    request requests[REQUESTS];
    bool cancelled[REQUESTS] = { 0 };
    batcher b;
    int64_t shared = 0;
    int opened = 0, next = 0;
    for (int i = 0; i < request_count; i++) got[i].count = 0;
    succeeds(batcher_open(model, limits, NULL, &b));
    while (next < request_count || !batcher_is_idle(&b)) {
        while (next < request_count && draw(4)) {
            if (opened == next) open_request(&requests[opened++], &got[next]);
            if (!batcher_admits(&b, &requests[next])) break;
            succeeds(batcher_join(&b, &requests[next]));
            shared += requests[next++].read;
        }
        if (batcher_is_idle(&b) && opened > next) assert_true(batcher_admits(&b, &requests[next]));
        pass(&b);
        balanced(&b.cache);
        for (int i = 0; cut && i < next; i++)
            if (!request_ended(&requests[i]) && !cancelled[i] && draw(40) == 0) {
                cancelled[i] = true;
                batcher_leave(&b, &requests[i]);
                balanced(&b.cache);
            }
    }
    for (int i = 0; i < request_count; i++) {
        int64_t count = got[i].count;
        succeeds(requests[i].status);
        if (!cancelled[i]) assert_int_equal(count, alone[i].count);
        assert_memory_equal(got[i].ids, alone[i].ids, (size_t)count * sizeof *got[i].ids);
        assert_memory_equal(got[i].logits, alone[i].logits, (size_t)count * sizeof *got[i].logits);
        request_close(&requests[i]);
    }
    batcher_close(&b);
    return shared;
}

static int64_t all_together(void)
{
    static const batcher_limits limits[] = {
        { 1, CAPACITY, 100, 100, 6 },   /* no more than the longest one */
        { 4, CAPACITY, 64, 9, 6 },      /* the same, for four */
        { 4, CAPACITY, 200, 200, 11 },  /* evicted now and then */
        { 9, CAPACITY, 77, 77, 9 * 6 }, /* room for all, who read alike side by side */
        { 9, CAPACITY, 512, 3, 400 },   /* nothing need ever go */
    };
    enum { LIMITS = sizeof limits / sizeof *limits };
    int64_t shared = 0;
    request_count = long_form() ? REQUESTS : 15;
    make_requests();
    for (int i = 0; i < request_count; i++) run_alone(&alone[i]);
    for (int i = 0; i < LIMITS; i++) {
        if (long_form() || i % 2) run_together(&limits[i], true);
        if (long_form() || i % 2 == 0) shared += run_together(&limits[i], false);
    }
    return shared;
}

static void the_bits_are_those_of_alone(void **state)
{
    key = random_key_of(5, *state, 0, 0);
    open_model(*state);
    int64_t shared = all_together();
    /* Of those that follow on one of the beginnings most are found there, if those have been read
     * by then; where layers are recurrent, if two texts have parted there before */
    bool recurrent = model_state_fixed_bytes(&model->config);
    if (long_form() || !recurrent)
        assert_true(shared > (recurrent ? 20 : long_form() ? 75 : 3) * STATE_BLOCK);
    close_model();
}

/* ---- layers with a window ---- */

/* A pass over the whole text, of which nothing is kept: nothing can be missing in it. */
static void compare_with_whole_text(const told *t)
{
    int32_t text[CAPACITY];
    int64_t rows[LIMIT], length = t->prompt_count + t->count - 1;
    real *logits = mem_alloc(LIMIT, VOCAB * sizeof *logits);
    runner r;
    if (!t->count) {
        mem_free(logits);
        return;
    }
    memcpy(text, t->prompt, (size_t)t->prompt_count * sizeof *text);
    memcpy(text + t->prompt_count, t->ids, (size_t)(t->count - 1) * sizeof *text);
    succeeds(runner_open(model, CAPACITY, 1, CAPACITY, &r));
    succeeds(runner_feed(&r, &(runner_chunk){ NULL, text, length }, 1));
    for (int64_t i = 0; i < t->count; i++) rows[i] = t->prompt_count - 1 + i;
    runner_logits(&r, rows, t->count, logits);
    for (int64_t i = 0; i < t->count; i++) {
        hash128 h = hash_bytes(logits + i * VOCAB, VOCAB * sizeof *logits);
        assert_memory_equal(&h, &t->logits[i], sizeof h);
    }
    runner_close(&r);
    mem_free(logits);
}

static void windows_beside_states_change_no_bit(void **state)
{
    key = random_key_of(7, *state, 0, 0);
    open_model(*state);
    for (int64_t window = 1; window < 150; window += 129) {
        give_window(window, "f32");
        all_together();
        for (int r = 0; r < request_count; r++) compare_with_whole_text(&alone[r]);
    }
    close_model();
}

static void windows_change_no_bit(void **state)
{
    bool exact = strcmp(*state, "f32") == 0;
    key = random_key_of(6, *state, 0, 0);
    open_model_with("olmoe", strcmp(*state, "q8_0") ? NULL : "1"); /* a head is whole blocks */
    for (int64_t window = exact ? 1 : 66; window < 150; window += 129) {
        give_window(window, *state);
        assert_true(all_together() > 0);
        for (int r = 0; r < request_count && exact; r++) compare_with_whole_text(&alone[r]);
    }
    close_model();
}

/* ---- one after another ---- */

static void set_text(told *t, int64_t count, int64_t limit, int32_t seed)
{
    t->prompt_count = count, t->limit = limit, t->count = 0;
    for (int64_t p = 0; p < PROMPT; p++) t->prompt[p] = (int32_t)((p * 5 + seed) % VOCAB);
}

static request *enter(batcher *b, request *r, told *t)
{
    open_request(r, t);
    assert_true(batcher_admits(b, r));
    succeeds(batcher_join(b, r));
    return r;
}

static void finish(batcher *b, request *r)
{
    while (!request_ended(r)) batcher_pass(b);
    succeeds(r->status);
    request_close(r);
}

static void blocks_are_shared_and_promised(void **state)
{
    (void)state;
    const batcher_limits limits = { 3, CAPACITY, 512, 512, 8 };
    request r[4];
    batcher b;
    open_model("qwen3-moe");
    succeeds(batcher_open(model, &limits, NULL, &b));
    set_text(&got[0], 200, LIMIT, 1); /* 229 tokens: 4 blocks */
    set_text(&got[1], 200, LIMIT, 1);
    set_text(&got[2], 200, LIMIT, 2);
    set_text(&got[3], 140, 1, 2); /* 3 blocks, of which 2 are shared */
    enter(&b, &r[0], &got[0]);
    enter(&b, &r[1], &got[1]); /* together: what both read is held once */
    open_request(&r[2], &got[2]);
    assert_false(batcher_admits(&b, &r[2]));
    batcher_pass(&b);
    assert_int_equal(r[1].read, 200);
    assert_ptr_equal(b.cache.past[0].prefix, b.cache.past[1].prefix);
    assert_int_equal(state_pool_room(b.cache.pool, STATE_WHOLE), 8 - 3 - 2);
    assert_false(batcher_admits(&b, &r[2])); /* 3 are free: one short */
    batcher_leave(&b, &r[1]);                /* its last block is its own, and may go */
    assert_true(batcher_admits(&b, &r[2]));
    succeeds(batcher_join(&b, &r[2]));
    assert_int_equal(r[2].read, 0);
    open_request(&r[3], &got[3]);
    assert_false(batcher_admits(&b, &r[3])); /* nothing of it is there yet */
    batcher_pass(&b);
    assert_false(batcher_admits(&b, &r[3])); /* two of three, and none is left */
    batcher_leave(&b, &r[0]);
    assert_true(batcher_admits(&b, &r[3]));
    succeeds(batcher_join(&b, &r[3]));
    assert_int_equal(r[3].read, 2 * STATE_BLOCK);
    finish(&b, &r[3]);
    finish(&b, &r[2]);
    request_close(&r[0]);
    request_close(&r[1]);
    batcher_close(&b);
    close_model();
}

/* What a slot has read is taken up at the token, also in a block that the tree has. */
static void a_slot_goes_on_where_it_was(void **state)
{
    (void)state;
    const batcher_limits limits = { 1, CAPACITY, CAPACITY, CAPACITY, 6 };
    request r;
    batcher b;
    open_model("qwen3-moe");
    succeeds(batcher_open(model, &limits, NULL, &b));
    set_text(&got[0], 200, 1, 1);
    finish(&b, enter(&b, &r, &got[0]));
    set_text(&got[0], 230, 1, 1);
    assert_int_equal(enter(&b, &r, &got[0])->read, 200);
    finish(&b, &r);
    set_text(&got[0], 230, 1, 1);
    got[0].prompt[100]++; /* a copy of its second block, which the tree keeps */
    assert_int_equal(enter(&b, &r, &got[0])->read, 100);
    finish(&b, &r);
    set_text(&got[0], 230, 1, 1);
    assert_int_equal(enter(&b, &r, &got[0])->read, 3 * STATE_BLOCK);
    batcher_leave(&b, &r); /* before it has read anything */
    balanced(&b.cache);
    request_close(&r);
    batcher_close(&b);
    close_model();
}

static int64_t windows_in_use(const slot_cache *c)
{
    const state_supply *s = &c->pool->supply[STATE_WINDOW];
    return s->count - s->free_count;
}

/* A beginning longer than the window is read once more at most: where texts have parted, what is
 * seen there is kept longest. */
static void a_window_is_kept_where_texts_go_on(void **state)
{
    (void)state;
    const batcher_limits limits = { 2, CAPACITY, 16, 16, 2 * 6 };
    request r;
    batcher b;
    open_model("qwen3-moe");
    give_window(20, "f32");
    succeeds(batcher_open(model, &limits, NULL, &b));
    assert_int_equal(b.cache.promised.of[STATE_WINDOW], 2 * state_window_blocks(20, CAPACITY, 16));
    assert_true(b.cache.promised.of[STATE_WINDOW] < limits.blocks);
    set_text(&got[0], 290, LIMIT, 1);
    enter(&b, &r, &got[0]);
    for (int64_t p = 0; p < 290 / 16; p++) {
        batcher_pass(&b);
        assert_true(windows_in_use(&b.cache) <= b.cache.promised.of[STATE_WINDOW]);
    }
    finish(&b, &r);
    while (prefix_cache_evict_window(&b.cache.prefixes, false)) continue;
    for (int32_t i = 0; i < 3; i++) {
        set_text(&got[0], 290, 1, 1);
        got[0].prompt[200] = 500 + i; /* the same 3 blocks first */
        assert_int_equal(enter(&b, &r, &got[0])->read, i ? 3 * STATE_BLOCK : 0);
        finish(&b, &r);
        while (b.cache.prefixes.oldest[PREFIX_PASSED])
            prefix_cache_evict_window(&b.cache.prefixes, false);
    }
    set_text(&got[0], 290, 1, 1); /* the slot of the first one can still go back so far */
    assert_int_equal(enter(&b, &r, &got[0])->read, 289);
    finish(&b, &r);
    assert_true(windows_in_use(&b.cache) <= b.cache.promised.of[STATE_WINDOW]);
    batcher_close(&b);
    close_model();
}

static int64_t snapshots_in_use(const slot_cache *c)
{
    const state_supply *s = &c->pool->supply[STATE_FIXED];
    assert_int_equal(s->count - s->free_count, c->prefixes.snapshots);
    return c->prefixes.snapshots;
}

/* A prompt is read to the end of its last full block, and from there on; where two texts have
 * parted, from the third time on; and what was written can be gone on from, too. */
static void a_snapshot_is_kept_where_texts_go_on(void **state)
{
    const batcher_limits limits = { 2, CAPACITY, 512, 512, 2 * 6 };
    request r;
    batcher b;
    open_model(*state);
    succeeds(batcher_open(model, &limits, NULL, &b));
    assert_true(b.cache.promised.of[STATE_FIXED] >= 2 * 2 + 2);
    set_text(&got[0], 200, 1, 1);
    enter(&b, &r, &got[0]);
    batcher_pass(&b);
    assert_int_equal(r.read, 3 * STATE_BLOCK); /* not the whole prompt in one pass */
    finish(&b, &r);
    assert_int_equal(snapshots_in_use(&b.cache), 1);
    for (int32_t i = 0; i < 4; i++) { /* the slots' own pasts are of no use to these */
        static const int64_t found[] = { 0, 2 * STATE_BLOCK, 2 * STATE_BLOCK, 2 * STATE_BLOCK };
        set_text(&got[0], 180, 1, 1);
        got[0].prompt[150] = 500 + i; /* the same 2 blocks first */
        assert_int_equal(enter(&b, &r, &got[0])->read, found[i]);
        finish(&b, &r);
    }
    set_text(&got[0], 200, 1, 1);
    assert_int_equal(enter(&b, &r, &got[0])->read, 3 * STATE_BLOCK);
    finish(&b, &r);
    assert_int_equal(snapshots_in_use(&b.cache), 2); /* those at 192 and at 128 */
    batcher_close(&b);
    close_model();
}

static void what_was_written_has_a_snapshot(void **state)
{
    const batcher_limits limits = { 2, CAPACITY, 512, 512, 2 * 6 };
    told next[2] = { { .limit = 1 }, { .limit = 1 } };
    request r;
    batcher b;
    open_model(*state);
    succeeds(batcher_open(model, &limits, NULL, &b));
    set_text(&got[0], 110, LIMIT, 1);
    finish(&b, enter(&b, &r, &got[0])); /* 139 tokens are read: to 64, 110, and one by one */
    assert_int_equal(snapshots_in_use(&b.cache), 2);
    for (int i = 0; i < 2; i++) { /* an answer is gone on from in its slot, and beside it */
        memcpy(next[i].prompt, got[0].prompt, sizeof got[0].prompt);
        memcpy(next[i].prompt + 110, got[0].ids, (size_t)got[0].count * sizeof *got[0].ids);
        next[i].prompt_count = 150, next[i].prompt[145] += i;
        assert_int_equal(enter(&b, &r, &next[i])->read, i ? 2 * STATE_BLOCK : 139);
        finish(&b, &r);
    }
    balanced(&b.cache);
    while (prefix_cache_evict_fixed(&b.cache.prefixes)) continue;
    assert_int_equal(snapshots_in_use(&b.cache), 0);
    set_text(&got[0], 110, LIMIT, 1);
    assert_int_equal(enter(&b, &r, &got[0])->read, 0); /* rows alone are not a past */
    finish(&b, &r);
    batcher_close(&b);
    close_model();
}

/* Of snapshots, the least recently used one goes; a text is never longer in one than the other. */
static void snapshots_are_bounded(void **state)
{
    const batcher_limits limits = { 1, CAPACITY, 512, 512, 6 };
    request r;
    batcher b;
    open_model(*state);
    succeeds(batcher_open(model, &limits, NULL, &b));
    assert_int_equal(b.cache.promised.of[STATE_FIXED], 4);
    for (int32_t i = 0; i < 7; i++) {
        set_text(&got[0], 70, 1, 1 + i);
        finish(&b, enter(&b, &r, &got[0]));
        assert_int_equal(snapshots_in_use(&b.cache), i < 4 ? i + 1 : 4);
    }
    for (int32_t i = 6; i >= 0; i--) {
        set_text(&got[0], 69, 1, 1 + i);
        assert_int_equal(enter(&b, &r, &got[0])->read, i < 3 ? 0 : STATE_BLOCK);
        batcher_leave(&b, &r);
        request_close(&r);
    }
    batcher_close(&b);
    close_model();
}

/* Ranks keep no snapshots: nothing is shared, but a text goes on in its slot. */
static void ranks_opt_out(void **state)
{
    (void)state;
    const batcher_limits limits = { 2, CAPACITY, CAPACITY, CAPACITY, 12 };
    state_log log;
    request r;
    batcher b;
    open_model("shazeer-2017");
    succeeds(batcher_open(model, &limits, NULL, &b));
    assert_true(state_pool_shares(b.cache.pool));
    state_log_open(&log);
    state_pool_log(b.cache.pool, &log);
    assert_false(state_pool_shares(b.cache.pool));
    set_text(&got[0], 200, 1, 1);
    finish(&b, enter(&b, &r, &got[0]));
    assert_int_equal(b.cache.prefixes.count, 0);
    set_text(&got[0], 150, 1, 1);
    assert_int_equal(enter(&b, &r, &got[0])->read, 0);
    finish(&b, &r);
    set_text(&got[0], 230, 1, 1);
    assert_int_equal(enter(&b, &r, &got[0])->read, 200); /* in the slot of the first one */
    finish(&b, &r);
    balanced(&b.cache);
    batcher_close(&b);
    state_log_close(&log);
    close_model();
}

static void memory_may_fail(void **state)
{
    (void)state;
    const slot_cache_limits limits = { 2, CAPACITY, 8, CAPACITY };
    slot_cache c;
    cadre_status status = CADRE_ENOMEM;
    open_model("olmoe");
    for (int n = 1; status == CADRE_ENOMEM; n++) {
        assert_true(n < 50);
        mem_fail_at(n, false);
        status = slot_cache_open(model, &limits, &c);
        mem_fail_at(0, false);
    }
    succeeds(status);
    slot_cache_close(&c);
    close_model();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        { "olmoe", the_bits_are_those_of_alone, NULL, NULL, (void *)(uintptr_t) "olmoe" },
        { "deepseek-v3", the_bits_are_those_of_alone, NULL, NULL,
            (void *)(uintptr_t) "deepseek-v3" },
        { "shazeer-2017", the_bits_are_those_of_alone, NULL, NULL,
            (void *)(uintptr_t) "shazeer-2017" },
        { "gated-delta", the_bits_are_those_of_alone, NULL, NULL,
            (void *)(uintptr_t) "qwen3-moe/gated-delta,attention" },
        { "kda", the_bits_are_those_of_alone, NULL, NULL, (void *)(uintptr_t) "olmoe/kda" },
        { "mamba2", the_bits_are_those_of_alone, NULL, NULL,
            (void *)(uintptr_t) "qwen3-moe/attention,mamba2" },
        { "short-conv", the_bits_are_those_of_alone, NULL, NULL,
            (void *)(uintptr_t) "olmoe/short-conv,attention" },
        { "windows, gated-delta", windows_beside_states_change_no_bit, NULL, NULL,
            (void *)(uintptr_t) "qwen3-moe/attention,gated-delta" },
        { "snapshots, mamba2", a_snapshot_is_kept_where_texts_go_on, NULL, NULL,
            (void *)(uintptr_t) "olmoe/mamba2,attention" },
        { "snapshots, short-conv", a_snapshot_is_kept_where_texts_go_on, NULL, NULL,
            (void *)(uintptr_t) "olmoe/short-conv" },
        { "answers, kda", what_was_written_has_a_snapshot, NULL, NULL,
            (void *)(uintptr_t) "olmoe/kda,attention" },
        { "bounded, lstm", snapshots_are_bounded, NULL, NULL, (void *)(uintptr_t) "shazeer-2017" },
        { "windows, f32", windows_change_no_bit, NULL, NULL, (void *)(uintptr_t) "f32" },
        { "windows, f16", windows_change_no_bit, NULL, NULL, (void *)(uintptr_t) "f16" },
        { "windows, q8_0", windows_change_no_bit, NULL, NULL, (void *)(uintptr_t) "q8_0" },
        cmocka_unit_test(a_window_is_kept_where_texts_go_on),
        cmocka_unit_test(blocks_are_shared_and_promised),
        cmocka_unit_test(a_slot_goes_on_where_it_was),
        cmocka_unit_test(ranks_opt_out),
        cmocka_unit_test(memory_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
