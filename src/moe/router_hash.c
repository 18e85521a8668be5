/* router_hash.c - a fixed table says which K experts a token's id leads to; nothing is learnt by
 * routing (Roller et al. 2021).
 *
 *     hash        the token's own id; every expert weighs 1 / K, or as the scores at the table's
 *                 experts do, divided by their sum (DeepSeek-V4's first layers)
 *     hash-next   the id of the token behind it: what a router could win that knew the answer
 *     multi-hash  K hashes: an expert of hidden width K H is cut into K parts of width H, and the
 *                 k-th hash chooses whose k-th part a token takes
 *
 * A feed-forward network is a sum over its hidden units, so an expert in K parts is the sum of K
 * narrow experts. multi-hash is therefore a plan like any other: E experts are the parts, those of
 * run k (E / K of them) are the k-th parts of E / K whole experts, and a token has an edge to one
 * expert of each run, with a weight of 1. With K = 1 it is `hash`. */
#include "moe/routing.h"
#include "moe/select.h"

enum { TABLE }; /* [V, K] the only parameter of its own */

/* The expert that an element of a table names, within range whatever the element is. */
static int32_t within(real x, int32_t experts)
{
    return x > 0 ? x < (real)experts ? (int32_t)x : experts - 1 : 0;
}

/* The last of a sequence, behind which the batch knows no token, goes by its own id. */
static int32_t next_id(const token_batch *b, int64_t t)
{
    int64_t first = 0, end = b->sequences; /* its sequence is one of first .. end - 1 */
    while (end - first > 1) {
        int64_t middle = first + (end - first) / 2;
        if (b->start[middle] <= t) first = middle;
        else end = middle;
    }
    bool last = t + 1 == b->start[first + 1] || (b->valid && !b->valid[t + 1]);
    return b->inputs[last ? t : t + 1];
}

/* [K] of the id that counts */
static const real *row_of(const router_token *t)
{
    const routing *r = t->routing;
    bool next = r->router->traits & ROUTER_READS_NEXT;
    int64_t id = next ? next_id(r->batch, t->index) : r->batch->inputs[t->index];
    return r->weights->own[TABLE] + id * t->options->topk;
}

static int32_t choose(const router_token *t)
{
    int32_t picks = t->options->topk;
    const real *row = row_of(t);
    score_by_option(t);
    memcpy(t->key, t->score, (size_t)t->experts * sizeof(real));
    for (int32_t k = 0; k < picks; k++) t->expert[k] = (gexp){ within(row[k], t->experts) };
    return picks;
}

static int32_t choose_parts(const router_token *t)
{
    int32_t picks = t->options->topk, run = t->experts / picks;
    const real *row = row_of(t);
    score_softmax(t);
    memcpy(t->key, t->score, (size_t)t->experts * sizeof(real));
    for (int32_t k = 0; k < picks; k++)
        t->expert[k] = (gexp){ k * run + within(row[k] - (real)(k * run), run) };
    return picks;
}

static void assign(routing *r) { assign_each(r, choose); }
static void assign_parts(routing *r) { assign_each(r, choose_parts); }

static void weigh(const router_token *t)
{
    if (t->options->score != SCORE_NONE) {
        weigh_normalised(t);
        return;
    }
    for (int32_t k = 0; k < t->count; k++)
        t->weight[k] = t->options->scale / (real)t->options->topk;
}

/* Parts of one expert are added up. */
static void weigh_parts(const router_token *t)
{
    for (int32_t k = 0; k < t->count; k++) t->weight[k] = t->options->scale;
}

static void backward(const router_token *t, const token_gradient *d)
{
    backward_by_option(t, d, backward_normalised);
}

static int64_t matrix_rows(const router_options *o, int32_t experts)
{
    return o->score == SCORE_NONE ? 0 : experts;
}

static int parameters(
    const router_options *o, int64_t width, int32_t experts, router_parameter *list)
{
    (void)width, (void)experts;
    list[TABLE] = (router_parameter){ "router.table", 0, o->vocabulary, o->topk, false, true,
        START_TABLE, 0 };
    return 1;
}

