/* completion.c - a request from its body to its end: begun, heard of, and told. How it is encoded,
 * submitted and written as JSON has files of its own. */
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
#include "serve/reply.h"

static const double PING_SECONDS = 15;

/* ---- what all share ---- */

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
    all->limits.choices = l->slots, all->limits.places = l->slots + l->queue;
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
    if (x->before) x->before->next = x->next;
    else if (x->all->first == x) x->all->first = x->next;
    if (x->next) x->next->before = x->before;
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

static void on_left(void *work)
{
    completion *x = work;
    x->all->stats->cancelled++;
    if (!x->submitted) { /* the worker has it, and will be done with it */
        x->left = true;
        atomic_store(&x->job.unwanted, true);
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
    connection_put(x->connection, event.data, event.size);
    byte_buffer_free(&event);
    json_writer_free(w);
}

static void begin_stream(completion *x)
{
    http_answer a = reply_head(x->connection, 200, "text/event-stream");
    if (x->streams) return;
    x->streams = true;
    connection_stream(x->connection, &a);
}

/* Before the first token an answer of its own; later an event, and the end. */
static void fail(completion *x)
{
    connection *c = x->connection;
    if (x->streams) {
        json_writer w = json_writer_new(0);
        api_error_put(&x->error, &w.text);
        send_event(x, &w);
        c->keeps = false;
        connection_end(c);
    } else reply_error(c, &x->error, NULL);
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
    reply_json(x->connection, &w);
    completion_free(x);
}

static bool has_news(const choice *c)
{
    return c->text.words.size || c->text.thoughts.size || answer_calls_has_news(&c->text.calls) ||
           (c->scored && c->scores_told < scores_count(&c->scores));
}

static void stream_choice(completion *x, choice *c)
{
    json_writer w;
    if (x->request.chat && !c->begun) {
        w = json_writer_new(0);
        completion_put_role(x, c, &w);
        send_event(x, &w);
    }
    if (has_news(c)) {
        w = json_writer_new(0);
        completion_put_chunk(x, c, false, &w);
        send_event(x, &w);
    }
    if (!c->finish) return;
    w = json_writer_new(0);
    completion_put_chunk(x, c, true, &w);
    send_event(x, &w);
    c->closed = true;
}

static void end_stream(completion *x)
{
    if (x->request.include_usage) {
        json_writer w = json_writer_new(0);
        completion_put_usage_chunk(x, &w);
        send_event(x, &w);
    }
    connection_put(x->connection, "data: [DONE]\n\n", 14);
    stats_observe(&x->all->stats->request, clock_seconds() - x->arrived);
    connection_end(x->connection);
    completion_free(x);
}

/* Whether all choices have ended, and, of a stream, this was told. */
static bool is_done(const completion *x)
{
    for (int64_t i = 0; i < x->count; i++)
        if (!(x->request.stream ? x->choices[i].closed : x->choices[i].finish != NULL))
            return false;
    return true;
}

/* What has come is told, as far as the client reads; the completion may be gone then. */
static void tell(completion *x)
{
    for (int64_t i = 0; x->request.stream && i < x->count; i++) {
        choice *c = &x->choices[i];
        if (c->closed || (!c->ids.count && !c->finish)) continue;
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
    if (x->submitted) tell(x);
}

/* ---- what comes ---- */

static void count_news(completion *x, choice *c, const cadre_request_news *news)
{
    stats *s = x->all->stats;
    double now = clock_seconds();
    if (!c->read && news->state != CADRE_REQUEST_WAITS) {
        c->read = true;
        stats_observe(&s->queue, now - x->arrived);
        if (c->index % x->request.n == 0) s->prompt_tokens += news->prompt_tokens;
        if (c->index % x->request.n == 0) s->cached_tokens += news->cached_tokens;
    }
    if (!news->id_count) return;
    /* Tokens that are heard of together, as by a loop that had to wait, share the time */
    double since = c->last > 0 ? c->last : x->arrived;
    if (c->last <= 0) stats_observe(&s->first_token, now - x->arrived);
    for (int64_t i = c->last <= 0; i < news->id_count; i++)
        stats_observe(&s->inter_token, (now - since) / (double)news->id_count);
    c->last = now;
    s->generated_tokens += news->id_count;
}

/* News of one of the ids. */
static cadre_request_news part_of(const cadre_request_news *news, int64_t i, int32_t top)
{
    cadre_request_news part = *news;
    part.ids += i, part.id_count = 1;
    if (part.logprobs) part.logprobs += i;
    if (part.top) part.top += i * top;
    if (i + 1 < news->id_count) part.state = CADRE_REQUEST_WRITES;
    return part;
}

/* A text that has to be whole may end with a token of its own, not with one that ends texts. */
static bool ends_by_token(const completion *x, const cadre_request_news *news)
{
    const completions *all = x->all;
    if (!news->id_count || news->state != CADRE_REQUEST_ENDED) return false;
    int32_t id = news->ids[news->id_count - 1];
    for (int64_t i = 0; x->request.chat && i < all->chat_end_count; i++)
        if (all->chat_ends[i] == id) return true;
    return model_config_ends(&all->engine->model->config, id);
}

/* A stream has a chunk a token, as long as its client reads them. false: it is gone, or has
 * failed. */
static cadre_status take(completion *x, choice *c, const cadre_request_news *news)
{
    if (x->request.echo && c->scored && !c->begun && !scores_count(&c->scores) &&
        news->state > CADRE_REQUEST_READS) {
        const token_list *ids = &x->prompts[c->index / x->request.n];
        CADRE_TRY(choice_take_prompt(c, ids->ids, (int64_t)ids->count, news));
    }
    c->ended_by_token = ends_by_token(x, news);
    if (news->id_count < 2 || !x->request.stream) return choice_take(c, news);
    for (int64_t i = 0; i < news->id_count && !c->finish; i++) {
        cadre_request_news part = part_of(news, i, x->request.top);
        CADRE_TRY(choice_take(c, &part));
        if (c->finish || !connection_has_room(x->connection)) continue;
        begin_stream(x);
        stream_choice(x, c);
    }
    return CADRE_OK;
}

/* What has become of one choice. false: the completion has failed. */
static bool hear_choice(completion *x, choice *c)
{
    cadre_request_news news = { .size = sizeof news };
    cadre_status status = cadre_batcher_poll(x->all->engine->batcher, c->request, &news);
    if (status == CADRE_OK && news.state == CADRE_REQUEST_FAILED) {
        x->error = api_error_new(500, NULL, NULL, "%s", news.sentence);
        return false;
    }
    if (status == CADRE_OK) {
        count_news(x, c, &news);
        status = take(x, c, &news);
    }
    if (status != CADRE_OK) x->error = api_error_of_last(status);
    if (c->finish) leave_batcher(x, c);
    return status == CADRE_OK;
}

/* false: it has failed. */
static bool hear(completion *x)
{
    for (int64_t i = 0; i < x->count; i++)
        if (x->choices[i].request && !hear_choice(x, &x->choices[i])) return false;
    return true;
}

void completions_hear(completions *all)
{
    bool broken = atomic_load(&all->engine->state) == ENGINE_FAILED;
    for (completion *x = all->first, *next; x; x = next) {
        next = x->next;
        if (broken) x->error = api_error_new(500, NULL, NULL, "%s", all->engine->sentence);
        if (broken || !hear(x)) fail(x);
        else tell(x);
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
        connection_put(x->connection, ": ping\n\n", 8);
    }
}

static bool waits(const completion *x)
{
    for (int64_t i = 0; i < x->count; i++)
        if (x->choices[i].read || !x->choices[i].request) return false;
    return !x->streams;
}

void completions_refuse_waiting(completions *all)
{
    all->ending = true;
    for (completion *x = all->first, *next; x; x = next) {
        next = x->next;
        if (!waits(x)) continue;
        x->error = api_error_new(503, NULL, NULL, "the server is ending");
        fail(x);
    }
}

/* ---- the beginning ---- */

static void name_it(completion *x)
{
    completions *all = x->all;
    random_key key = random_key_of(all->salt, "name", x->number = ++all->asked, 0);
    x->created = (int64_t)time(NULL);
    snprintf(x->name, sizeof x->name, "%s-%08x%08x%08x", x->request.chat ? "chatcmpl" : "cmpl",
        random_bits(key, 0), random_bits(key, 1), random_bits(key, 2));
}

static void explain(completion *x)
{
    if (x->status == CADRE_OK || x->error.status) return;
    x->error = x->status == CADRE_EFULL
                   ? api_error_new(429, "queue_full", NULL, "all places are taken: try again later")
                   : api_error_of_last(x->status);
}

/* By the worker's thread, if the body is large. */
static void read_request(void *arg)
{
    completion *x = arg;
    x->status = api_request_read((string_view){ x->body.data, x->body.size }, x->request.chat,
        &x->all->limits, &x->request, &x->error);
    if (x->status == CADRE_OK) x->status = completion_encode(x);
    explain(x);
}

/* Always by the worker's thread: a schema is a stranger's program. */
static void constrain(void *arg)
{
    completion *x = arg;
    x->status = completion_constrain(x);
    explain(x);
}

static void link_to_all(completion *x)
{
    x->next = x->all->first;
    if (x->next) x->next->before = x;
    x->all->first = x;
}

static void submit_read(void *arg)
{
    completion *x = arg;
    if (x->left) {
        completion_free(x);
        return;
    }
    if (x->all->ending) x->error = api_error_new(503, NULL, NULL, "the server is ending");
    if (!x->error.status) {
        x->status = completion_submit(x);
        explain(x);
    }
    x->submitted = true;
    if (x->error.status) {
        fail(x);
        return;
    }
    link_to_all(x);
    engine_wake(x->all->engine);
}

/* The body is let go; what was read of it is no smaller until the request is submitted. */
static void constrain_read(void *arg)
{
    completion *x = arg;
    byte_buffer_free(&x->body);
    if (x->left || x->all->ending || x->error.status || !completion_is_constrained(x)) {
        submit_read(x);
        return;
    }
    x->job = (worker_job){
        .work = constrain, .done = submit_read, .arg = x, .bytes = x->job.bytes, .aside = true
    };
    worker_give(x->all->worker, &x->job);
}

void completion_begin(completions *all, connection *c, bool chat)
{
    static const connection_work work = { on_left, on_drained };
    completion *x = MEM_ARRAY(completion, 1);
    if (!x || c->half) { /* no memory, or nobody who waits */
        mem_free(x);
        connection_drop(c);
        return;
    }
    *x = (completion){ .all = all, .connection = c, .arrived = c->arrived, .sent = c->arrived };
    x->body = c->reader.body;
    c->reader.body = (byte_buffer){ 0 };
    x->request.chat = chat;
    name_it(x);
    x->job = (worker_job){
        .work = read_request, .done = constrain_read, .arg = x, .bytes = x->body.size
    };
    connection_begin(c, &work, x);
    worker_give(all->worker, &x->job);
}
