/* trainer_ranks.c - what ranks that divide a batch exchange in a step, beside the rows of sparse
 * layers: partial sums of gradients, the losses, and the parameters that each has updated.
 *
 * Each rank owns a slice of the dense parameters. It receives that slice of every partial sum that
 * any rank has (a node of the tree of leaves), and adds these along the tree. So the bits are those
 * that one rank computes. */
#include "train/trainer_state.h"

#include <assert.h>
#include <string.h>

#include "kernel/rows.h"
#include "op/parallel.h"

/* ---- sums of nodes ---- */

static int64_t later(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t earlier(int64_t a, int64_t b) { return a < b ? a : b; }

/* A received slice of a node's sum */
typedef struct arrival {
    leaf_node node;
    real *at;
} arrival;

typedef struct gathering {
    const trainer *t;
    leaf_sums sums[BATCH_RANKS]; /* the nodes that every rank has */
    const int64_t *first;        /* [ranks + 1] where each rank's slice begins */
    int64_t slice;               /* elements of this rank's slice */
    arrival node[LEAVES_MOST];
    int count;
} gathering;

static int64_t leaf_of(const arrival *a) { return (int64_t)a->node.index << a->node.level; }

/* Inserts a node, in the order of the nodes' leaves. */
static void insert(gathering *g, arrival a)
{
    int i = g->count++;
    for (; i > 0 && leaf_of(&g->node[i - 1]) > leaf_of(&a); i--) g->node[i] = g->node[i - 1];
    g->node[i] = a;
}

/* Exchanges slices of the j-th node of every rank; base: the gradient in slot 0. Returns how many
 * elements were received. */
static int64_t exchange_nodes(gathering *g, int32_t j, const real *base, real *arrived)
{
    const trainer *t = g->t;
    comm *c = t->groups.tokens;
    static const int64_t none[BATCH_RANKS + 1];
    int64_t receive_first[BATCH_RANKS + 1] = { 0 };
    const leaf_sums *own = &g->sums[c->rank];
    for (int r = 0; r < c->size; r++) {
        bool has = j < g->sums[r].count;
        receive_first[r + 1] = receive_first[r] + (has ? g->slice : 0);
        if (has) insert(g, (arrival){ g->sums[r].node[j], arrived + receive_first[r] });
    }
    comm_rows rows = { .send = base,
        .send_first = j < own->count ? g->first : none,
        .receive = arrived,
        .receive_first = receive_first,
        .row = sizeof(real) };
    if (j < own->count) rows.send = base + trainer_place_of_slot(t, own->node[j].slot);
    comm_all_to_all_v(c, &rows);
    return receive_first[c->size];
}

/* Adds the received slices along the tree, into the place of the first one. */
static const real *add_nodes(gathering *g)
{
    leaf_tree tree = { 0 };
    real *sum[LEAVES_LEVELS + 1];
    for (int i = 0; i < g->count; i++) {
        sum[tree.count] = g->node[i].at;
        leaf_tree_push(&tree, g->node[i].node.index, g->node[i].node.level);
        for (; leaf_tree_joins(&tree); leaf_tree_pop(&tree))
            parallel_add(g->t->c, g->slice, sum[tree.count - 1], sum[tree.count - 2]);
    }
    for (; tree.count > 1; leaf_tree_pop(&tree))
        parallel_add(g->t->c, g->slice, sum[tree.count - 1], sum[tree.count - 2]);
    return g->count ? sum[0] : NULL;
}

/* Computes this rank's slice of a gradient summed over all ranks' leaves, and writes it to slot
 * 0. */
static void gather_slice(trainer *t, gathering *g, const int64_t *first, real *base)
{
    int64_t at = 0;
    int32_t most = 0;
    g->first = first;
    g->slice = first[t->plan.rank + 1] - first[t->plan.rank];
    g->count = 0;
    for (int r = 0; r < t->plan.ranks; r++)
        if (g->sums[r].count > most) most = g->sums[r].count;
    for (int32_t j = 0; j < most; j++) at += exchange_nodes(g, j, base, t->arrived + at);
    const real *sum = add_nodes(g);
    if (g->slice) memcpy(base + first[t->plan.rank], sum, (size_t)g->slice * sizeof(real));
}

/* Where the slices of a parameter begin, in elements after the parameter's beginning */
static void slices_of(const trainer *t, const param *p, int64_t *first)
{
    int64_t size = p->rows * p->cols;
    for (int r = 0; r <= t->plan.ranks; r++)
        first[r] = earlier(later(t->first[r] - p->offset, 0), size);
}

/* Where the slices begin, except for the embedding, which comes first: its gradient is not summed
 * over leaves, and every rank has all of it. */
static void slices_of_sums(const trainer *t, int64_t *first)
{
    const param *embed = trainer_embedding(t);
    assert(!embed || embed->offset == 0);
    for (int r = 0; r <= t->plan.ranks; r++) first[r] = later(t->first[r], trainer_embedded(t));
}

/* Gathers the gradients of routers on every rank, for the metrics. */
static void gather_routers(trainer *t)
{
    int64_t first[BATCH_RANKS + 1];
    for (int64_t i = 0; i < t->table.count; i++) {
        const param *p = &t->table.rows[i];
        if (p->role != ROLE_ROUTER) continue;
        real *at = t->gradient + p->offset;
        slices_of(t, p, first);
        comm_all_gather_v(t->groups.tokens, at + first[t->plan.rank], first, sizeof *at, at);
    }
}

void trainer_gather_gradients(trainer *t)
{
    gathering g = { .t = t };
    int64_t first[BATCH_RANKS + 1];
    for (int r = 0; r < t->plan.ranks; r++) g.sums[r] = trainer_sums_of(t, r);
    slices_of_sums(t, first);
    gather_slice(t, &g, first, t->gradient);
    if (t->head_gradient && trainer_has_head(t)) {
        slices_of(t, trainer_embedding(t), first);
        gather_slice(t, &g, first, t->head_gradient);
        if (t->groups.pipeline) /* the first stage, which needs it too, has other slices */
            comm_all_gather_v(t->groups.tokens, t->head_gradient + first[t->plan.rank], first,
                sizeof *t->head_gradient, t->head_gradient);
    }
    gather_routers(t);
}

void trainer_gather_losses(trainer *t, const micro_batch *m)
{
    if (t->plan.ranks == 1) return;
    comm_all_gather_v(
        t->groups.tokens, t->losses, m->first_token, sizeof *t->losses, t->all_losses);
}

void trainer_gather_values(trainer *t)
{
    if (t->plan.ranks == 1) return;
    comm_all_gather_v(t->groups.tokens, t->values + t->first[t->plan.rank], t->first,
        sizeof *t->values, t->values);
}

/* ---- making ---- */

/* Assigns the parameters' offsets, with experts after all others. *dense: where experts begin */
void trainer_place_experts_last(param_table *table, int64_t *dense)
{
    int64_t at = 0;
    for (int experts = 0; experts < 2; experts++) {
        for (int64_t i = 0; i < table->count; i++) {
            param *p = &table->rows[i];
            if (param_is_expert(p->role) != (bool)experts) continue;
            p->offset = at;
            at += (p->rows * p->cols + 15) / 16 * 16;
        }
        if (!experts) *dense = at;
    }
}

/* Refuses what needs all tokens of a batch at once, which ranks that divide a batch do not have. */
static cadre_status check_layer(const moe_config *c)
{
    const char *what = c->estimator == ESTIMATOR_DENSE ? "--estimator dense"
                       : c->constants                  ? "experts that are constants"
                       : moe_config_has_bank_widths(c) ? "--banks of several widths"
                       : c->router->end_step           ? "a router whose state is of a batch"
                                                       : NULL;
    if (!what) return CADRE_OK;
    return cadre_fail(CADRE_EARGUMENT, NULL,
        "%s: expected one rank, found several, which would each need all of a batch", what);
}

static cadre_status check_losses(const balance_options *o)
{
    for (int i = 0; i < o->terms; i++)
        if (o->term[i].loss->routing)
            return cadre_fail(CADRE_EARGUMENT, NULL,
                "the balancing loss %s: expected one rank, found several, which would each need "
                "all tokens of a batch",
                o->term[i].name);
    return CADRE_OK;
}

cadre_status trainer_check_ranks(const trainer *t)
{
    const model_config *c = &t->config;
    if (!rank_groups_several(&t->groups)) return CADRE_OK;
    if (t->world->size > BATCH_RANKS)
        return cadre_fail(CADRE_EARGUMENT, NULL, "training: expected at most %d ranks, found %d",
            BATCH_RANKS, t->world->size);
    if (c->encoder || c->relative_buckets)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "a model with an encoder, or with a bias by distance: expected one rank in training, "
            "found %d",
            t->world->size);
    if (!optimizer_divides(t->settings.optimizer.method) && t->groups.tensor)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--optimizer %s: expected ranks that have whole matrices, which it steps as such, "
            "found tensor=%d; adamw and sgd divide them",
            optimizer_method_name(t->settings.optimizer.method), t->groups.size.tensor);
    for (int64_t l = 0; l < c->layers; l++)
        if (c->layer[l].sparse) CADRE_TRY(check_layer(&c->layer[l].moe));
    return check_losses(&t->settings.balance);
}
