/* batcher.c - who takes how many tokens in a pass, the pass, and what came of it. */
#include "infer/batcher.h"

#include <assert.h>

#include "kernel/context.h"

/* ---- memory ---- */

static void layout(batcher *b, arena *a)
{
    int64_t slots = b->limits.slots;
    b->slots = ARENA_ARRAY(a, batcher_slot, slots);
    b->chunks = ARENA_ARRAY(a, runner_chunk, slots);
    b->rows = ARENA_ARRAY(a, int64_t, slots);
    b->logits = ARENA_ARRAY(a, real, slots * b->model->config.vocab);
}

/* The most tokens of a pass: one slot reads a chunk, and all others write. */
static cadre_status open_runner(batcher *b)
{
    const batcher_limits *l = &b->limits;
    return runner_open(b->model, l->chunk + l->slots - 1, l->slots, l->capacity, &b->runner);
}

/* Takes the sessions that are given, or those of a cache. */
static cadre_status open_sessions(batcher *b, session *given)
{
    const batcher_limits *l = &b->limits;
    if (b->model->encoder) return CADRE_OK;
    const slot_cache_limits cache = { l->slots, l->capacity, l->blocks, l->chunk };
    if (l->blocks) CADRE_TRY(slot_cache_open(b->model, &cache, &b->cache));
    for (int64_t i = 0; i < l->slots; i++)
        b->slots[i].session = l->blocks ? &b->cache.past[i].session : &given[i];
    return open_runner(b);
}

cadre_status batcher_open(
    cadre_model *model, const batcher_limits *limits, session *sessions, batcher *b)
{
    arena measured = { 0 };
    *b = (batcher){ .model = model, .limits = *limits };
    CADRE_TRY(session_check_writes(model));
    layout(b, &measured);
    cadre_status status = arena_open(&b->arena, measured.used) ? CADRE_OK : CADRE_ENOMEM;
    if (status == CADRE_OK) layout(b, &b->arena);
    if (status == CADRE_OK) status = open_sessions(b, sessions);
    if (status == CADRE_OK) status = expert_load_open(&b->load, &model->config);
    if (status != CADRE_OK) batcher_close(b);
    return status;
}

void batcher_close(batcher *b)
{
    for (int64_t i = 0; b->slots && i < b->limits.slots; i++)
        encoder_decoder_close(&b->slots[i].stacks);
    runner_close(&b->runner);
    slot_cache_close(&b->cache);
    route_log_close(&b->log);
    expert_load_close(&b->load);
    arena_close(&b->arena);
    *b = (batcher){ 0 };
}

/* ---- joining and leaving ---- */

bool batcher_has_room(const batcher *b)
{
    for (int64_t i = 0; i < b->limits.slots; i++)
        if (!b->slots[i].request) return true;
    return false;
}

bool batcher_is_idle(const batcher *b)
{
    for (int64_t i = 0; i < b->limits.slots; i++)
        if (b->slots[i].request) return false;
    return true;
}

/* How many tokens of its prompt may be taken from what a session has read before. */
static int64_t shareable(const request *r) { return r->options.reads_all ? 1 : r->prompt; }

bool batcher_admits(const batcher *b, const request *r)
{
    if (!batcher_has_room(b)) return false;
    return !b->cache.slots ||
           slot_cache_admits(&b->cache, r->tokens, shareable(r), request_most(r));
}

/* At least one token is left to read, for its logits. */
static int64_t shared_with(const batcher_slot *s, const request *r)
{
    return s->session ? session_shared(s->session, r->tokens, shareable(r) - 1) : 0;
}

/* The free slot that shares most with the request; of equals, the one that would forget least. */
static batcher_slot *choose_slot(const batcher *b, const request *r)
{
    batcher_slot *best = NULL;
    for (int64_t i = 0; i < b->limits.slots; i++) {
        batcher_slot *s = &b->slots[i];
        if (s->request) continue;
        int64_t more = best ? shared_with(s, r) - shared_with(best, r) : 1;
        if (more > 0 ||
            (more == 0 && s->session && session_length(s->session) < session_length(best->session)))
            best = s;
    }
    return best;
}

