/* batcher_public.c - requests that other threads submit, poll and cancel: the places that they take
 * while they wait, run and have ended.
 *
 * The thread that runs passes works on the requests that have joined the batcher, without the lock.
 * Everybody else sees under the lock what it shows of them after each pass: the text that was told,
 * and `seen`. Ids lie where the request put them; they do not change. */
#include "base/guard.h"
#include "base/memory.h"
#include "base/sized.h"
#include "infer/batcher.h"
#include "infer/placement_change.h"
#include "infer/request_routes.h"
#include "kernel/context.h"

enum { BESIDE = 64 };

typedef struct place {
    int64_t id;        /* 0: free, or cancelled */
    bool taken;        /* there is a request, */
    bool joined;       /* which the thread that runs works on */
    bool short_memory; /* there was none for its text */
    request request;
    byte_buffer coming;      /* text of this pass, which the thread that runs it puts down */
    byte_buffer fresh, told; /* since the last poll; and what the last poll handed out */
    int64_t polled;          /* ids that were handed out */
    int64_t after;           /* the request whose prompt is to be read first; 0: none */
    request_routes routes;
    cadre_request_news seen;
} place;

struct cadre_batcher {
    cadre_model *model; /* borrowed */
    lock lock;
    int64_t places_count, last_id, context;
    place *places; /* [places_count] */
    batcher batcher;
    cadre_batcher_cache cache; /* as it was after the last pass, ... */
    expert_load load;          /* ... and so was this; */
    expert_load told_load;     /* what the last call that asked has handed out */
    int64_t *placed_rows;      /* [S, E] its rows when experts were placed last */
};

/* ---- made and let go ---- */

/* Keeps the memory for the next request. */
static void empty(byte_buffer *b)
{
    b->size = 0;
    b->status = CADRE_OK;
}

static void free_place(place *p)
{
    request_close(&p->request);
    request_routes_close(&p->routes);
    p->id = p->after = 0;
    p->taken = p->joined = p->short_memory = false;
    empty(&p->coming), empty(&p->fresh), empty(&p->told);
    p->polled = 0;
}

/* Counts the blocks; the tokens of prompts are counted when requests join. */
static void count_cache(cadre_batcher *b)
{
    const slot_cache *own = &b->batcher.cache;
    if (!own->slots) return;
    b->cache.block_tokens = STATE_BLOCK;
    b->cache.blocks = own->blocks;
    b->cache.kept = slot_cache_idle_blocks(own);
    b->cache.used = own->blocks - state_pool_room(own->pool, STATE_WHOLE) - b->cache.kept;
    b->cache.evicted = own->prefixes.evicted;
    b->cache.snapshot_bytes = model_state_fixed_bytes(&b->model->config);
    b->cache.snapshots = own->promised.of[STATE_FIXED];
    b->cache.kept_snapshots = own->prefixes.snapshots;
}

/* The tokenizer is opened here and not when the first request begins, while others wait. */
static cadre_status open_all(cadre_batcher *b, const batcher_limits *limits)
{
    const tokenizer *t;
    if (model_has_tokenizer(b->model)) CADRE_TRY(cadre_model_tokenizer(b->model, &t));
    b->places = MEM_ARRAY(place, b->places_count);
    if (!b->places) return CADRE_ENOMEM;
    CADRE_TRY(batcher_open(b->model, limits, NULL, &b->batcher));
    CADRE_TRY(expert_load_open(&b->load, &b->model->config));
    CADRE_TRY(expert_load_open(&b->told_load, &b->model->config));
    b->placed_rows = MEM_ARRAY(int64_t, b->load.layers * b->load.experts);
    if (!b->placed_rows) return CADRE_ENOMEM;
    count_cache(b);
    return CADRE_OK;
}

static int64_t or_at_most(int64_t given, int64_t otherwise, int64_t most)
{
    int64_t n = given ? given : otherwise;
    return n < most ? n : most;
}

static cadre_status check_limits(const cadre_batcher_limits *l, const cadre_model *model)
{
    const int64_t own = model->config.context;
    if (l->slots < 1 || l->slots > INT16_MAX || l->queue < 0 || l->queue > INT32_MAX)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "a batcher: expected 1 to %d slots and a queue of 0 or more, found %lld and %lld",
            INT16_MAX, (long long)l->slots, (long long)l->queue);
    if (l->context < 0 || l->context > own)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "context: expected at most the model's own, %lld, found %lld", (long long)own,
            (long long)l->context);
    if (l->chunk < 0 || l->beside < 0)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "tokens of prompts in a pass: expected 0 or more, found %lld and %lld",
            (long long)l->chunk, (long long)l->beside);
    return CADRE_OK;
}

