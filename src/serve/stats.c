/* stats.c - counts, and writes metrics as families of samples. */
#include "serve/stats.h"

#include <stddef.h>
#include <stdio.h>

static const double first_token_bounds[] = { 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60 };
static const double inter_token_bounds[] = { 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2 };
static const double request_bounds[] = { 0.05, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600 };

static const int statuses[] = { 200, 204, 400, 401, 403, 404, 405, 408, 413, 414, 415, 417, 421,
    429, 431, 500, 503, 505 };
enum { STATUSES = sizeof statuses / sizeof *statuses };

#define HISTOGRAM(list) ((histogram){ .bounds = (list), .count = sizeof(list) / sizeof *(list) })

void stats_open(stats *m)
{
    *m = (stats){ .first_token = HISTOGRAM(first_token_bounds),
        .inter_token = HISTOGRAM(inter_token_bounds),
        .queue = HISTOGRAM(first_token_bounds),
        .request = HISTOGRAM(request_bounds) };
}

void stats_observe(histogram *h, double seconds)
{
    int i = 0;
    while (i < h->count && seconds > h->bounds[i]) i++;
    h->bucket[i]++;
    h->observations++;
    h->sum += seconds;
}

static const double KEEP_SECONDS = 5;

void stats_keep(histogram_minute *m, const histogram *h, double now)
{
    if (now < m->next) return;
    m->next = now + KEEP_SECONDS;
    m->kept[m->at] = *h;
    m->at = (m->at + 1) % STATS_KEPT;
}

histogram stats_of_minute(const histogram_minute *m, const histogram *h)
{
    const histogram *before = &m->kept[m->at];
    histogram since = *h;
    for (int i = 0; i < STATS_BUCKETS; i++) since.bucket[i] -= before->bucket[i];
    since.observations -= before->observations;
    since.sum -= before->sum;
    return since;
}

void stats_count_request(stats *m, int path, int status)
{
    int row = path >= 0 && path < STATS_PATHS ? path : STATS_PATHS;
    for (int i = 0; i < STATUSES; i++)
        if (statuses[i] == status) m->requests[row][i]++;
}

int64_t stats_refused(const stats *m)
{
    int64_t refused = 0;
    for (int p = 0; p <= STATS_PATHS; p++)
        for (int s = 0; s < STATUSES; s++)
            if (statuses[s] >= 400) refused += m->requests[p][s];
    return refused;
}

double stats_quantile(const histogram *h, double q)
{
    double wanted = q * (double)h->observations, passed = 0;
    for (int i = 0; i < h->count; i++) {
        double here = (double)h->bucket[i], from = i ? h->bounds[i - 1] : 0;
        if (here > 0 && passed + here >= wanted)
            return from + (h->bounds[i] - from) * (wanted - passed) / here;
        passed += here;
    }
    return h->observations ? h->bounds[h->count - 1] : 0;
}

/* ---- the text ---- */