static cadre_status open_log(batcher *b, const request *r)
{
    if (!r->options.watch || b->log.experts || b->model->encoder) return CADRE_OK;
    return route_log_open(&b->log, &b->model->config, b->runner.tokens);
}

cadre_status batcher_join(batcher *b, request *r)
{
    batcher_slot *s = choose_slot(b, r);
    assert(s);
    bool cached = b->cache.slots;
    int64_t i = s - b->slots,
            shared = cached ? slot_cache_shared(&b->cache, i, r->tokens, shareable(r))
                            : shared_with(s, r);
    CADRE_TRY(request_begin(r, shared));
    CADRE_TRY(open_log(b, r));
    if (cached) slot_cache_begin(&b->cache, i, r->tokens, shareable(r), request_most(r));
    else if (s->session) session_rewind(s->session, shared);
    else CADRE_TRY(encoder_decoder_open(b->model, r->prompt, r->options.limit + 1, &s->stacks));
    s->request = r;
    return CADRE_OK;
}

static void leave(batcher *b, batcher_slot *s)
{
    if (b->cache.slots) slot_cache_leave(&b->cache, s - b->slots);
    encoder_decoder_close(&s->stacks);
    s->request = NULL;
}

void batcher_leave(batcher *b, const request *r)
{
    for (int64_t i = 0; i < b->limits.slots; i++)
        if (b->slots[i].request == r) leave(b, &b->slots[i]);
}

static void let_go(batcher *b)
{
    for (int64_t i = 0; i < b->limits.slots; i++)
        if (b->slots[i].request && request_ended(b->slots[i].request)) leave(b, &b->slots[i]);
}

/* ---- a pass's tokens ---- */

static bool reads(const batcher_slot *s)
{
    return s->request && s->request->state == REQUEST_READS;
}

/* The tokens of its prompt that a pass may take */
static int64_t piece_of(const batcher *b, const batcher_slot *s)
{
    int64_t left = request_left(s->request);
    return b->cache.slots ? slot_cache_chunk(&b->cache, s - b->slots, left) : left;
}

/* Takes up to `most` more tokens of its prompt; returns what is left of the budget. */
static int64_t take(const batcher *b, batcher_slot *s, int64_t most, int64_t budget)
{
    int64_t left = piece_of(b, s) - s->count, count = left < most ? left : most;
    s->count += count;
    return budget - count;
}

/* Divides the budget evenly, beginning with the slot whose turn it is. What short prompts leave
 * goes to longer ones. */
static void share_out(batcher *b, int64_t budget, int64_t readers)
{
    int64_t slots = b->limits.slots;
    for (int64_t i = 0; i < 2 * slots && budget; i++) {
        batcher_slot *s = &b->slots[(b->turn + i) % slots];
        if (reads(s))
            budget = take(b, s, i < slots ? (budget + readers - 1) / readers : budget, budget);
        if (reads(s) && i < slots) readers--;
    }
    b->turn = (b->turn + 1) % slots;
}

/* How many tokens of prompts a pass reads. Requests that write wait for these, so they are few,
 * unless more requests read than write. */
static int64_t budget_of(const batcher *b, int64_t readers, int64_t writers)
{
    const batcher_limits *l = &b->limits;
    if (!writers || readers > l->chunk * writers / l->beside) return l->chunk;
    return readers > writers ? l->beside * readers / writers : l->beside;
}

static void plan_tokens(batcher *b)
{
    int64_t readers = 0, writers = 0;
    for (int64_t i = 0; i < b->limits.slots; i++) {
        batcher_slot *s = &b->slots[i];
        bool writes = s->request && !reads(s);
        s->count = writes;
        writers += writes, readers += reads(s);
    }
    share_out(b, budget_of(b, readers, writers), readers);
}

