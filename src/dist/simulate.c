/* simulate.c - replays recorded routes on ranks that are modelled: how uneven their loads are, what
 * travels, how long it takes. Placements are learnt on the first half of the recording, and all are
 * measured on the second. */
#include <math.h>
#include <string.h>

#include "cadre/plan.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/sized.h"
#include "dist/all_to_all.h"
#include "dist/spread.h"
#include "format/json_lines.h"
#include "report/shape.h"

enum { MOST_TOKENS = 1 << 22 };

typedef struct replay {
    model_shape shape;
    int16_t *pick; /* [tokens, shape.picks], -1: none */
    size_t tokens, room;
} replay;

typedef struct cluster {
    fabric fabric;
    double bandwidth, expert_bytes, row_bytes;
    int64_t batch;
} cluster;

/* ---- reading ---- */

static cadre_status read_head(json_lines *lines, replay *r)
{
    json_document *head;
    json_node sparse;
    int64_t version;
    CADRE_TRY(lines_next(lines, &head));
    if (!head)
        return cadre_fail(
            CADRE_EFORMAT, lines->path, "expected recorded routes, found an empty file");
    json_node root = json_root(head);
    cadre_status status = json_as_object(&root);
    if (status == CADRE_OK) status = json_get_int(&root, "cadre_routes", 1, 1, &version);
    if (status == CADRE_OK) status = json_get_array(&root, "sparse_layers", &sparse);
    if (status == CADRE_OK) status = shape_read(&sparse, &r->shape);
    json_close(head);
    return status;
}

static cadre_status read_picks(const json_node *experts, const replay *r, int16_t *picks)
{
    for (int i = 0; i < r->shape.picks; i++) picks[i] = -1;
    for (int s = 0; s < r->shape.layers; s++) {
        const shape_layer *layer = &r->shape.layer[s];
        if ((size_t)s >= json_count(experts)) return json_refuse(experts, "a list for every layer");
        json_node list = json_item(experts, (size_t)s);
        CADRE_TRY(json_as_array(&list));
        for (size_t k = 0; k < json_count(&list) && k < (size_t)layer->picks; k++) {
            json_node item = json_item(&list, k);
            int64_t expert;
            CADRE_TRY(json_as_int(&item, -1, layer->experts - 1, &expert));
            picks[layer->first_pick + (int)k] = (int16_t)expert;
        }
    }
    return CADRE_OK;
}

static cadre_status read_token(const json_document *document, replay *r)
{
    json_node token = json_root(document), experts;
    size_t picks = (size_t)r->shape.picks;
    void *block = r->pick;
    CADRE_TRY(json_as_object(&token));
    CADRE_TRY(json_get_array(&token, "experts", &experts));
    CADRE_TRY(buffer_grow(&block, r->tokens, &r->room, 1, picks * sizeof *r->pick));
    r->pick = block;
    return read_picks(&experts, r, r->pick + r->tokens++ * picks);
}

static cadre_status read_all(const char *path, replay *r)
{
    json_lines lines;
    CADRE_TRY(lines_open(path, &lines));
    cadre_status status = read_head(&lines, r);
    while (status == CADRE_OK && r->tokens < MOST_TOKENS) {
        json_document *document;
        status = lines_next(&lines, &document);
        if (status != CADRE_OK || !document) break;
        status = read_token(document, r);
        json_close(document);
    }
    lines_close(&lines);
    if (status == CADRE_OK && !r->tokens)
        status = cadre_fail(CADRE_EFORMAT, path, "expected tokens with routes, found none");
    return status;
}

/* ---- replaying ---- */

/* Sums over the batches and layers of the second half */
typedef struct sums {
    double ratio, count; /* busiest rank / mean */
    double bytes, seconds, tokens;
} sums;

static const int16_t *picks_of(const replay *r, size_t token, const shape_layer *layer)
{
    return r->pick + token * (size_t)r->shape.picks + layer->first_pick;
}