static void put_family(byte_buffer *out, const char *name, const char *type, const char *help)
{
    byte_buffer_format(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_value(
    byte_buffer *out, const char *name, const char *type, const char *help, double value)
{
    put_family(out, name, type, help);
    byte_buffer_format(out, "%s %.15g\n", name, value);
}

static void put_gauge(byte_buffer *out, const char *name, const char *help, double value)
{
    put_value(out, name, "gauge", help, value);
}

static void put_counter(byte_buffer *out, const char *name, const char *help, int64_t value)
{
    put_value(out, name, "counter", help, (double)value);
}

static void put_histogram(byte_buffer *out, const char *name, const char *help, const histogram *h)
{
    int64_t sum = 0;
    put_family(out, name, "histogram", help);
    for (int i = 0; i < h->count; i++) {
        sum += h->bucket[i];
        byte_buffer_format(out, "%s_bucket{le=\"%g\"} %lld\n", name, h->bounds[i], (long long)sum);
    }
    byte_buffer_format(out, "%s_bucket{le=\"+Inf\"} %lld\n", name, (long long)h->observations);
    byte_buffer_format(
        out, "%s_sum %.9g\n%s_count %lld\n", name, h->sum, name, (long long)h->observations);
}

static void put_requests(const stats *m, const char *const *paths, byte_buffer *out)
{
    static const char name[] = "cadre_requests_total";
    put_family(out, name, "counter", "Responses, by path and status.");
    for (int p = 0; p <= STATS_PATHS; p++)
        for (int s = 0; s < STATUSES; s++)
            if (m->requests[p][s] && paths[p])
                byte_buffer_format(out, "%s{path=\"%s\",status=\"%d\"} %lld\n", name, paths[p],
                    statuses[s], (long long)m->requests[p][s]);
}

static void put_experts(const stats_now *now, byte_buffer *out)
{
    if (!now->layers) return;
    put_family(out, "cadre_expert_load_max_ratio", "gauge",
        "Tokens of the busiest expert over the mean of its layer, in each pass of the last "
        "minute.");
    for (int64_t s = 0; s < now->layers; s++)
        byte_buffer_format(out, "cadre_expert_load_max_ratio{layer=\"%lld\"} %.6g\n",
            (long long)now->layer[s], now->max_ratio[s]);
    put_family(out, "cadre_expert_dead", "gauge",
        "Experts of a layer that received no token in the last minute.");
    for (int64_t s = 0; s < now->layers; s++)
        byte_buffer_format(out, "cadre_expert_dead{layer=\"%lld\"} %lld\n",
            (long long)now->layer[s], (long long)now->dead[s]);
}

static void put_tokens(const stats *m, byte_buffer *out)
{
    put_counter(out, "cadre_prompt_tokens_total", "Tokens of prompts.", m->prompt_tokens);
    put_counter(out, "cadre_cached_tokens_total", "Tokens of prompts that were found in the cache.",
        m->cached_tokens);
    put_counter(out, "cadre_generated_tokens_total", "Generated tokens.", m->generated_tokens);
    put_counter(out, "cadre_requests_cancelled_total",
        "Requests whose client disconnected before their end.", m->cancelled);
}

static void put_times(const stats *m, byte_buffer *out)
{
    put_histogram(out, "cadre_time_to_first_token_seconds",
        "From a request's arrival to its first token.", &m->first_token);
    put_histogram(
        out, "cadre_inter_token_seconds", "Between two tokens of a text.", &m->inter_token);
    put_histogram(out, "cadre_queue_seconds", "From a request's arrival until its prompt is read.",
        &m->queue);
    put_histogram(
        out, "cadre_request_seconds", "From a request's arrival to its end.", &m->request);
}

static void put_now(const stats_now *now, byte_buffer *out)
{
    put_gauge(out, "cadre_requests_running",
        "Choices whose prompt is being read or whose text is being generated.",
        (double)now->running);
    put_gauge(
        out, "cadre_requests_waiting", "Choices that wait for a stream.", (double)now->waiting);
    put_gauge(out, "cadre_connections", "Connections that are open.", (double)now->connections);
    put_gauge(out, "cadre_cache_used_ratio",
        "Fraction of the cache's blocks that running requests hold.", now->cache_used);
    put_gauge(out, "cadre_cache_blocks", "Blocks of the cache.", (double)now->cache_blocks);
    put_gauge(out, "cadre_cache_kept_blocks", "Blocks of earlier requests that may be reused.",
        (double)now->cache_kept);
    put_counter(out, "cadre_cache_evicted_blocks_total", "Blocks that were evicted.", now->evicted);
    put_gauge(out, "cadre_cache_snapshots",
        "Snapshots of recurrent layers for which there is memory.", (double)now->snapshots);
    put_gauge(out, "cadre_cache_kept_snapshots", "Snapshots from which a text can be continued.",
        (double)now->kept_snapshots);
    put_counter(out, "cadre_passes_total", "Passes through the model.", now->passes);
    put_gauge(out, "cadre_uptime_seconds", "Seconds since the server was started.", now->uptime);
}

static void put_seconds(byte_buffer *out, const char *name, const char *help, double seconds)
{
    put_family(out, name, "counter", help);
    byte_buffer_format(out, "%s %.6g\n", name, seconds);
}

static void put_store(const cadre_store *s, byte_buffer *out)
{
    if (!s->slots) return;
    put_gauge(out, "cadre_store_slots", "Experts for which there is memory.", (double)s->slots);
    put_gauge(out, "cadre_store_experts", "Experts of the model that are read when needed.",
        (double)s->experts);
    put_counter(out, "cadre_store_picks_total", "Picks of experts by tokens.", s->picks);
    put_counter(out, "cadre_store_hits_total", "Picks whose expert was in memory.", s->hits);
    put_counter(
        out, "cadre_store_read_bytes_total", "Bytes of experts that were read.", s->read_bytes);
    put_seconds(out, "cadre_store_reading_seconds_total", "Time in which any read was in flight.",
        s->reading);
    put_seconds(out, "cadre_store_waiting_seconds_total",
        "Time in which computing waited for an expert.", s->waiting);
}

static void put_placements(const stats_now *now, byte_buffer *out)
{
    static const char ratio[] = "cadre_rank_load_max_ratio";
    if (!now->places_experts) return;
    put_counter(out, "cadre_expert_placements_total",
        "Times that experts were placed anew on the ranks, by their loads.", now->placements);
    if (!(now->rank_load > 0)) return; /* no placements have been compared yet */
    put_family(out, ratio, "gauge",
        "Rows of the busiest rank over the mean, between the last two comparisons of placements: "
        "with the placement before, and with the current one.");
    byte_buffer_format(out, "%s{placement=\"before\"} %.6g\n%s{placement=\"now\"} %.6g\n", ratio,
        now->rank_load_before, ratio, now->rank_load);
}

static void put_ranks(const stats_now *now, byte_buffer *out)
{
    static const struct {
        const char *name, *help;
        size_t at;
    } counts[] = {
        { "cadre_rank_rows_sent_total",
            "Rows of tokens, computed by its experts, that a rank sent to others.",
            offsetof(comm_tally, rows_sent) },
        { "cadre_rank_rows_received_total", "Rows of tokens that a rank received from others.",
            offsetof(comm_tally, rows_received) },
        { "cadre_rank_sent_bytes_total", "Bytes that a rank sent to others.",
            offsetof(comm_tally, bytes_sent) },
        { "cadre_rank_received_bytes_total", "Bytes that a rank received from others.",
            offsetof(comm_tally, bytes_received) },
    };
    enum { COUNTS = sizeof counts / sizeof *counts };
    for (int i = 0; i < COUNTS && now->ranks; i++) {
        put_family(out, counts[i].name, "counter", counts[i].help);
        for (int r = 0; r < now->ranks; r++) {
            const char *tally = (const char *)&now->rank[r];
            long long value = *(const int64_t *)(const void *)(tally + counts[i].at);
            byte_buffer_format(out, "%s{rank=\"%d\"} %lld\n", counts[i].name, r, value);
        }
    }
    static const char waiting[] = "cadre_rank_waiting_seconds_total";
    if (now->ranks)
        put_family(out, waiting, "counter",
            "Time that a rank spent in exchanges, which is mostly waiting for slower ranks.");
    for (int r = 0; r < now->ranks; r++)
        byte_buffer_format(out, "%s{rank=\"%d\"} %.6g\n", waiting, r, now->rank[r].seconds);
}

void stats_put(const stats *m, const stats_now *now, const char *const *paths, byte_buffer *out)
{
    put_now(now, out);
    put_requests(m, paths, out);
    put_tokens(m, out);
    put_counter(out, "cadre_connections_refused_total",
        "Connections that were refused because too many were open.", m->connections_refused);
    put_times(m, out);
    put_experts(now, out);
    put_store(&now->store, out);
    put_ranks(now, out);
    put_placements(now, out);
}
