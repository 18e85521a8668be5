/* completion.c - the life of a completion. Steps: read the body (in the worker if it is large),
 * compile its constraint if it has one, submit its choices, poll them after each pass, send what is
 * new, end. Encoding, submitting and JSON have their own files. */
#define _GNU_SOURCE
#include "serve/completion.h"

#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "serve/completion_json.h"
#include "serve/completion_prompt.h"
#include "serve/completion_submit.h"
#include "serve/respond.h"

static const double PING_SECONDS = 15;

/* ---- shared state ---- */

static cadre_status find_template(completions *all, const char *name)
{
    if (!name && cadre_chat_recognise(all->tokenizer, &name) != CADRE_OK) {
        snprintf(all->no_template, sizeof all->no_template, "%s", cadre_last_error());
        return CADRE_OK;
    }
    return chat_template_named(name, &all->template);
}

static cadre_status find_chat_ends(completions *all)
{
    token_list ends = { 0 };
    cadre_status status = CADRE_OK;
    for (int32_t id = 0; all->template && id < tokenizer_size(all->tokenizer); id++)
        if (status == CADRE_OK && chat_ends(all->template, all->tokenizer, id))
            status = token_list_put(&ends, id);
    all->chat_ends = ends.ids, all->chat_end_count = (int64_t)ends.count;
    return status;
}

cadre_status completions_open(completions *all, const char *template)
{
    const model_config *c = &all->engine->model->config;
    const cadre_batcher_limits *l = &all->engine->options.limits;
    all->context = l->context && l->context < c->context ? l->context : c->context;
    all->limits.model = all->model_name;
    all->limits.vocab = c->vocab;
    all->limits.choices = l->slots, all->limits.total_choices = l->slots + l->queue;
    all->limits.sampling = cadre_sampling_default();
    CADRE_TRY(cadre_model_sampling(all->engine->model, &all->limits.sampling, &all->suggested));
    if (getrandom(&all->salt, sizeof all->salt, 0) != sizeof all->salt)
        return cadre_fail_errno(CADRE_EIO, NULL, "random numbers of the system");
    CADRE_TRY(cadre_model_tokenizer(all->engine->model, &all->tokenizer));
    CADRE_TRY(find_template(all, template));
    return find_chat_ends(all);
}

void completions_close(completions *all)
{
    mem_free(all->chat_ends);
    all->chat_ends = NULL;
}

void completions_count(const completions *all, int64_t *running, int64_t *waiting)
{
    *running = *waiting = 0;
    for (const completion *x = all->first; x; x = x->next)
        for (int64_t i = 0; i < x->count; i++) {
            if (!x->choices[i].request) continue;
            if (x->choices[i].state == CADRE_REQUEST_WAITS) ++*waiting;
            else ++*running;
        }
}

/* ---- the end of one ---- */

static void leave_batcher(completion *x, choice *c)
{
    if (c->request) cadre_batcher_cancel(x->all->engine->batcher, c->request);
    c->request = 0;
}

static void unlink_from_all(completion *x)
{
    if (x->previous) x->previous->next = x->next;
    else if (x->all->first == x) x->all->first = x->next;
    if (x->next) x->next->previous = x->previous;
}

static void completion_free(completion *x)
{
    for (int64_t i = 0; x->choices && i < x->count; i++) {
        leave_batcher(x, &x->choices[i]);
        choice_close(&x->choices[i]);
    }
    for (int64_t i = 0; x->prompts && i < x->prompt_count; i++) token_list_free(&x->prompts[i]);
    mem_free(x->choices);
    mem_free(x->prompts);
    byte_buffer_free(&x->body);
    api_request_free(&x->request);
    cadre_constraint_free(x->constraint);
    unlink_from_all(x);
    mem_free(x);
}

static void on_disconnected(void *work)
{
    completion *x = work;
    x->all->stats->cancelled++;
    if (!x->submitted) { /* the worker still has it, and frees it when the job is done */
        x->disconnected = true;
        atomic_store(&x->job.cancelled, true);
        return;
    }
    engine_wake(x->all->engine);
    completion_free(x);
}