/* A request that is alone can have all blocks that it may need. */
static cadre_status check_cache(int64_t tokens, int64_t context)
{
    if (!tokens || tokens >= context) return CADRE_OK;
    return cadre_fail(CADRE_EARGUMENT, NULL,
        "the cache of all requests: expected at least the %lld tokens of one context, found %lld",
        (long long)context, (long long)tokens);
}

cadre_status cadre_batcher_new(
    cadre_model *model, const cadre_batcher_limits *limits, cadre_batcher **out)
{
    cadre_batcher_limits given;
    CADRE_TRY(sized_read("cadre_batcher_limits", limits, SIZE_UP_TO(cadre_batcher_limits, beside),
        &given, sizeof given));
    CADRE_TRY(check_limits(&given, model));
    int64_t context = or_at_most(given.context, model->config.context, INT32_MAX);
    CADRE_TRY(check_cache(given.cache, context));
    cadre_batcher *b = MEM_ARRAY(cadre_batcher, 1);
    if (!b) return CADRE_ENOMEM;
    b->model = model, b->places_count = given.slots + given.queue;
    b->context = context;
    lock_open(&b->lock);
    batcher_limits own = { .slots = given.slots, .capacity = b->context };
    own.chunk = or_at_most(given.chunk, RUNNER_CHUNK, b->context);
    own.beside = or_at_most(given.beside, BESIDE, own.chunk);
    /* More blocks than all slots can fill are of no use */
    own.blocks = given.slots * state_blocks(context);
    if (given.cache) own.blocks = or_at_most(state_blocks(given.cache), 0, own.blocks);
    cadre_status status = open_all(b, &own);
    if (status == CADRE_OK) *out = b;
    else cadre_batcher_free(b);
    return status;
}

void cadre_batcher_free(cadre_batcher *b)
{
    if (!b) return;
    for (int64_t i = 0; b->places && i < b->places_count; i++) {
        free_place(&b->places[i]);
        byte_buffer_free(&b->places[i].coming);
        byte_buffer_free(&b->places[i].fresh);
        byte_buffer_free(&b->places[i].told);
    }
    batcher_close(&b->batcher);
    expert_load_close(&b->load);
    expert_load_close(&b->told_load);
    mem_free(b->placed_rows);
    mem_free(b->places);
    lock_close(&b->lock);
    mem_free(b);
}

/* ---- submitting ---- */

static bool hear(void *arg, int32_t id, const char *text, size_t size)
{
    place *p = arg;
    (void)id;
    if (size) p->short_memory |= byte_buffer_put(&p->coming, text, size) != CADRE_OK;
    return !p->short_memory;
}

static place *free_one(const cadre_batcher *b)
{
    for (int64_t i = 0; i < b->places_count; i++)
        if (!b->places[i].taken) return &b->places[i];
    return NULL;
}

static cadre_status check_scores(const cadre_batcher *b, const cadre_request *given)
{
    if (!given->prompt_logprobs || !b->model->encoder) return CADRE_OK;
    return cadre_fail(CADRE_EUNSUPPORTED, NULL,
        "logprobs of the prompt: expected a model without an encoder, found one with");
}

static cadre_status take_place(cadre_batcher *b, const cadre_request *given, int64_t *id)
{
    place *p = free_one(b);
    int64_t room = b->context - given->count;
    if (!p)
        return cadre_fail(CADRE_EFULL, NULL, "expected fewer than %lld requests, found as many",
            (long long)b->places_count);
    CADRE_TRY(check_scores(b, given));
    const int64_t limit = given->limit < room ? given->limit : room;
    CADRE_TRY(request_routes_open(
        &b->model->config, given->routes, given->load, given->count + limit, &p->routes));
    const request_options options = { .limit = limit,
        .sampling = given->sampling,
        .stops = given->stops,
        .stop_count = given->stop_count,
        .ends = given->ends,
        .end_count = given->end_count,
        .listener = hear,
        .arg = p,
        .watch = p->routes.layers ? request_routes_watch : NULL,
        .watch_arg = &p->routes,
        .logprobs = given->logprobs,
        .prompt_logprobs = given->prompt_logprobs,
        .top = given->top,
        .reads_all = given->routes || given->prompt_logprobs };
    cadre_status status =
        request_open(b->model, given->tokens, given->count, &options, &p->request);
    if (status != CADRE_OK) {
        request_routes_close(&p->routes);
        return status;
    }
    p->taken = true;
    p->after = given->after;
    p->seen = (cadre_request_news){ .prompt_tokens = given->count };
    *id = p->id = ++b->last_id;
    return CADRE_OK;
}

