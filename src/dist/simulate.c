/* simulate.c - replays recorded routes, or the loads of training steps, on modelled ranks: how
 * uneven the ranks' loads are, how many bytes are sent, and how long it takes. Placements are
 * derived from the first half of the recording, and every placement is measured on the second
 * half. */
#include <math.h>
#include <string.h>

#include "cadre/plan.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/sized.h"
#include "dist/all_to_all.h"
#include "dist/recorded.h"
#include "moe/spread.h"

typedef struct cluster {
    fabric fabric;
    double bandwidth, expert_bytes, row_bytes;
    int64_t batch;
} cluster;

/* ---- replaying ---- */

/* Sums over the batches and layers of the second half. */
typedef struct sums {
    double ratio, count; /* count: how many ratios busiest rank / mean were summed */
    double bytes, seconds, tokens;
} sums;

/* For one batch in one layer: rows of each expert [experts], rows of each rank [ranks], and how
 * many experts each rank reads [ranks]. */
typedef struct tally {
    int64_t *expert, *rows, *read;
} tally;

static double max_of(const int64_t *values, int count)
{
    int64_t most = 0;
    for (int i = 0; i < count; i++)
        if (values[i] > most) most = values[i];
    return (double)most;
}

/* The rows of a layer, and how many of them are sent to another rank. */
typedef struct moved {
    int64_t rows;
    double away;
} moved;

static void add_sums(moved m, const expert_spread *s, const cluster *c, const tally *t, sums *sum)
{
    int ranks = s->ranks;
    if (!m.rows) return;
    double pair = m.away * c->row_bytes / ranks / ranks;
    sum->ratio += max_of(t->rows, ranks) * ranks / (double)m.rows;
    sum->count++;
    sum->bytes += 2 * m.away * c->row_bytes;
    sum->seconds +=
        max_of(t->read, ranks) * c->expert_bytes / c->bandwidth +
        (ranks > 1 ? 2 * all_to_all_cheapest(&c->fabric, pair, true)->cost(&c->fabric, pair) : 0);
}

/* A batch: tokens first .. end - 1 are processed together. */
typedef struct batch_of {
    size_t first, end;
} batch_of;

static void add_batch(const recorded *r, const shape_layer *layer, const expert_spread *s,
    const cluster *c, batch_of b, tally *t, sums *sum)
{
    int ranks = s->ranks;
    int64_t rows = 0, away = 0;
    memset(t->expert, 0, (size_t)layer->experts * sizeof *t->expert);
    memset(t->rows, 0, (size_t)ranks * sizeof *t->rows);
    memset(t->read, 0, (size_t)ranks * sizeof *t->read);
    for (size_t token = b.first; token < b.end; token++)
        for (int k = 0; k < layer->picks; k++) {
            int e = recorded_picks(r, token, layer)[k];
            if (e < 0) continue;
            int copies = s->first[e + 1] - s->first[e];
            int rank = s->rank[s->first[e] + (int)(t->expert[e] % copies)];
            if (t->expert[e]++ < copies) t->read[rank]++;
            t->rows[rank]++;
            rows++;
            away += rank != (int)((token - b.first) % (size_t)ranks);
        }
    add_sums((moved){ rows, (double)away }, s, c, t, sum);
}

/* Divides a step's rows evenly among the copies of their experts. A row's token may be on any
 * rank. */
static void add_step(
    const int64_t *load, const expert_spread *s, const cluster *c, tally *t, sums *sum)
{
    int64_t rows = 0;
    memset(t->rows, 0, (size_t)s->ranks * sizeof *t->rows);
    memset(t->read, 0, (size_t)s->ranks * sizeof *t->read);
    for (int e = 0; e < s->experts; e++) {
        int copies = s->first[e + 1] - s->first[e];
        for (int i = 0; i < copies; i++) {
            int rank = s->rank[s->first[e] + i];
            int64_t part = load[e] / copies + (i < load[e] % copies);
            t->rows[rank] += part;
            t->read[rank] += part > 0;
            rows += part;
        }
    }
    add_sums((moved){ rows, (double)rows * (s->ranks - 1) / s->ranks }, s, c, t, sum);
}

