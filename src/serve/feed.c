/* feed.c - writes the server's state as JSON, and sends it to viewers. */
#include "serve/feed.h"

#include "base/clock.h"
#include "base/memory.h"
#include "format/json_writer.h"

static const double EVENT_SECONDS = 0.5, SNAPSHOT_SECONDS = 5;
enum { CHOICES_SHOWN = 64 };

/* ---- the state ---- */

/* Writes quantiles of the last minute. */
static void put_times(
    json_writer *w, const char *key, const histogram *all, const histogram_minute *kept)
{
    histogram minute = stats_of_minute(kept, all), *h = &minute;
    json_put_object(w, key);
    json_put_real(w, "p50", stats_quantile(h, 0.5));
    json_put_real(w, "p99", stats_quantile(h, 0.99));
    json_put_close(w, '}');
}

static void put_cache(const feed *f, json_writer *w)
{
    cadre_batcher_cache cache = { .size = sizeof cache };
    cadre_batcher_cache_get(f->completions->engine->batcher, &cache);
    json_put_object(w, "cache");
    json_put_int(w, "blocks", cache.blocks);
    json_put_int(w, "block_tokens", cache.block_tokens);
    json_put_int(w, "used", cache.used);
    json_put_int(w, "kept", cache.kept);
    json_put_close(w, '}');
}

/* Writes "store" if the model was opened with less memory than its weights take. */
static void put_store(const feed *f, json_writer *w)
{
    cadre_store s = { .size = sizeof s };
    cadre_model_store(f->completions->engine->model, &s);
    if (!s.slots) return;
    json_put_object(w, "store");
    json_put_int(w, "slots", s.slots);
    json_put_int(w, "experts", s.experts);
    json_put_int(w, "picks", s.picks);
    json_put_int(w, "hits", s.hits);
    json_put_int(w, "read_bytes", s.read_bytes);
    json_put_real(w, "reading", s.reading);
    json_put_real(w, "waiting", s.waiting);
    json_put_close(w, '}');
}

static const char *state_of(const choice *c)
{
    if (!c->request) return "ends";
    if (c->state == CADRE_REQUEST_WAITS) return "waits";
    return c->state == CADRE_REQUEST_READS ? "reads" : "writes";
}

static void put_choice(const completion *x, const choice *c, double now, json_writer *w)
{
    json_put_object(w, NULL);
    json_put_string(w, "id", x->id);
    json_put_int(w, "index", c->index);
    json_put_string(w, "state", state_of(c));
    json_put_int(w, "prompt_tokens", (int64_t)x->prompts[c->index / x->request.n].count);
    json_put_int(w, "cached_tokens", c->cached_tokens);
    json_put_int(w, "tokens", (int64_t)c->ids.count);
    json_put_real(w, "seconds", now - x->arrived);
    json_put_close(w, '}');
}

static void put_choices(const feed *f, double now, json_writer *w)
{
    int left = CHOICES_SHOWN;
    json_put_array(w, "requests");
    for (const completion *x = f->completions->first; x; x = x->next)
        for (int64_t i = 0; i < x->count && left; i++, left--)
            put_choice(x, &x->choices[i], now, w);
    json_put_close(w, ']');
}

/* Writes "load"; rows: [S, E]. */
static void put_loads(const loads *l, const int64_t *rows, json_writer *w)
{
    json_put_array(w, "load");
    for (int64_t s = 0; s < l->layers; s++) {
        json_put_array(w, NULL);
        for (int64_t e = 0; e < l->layer_experts[s]; e++)
            json_put_int(w, NULL, rows[s * l->experts + e]);
        json_put_close(w, ']');
    }
    json_put_close(w, ']');
}

static void put_layers(const loads *l, json_writer *w)
{
    json_put_array(w, "max_ratio");
    for (int64_t s = 0; s < l->layers; s++) json_put_real(w, NULL, l->max_ratio[s]);
    json_put_close(w, ']');
    json_put_array(w, "dead");
    for (int64_t s = 0; s < l->layers; s++) json_put_int(w, NULL, l->dead[s]);
    json_put_close(w, ']');
}

static void put_state(const feed *f, double now, json_writer *w)
{
    int64_t running, waiting;
    const stats *s = f->completions->stats;
    completions_count(f->completions, &running, &waiting);
    json_put_real(w, "uptime", now - f->started);
    json_put_int(w, "running", running);
    json_put_int(w, "waiting", waiting);
    json_put_real(w, "tokens_per_second", f->generated_rate);
    json_put_real(w, "prompt_tokens_per_second", f->prompt_rate);
    json_put_int(w, "generated_tokens", s->generated_tokens);
    json_put_int(w, "prompt_tokens", s->prompt_tokens);
    json_put_int(w, "cached_tokens", s->cached_tokens);
    json_put_int(w, "cancelled", s->cancelled);
    json_put_int(w, "refused", stats_refused(s));
    put_times(w, "first_token", &s->first_token, &f->first_token);
    put_times(w, "inter_token", &s->inter_token, &f->inter_token);
    put_cache(f, w);
    put_store(f, w);
    put_choices(f, now, w);
    put_layers(f->loads, w);
}

static void put_server(const feed *f, json_writer *w)
{
    json_put_string(w, "model", f->completions->model_name);
    json_put_int(w, "streams", f->limits->slots);
    json_put_int(w, "queue", f->limits->queue);
    json_put_int(w, "context", f->completions->context);
    json_put_bool(w, "chats", f->completions->template != NULL);
    json_put_array(w, "layers");
    for (int64_t s = 0; s < f->loads->layers; s++) json_put_int(w, NULL, f->loads->layer[s]);
    json_put_close(w, ']');
}