/* The experts' rows [experts], each rank's rows and the experts that it reads [ranks] of one batch
 * in one layer. */
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

/* Tokens first .. end - 1 pass together. */
typedef struct batch_of {
    size_t first, end;
} batch_of;

static void add_batch(const replay *r, const shape_layer *layer, const spread *s, const cluster *c,
    batch_of b, tally *t, sums *sum)
{
    int ranks = s->ranks;
    int64_t rows = 0, away = 0;
    memset(t->expert, 0, (size_t)layer->experts * sizeof *t->expert);
    memset(t->rows, 0, (size_t)ranks * sizeof *t->rows);
    memset(t->read, 0, (size_t)ranks * sizeof *t->read);
    for (size_t token = b.first; token < b.end; token++)
        for (int k = 0; k < layer->picks; k++) {
            int e = picks_of(r, token, layer)[k];
            if (e < 0) continue;
            int copies = s->first[e + 1] - s->first[e];
            int rank = s->rank[s->first[e] + (int)(t->expert[e] % copies)];
            if (t->expert[e]++ < copies) t->read[rank]++;
            t->rows[rank]++;
            rows++;
            away += rank != (int)((token - b.first) % (size_t)ranks);
        }
    if (!rows) return;
    double pair = (double)away * c->row_bytes / ranks / ranks;
    sum->ratio += max_of(t->rows, ranks) * ranks / (double)rows;
    sum->count++;
    sum->bytes += 2 * (double)away * c->row_bytes;
    sum->seconds +=
        max_of(t->read, ranks) * c->expert_bytes / c->bandwidth +
        (ranks > 1 ? 2 * all_to_all_cheapest(&c->fabric, pair, true)->cost(&c->fabric, pair) : 0);
}

static cadre_status replay_layer(const replay *r, const shape_layer *layer, const cadre_options *o,
    const cluster *c, tally *t, sums *sum)
{
    static const char *const words[] = { "even", "balanced", "replicated" };
    const char *word = cadre_options_text(o, "placement", 0);
    int kind = 0, ranks = c->fabric.ranks;
    int64_t replicas = cadre_options_int(o, "replicas", 0);
    while (strcmp(words[kind], word) != 0) kind++;
    size_t half = r->tokens / 2;
    spread s;
    memset(t->expert, 0, (size_t)layer->experts * sizeof *t->expert);
    for (size_t token = 0; token < half; token++)
        for (int k = 0; k < layer->picks; k++)
            if (picks_of(r, token, layer)[k] >= 0) t->expert[picks_of(r, token, layer)[k]]++;
    CADRE_TRY(spread_make((spread_kind)kind, layer->experts, ranks,
        (int)(replicas ? replicas : ranks), t->expert, &s));
    for (size_t first = half; first < r->tokens; first += (size_t)c->batch) {
        size_t end = first + (size_t)c->batch;
        add_batch(r, layer, &s, c, (batch_of){ first, end < r->tokens ? end : r->tokens }, t, sum);
    }
    spread_free(&s);
    return CADRE_OK;
}

static cadre_status replay_all(const replay *r, const cadre_options *o, const cluster *c, sums *sum)
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
    replay r = { 0 };
    sums sum = { 0 };
    cluster c = cluster_of(options);
    CADRE_TRY(
        sized_check("cadre_simulation", result, SIZE_UP_TO(cadre_simulation, seconds_per_token)));
    cadre_status status = read_all(recording, &r);
    if (status == CADRE_OK) status = replay_all(&r, options, &c, &sum);
    double tokens = (double)(r.tokens - r.tokens / 2);
    cadre_simulation made = { .ranks = c.fabric.ranks,
        .load_max_over_mean = sum.count > 0 ? sum.ratio / sum.count : 0,
        .bytes_per_token = sum.bytes / tokens,
        .seconds_per_token = sum.seconds / tokens };
    mem_free(r.pick);
    shape_free(&r.shape);
    if (status == CADRE_OK) sized_write(&made, sizeof made, result);
    return status;
}