cadre_status cadre_batcher_submit(cadre_batcher *b, const cadre_request *asked, int64_t *id)
{
    cadre_request given;
    CADRE_TRY(sized_read(
        "cadre_request", asked, SIZE_UP_TO(cadre_request, end_count), &given, sizeof given));
    if (given.count >= b->context)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "the prompt: expected fewer than the %lld tokens of the context, found %lld",
            (long long)b->context, (long long)given.count);
    if (given.stop_count < 0 || given.end_count < 0)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "texts and tokens that end a request: expected 0 or more, found %d and %lld",
            given.stop_count, (long long)given.end_count);
    lock_take(&b->lock);
    cadre_status status = take_place(b, &given, id);
    lock_give(&b->lock);
    return status;
}

/* ---- running ---- */

static cadre_request_state state_of(const request *r)
{
    switch (r->state) {
    case REQUEST_READS: return CADRE_REQUEST_READS;
    case REQUEST_WRITES: return CADRE_REQUEST_WRITES;
    case REQUEST_ENDED: return CADRE_REQUEST_ENDED;
    case REQUEST_STOPPED: return CADRE_REQUEST_STOPPED;
    case REQUEST_LIMIT: return CADRE_REQUEST_LIMIT;
    case REQUEST_LEFT: /* hear says no more when memory has run out, which is a fault */
    case REQUEST_FAILED: break;
    }
    return CADRE_REQUEST_FAILED;
}

bool cadre_request_has_ended(cadre_request_state state)
{
    return state != CADRE_REQUEST_WAITS && state != CADRE_REQUEST_READS &&
           state != CADRE_REQUEST_WRITES;
}

static bool has_read_prompt(cadre_request_state state)
{
    return state != CADRE_REQUEST_WAITS && state != CADRE_REQUEST_READS;
}

/* Shows what has become of a request, which is no longer worked on if it has ended. */
static void show(place *p)
{
    request *r = &p->request;
    if (p->coming.size)
        p->short_memory |= byte_buffer_put(&p->fresh, p->coming.data, p->coming.size) != CADRE_OK;
    p->coming.size = 0;
    if (p->short_memory) {
        cadre_fail(CADRE_ENOMEM, NULL, "out of memory: a request's text");
        request_fail(r, CADRE_ENOMEM);
    }
    p->seen.state = state_of(r);
    p->seen.tokens = r->written;
    p->seen.status = r->status;
    p->seen.route_tokens = p->routes.count;
    p->joined = !request_ended(r);
}

static void join(cadre_batcher *b, place *p)
{
    p->joined = true;
    cadre_status status = batcher_join(&b->batcher, &p->request);
    if (status != CADRE_OK) request_fail(&p->request, status);
    p->seen.cached_tokens = p->request.read;
    b->cache.prompt_tokens += p->request.prompt;
    b->cache.cached_tokens += p->request.read;
    show(p);
}

/* Whether the request that this one waits for has not read its prompt. */
static bool waits_for_prompt(const cadre_batcher *b, const place *p)
{
    for (int64_t i = 0; p->after && i < b->places_count; i++) {
        const place *first = &b->places[i];
        if (first->id == p->after) return !has_read_prompt(first->seen.state);
    }
    return false;
}

static place *longest_waiting(const cadre_batcher *b)
{
    place *found = NULL;
    for (int64_t i = 0; i < b->places_count; i++) {
        place *p = &b->places[i];
        bool waits = p->id && !p->joined && p->seen.state == CADRE_REQUEST_WAITS;
        if (waits && (!found || p->id < found->id) && !waits_for_prompt(b, p)) found = p;
    }
    return found;
}

static void leave_if_cancelled(cadre_batcher *b, place *p)
{
    if (!p->joined || p->id) return;
    batcher_leave(&b->batcher, &p->request);
    free_place(p);
}

static void before_pass(cadre_batcher *b)
{
    place *next;
    lock_take(&b->lock);
    for (int64_t i = 0; i < b->places_count; i++) leave_if_cancelled(b, &b->places[i]);
    while ((next = longest_waiting(b)) && batcher_admits(&b->batcher, &next->request))
        join(b, next);
    lock_give(&b->lock);
}

static void after_pass(cadre_batcher *b)
{
    lock_take(&b->lock);
    for (int64_t i = 0; i < b->places_count; i++) {
        place *p = &b->places[i];
        leave_if_cancelled(b, p);
        if (p->joined) show(p);
    }
    count_cache(b);
    expert_load_copy(&b->load, &b->batcher.load);
    lock_give(&b->lock);
}

cadre_status cadre_batcher_run(cadre_batcher *b, bool *idle)
{
    CADRE_TRY(context_enter(b->model->context));
    before_pass(b);
    *idle = batcher_is_idle(&b->batcher);
    batcher_pass(&b->batcher);
    after_pass(b);
    return context_leave(b->model->context, model_status(b->model));
}

