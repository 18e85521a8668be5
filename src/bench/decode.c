/* decode.c - measures generation: sequences side by side get one token more in each pass, compared
 * with how fast memory can be read.
 *
 * The tokens are random, so that experts are chosen as texts choose them, not as one repeated token
 * does. Every pass computes the logits of every sequence. */
#include <math.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/clock.h"
#include "bench/decode_record.h"
#include "bench/limits.h"
#include "bench/result.h"
#include "bench/traffic.h"
#include "infer/runner.h"
#include "kernel/context.h"

static const double SECONDS = 10; /* about, for all repetitions */

typedef struct decoding {
    cadre_model *model;
    int64_t steps, streams, depth;
    runner runner;
    session *sessions; /* [streams] */
    session *filled;   /* [streams] what sessions are at the depth; NULL: they can go back to it */
    runner_chunk *chunks; /* [streams] */
    int64_t *rows;        /* [streams] those of a pass that logits are wanted of */
    int32_t *tokens;      /* [count], of which steps * streams are decoded */
    int64_t count;
    real *logits; /* [streams, V] */
    traffic traffic;
    int64_t cache_read; /* bytes of keys and values that were read */
    decode_record record;
    cadre_status status;
} decoding;

static int64_t cache_bytes_read(const decoding *d)
{
    const model_config *c = &d->model->config;
    int64_t bytes = 0;
    for (int64_t i = 0; i < d->streams; i++)
        for (int64_t l = 0; l < c->layers; l++) {
            const mixer_state_size *size = &d->sessions[i].state.layer[l].size;
            int64_t seen = session_length(&d->sessions[i]), window = c->layer[l].mixer.window;
            seen = window && window < seen ? window : seen;
            bytes +=
                seen * state_block_bytes(size) / STATE_BLOCK + size->fixed * (int64_t)sizeof(real);
        }
    return bytes;
}

/* Sessions of layers with a window cannot go back. They share what was filled. */
static void go_back(decoding *d, int64_t i)
{
    if (!d->filled) session_rewind(&d->sessions[i], d->depth);
    else sequence_state_share(&d->sessions[i].state, &d->filled[i].state, d->depth);
}

static void run_all(void *arg)
{
    decoding *d = arg;
    d->traffic.experts_read = d->cache_read = 0;
    for (int64_t i = 0; i < d->streams; i++) go_back(d, i);
    for (int64_t s = 0; s < d->steps; s++) {
        for (int64_t i = 0; i < d->streams; i++)
            d->chunks[i] = (runner_chunk){ &d->sessions[i], d->tokens + s * d->streams + i, 1 };
        d->status = runner_feed(&d->runner, d->chunks, d->streams);
        if (d->status != CADRE_OK) return;
        d->status = decode_record_step(&d->record, d->tokens + s * d->streams);
        if (d->status != CADRE_OK) return;
        runner_logits(&d->runner, d->rows, d->streams, d->logits);
        if ((d->status = runner_status(&d->runner)) != CADRE_OK) return;
        d->cache_read += cache_bytes_read(d);
    }
}

/* bandwidth 0: it is not known */
static cadre_status put_line(
    decoding *d, double seconds, double bandwidth, cadre_line_listener line, void *arg)
{
    double tokens = (double)(d->steps * d->streams);
    double bytes = (double)(d->steps * d->traffic.dense + d->traffic.experts_read + d->cache_read);
    json_writer w = result_new();
    json_put_int(&w, "streams", d->streams);
    json_put_int(&w, "steps", d->steps);
    json_put_int(&w, "depth", d->depth);
    json_put_real(&w, "tokens_per_second", tokens / seconds);
    json_put_real(&w, "bytes_per_token", bytes / tokens);
    if (bandwidth > 0) {
        json_put_real(&w, "bandwidth", bandwidth);
        json_put_real(&w, "bandwidth_fraction", bytes / seconds / bandwidth);
    } else {
        json_put_null(&w, "bandwidth");
        json_put_null(&w, "bandwidth_fraction");
    }
    cadre_status status = decode_record_end(&d->record, &w);
    if (status != CADRE_OK) {
        json_writer_free(&w);
        return status;
    }
    return result_put(&w, line, arg);
}

/* Measures decoding. Where machines are shared, the speed of memory changes from minute to minute,
 * so it is measured before and after. It is not on several ranks, nor where experts are read from
 * a disk: this one's memory is not the limit there, and what is read to measure it would add to
 * what the model may take. */
static cadre_status measure_once(decoding *d, cadre_line_listener line, void *arg)
{
    CADRE_TRY(decode_record_begin(&d->record));
    double begin = clock_seconds();
    run_all(d);
    CADRE_TRY(d->status);
    d->record.seconds = clock_seconds() - begin;
    return put_line(d, d->record.seconds, 0, line, arg);
}