/* A request that cannot have its blocks fails alone. */
static void reserve_blocks(batcher *b)
{
    for (int64_t i = 0; i < b->cache.slots; i++) {
        batcher_slot *s = &b->slots[i];
        cadre_status status = s->count ? slot_cache_reserve(&b->cache, i, s->count) : CADRE_OK;
        if (status == CADRE_OK) continue;
        request_fail(s->request, status);
        s->count = 0;
    }
}

static int64_t lay_out(batcher *b)
{
    int64_t chunks = 0, tokens = 0;
    for (int64_t i = 0; i < b->limits.slots; i++) {
        batcher_slot *s = &b->slots[i];
        runner_chunk *p = &b->chunks[chunks];
        if (!s->count) continue;
        p->session = s->session;
        p->count = request_next(s->request, s->count, &p->tokens);
        s->first = tokens;
        tokens += p->count;
        chunks++;
    }
    return chunks;
}

/* ---- a pass ---- */

/* Passes that write a token are finished: only reading prompts takes long. */
static bool may_stop(const batcher *b)
{
    for (int64_t i = 0; i < b->limits.slots; i++)
        if (b->slots[i].request && !(reads(&b->slots[i]) && b->slots[i].request->options.may_stop))
            return false;
    return true;
}

static bool is_watched(const batcher *b)
{
    for (int64_t i = 0; i < b->limits.slots; i++)
        if (b->slots[i].request && b->slots[i].request->options.watch) return true;
    return false;
}

static void give_up(batcher *b, cadre_status status)
{
    for (int64_t i = 0; i < b->limits.slots; i++)
        if (b->slots[i].count) request_fail(b->slots[i].request, status);
}

static void watch_layer(void *arg, int64_t layer, const plan *p)
{
    batcher *b = arg;
    expert_load_add(&b->load, layer, p);
    if (b->logs) route_log_watch(&b->log, layer, p);
}

/* Scores with the logits of `count` tokens of a request's prompt, from token `from` on. */
static void score_rows(batcher *b, request *r, int64_t from, int64_t count)
{
    int64_t vocab = b->model->config.vocab;
    runner_logits(&b->runner, b->rows, count, b->logits);
    for (int64_t i = 0; i < count && !request_ended(r); i++)
        request_score(r, from + i + 1, b->logits + i * vocab);
}

/* Each token of the prompt tells how likely the next one is; as many at a time as there is room
 * for. */
static void score_prompt(batcher *b, const batcher_slot *s)
{
    request *r = s->request;
    int64_t end = r->read + s->count, rows = 0;
    if (end > r->prompt - 1) end = r->prompt - 1;
    for (int64_t t = r->read; t < end; t++) {
        b->rows[rows++] = s->first + t - r->read;
        if (rows < b->limits.slots && t + 1 < end) continue;
        score_rows(b, r, t + 1 - rows, rows);
        rows = 0;
    }
}

static void score_prompts(batcher *b)
{
    for (int64_t i = 0; i < b->limits.slots; i++) {
        const batcher_slot *s = &b->slots[i];
        if (s->count && s->request->options.prompt_logprobs) score_prompt(b, s);
    }
}

static int64_t read_tokens(batcher *b, const route_log *log)
{
    int64_t rows = 0;
    for (int64_t i = 0; i < b->limits.slots; i++) {
        batcher_slot *s = &b->slots[i];
        s->row = -1;
        if (!s->count || request_ended(s->request)) continue;
        request_read(s->request, s->count, log, s->first);
        if (!request_wants_logits(s->request)) continue;
        s->row = rows;
        b->rows[rows++] = s->first + s->count - 1;
    }
    return rows;
}

/* Slots whose requests have logits */
static bool has_logits(const batcher_slot *s) { return s->count && s->row >= 0; }
static const real *logits_of(const batcher *b, const batcher_slot *s)
{
    return b->logits + s->row * b->model->config.vocab;
}

static void draw_share(void *arg, int worker, int workers)
{
    const batcher *b = arg;
    for (int64_t i = 0; i < b->limits.slots; i++) {
        const batcher_slot *s = &b->slots[i];
        if (has_logits(s) && s->row % workers == worker) request_draw(s->request, logits_of(b, s));
    }
}

