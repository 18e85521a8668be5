/* balance_collect.c - the statistics of one layer's micro-batch, sequence by sequence.
 *
 * A sum over tokens is one chain in their order for each expert and sequence; work is split over
 * (sequence, tile of experts). */
#include <math.h>
#include <string.h>

#include "moe/balance_state.h"
#include "op/parallel.h"

enum { TILE = 16 }; /* experts whose sums one worker keeps */

typedef struct collect_job {
    balance *b;
    layer_statistics *layer;
    const routing *r;
} collect_job;

/* The entropy of independent scores is H = log S - (sum s log s) / S, that of a softmax H = lse -
 * sum p z. The key row is no longer needed and serves as scratch. */
static real token_entropy(const routing *r, int64_t t, real sum)
{
    const row_kernels *rows = r->compute->variant->rows;
    int64_t experts = r->plan->experts;
    const real *score = r->state->score + t * experts;
    real *scratch = r->key + t * experts;
    if (!router_is_independent(r->router, r->options))
        return r->state->lse[t] - rows->dot(experts, score, r->state->logits + t * experts);
    rows->log(experts, score, scratch);
    for (int64_t e = 0; e < experts; e++) scratch[e] = score[e] > 0 ? scratch[e] : 0;
    return (real)log((double)sum) - rows->dot(experts, score, scratch) / sum;
}

static void token_task(void *arg, int64_t begin, int64_t end)
{
    const collect_job *job = arg;
    const routing *r = job->r;
    bool shares = !router_is_independent(r->router, r->options);
    for (int64_t t = begin; t < end; t++) {
        real sum = shares ? 1
                          : r->compute->variant->rows->sum(
                                r->plan->experts, r->state->score + t * r->plan->experts);
        bool counts = plan_is_valid(r->plan, t) && sum > 0;
        job->b->inverse[t] = counts ? 1 / sum : 0;
        job->b->entropy[t] = counts ? token_entropy(r, t, sum) : 0;
    }
}

/* sum over the tokens of one sequence, in their order, of rows[t, e] * inverse[t], for a tile of
 * experts */
static void sum_columns(
    const collect_job *job, const real *rows, int64_t sequence, int64_t first, double *sum)
{
    const plan *p = job->r->plan;
    int64_t end = first + TILE
    < p->experts ? first + TILE : p->experts;
    double lane[TILE] = { 0 };
    for (int64_t t = job->r->batch->start[sequence]; t < job->r->batch->start[sequence + 1]; t++)
        for (int64_t e = first; e < end; e++)
            lane[e - first] += (double)(rows[t * p->experts + e] * job->b->inverse[t]);
    memcpy(sum + (job->layer->first + sequence) * p->experts + first, lane,
        (size_t)(end - first) * sizeof *lane);
}

static int64_t tiles_of(const routing *r) { return (r->plan->experts + TILE - 1) / TILE; }

static void column_task(void *arg, int64_t begin, int64_t end)
{
    const collect_job *job = arg;
    const routing *r = job->r;
    int64_t tiles = tiles_of(r);
    for (int64_t i = begin; i < end; i++) {
        sum_columns(
            job, r->state->score, i / tiles, i % tiles * TILE, job->layer->sums.probability);
        if (r->state->load && r->batch->random.train)
            sum_columns(job, r->state->load, i / tiles, i % tiles * TILE, job->layer->sums.load);
    }
}

static gexp wanted(const plan *p, int64_t edge)
{
    return p->edge_lost && p->edge_lost[edge].id >= 0 ? p->edge_lost[edge] : p->edge_expert[edge];
}

/* A device gets a token once, however many of its edges lead there. */
static void count_sent(const collect_job *job, int64_t t, double *sent)
{
    const plan *p = job->r->plan;
    int32_t size = p->experts / balance_devices(job->b);
    for (int64_t i = p->token_start[t]; i < p->token_start[t + 1]; i++) {
        bool again = false;
        for (int64_t j = p->token_start[t]; j < i && !again; j++)
            again = wanted(p, j).id / size == wanted(p, i).id / size;
        if (!again) sent[wanted(p, i).id / size]++;
    }
}

/* Sums lse and keeps the largest logit, for the metrics alone. */
static void note_logits(const collect_job *job, int64_t t, int64_t s)
{
    const routing *r = job->r;
    const sums *sum = &job->layer->sums;
    double highest = (double)r->compute->variant->rows->max(
        r->plan->experts, r->state->logits + t * r->plan->experts);
    sum->lse[s] += (double)r->state->lse[t];
    if (highest > sum->most[s]) sum->most[s] = highest;
}

