/* trainer_step.c - the training step. */
#include "train/trainer_state.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "kernel/rows.h"
#include "op/parallel.h"

/* ---- the step ---- */

/* Fetches the decoder's inputs and targets, and what an encoder reads. */
static void feed_micro_batch(trainer *t, int64_t step, int64_t first, trainer_feed feed, void *arg)
{
    const train_settings *s = &t->settings;
    stack *decoder = &t->stacks[DECODER], *encoder = &t->stacks[ENCODER];
    int64_t sequences = t->part.sequences;
    feed(arg, first, sequences, t->texts ? t->texts : decoder->inputs, t->targets);
    for (int64_t i = 0; t->texts && i < sequences; i++) {
        random_key key = random_key_of(s->seed, "spans", (uint64_t)step, (uint64_t)(first + i));
        span_corrupt(&s->spans, key, s->context, t->texts + i * s->context,
            encoder->inputs + i * encoder->length, decoder->inputs + i * decoder->length,
            t->targets + i * decoder->length);
    }
}

static cadre_status forward_stack(
    trainer *t, const stack *k, int64_t step, int64_t first, const stack *encoder)
{
    const train_settings *s = &t->settings;
    token_batch b = { .inputs = k->inputs,
        .tokens = t->part.sequences * k->length,
        .sequences = t->part.sequences,
        .start = k->start,
        .may_stop = !rank_groups_several(&t->groups),
        .encoder_output = encoder ? transformer_hidden(encoder->transformer) : NULL,
        .encoder_start = encoder ? encoder->start : NULL,
        .ranks = rank_groups_several(&t->groups) ? &t->ranks : NULL,
        .random = { .train = true,
            .seed = k == &t->stacks[DECODER] ? s->seed : ~s->seed,
            .step = (uint64_t)step,
            .first_token = first * k->length } };
    return transformer_forward(k->transformer, &k->weights, &b, k->balance, NULL, NULL);
}

static void begin_part(trainer *t, int64_t micro_batch, leaf_sums *sums)
{
    leaf_plan all = t->plan;
    leaf_plan_part(&all, micro_batch, sums, &t->part);
    if (!rank_groups_several(&t->groups)) return;
    int64_t begin = micro_batch * all.batch / all.parts;
    for (all.rank = 0; all.rank < all.ranks; all.rank++) {
        leaf_sums scrap = { 0 };
        leaf_part part;
        leaf_plan_part(&all, micro_batch, &scrap, &part);
        t->first_sequence[all.rank] = part.first - begin;
    }
    t->first_sequence[all.ranks] = (micro_batch + 1) * all.batch / all.parts - begin;
    t->ranks = (batch_ranks){ .comm = t->groups.tokens,
        .slices = t->groups.tensor,
        .first = t->first_sequence,
        .tokens = t->first_sequence[all.ranks] * t->stacks[DECODER].length };
}

/* Runs the forward pass of one micro-batch. */
static cadre_status forward_micro_batch(trainer *t, int64_t step, trainer_feed feed, void *arg)
{
    const stack *encoder = t->count > 1 ? &t->stacks[ENCODER] : NULL;
    int64_t first = t->part.first;
    feed_micro_batch(t, step, first, feed, arg);
    if (encoder) CADRE_TRY(forward_stack(t, encoder, step, first, NULL));
    return forward_stack(t, &t->stacks[DECODER], step, first, encoder);
}

/* For balancing over a step of several micro-batches: runs each forward to learn what it adds,
 * before the first backward pass. */
static cadre_status survey_micro_batches(trainer *t, int64_t step, trainer_feed feed, void *arg)
{
    int64_t count = t->settings.accumulate;
    if (count == 1 || !balance_wants_survey(t->stacks[DECODER].balance)) return CADRE_OK;
    leaf_sums scrap = { 0 };
    for (int64_t micro_batch = 0; micro_batch < count; micro_batch++) {
        begin_part(t, micro_batch, &scrap);
        CADRE_TRY(forward_micro_batch(t, step, feed, arg));
        for (int i = 0; i < t->count; i++) balance_survey(t->stacks[i].balance);
    }
    return CADRE_OK;
}

