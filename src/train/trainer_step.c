/* trainer_step.c - one training step:
 *
 *     forward and backward passes of all micro-batches, which add their gradients up
 *     the sums of gradients over ranks and leaves
 *     the norm of the gradient, clipping, and the optimiser's update
 *     the update of correction biases
 *
 * and what can be asked about the last step's routing. */
#include "train/trainer_state.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "kernel/compute_times.h"
#include "op/parallel.h"

/* ---- the step ---- */

/* For balancing over a step of several micro-batches: runs each of them forward once more, before
 * the first backward pass, to collect the routing statistics of the whole step. */
static cadre_status survey_micro_batches(trainer *t, int64_t step, trainer_feed feed, void *arg)
{
    int64_t count = t->settings.accumulate;
    if (count == 1 || !balance_wants_survey(t->stacks[DECODER].balance)) return CADRE_OK;
    if (t->groups.pipeline) return trainer_survey_pipeline(t, step, feed, arg);
    leaf_sums unused = { 0 };
    for (int64_t i = 0; i < count; i++) {
        trainer_begin_micro_batch(t, i, &unused);
        CADRE_TRY(trainer_forward_micro_batch(t, step, i, feed, arg));
        for (int k = 0; k < t->count; k++) balance_survey(t->stacks[k].balance);
    }
    return CADRE_OK;
}

/* Runs all micro-batches, and adds their gradients up. Adds the losses of all tokens, in their
 * order, to *sum. */
static cadre_status run_micro_batches(
    trainer *t, int64_t step, trainer_feed feed, void *arg, double *sum)
{
    if (t->groups.pipeline) return trainer_run_pipeline(t, step, feed, arg, sum);
    for (int64_t i = 0; i < t->settings.accumulate; i++) {
        trainer_begin_micro_batch(t, i, &t->sums[0]);
        CADRE_TRY(trainer_forward_micro_batch(t, step, i, feed, arg));
        CADRE_TRY(trainer_backward_micro_batch(t, i));
        trainer_join_leaves(t);
        trainer_add_losses(t, i, sum);
    }
    return CADRE_OK;
}

/* Runs all forward and backward passes, with matrix products in the format of --compute. */
static cadre_status run_passes(trainer *t, int64_t step, trainer_feed feed, void *arg, double *sum)
{
    t->c->bf16 = t->settings.bf16;
    cadre_status status = survey_micro_batches(t, step, feed, arg);
    if (status == CADRE_OK) status = run_micro_batches(t, step, feed, arg, sum);
    t->c->bf16 = false;
    return status;
}

/* Sums all gradients over the leaves, on all ranks. */
static void gather_gradients(trainer *t)
{
    if (t->plan.ranks > 1) {
        trainer_gather_gradients(t);
        return;
    }
    for (int c = 0; c < t->chunks; c++) {
        trainer_select_chunk(t, c);
        leaf_plan_end(&t->sums[c], &t->current);
        trainer_join_leaves(t);
    }
}

/* Adds the gradients of a shared embedding into one. */
static void join_embedding(trainer *t)
{
    const real *gradients[] = { t->head_gradient, t->stacks[ENCODER].embedding };
    const param *embed = trainer_embedding(t);
    for (int i = 0; i < 2; i++)
        if (gradients[i] && embed)
            parallel_add(t->c, trainer_embedded(t), gradients[i], t->gradient + embed->offset);
}

/* A sparse layer, by its number: those of the encoder come first, then those of the decoder */
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

/* Updates a correction bias, except for its frozen elements. */
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
    if (t->settings.adapted) return; /* the model stays as it is */
    for (int i = 0; i < trainer_sparse_layers(t); i++) {
        sparse_place p = find_sparse(t, i);
        const real *bias = p.stack->weights.layer[p.layer].moe.router.correction;
        if (bias) update_bias(t, &p, t->values + (bias - t->values));
        end_router_step(t, &p);
    }
}