/* Writes the loads due to this completion's choices that are still in the batcher. */
static void put_loads_of(const feed *f, const completion *x, json_writer *w)
{
    const loads *l = f->loads;
    int64_t *rows = MEM_ARRAY(int64_t, l->layers * l->experts);
    if (!rows) return;
    for (int64_t i = 0; i < x->count; i++)
        if (x->choices[i].request)
            cadre_batcher_request_load(
                f->completions->engine->batcher, x->choices[i].request, rows);
    put_loads(l, rows, w);
    mem_free(rows);
}

/* Writes "request", with its load while it runs. */
static void put_request(const feed *f, const char *name, json_writer *w)
{
    const completion *x = f->completions->first;
    while (x && strcmp(x->id, name) != 0) x = x->next;
    json_put_object(w, "request");
    json_put_string(w, "id", name);
    if (x) put_loads_of(f, x, w);
    json_put_close(w, '}');
}

/* Makes an event as text; empty: out of memory. request: the id of the request whose load is
 * included, or "". */
static byte_buffer event_of(const feed *f, bool snapshot, const char *request, double now)
{
    byte_buffer event = { 0 };
    json_writer w = json_writer_new(0);
    json_put_object(&w, NULL);
    if (snapshot) put_server(f, &w);
    put_state(f, now, &w);
    put_loads(f->loads, snapshot ? f->loads->recent : f->loads->fresh, &w);
    if (*request) put_request(f, request, &w);
    json_put_close(&w, '}');
    byte_buffer_format(&event, "event: %s\ndata: ", snapshot ? "snapshot" : "delta");
    byte_buffer_put(&event, w.text.data, w.text.size);
    byte_buffer_text(&event, "\n\n");
    if (json_writer_status(&w) != CADRE_OK || event.status != CADRE_OK) byte_buffer_free(&event);
    json_writer_free(&w);
    return event;
}

/* ---- viewers ---- */

static void on_disconnected(void *work)
{
    feed_viewer *viewer = work;
    viewer->connection = NULL;
}

static void send_event(const feed *f, const feed_viewer *v, bool snapshot, double now)
{
    byte_buffer event = event_of(f, snapshot, v->request, now);
    if (event.size) connection_send_chunk(v->connection, event.data, event.size);
    byte_buffer_free(&event);
}

static void start_viewer(feed *f, feed_viewer *v, connection *c, const http_response *a)
{
    static const connection_callbacks callbacks = { .disconnected = on_disconnected };
    double now = clock_seconds();
    v->connection = c;
    connection_defer(c, &callbacks, v);
    connection_begin_stream(c, a);
    loads_update(f->loads, now);
    send_event(f, v, true, now);
}

bool feed_add(feed *f, connection *c, const http_response *a, string_view request)
{
    for (int i = 0; i < FEED_VIEWERS; i++) {
        feed_viewer *v = &f->viewers[i];
        if (v->connection) continue;
        size_t size = request.size < sizeof v->request ? request.size : 0;
        if (size) memcpy(v->request, request.data, size);
        v->request[size] = 0;
        start_viewer(f, v, c, a);
        return true;
    }
    return false;
}

static void update_rates(feed *f, double now)
{
    const stats *s = f->completions->stats;
    double seconds = now - f->last_event;
    if (f->last_event > 0 && seconds > 0) {
        f->generated_rate = (double)(s->generated_tokens - f->generated_counted) / seconds;
        f->prompt_rate =
            (double)(s->prompt_tokens - s->cached_tokens - f->prompt_counted) / seconds;
    }
    f->last_event = now;
    f->generated_counted = s->generated_tokens;
    f->prompt_counted = s->prompt_tokens - s->cached_tokens;
}

/* Sends an event to all viewers. It is made once for all viewers, but once more for each viewer who
 * follows a request. */
static void send_to_all(feed *f, bool snapshot, double now)
{
    byte_buffer event = { 0 };
    for (int i = 0; i < FEED_VIEWERS; i++) {
        feed_viewer *v = &f->viewers[i];
        if (!v->connection) continue;
        if (!connection_has_room(v->connection)) continue;
        if (*v->request) {
            send_event(f, v, snapshot, now);
            continue;
        }
        if (!event.size) event = event_of(f, snapshot, "", now);
        if (event.size) connection_send_chunk(v->connection, event.data, event.size);
    }
    byte_buffer_free(&event);
}

void feed_tick(feed *f, double now)
{
    if (now < f->next) return;
    bool snapshot = now >= f->next_snapshot;
    f->next = now + EVENT_SECONDS;
    if (snapshot) f->next_snapshot = now + SNAPSHOT_SECONDS;
    update_rates(f, now);
    stats_keep(&f->first_token, &f->completions->stats->first_token, now);
    stats_keep(&f->inter_token, &f->completions->stats->inter_token, now);
    loads_update(f->loads, now);
    loads_since_shown(f->loads);
    send_to_all(f, snapshot, now);
}

void feed_end(feed *f)
{
    for (int i = 0; i < FEED_VIEWERS; i++) {
        connection *c = f->viewers[i].connection;
        f->viewers[i].connection = NULL;
        if (!c) continue;
        c->keep_alive = false;
        connection_end_stream(c);
    }
}