static cadre_status measure(decoding *d, cadre_line_listener line, void *arg)
{
    compute *c = d->model->context->compute;
    /* With a store the first run counts, which begins with empty slots. */
    if (d->model->store.experts) return measure_once(d, line, arg);
    bool alone = !d->model->ranks;
    double before = alone ? bench_bandwidth(c) : 0, seconds = bench_best(run_all, d, SECONDS);
    CADRE_TRY(d->status);
    return put_line(d, seconds, alone ? fmax(before, bench_bandwidth(c)) : 0, line, arg);
}

static cadre_status open_sessions(decoding *d, int64_t capacity)
{
    d->sessions = MEM_ARRAY(session, d->streams);
    d->chunks = MEM_ARRAY(runner_chunk, d->streams);
    d->rows = MEM_ARRAY(int64_t, d->streams);
    d->tokens = MEM_ARRAY(int32_t, d->count);
    d->logits = MEM_ARRAY(real, d->streams * d->model->config.vocab);
    if (!d->sessions || !d->chunks || !d->rows || !d->tokens || !d->logits) return CADRE_ENOMEM;
    for (int64_t i = 0; i < d->streams; i++) d->rows[i] = i;
    for (int64_t i = 0; i < d->streams; i++)
        CADRE_TRY(session_open(d->model, capacity, &d->sessions[i]));
    if (!model_state_window(&d->model->config)) return CADRE_OK;
    d->filled = MEM_ARRAY(session, d->streams);
    if (!d->filled) return CADRE_ENOMEM;
    for (int64_t i = 0; i < d->streams; i++)
        CADRE_TRY(session_open_beside(&d->sessions[i], capacity, &d->filled[i]));
    return CADRE_OK;
}

/* Fills every session with the same `depth` tokens, in chunks as long as a prompt's. */
static cadre_status fill_sessions(decoding *d)
{
    session *sessions = d->filled ? d->filled : d->sessions;
    for (int64_t i = 0; i < d->streams; i++)
        for (int64_t left = d->depth, take; left > 0; left -= take) {
            take = left < d->runner.tokens ? left : d->runner.tokens;
            CADRE_TRY(runner_feed(&d->runner, &(runner_chunk){ &sessions[i], d->tokens, take }, 1));
        }
    return CADRE_OK;
}

static void watch(void *arg, int64_t layer, const plan *p)
{
    decoding *d = arg;
    traffic_watch(&d->traffic, layer, p);
    route_log_watch(&d->record.log, layer, p);
}

static cadre_status open_all(decoding *d, const char *routes)
{
    random_key key = random_key_of(0, "bench", 0, 0);
    int64_t capacity = d->depth + d->steps, chunk = runner_pass_tokens(d->depth);
    CADRE_TRY(runner_open(
        d->model, chunk > d->streams ? chunk : d->streams, d->streams, capacity, &d->runner));
    d->count = d->steps * d->streams > d->runner.tokens ? d->steps * d->streams : d->runner.tokens;
    CADRE_TRY(open_sessions(d, capacity));
    for (int64_t i = 0; i < d->count; i++)
        d->tokens[i] = (int32_t)(random_bits(key, (uint64_t)i) % (uint64_t)d->model->config.vocab);
    CADRE_TRY(fill_sessions(d));
    CADRE_TRY(decode_record_open(&d->record, d->model, routes, d->steps, d->streams));
    CADRE_TRY(traffic_open(d->model, &d->traffic));
    d->runner.watch = watch;
    d->runner.watch_arg = d;
    return CADRE_OK;
}

static void close_all(decoding *d)
{
    runner_close(&d->runner);
    for (int64_t i = 0; d->sessions && i < d->streams; i++) session_close(&d->sessions[i]);
    for (int64_t i = 0; d->filled && i < d->streams; i++) session_close(&d->filled[i]);
    mem_free(d->sessions);
    mem_free(d->filled);
    mem_free(d->chunks);
    mem_free(d->rows);
    mem_free(d->tokens);
    mem_free(d->logits);
    traffic_close(&d->traffic);
    decode_record_close(&d->record);
}

static cadre_status bench_decode(cadre_model *model, int64_t steps, int64_t streams, int64_t depth,
    const char *routes, cadre_line_listener line, void *arg)
{
    if (steps < 1 || streams < 1 || depth < 0)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "steps, streams, depth: expected at least 1, 1, 0, found %lld, %lld, %lld",
            (long long)steps, (long long)streams, (long long)depth);
    decoding d = { .model = model, .steps = steps, .streams = streams, .depth = depth };
    cadre_status status = open_all(&d, routes);
    if (status == CADRE_OK) status = measure(&d, line, arg);
    close_all(&d);
    return status;
}

cadre_status cadre_bench_decode(cadre_model *model, int64_t steps, int64_t streams, int64_t depth,
    cadre_line_listener line, void *arg)
{
    return cadre_bench_decode_recorded(model, steps, streams, depth, NULL, line, arg);
}

cadre_status cadre_bench_decode_recorded(cadre_model *model, int64_t steps, int64_t streams,
    int64_t depth, const char *routes, cadre_line_listener line, void *arg)
{
    CADRE_TRY(context_enter(model->context));
    return context_leave(
        model->context, bench_decode(model, steps, streams, depth, routes, line, arg));
}