/* Counts the rows of each expert in the first half; load: [experts]. */
static void count_first_half(const recorded *r, const shape_layer *layer, int64_t *load)
{
    memset(load, 0, (size_t)layer->experts * sizeof *load);
    for (size_t step = 0; step < r->steps / 2; step++)
        for (int e = 0; e < layer->experts; e++) load[e] += recorded_loads(r, step, layer)[e];
    for (size_t token = 0; token < r->tokens / 2; token++)
        for (int k = 0; k < layer->picks; k++)
            if (recorded_picks(r, token, layer)[k] >= 0) load[recorded_picks(r, token, layer)[k]]++;
}

static cadre_status replay_layer(const recorded *r, const shape_layer *layer,
    const cadre_options *o, const cluster *c, tally *t, sums *sum)
{
    spread_kind kind = SPREAD_EVEN;
    int ranks = c->fabric.ranks;
    int64_t replicas = cadre_options_int(o, "replicas", 0);
    spread_kind_by_word(cadre_options_text(o, "placement", 0), &kind);
    expert_spread s;
    count_first_half(r, layer, t->expert);
    CADRE_TRY(spread_make(
        kind, layer->experts, ranks, (int)(replicas ? replicas : ranks), t->expert, &s));
    for (size_t first = r->tokens / 2; first < r->tokens; first += (size_t)c->batch) {
        size_t end = first + (size_t)c->batch;
        add_batch(r, layer, &s, c, (batch_of){ first, end < r->tokens ? end : r->tokens }, t, sum);
    }
    for (size_t step = r->steps / 2; step < r->steps; step++)
        add_step(recorded_loads(r, step, layer), &s, c, t, sum);
    spread_free(&s);
    return CADRE_OK;
}

static cadre_status replay_all(
    const recorded *r, const cadre_options *o, const cluster *c, sums *sum)
{
    tally t = { MEM_ARRAY(int64_t, SHAPE_EXPERTS), MEM_ARRAY(int64_t, c->fabric.ranks),
        MEM_ARRAY(int64_t, c->fabric.ranks) };
    cadre_status status = t.expert && t.rows && t.read ? CADRE_OK : CADRE_ENOMEM;
    for (int s = 0; s < r->shape.layers && status == CADRE_OK; s++)
        status = replay_layer(r, &r->shape.layer[s], o, c, &t, sum);
    mem_free(t.expert);
    mem_free(t.rows);
    mem_free(t.read);
    return status;
}

static cluster cluster_of(const cadre_options *o)
{
    link_cost link = { cadre_options_real(o, "link-latency"), 1e-6,
        cadre_options_real(o, "link-bandwidth") };
    return (cluster){ { link, link, (int)cadre_options_int(o, "ranks", 0), 1 },
        cadre_options_real(o, "bandwidth"), cadre_options_real(o, "expert-bytes"),
        (double)cadre_options_int(o, "width", 0) * 4, cadre_options_int(o, "tokens", 0) };
}

cadre_status cadre_simulate(
    const char *recording, const cadre_options *options, cadre_simulation *result)
{
    recorded r = { 0 };
    sums sum = { 0 };
    cluster c = cluster_of(options);
    CADRE_TRY(
        sized_check("cadre_simulation", result, SIZE_UP_TO(cadre_simulation, seconds_per_token)));
    cadre_status status = recorded_read(recording, &r);
    if (status == CADRE_OK) status = replay_all(&r, options, &c, &sum);
    double tokens = (double)(r.tokens - r.tokens / 2);
    for (size_t step = r.steps / 2; step < r.steps; step++) tokens += (double)r.step_tokens[step];
    cadre_simulation made = { .ranks = c.fabric.ranks,
        .load_max_over_mean = sum.count > 0 ? sum.ratio / sum.count : 0,
        .bytes_per_token = sum.bytes / tokens,
        .seconds_per_token = sum.seconds / tokens };
    recorded_free(&r);
    if (status == CADRE_OK) sized_write(&made, sizeof made, result);
    return status;
}
