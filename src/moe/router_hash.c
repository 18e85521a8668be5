/* router_hash.c - a fixed table says which K experts a token's id leads to; nothing is learnt by
 * routing (Roller et al. 2021). Every expert weighs 1 / K, or as the scores at the table's experts
 * do, divided by their sum (DeepSeek-V4's first layers). */
#include "moe/routing.h"
#include "moe/select.h"

enum { TABLE }; /* [V, K] the only parameter of its own */

/* Whatever a table holds, an expert. */
static int32_t within(real x, int32_t experts)
{
    return x > 0 ? x < (real)experts ? (int32_t)x : experts - 1 : 0;
}

static int32_t choose(const router_token *t)
{
    const routing *r = t->routing;
    int32_t picks = t->options->topk;
    const real *row = r->weights->own[TABLE] + (int64_t)r->batch->inputs[t->index] * picks;
    score_by_option(t);
    memcpy(t->key, t->score, (size_t)t->experts * sizeof(real));
    for (int32_t k = 0; k < picks; k++) t->expert[k] = (gexp){ within(row[k], t->experts) };
    return picks;
}

static void assign(routing *r) { assign_each(r, choose); }

static void weigh(const router_token *t)
{
    if (t->options->score != SCORE_NONE) {
        weigh_normalised(t);
        return;
    }
    for (int32_t k = 0; k < t->count; k++)
        t->weight[k] = t->options->scale / (real)t->options->topk;
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

static void defaults(router_options *o)
{
    o->score = SCORE_NONE;
    o->norm_eps = REAL_C(1e-20);
}

/* Checks that an entry's experts are integers, experts of the layer, and all different. */
static cadre_status check_id(
    const router_options *o, int32_t experts, const real *const *own, int64_t id, const char *where)
{
    const real *row = own[TABLE] + id * o->topk;
    for (int32_t k = 0; k < o->topk; k++) {
        bool fine = row[k] >= 0 && row[k] < (real)experts && row[k] == (real)(int32_t)row[k];
        for (int32_t j = 0; fine && j < k; j++) fine = row[j] != row[k];
        if (!fine)
            return cadre_fail(CADRE_EARGUMENT, where,
                "router.table: expected different experts from 0 to %d for id %lld, found %g",
                experts - 1, (long long)id, (double)row[k]);
    }
    return CADRE_OK;
}

const router router_hash = {
    .name = "hash",
    .help = "a table of token ids says which experts; nothing is learnt (Roller et al. 2021), or "
            "the weights alone (DeepSeek-V4)",
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