/* ---- sending ---- */

static void send_event(completion *x, json_writer *w)
{
    byte_buffer event = { 0 };
    x->sent = clock_seconds();
    byte_buffer_text(&event, "data: ");
    if (json_writer_status(w) == CADRE_OK) byte_buffer_put(&event, w->text.data, w->text.size);
    byte_buffer_text(&event, "\n\n");
    connection_send_chunk(x->connection, event.data, event.size);
    byte_buffer_free(&event);
    json_writer_free(w);
}

static void begin_stream(completion *x)
{
    http_response a = response_head(x->connection, 200, "text/event-stream");
    if (x->stream_begun) return;
    x->stream_begun = true;
    connection_begin_stream(x->connection, &a);
}

/* Sends the error: as a response, or if the stream has begun, as its last event. */
static void fail(completion *x)
{
    connection *c = x->connection;
    if (x->stream_begun) {
        json_writer w = json_writer_new(0);
        api_error_put(&x->error, &w.text);
        send_event(x, &w);
        c->keep_alive = false;
        connection_end_stream(c);
    } else respond_error(c, &x->error, NULL);
    completion_free(x);
}

static void answer_whole(completion *x)
{
    json_writer w = json_writer_new(0);
    completion_put_whole(x, &w);
    if (json_writer_status(&w) != CADRE_OK) {
        x->error = api_error_of_last(json_writer_status(&w));
        json_writer_free(&w);
        fail(x);
        return;
    }
    stats_observe(&x->all->stats->request, clock_seconds() - x->arrived);
    respond_json(x->connection, &w);
    completion_free(x);
}

static bool has_unsent(const choice *c)
{
    return c->text.content.size || c->text.thoughts.size ||
           answer_calls_has_delta(&c->text.calls) ||
           (c->wants_logprobs && c->logprobs_sent < logprob_list_count(&c->logprobs));
}

static void stream_choice(completion *x, choice *c)
{
    json_writer w;
    if (x->request.chat && !c->begun) {
        w = json_writer_new(0);
        completion_put_role(x, c, &w);
        send_event(x, &w);
    }
    if (has_unsent(c)) {
        w = json_writer_new(0);
        completion_put_chunk(x, c, false, &w);
        send_event(x, &w);
    }
    if (!c->finish) return;
    w = json_writer_new(0);
    completion_put_chunk(x, c, true, &w);
    send_event(x, &w);
    c->end_sent = true;
}

static void end_stream(completion *x)
{
    if (x->request.include_usage) {
        json_writer w = json_writer_new(0);
        completion_put_usage_chunk(x, &w);
        send_event(x, &w);
    }
    connection_send_chunk(x->connection, "data: [DONE]\n\n", 14);
    stats_observe(&x->all->stats->request, clock_seconds() - x->arrived);
    connection_end_stream(x->connection);
    completion_free(x);
}

/* Whether all choices have ended and, in a stream, their ends have been sent. */
static bool is_done(const completion *x)
{
    for (int64_t i = 0; i < x->count; i++)
        if (!(x->request.stream ? x->choices[i].end_sent : x->choices[i].finish != NULL))
            return false;
    return true;
}

/* Sends what is new if the client reads fast enough. This may end and free the completion. */
static void send_new(completion *x)
{
    for (int64_t i = 0; x->request.stream && i < x->count; i++) {
        choice *c = &x->choices[i];
        if (c->end_sent || (!c->ids.count && !c->finish)) continue;
        if (!connection_has_room(x->connection)) return;
        begin_stream(x);
        stream_choice(x, c);
    }
    if (!is_done(x)) return;
    if (x->request.stream) end_stream(x);
    else answer_whole(x);
}

static void on_drained(void *work)
{
    completion *x = work;
    if (x->submitted) send_new(x);
}

/* ---- news from the batcher ---- */