static int parameters_of_parts(
    const router_options *o, int64_t width, int32_t experts, router_parameter *list)
{
    int count = parameters(o, width, experts, list);
    list[TABLE].start = START_SEGMENTS;
    return count;
}

static void defaults(router_options *o)
{
    o->score = SCORE_NONE;
    o->norm_eps = REAL_C(1e-20);
}

/* Entry k of an id's row is an expert of first .. first + count - 1. */
static cadre_status check_entry(
    const real *row, int32_t k, int32_t first, int32_t count, int64_t id, const char *where)
{
    if (row[k] >= (real)first && row[k] < (real)(first + count) && row[k] == (real)(int32_t)row[k])
        return CADRE_OK;
    return cadre_fail(CADRE_EARGUMENT, where,
        "router.table: expected an expert from %d to %d as entry %d of id %lld, found %g", first,
        first + count - 1, k, (long long)id, (double)row[k]);
}

/* An id has experts of the layer, all different. */
static cadre_status check_id(
    const router_options *o, int32_t experts, const real *const *own, int64_t id, const char *where)
{
    const real *row = own[TABLE] + id * o->topk;
    for (int32_t k = 0; k < o->topk; k++) {
        CADRE_TRY(check_entry(row, k, 0, experts, id, where));
        for (int32_t j = 0; j < k; j++)
            if (row[j] == row[k])
                return cadre_fail(CADRE_EARGUMENT, where,
                    "router.table: expected different experts for id %lld, found %g twice",
                    (long long)id, (double)row[k]);
    }
    return CADRE_OK;
}

/* Entry k of an id is an expert of the k-th run of them. */
static cadre_status check_id_of_parts(
    const router_options *o, int32_t experts, const real *const *own, int64_t id, const char *where)
{
    int32_t run = experts / o->topk;
    for (int32_t k = 0; k < o->topk; k++)
        CADRE_TRY(check_entry(own[TABLE] + id * o->topk, k, k * run, run, id, where));
    return CADRE_OK;
}

const router router_hash = {
    .name = "hash",
    .help = "a table maps token ids to experts; nothing is learnt (Roller et al. 2021), or the "
            "weights alone (DeepSeek-V4)",
    .traits = ROUTER_READS_IDS,
    .options = (const char *const[]){ "score", "norm-eps", NULL },
    .scores = 1 << SCORE_NONE | 1 << SCORE_SOFTMAX | 1 << SCORE_SIGMOID | 1 << SCORE_SQRT_SOFTPLUS,
    .defaults = defaults,
    .matrix_rows = matrix_rows,
    .parameters = parameters,
    .assign = assign,
    .score = score_by_option,
    .weigh = weigh,
    .backward = backward,
    .check_id = check_id,
};

const router router_hash_next = {
    .name = "hash-next",
    .help = "a table maps the next token's id to experts, so that the model cannot generate: a "
            "bound of what tables can gain (Roller et al. 2021)",
    .traits = ROUTER_READS_IDS | ROUTER_LOOKS_AHEAD | ROUTER_READS_NEXT,
    .options = (const char *const[]){ "score", "norm-eps", NULL },
    .scores = 1 << SCORE_NONE | 1 << SCORE_SOFTMAX | 1 << SCORE_SIGMOID | 1 << SCORE_SQRT_SOFTPLUS,
    .defaults = defaults,
    .matrix_rows = matrix_rows,
    .parameters = parameters,
    .assign = assign,
    .score = score_by_option,
    .weigh = weigh,
    .backward = backward,
    .check_id = check_id,
};

const router router_multi_hash = {
    .name = "multi-hash",
    .help = "an expert consists of k parts, each chosen by a table of its own (MultiHash, Roller "
            "et al. 2021)",
    .traits = ROUTER_READS_IDS | ROUTER_NO_MATRIX | ROUTER_SEGMENTS,
    .options = (const char *const[]){ NULL },
    .parameters = parameters_of_parts,
    .assign = assign_parts,
    .score = score_softmax,
    .weigh = weigh_parts,
    .backward = backward_probability,
    .check_id = check_id_of_parts,
};