/* The i-th sequence of this rank, which is sequence s of the micro-batch */
static void count_sequence(const collect_job *job, int64_t i)
{
    int64_t s = job->layer->first + i;
    const plan *p = job->r->plan;
    const sums *sum = &job->layer->sums;
    int32_t devices = balance_devices(job->b);
    double *count = sum->count + s * p->experts, *first = sum->first + s * p->experts,
           *importance = sum->importance + s * p->experts;
    size_t bytes = (size_t)p->experts * sizeof(double);
    memset(count, 0, bytes), memset(first, 0, bytes), memset(importance, 0, bytes);
    memset(sum->sent + s * devices, 0, (size_t)devices * sizeof(double));
    sum->tokens[s] = sum->entropy[s] = sum->z[s] = sum->lse[s] = 0;
    sum->most[s] = -INFINITY;
    sum->lost[2 * s] = sum->lost[2 * s + 1] = 0;
    for (int64_t t = job->r->batch->start[i]; t < job->r->batch->start[i + 1]; t++) {
        if (!plan_is_valid(p, t)) continue;
        double lse = (double)job->r->state->lse[t];
        sum->tokens[s]++;
        note_logits(job, t, s);
        sum->entropy[s] += (double)job->b->entropy[t];
        sum->z[s] += lse * lse;
        if (plan_edges_of(p, t)) first[wanted(p, p->token_start[t]).id]++;
        for (int64_t j = p->token_start[t]; j < p->token_start[t + 1]; j++) {
            count[wanted(p, j).id]++;
            importance[p->edge_expert[j].id] += (double)p->edge_weight[j];
        }
        if (devices > 1) count_sent(job, t, sum->sent + s * devices);
    }
}

static void sequence_task(void *arg, int64_t begin, int64_t end)
{
    const collect_job *job = arg;
    for (int64_t s = begin; s < end; s++) count_sequence(job, s);
}

/* Losses that read the routing itself. */
static void evaluate_routing_losses(const balance *b, layer_statistics *layer, const routing *r)
{
    const balance_options *o = &b->options;
    double tokens = 0;
    if (!layer->dlogits) return;
    memset(layer->dlogits, 0, (size_t)(r->plan->tokens * r->plan->experts) * sizeof(real));
    for (int64_t t = 0; t < r->plan->tokens; t++) tokens += plan_is_valid(r->plan, t);
    for (int i = 0; i < o->terms; i++) {
        const routing_loss *loss = o->term[i].loss->routing;
        double coefficient = balance_coefficient(o, &layer->about.own, i);
        if (!loss || coefficient == 0) continue;
        routing_loss_of of = { .type = -1 };
        if (loss->by_type) {
            of.type = token_type_by_name(layer->about.types, o->term[i].type_name);
            of.entropy_experts = layer->about.types->entropy_experts[of.type];
        }
        double share = loss->sums ? 1 : tokens / (double)b->step_tokens,
               layers = o->term[i].form == BALANCE_MEAN ? b->layers : 1;
        layer->routing_scale[i] = coefficient * share / layers;
        layer->routing_value[i] =
            tokens > 0 ? loss->value(r, &of, layer->routing_scale[i], layer->dlogits) : 0;
    }
}

/* The coefficient of the loss l1, which is the first state of the router that has this loss */
static double lambda_of(const balance *b, const layer_statistics *layer, const routing *r)
{
    return balance_has_loss(&b->options, &layer->about, "l1") ? (double)r->weights->own[0][0] : 0;
}

void balance_collect(balance *b, int l, const routing *r)
{
    layer_statistics *layer = &b->layer[l];
    collect_job job = { b, layer, r };
    int64_t elements = r->plan->tokens * r->plan->experts;
    const batch_ranks *ranks = r->batch->ranks;
    b->ranks = ranks;
    layer->own = r->batch->sequences;
    layer->first = ranks ? ranks->first[ranks->comm->rank] : 0;
    layer->sequences = ranks ? ranks->first[ranks->comm->size] : layer->own;
    parallel_over(r->compute, r->plan->tokens, 1, elements, token_task, &job);
    parallel_over(r->compute, r->batch->sequences * tiles_of(r), 1, elements, column_task, &job);
    parallel_over(r->compute, r->batch->sequences, 1, r->plan->edges, sequence_task, &job);
    evaluate_routing_losses(b, layer, r);
    layer->lambda = lambda_of(b, layer, r);
    /* The plan knows them for all its sequences together. */
    layer->sums.lost[2 * layer->first] = (double)r->plan->dropped;
    layer->sums.lost[2 * layer->first + 1] = (double)r->plan->rerouted;
}