static void observe_news(completion *x, choice *c, const cadre_request_news *news)
{
    stats *s = x->all->stats;
    double now = clock_seconds();
    if (!c->admitted && news->state != CADRE_REQUEST_WAITS) {
        c->admitted = true;
        stats_observe(&s->queue, now - x->arrived);
        if (c->index % x->request.n == 0) s->prompt_tokens += news->prompt_tokens;
        if (c->index % x->request.n == 0) s->cached_tokens += news->cached_tokens;
    }
    if (!news->id_count) return;
    /* Tokens that arrive together, because the loop was delayed, share the time between them */
    double since = c->last_token > 0 ? c->last_token : x->arrived;
    if (c->last_token <= 0) stats_observe(&s->first_token, now - x->arrived);
    for (int64_t i = c->last_token <= 0; i < news->id_count; i++)
        stats_observe(&s->inter_token, (now - since) / (double)news->id_count);
    c->last_token = now;
    s->generated_tokens += news->id_count;
}

/* The part of the news that concerns the i-th id. */
static cadre_request_news news_of_token(const cadre_request_news *news, int64_t i, int32_t top)
{
    cadre_request_news part = *news;
    part.ids += i, part.id_count = 1;
    if (part.logprobs) part.logprobs += i;
    if (part.top) part.top += i * top;
    if (i + 1 < news->id_count) part.state = CADRE_REQUEST_WRITES;
    return part;
}

/* Whether the last id is an end token. A constrained text may also end with an ordinary token,
 * which belongs to the text. */
static bool ends_by_token(const completion *x, const cadre_request_news *news)
{
    const completions *all = x->all;
    if (!news->id_count || news->state != CADRE_REQUEST_ENDED) return false;
    int32_t id = news->ids[news->id_count - 1];
    for (int64_t i = 0; x->request.chat && i < all->chat_end_count; i++)
        if (all->chat_ends[i] == id) return true;
    return model_config_ends(&all->engine->model->config, id);
}

/* Takes news. A stream has one chunk for each token, as long as its client reads them. */
static cadre_status take_news(completion *x, choice *c, const cadre_request_news *news)
{
    if (x->request.echo && c->wants_logprobs && !c->begun && !logprob_list_count(&c->logprobs) &&
        news->state != CADRE_REQUEST_WAITS && news->state != CADRE_REQUEST_READS) {
        const token_list *ids = &x->prompts[c->index / x->request.n];
        CADRE_TRY(choice_take_prompt(c, ids->ids, (int64_t)ids->count, news));
    }
    c->ended_by_token = ends_by_token(x, news);
    if (news->id_count < 2 || !x->request.stream) return choice_take(c, news);
    for (int64_t i = 0; i < news->id_count && !c->finish; i++) {
        cadre_request_news part = news_of_token(news, i, x->request.top);
        CADRE_TRY(choice_take(c, &part));
        if (c->finish || !connection_has_room(x->connection)) continue;
        begin_stream(x);
        stream_choice(x, c);
    }
    return CADRE_OK;
}

/* Polls one choice. false: the completion has failed. */
static bool poll_choice(completion *x, choice *c)
{
    cadre_request_news news = { .size = sizeof news };
    cadre_status status = cadre_batcher_poll(x->all->engine->batcher, c->request, &news);
    if (status == CADRE_OK && news.state == CADRE_REQUEST_FAILED) {
        x->error = api_error_new(500, NULL, NULL, "%s", news.sentence);
        return false;
    }
    if (status == CADRE_OK) {
        observe_news(x, c, &news);
        status = take_news(x, c, &news);
    }
    if (status != CADRE_OK) x->error = api_error_of_last(status);
    if (c->finish) leave_batcher(x, c);
    return status == CADRE_OK;
}

/* Polls all choices. false: the completion has failed. */
static bool poll_choices(completion *x)
{
    for (int64_t i = 0; i < x->count; i++)
        if (x->choices[i].request && !poll_choice(x, &x->choices[i])) return false;
    return true;
}

void completions_poll(completions *all)
{
    bool broken = atomic_load(&all->engine->state) == ENGINE_FAILED;
    for (completion *x = all->first, *next; x; x = next) {
        next = x->next;
        if (broken) x->error = api_error_new(500, NULL, NULL, "%s", all->engine->sentence);
        if (broken || !poll_choices(x)) fail(x);
        else send_new(x);
    }
}