void trainer_guard(trainer *t, double loss_limit)
{
    t->guarded = true;
    t->loss_limit = loss_limit;
}

/* Changes the parameters: the optimiser's update, then correction biases and routers' states. */
static void update(trainer *t, double norm, double lr, int64_t step)
{
    compute_subject before = compute_enter(t->c, TIME_OPTIMIZER);
    optimizer_step(
        t->optimizer, t->values, t->gradient, norm, lr, lr * t->settings.router_lr, step + 1);
    compute_leave(t->c, before);
    trainer_gather_values(t);
    update_biases(t);
}

cadre_status trainer_step(
    trainer *t, int64_t step, double lr, trainer_feed feed, void *arg, trainer_report *report)
{
    const train_settings *s = &t->settings;
    double sum = 0, aux = 0, z = 0;
    trainer_survey_rows(t, feed, arg);
    t->pair_losses = t->margins = 0;
    if (s->preference > 0) t->counted = s->batch / 2;
    for (int i = 0; i < t->count; i++)
        balance_step_begin(
            t->stacks[i].balance, t->first_sequence[s->batch], s->batch * t->stacks[i].length);
    for (int c = 0; c < t->chunks; c++) t->sums[c] = (leaf_sums){ 0 };
    trainer_exchange_columns(t);
    CADRE_TRY(run_passes(t, step, feed, arg, &sum));
    sum += t->pair_losses;
    for (int i = 0; i < t->count; i++) balance_step_end(t->stacks[i].balance);
    gather_gradients(t);
    trainer_exchange_embedding(t);
    join_embedding(t);
    compute_subject before = compute_enter(t->c, TIME_OPTIMIZER);
    double size = optimizer_gradient_norm(t->optimizer, t->gradient);
    compute_leave(t->c, before);
    CADRE_TRY(comm_status(t->world)); /* asked once, before anything is changed */
    double loss = t->counted ? sum / (double)t->counted : 0;
    bool skips = t->guarded && (!isfinite(loss) || !isfinite(size) || loss > t->loss_limit);
    if (!skips) update(t, size, lr, step);
    trainer_gather_routers(t);
    for (int i = 0; i < t->count; i++) {
        balance_values terms = balance_value(t->stacks[i].balance);
        aux += terms.aux;
        z += terms.z;
    }
    CADRE_TRY(comm_status(t->world));
    double margin = t->counted ? t->margins / (double)t->counted : 0;
    *report = (trainer_report){ loss, aux, z, size, lr, s->batch * s->context, skips, margin };
    return CADRE_OK;
}

cadre_status trainer_measure(trainer *t, trainer_feed feed, void *arg, const trainer_rows *rows)
{
    const train_settings *s = &t->settings;
    leaf_sums unused = { 0 };
    trainer_survey_rows(t, feed, arg);
    balance_step_begin(
        t->stacks[DECODER].balance, t->first_sequence[s->batch], s->batch * s->context);
    for (int64_t i = 0; i < s->accumulate; i++) {
        trainer_begin_micro_batch(t, i, &unused);
        CADRE_TRY(trainer_forward_micro_batch(t, 0, i, feed, arg));
        trainer_sum_rows(t, i, rows->losses);
        trainer_count_rows(t, i, rows->loads);
    }
    return comm_status(t->world);
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
    if (t->correction && trainer_has_correction(t, p.layer))
        return t->correction + i * t->most_experts;
    return p.stack->weights.layer[p.layer].moe.router.correction;
}

bool trainer_any_correction(const trainer *t)
{
    bool any = false;
    for (int i = 0; i < trainer_sparse_layers(t); i++) any |= trainer_correction(t, i) != NULL;
    return any;
}

double trainer_router_norm(const trainer *t, int i)
{
    sparse_place p = find_sparse(t, i);
    return t->router_norm ? t->router_norm[i] : trainer_norm_of_router(t, p.stack, p.layer);
}