static cadre_status backward_micro_batch(trainer *t, bool accumulate)
{
    stack *decoder = &t->stacks[DECODER], *encoder = &t->stacks[ENCODER];
    real scale = (real)(1.0 / (double)(t->settings.batch * decoder->length));
    trainer_begin_leaves(t);
    for (int i = 0; i < t->count; i++) {
        stack *k = &t->stacks[i];
        balance_finish(k->balance);
        model_gradients_accumulate(&k->gradients, k->config->layers, accumulate, &k->leaves);
    }
    CADRE_TRY(transformer_backward(decoder->transformer, &decoder->weights, &decoder->gradients,
        t->targets, scale, t->losses));
    if (t->count == 1) return CADRE_OK;
    return transformer_backward_from(encoder->transformer, &encoder->weights, &encoder->gradients,
        transformer_encoder_gradient(decoder->transformer));
}

/* Runs one micro-batch and adds its gradients. Returns the sum of its tokens' losses, in token
 * order. */
static cadre_status run_micro_batch(
    trainer *t, int64_t step, int64_t micro_batch, trainer_feed feed, void *arg, double *sum)
{
    begin_part(t, micro_batch, &t->sums);
    CADRE_TRY(forward_micro_batch(t, step, feed, arg));
    CADRE_TRY(backward_micro_batch(t, micro_batch > 0));
    trainer_join_leaves(t);
    trainer_gather_losses(t);
    bool several = t->plan.ranks > 1;
    int64_t tokens = several ? t->ranks.tokens : t->part.sequences * t->stacks[DECODER].length;
    for (int64_t i = 0; i < tokens; i++) *sum += (double)(several ? t->all_losses : t->losses)[i];
    return CADRE_OK;
}

/* Of all parts, on all ranks */
static void gather_gradients(trainer *t)
{
    if (t->plan.ranks > 1) {
        trainer_gather_gradients(t);
        return;
    }
    leaf_plan_end(&t->sums, &t->part);
    trainer_join_leaves(t);
}

/* Adds the gradients of a shared embedding into one. */
static void join_embedding(trainer *t)
{
    const real *parts[] = { t->head_gradient, t->stacks[ENCODER].embedding };
    const param *embed = trainer_embedding(t);
    for (int i = 0; i < 2; i++)
        if (parts[i])
            parallel_add(t->c, embed->rows * embed->cols, parts[i], t->gradient + embed->offset);
}

/* Sparse layer i of all: first those of the encoder, then those of the decoder */
typedef struct sparse_place {
    const stack *stack;
    int index;     /* among the stack's sparse layers */
    int64_t layer; /* index in the stack */
} sparse_place;

static sparse_place find_sparse(const trainer *t, int i)
{
    for (int k = t->count; k-- > 0;) {
        sparse_place p = { .stack = &t->stacks[k] };
        const model_config *c = p.stack->config;
        for (p.layer = 0; p.layer < c->layers; p.layer++) {
            if (!c->layer[p.layer].sparse) continue;
            if (i-- == 0) return p;
            p.index++;
        }
    }
    assert(false);
    return (sparse_place){ .stack = t->stacks };
}

/* Moves a selection bias; frozen elements stay. */
static void update_bias(trainer *t, const sparse_place *place, real *bias)
{
    real kept[CONFIG_MAX_EXPERTS];
    int64_t begin, end;
    const param p = { .role = ROLE_ROUTER_CORRECTION,
        .kind = PARAM_STATE,
        .layer = (int32_t)place->layer,
        .expert = -1,
        .rows = 1,
        .cols = place->stack->config->layer[place->layer].moe.experts };
    freeze_elements(&t->settings.optimizer.freeze, &p, &begin, &end);
    size_t size = (size_t)(end - begin) * sizeof *bias;
    memcpy(kept, bias + begin, size);
    balance_update_bias(place->stack->balance, place->index, bias);
    memcpy(bias + begin, kept, size);
}