cadre_status cadre_batcher_place(cadre_batcher *b, cadre_placed *placed)
{
    cadre_placed made = { 0 };
    CADRE_TRY(sized_check("cadre_placed", placed, SIZE_UP_TO(cadre_placed, after)));
    CADRE_TRY(context_enter(b->model->context));
    cadre_status status = context_leave(
        b->model->context, placement_change(b->model, &b->batcher.load, b->placed_rows, &made));
    if (status == CADRE_OK) sized_write(&made, sizeof made, placed);
    return status;
}

/* ---- asking and cancelling ---- */

static cadre_status find(const cadre_batcher *b, int64_t id, place **found)
{
    for (int64_t i = 0; i < b->places_count; i++)
        if (id > 0 && b->places[i].id == id) {
            *found = &b->places[i];
            return CADRE_OK;
        }
    return cadre_fail(CADRE_EARGUMENT, NULL,
        "expected a request that was submitted and not cancelled, found %lld", (long long)id);
}

static void give_scores(const place *p, cadre_request_news *made)
{
    const request *r = &p->request;
    int64_t top = r->options.top;
    if (r->scores.room) made->logprobs = r->scores.token + p->polled;
    if (r->scores.best) made->top = r->scores.best + p->polled * top;
    if (has_read_prompt(p->seen.state) && r->prompt_scores.room)
        made->prompt_logprobs = r->prompt_scores.token, made->prompt_top = r->prompt_scores.best;
    made->routes = p->routes.experts;
    made->route_layers = p->routes.layers, made->route_picks = p->routes.picks;
}

/* The fresh text is handed out, and the buffer that was handed out before takes what comes. */
static void take_news(place *p, cadre_request_news *news)
{
    byte_buffer before = p->told;
    p->told = p->fresh, p->fresh = before;
    p->fresh.size = 0;
    const request *r = &p->request;
    cadre_request_news made = p->seen;
    made.ids = r->tokens + r->prompt + r->start + p->polled;
    made.id_count = p->seen.tokens - p->polled;
    give_scores(p, &made);
    p->polled = p->seen.tokens;
    made.text = p->told.size ? p->told.data : "";
    made.text_size = p->told.size;
    made.sentence = p->seen.status == CADRE_OK ? "" : r->sentence;
    sized_write(&made, sizeof made, news);
}

cadre_status cadre_batcher_poll(cadre_batcher *b, int64_t id, cadre_request_news *news)
{
    place *p = NULL;
    CADRE_TRY(sized_check("cadre_request_news", news, SIZE_UP_TO(cadre_request_news, sentence)));
    lock_take(&b->lock);
    cadre_status status = find(b, id, &p);
    if (status == CADRE_OK) take_news(p, news);
    lock_give(&b->lock);
    return status;
}

/* The thread that runs frees what it works on. */
cadre_status cadre_batcher_cancel(cadre_batcher *b, int64_t id)
{
    place *p = NULL;
    lock_take(&b->lock);
    cadre_status status = find(b, id, &p);
    if (status == CADRE_OK) {
        if (p->joined) p->id = 0;
        else free_place(p);
    }
    lock_give(&b->lock);
    return status;
}

cadre_status cadre_batcher_cache_get(cadre_batcher *b, cadre_batcher_cache *cache)
{
    CADRE_TRY(sized_check("cadre_batcher_cache", cache, SIZE_UP_TO(cadre_batcher_cache, evicted)));
    lock_take(&b->lock);
    sized_write(&b->cache, sizeof b->cache, cache);
    lock_give(&b->lock);
    return CADRE_OK;
}

cadre_status cadre_batcher_request_load(cadre_batcher *b, int64_t id, int64_t *rows)
{
    place *p = NULL;
    lock_take(&b->lock);
    cadre_status status = find(b, id, &p);
    if (status == CADRE_OK) request_routes_add_rows(&p->routes, rows);
    lock_give(&b->lock);
    return status;
}

cadre_status cadre_batcher_load_get(cadre_batcher *b, cadre_batcher_load *load)
{
    CADRE_TRY(
        sized_check("cadre_batcher_load", load, SIZE_UP_TO(cadre_batcher_load, layer_experts)));
    lock_take(&b->lock);
    expert_load_copy(&b->told_load, &b->load);
    lock_give(&b->lock);
    const expert_load *l = &b->told_load;
    cadre_batcher_load made = { .layers = l->layers,
        .experts = l->experts,
        .passes = l->passes,
        .rows = l->rows,
        .largest = l->largest,
        .layer_experts = l->layer_experts };
    sized_write(&made, sizeof made, load);
    return CADRE_OK;
}