/* Drawing from a large vocabulary takes a while, so the workers share the requests. */
static void take_tokens(batcher *b, int64_t rows)
{
    for (int64_t i = 0; i < b->limits.slots; i++)
        if (has_logits(&b->slots[i])) request_make_ready(b->slots[i].request);
    if (rows > 1) pool_run(b->model->context->compute->pool, draw_share, b);
    else draw_share(b, 0, 1);
    for (int64_t i = 0; i < b->limits.slots; i++)
        if (has_logits(&b->slots[i])) request_take(b->slots[i].request);
}

/* Runs a pass over what is planned. */
static cadre_status run_planned(batcher *b)
{
    int64_t chunks = lay_out(b);
    if (!chunks) return CADRE_OK;
    b->logs = is_watched(b);
    const route_log *log = b->logs ? &b->log : NULL;
    b->runner.may_stop = may_stop(b);
    b->runner.watch = watch_layer;
    b->runner.watch_arg = b;
    CADRE_TRY(runner_feed(&b->runner, b->chunks, chunks));
    for (int64_t i = 0; i < b->cache.slots; i++)
        if (b->slots[i].count) slot_cache_keep(&b->cache, i);
    b->load.passes++;
    score_prompts(b);
    int64_t rows = read_tokens(b, log);
    if (rows) runner_logits(&b->runner, b->rows, rows, b->logits);
    CADRE_TRY(runner_status(&b->runner));
    if (rows) take_tokens(b, rows);
    return CADRE_OK;
}

/* A pass is not repeated for a single request, nor if the disk does not answer at all: then every
 * request fails. */
static bool may_run_apart(const batcher *b, cadre_status status)
{
    const expert_store *experts = b->model->store.experts;
    int64_t planned = 0;
    for (int64_t i = 0; i < b->limits.slots; i++) planned += b->slots[i].count > 0;
    return status == CADRE_EIO && planned > 1 && experts && !expert_store_stalled(experts);
}

static void run_apart(batcher *b)
{
    const int64_t slots = b->limits.slots;
    for (int64_t i = 0; i < slots; i++) {
        b->slots[i].planned = b->slots[i].count;
        b->slots[i].count = 0;
    }
    for (int64_t i = 0; i < slots; i++) {
        batcher_slot *s = &b->slots[i];
        s->count = s->planned;
        cadre_status status = run_planned(b);
        if (status != CADRE_OK) give_up(b, status);
        s->count = 0;
    }
}

static void run_together(batcher *b)
{
    plan_tokens(b);
    reserve_blocks(b);
    cadre_status status = run_planned(b);
    if (may_run_apart(b, status)) run_apart(b);
    else if (status != CADRE_OK) give_up(b, status);
}

static cadre_status run_encoder_decoder(const batcher *b, batcher_slot *s)
{
    request *r = s->request;
    int64_t count;
    if (reads(s)) CADRE_TRY(encoder_decoder_read(&s->stacks, r->tokens, r->prompt, NULL, NULL));
    request_read(r, request_left(r), NULL, 0);
    if (!request_wants_logits(r)) return CADRE_OK;
    const int32_t *output = request_output(r, &count);
    CADRE_TRY(encoder_decoder_run(&s->stacks, output, count, NULL, NULL));
    encoder_decoder_logits(&s->stacks, count - 1, 1, b->logits);
    CADRE_TRY(model_status(b->model));
    request_make_ready(r);
    request_draw(r, b->logits);
    request_take(r);
    return CADRE_OK;
}

static void run_each(batcher *b)
{
    for (int64_t i = 0; i < b->limits.slots; i++) {
        batcher_slot *s = &b->slots[i];
        cadre_status status = s->request ? run_encoder_decoder(b, s) : CADRE_OK;
        if (status != CADRE_OK) request_fail(s->request, status);
    }
}

void batcher_pass(batcher *b)
{
    if (batcher_is_idle(b)) return;
    if (b->model->encoder) run_each(b);
    else run_together(b);
    let_go(b);
}
