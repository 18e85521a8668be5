/* cache.c - replays a recording of routes on stores of several sizes, with every policy and with
 * the best that any could do. */
#include <math.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "bench/result.h"
#include "format/json_lines.h"
#include "report/shape.h"
#include "store/replay.h"

static const double shares[] = { 0.0625, 0.125, 0.25, 0.36, 0.5, 0.75 }; /* of all experts */
enum { SHARES = sizeof shares / sizeof *shares };

typedef struct recorded {
    model_shape shape;
    replay replay;
    int32_t *first, *layer, *picks;
    int64_t *start;
    size_t layer_room, start_room, pick_room;
} recorded;

/* ---- reading ---- */

static cadre_status number_experts(recorded *r)
{
    if (!(r->first = MEM_ARRAY(int32_t, r->shape.layers + 1))) return CADRE_ENOMEM;
    for (int s = 0; s < r->shape.layers; s++)
        r->first[s + 1] = r->first[s] + r->shape.layer[s].experts;
    return CADRE_OK;
}

static cadre_status read_head(json_lines *lines, recorded *r)
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
    return status == CADRE_OK ? number_experts(r) : status;
}

/* Room for one more visit, and so many more picks */
static cadre_status grow(recorded *r, size_t picks)
{
    size_t visits = (size_t)r->replay.visits;
    size_t used = visits ? (size_t)r->start[visits] : 0;
    void *layer = r->layer, *start = r->start, *list = r->picks;
    CADRE_TRY(buffer_grow(&layer, visits, &r->layer_room, 1, sizeof *r->layer));
    r->layer = layer;
    CADRE_TRY(buffer_grow(&start, visits + 1, &r->start_room, 1, sizeof *r->start));
    r->start = start;
    if (!visits) r->start[0] = 0;
    CADRE_TRY(buffer_grow(&list, used, &r->pick_room, picks, sizeof *r->picks));
    r->picks = list;
    return CADRE_OK;
}

static cadre_status read_layer(const json_node *list, int s, recorded *r)
{
    size_t count = json_count(list);
    CADRE_TRY(grow(r, count + 1));
    int64_t v = r->replay.visits++;
    r->layer[v] = s;
    r->start[v + 1] = r->start[v];
    for (size_t k = 0; k < count; k++) {
        json_node item = json_item(list, k);
        int64_t expert;
        CADRE_TRY(json_as_int(&item, -1, r->shape.layer[s].experts - 1, &expert));
        if (expert >= 0) r->picks[r->start[v + 1]++] = r->first[s] + (int32_t)expert;
    }
    return CADRE_OK;
}

static cadre_status read_token(const json_document *document, recorded *r)
{
    json_node token = json_root(document), experts;
    CADRE_TRY(json_as_object(&token));
    CADRE_TRY(json_get_array(&token, "experts", &experts));
    for (int s = 0; s < r->shape.layers; s++) {
        if ((size_t)s >= json_count(&experts))
            return json_refuse(&experts, "a list for every layer");
        json_node list = json_item(&experts, (size_t)s);
        CADRE_TRY(json_as_array(&list));
        CADRE_TRY(read_layer(&list, s, r));
    }
    return CADRE_OK;
}

static cadre_status read_all(const char *path, recorded *r)
{
    json_lines lines;
    json_document *document = NULL;
    CADRE_TRY(lines_open(path, &lines));
    cadre_status status = read_head(&lines, r);
    while (status == CADRE_OK) {
        status = lines_next(&lines, &document);
        if (status != CADRE_OK || !document) break;
        status = read_token(document, r);
        json_close(document);
    }
    lines_close(&lines);
    if (status == CADRE_OK && !r->replay.visits)
        status = cadre_fail(CADRE_EFORMAT, path, "expected tokens with routes, found none");
    return status;
}

/* ---- replaying ---- */

static cadre_status put_hits(
    const recorded *r, const policy_row *row, int32_t slots, const char *name, json_writer *w)
{
    int64_t hits, picks = r->start[r->replay.visits];
    CADRE_TRY(replay_hits(&r->replay, row, slots, &hits));
    json_put_real(w, name, picks ? (double)hits / (double)picks : 1);
    return CADRE_OK;
}

/* The second half of the tokens: of a store that begins empty, and of one that was filled by what
 * the first half used */
static cadre_status put_halves(const recorded *r, int32_t slots, json_writer *w)
{
    int64_t half = r->replay.visits / r->shape.layers / 2 * r->shape.layers, cold, warm;
    replay rest = { .shape = r->replay.shape,
        .visits = r->replay.visits - half,
        .layer = r->layer + half,
        .start = r->start + half,
        .picks = r->picks };
    expert_frequency past;
    CADRE_TRY(expert_frequency_open(r->replay.shape, &past));
    for (int64_t i = 0; i < r->start[half]; i++) past.use[r->picks[i]]++;
    past.tokens = fmax(1, (double)(half / r->shape.layers));
    cadre_status status = replay_hits(&rest, policy_list[0], slots, &cold);
    rest.past = &past;
    if (status == CADRE_OK) status = replay_hits(&rest, policy_list[0], slots, &warm);
    expert_frequency_close(&past);
    CADRE_TRY(status);
    double picks = fmax(1, (double)(r->start[r->replay.visits] - r->start[half]));
    json_put_real(w, "second_half", (double)cold / picks);
    json_put_real(w, "second_half_warm", (double)warm / picks);
    return CADRE_OK;
}

static cadre_status put_share(const recorded *r, double share, cadre_line_listener line, void *arg)
{
    int32_t experts = r->first[r->shape.layers], slots = (int32_t)(share * experts);
    json_writer w = result_new();
    json_put_string(&w, "what", "cache");
    json_put_int(&w, "slots", slots);
    json_put_int(&w, "experts", experts);
    cadre_status status = put_hits(r, NULL, slots, "best_possible", &w);
    for (int i = 0; status == CADRE_OK && policy_list[i]; i++)
        status = put_hits(r, policy_list[i], slots, policy_list[i]->name, &w);
    if (status == CADRE_OK) status = put_halves(r, slots, &w);
    if (status == CADRE_OK) return result_put(&w, line, arg);
    json_writer_free(&w);
    return status;
}

cadre_status cadre_bench_cache(const char *recording, cadre_line_listener line, void *arg)
{
    recorded r = { 0 };
    cadre_status status = read_all(recording, &r);
    r.replay.shape = (policy_shape){ r.shape.layers, r.first };
    r.replay.layer = r.layer, r.replay.start = r.start, r.replay.picks = r.picks;
    for (int i = 0; status == CADRE_OK && i < SHARES; i++)
        status = put_share(&r, shares[i], line, arg);
    mem_free(r.first);
    mem_free(r.layer);
    mem_free(r.start);
    mem_free(r.picks);
    shape_free(&r.shape);
    return status;
}