void completions_tick(completions *all, double now)
{
    for (completion *x = all->first, *next; x; x = next) {
        next = x->next;
        if (!x->request.stream || now - x->sent < PING_SECONDS) continue;
        if (!connection_has_room(x->connection)) continue;
        begin_stream(x);
        x->sent = now;
        connection_send_chunk(x->connection, ": ping\n\n", 8);
    }
}

static bool is_waiting(const completion *x)
{
    for (int64_t i = 0; i < x->count; i++)
        if (x->choices[i].admitted || !x->choices[i].request) return false;
    return !x->stream_begun;
}

void completions_refuse_waiting(completions *all)
{
    all->draining = true;
    for (completion *x = all->first, *next; x; x = next) {
        next = x->next;
        if (!is_waiting(x)) continue;
        x->error = api_error_new(503, NULL, NULL, "the server is shutting down");
        fail(x);
    }
}

/* ---- the beginning ---- */

static void assign_id(completion *x)
{
    completions *all = x->all;
    random_key key = random_key_of(all->salt, "name", x->number = ++all->request_count, 0);
    x->created = (int64_t)time(NULL);
    snprintf(x->id, sizeof x->id, "%s-%08x%08x%08x", x->request.chat ? "chatcmpl" : "cmpl",
        random_bits(key, 0), random_bits(key, 1), random_bits(key, 2));
}

static void set_error(completion *x)
{
    if (x->status == CADRE_OK || x->error.status) return;
    x->error = x->status == CADRE_EFULL
                   ? api_error_new(429, "queue_full", NULL, "the queue is full: try again later")
                   : api_error_of_last(x->status);
}

/* Runs in the worker's thread if the body is large. */
static void read_request(void *arg)
{
    completion *x = arg;
    x->status = api_request_read((string_view){ x->body.data, x->body.size }, x->request.chat,
        &x->all->limits, &x->request, &x->error);
    if (x->status == CADRE_OK) x->status = completion_encode(x);
    set_error(x);
}

/* Always runs in the worker's thread, because compiling a client's schema can take long. */
static void constrain(void *arg)
{
    completion *x = arg;
    x->status = completion_constrain(x);
    set_error(x);
}

static void link_to_all(completion *x)
{
    x->next = x->all->first;
    if (x->next) x->next->previous = x;
    x->all->first = x;
}

static void after_constrain(void *arg)
{
    completion *x = arg;
    if (x->disconnected) {
        completion_free(x);
        return;
    }
    if (x->all->draining) x->error = api_error_new(503, NULL, NULL, "the server is shutting down");
    if (!x->error.status) {
        x->status = completion_submit(x);
        set_error(x);
    }
    x->submitted = true;
    if (x->error.status) {
        fail(x);
        return;
    }
    link_to_all(x);
    engine_wake(x->all->engine);
}

/* Frees the body. The job's size stays the same, because what was read from the body is as
 * large. */
static void after_read(void *arg)
{
    completion *x = arg;
    byte_buffer_free(&x->body);
    if (x->disconnected || x->all->draining || x->error.status || !completion_is_constrained(x)) {
        after_constrain(x);
        return;
    }
    x->job = (worker_job){
        .work = constrain, .done = after_constrain, .arg = x, .bytes = x->job.bytes, .slow = true
    };
    worker_submit(x->all->worker, &x->job);
}

void completion_begin(completions *all, connection *c, bool chat)
{
    static const connection_callbacks callbacks = { on_disconnected, on_drained };
    completion *x = MEM_ARRAY(completion, 1);
    if (!x || c->half_closed) { /* out of memory, or the client has closed */
        mem_free(x);
        connection_drop(c);
        return;
    }
    *x = (completion){ .all = all, .connection = c, .arrived = c->arrived, .sent = c->arrived };
    x->body = c->reader.body;
    c->reader.body = (byte_buffer){ 0 };
    x->request.chat = chat;
    assign_id(x);
    x->job =
        (worker_job){ .work = read_request, .done = after_read, .arg = x, .bytes = x->body.size };
    connection_defer(c, &callbacks, x);
    worker_submit(all->worker, &x->job);
}