/* Updates the states among the router's own parameters, which the optimiser does not change. */
static void end_router_step(trainer *t, const sparse_place *place)
{
    const moe_config *moe = &place->stack->config->layer[place->layer].moe;
    const router_weights *w = &place->stack->weights.layer[place->layer].moe.router;
    real *own[ROUTER_OWN_PARAMETERS] = { 0 };
    if (!moe->router->end_step) return;
    for (int i = 0; i < ROUTER_OWN_PARAMETERS; i++)
        if (w->own[i]) own[i] = t->values + (w->own[i] - t->values);
    transformer_end_router_step(place->stack->transformer, place->layer, own);
}

static void update_biases(trainer *t)
{
    for (int i = 0; i < trainer_sparse_layers(t); i++) {
        sparse_place p = find_sparse(t, i);
        const real *bias = trainer_correction(t, i);
        if (bias) update_bias(t, &p, t->values + (bias - t->values));
        end_router_step(t, &p);
    }
}

cadre_status trainer_step(
    trainer *t, int64_t step, double lr, trainer_feed feed, void *arg, trainer_report *report)
{
    const train_settings *s = &t->settings;
    double sum = 0, aux = 0, z = 0;
    int64_t predicted = s->batch * t->stacks[DECODER].length;
    for (int i = 0; i < t->count; i++)
        balance_step_begin(t->stacks[i].balance, s->batch, s->batch * t->stacks[i].length);
    t->sums = (leaf_sums){ 0 };
    trainer_spread_columns(t);
    CADRE_TRY(survey_micro_batches(t, step, feed, arg));
    for (int64_t micro_batch = 0; micro_batch < s->accumulate; micro_batch++)
        CADRE_TRY(run_micro_batch(t, step, micro_batch, feed, arg, &sum));
    for (int i = 0; i < t->count; i++) balance_step_end(t->stacks[i].balance);
    gather_gradients(t);
    join_embedding(t);
    double size = optimizer_gradient_norm(t->optimizer, t->gradient);
    CADRE_TRY(comm_status(t->world)); /* asked once, before anything is changed */
    optimizer_step(t->optimizer, t->values, t->gradient, size, lr, lr * s->router_lr, step + 1);
    trainer_spread_values(t);
    update_biases(t);
    for (int i = 0; i < t->count; i++) {
        balance_values terms = balance_value(t->stacks[i].balance);
        aux += terms.aux;
        z += terms.z;
    }
    CADRE_TRY(comm_status(t->world));
    *report = (trainer_report){ sum / (double)predicted, aux, z, size, lr, s->batch * s->context };
    return CADRE_OK;
}

int trainer_sparse_layers(const trainer *t)
{
    int64_t count = 0;
    for (int i = 0; i < t->count; i++) count += model_config_sparse_layers(t->stacks[i].config);
    return (int)count;
}

balance_totals trainer_totals(const trainer *t, int i)
{
    sparse_place p = find_sparse(t, i);
    return balance_total(p.stack->balance, p.index);
}

const real *trainer_correction(const trainer *t, int i)
{
    sparse_place p = find_sparse(t, i);
    return p.stack->weights.layer[p.layer].moe.router.correction;
}

double trainer_router_norm(const trainer *t, int i)
{
    sparse_place p = find_sparse(t, i);
    const moe_config *moe = &p.stack->config->layer[p.layer].moe;
    int64_t rows = router_matrix_rows(moe->router, &moe->route, moe->experts);
    return sqrt(t->c->variant->rows->sum_squares(
        rows * p.stack->config->width, p.stack->gradients.layer[p.layer].moe.router.matrix));
}
