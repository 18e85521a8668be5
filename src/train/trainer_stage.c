/* trainer_stage.c - one micro-batch on a stage of a pipeline, in its current chunk of layers: it
 * reads the message of a neighbour, takes the forward or backward pass, and writes the message for
 * the other neighbour. */
#include "train/trainer_state.h"

#include <string.h>

static transformer *layers_of(const trainer *t) { return t->stacks[DECODER].transformer; }

/* ---- memory ---- */

static int32_t most_experts(const model_config *c)
{
    int32_t most = 0;
    for (int64_t l = 0; l < c->layers; l++)
        if (c->layer[l].sparse && c->layer[l].moe.experts > most) most = c->layer[l].moe.experts;
    return most;
}

static int64_t packed_doubles(const trainer *t, int64_t sequences)
{
    int32_t devices = t->settings.balance.devices > 0 ? t->settings.balance.devices : 1;
    int64_t sum = 0;
    for (int64_t l = 0; l < t->config.layers; l++)
        if (t->config.layer[l].sparse)
            sum += balance_packed_layer(t->config.layer[l].moe.experts, devices);
    return sequences * sum;
}

void trainer_layout_pipeline(trainer *t, arena *a)
{
    int64_t sequences = trainer_most_sequences(t), sparse = model_config_sparse_layers(&t->config);
    int64_t count = t->groups.pipeline ? t->settings.accumulate : 1;
    t->micro = ARENA_ARRAY(a, micro_batch, count);
    if (!t->groups.pipeline) return;
    for (int64_t i = 0; i < count; i++) {
        double *statistics = ARENA_ARRAY(a, double, packed_doubles(t, sequences));
        if (t->micro) t->micro[i].statistics = statistics;
    }
    t->pipeline.bytes =
        (size_t)packed_doubles(t, sequences) * sizeof(double) +
        (size_t)(trainer_most_rows(t) * t->settings.context * t->config.width) * sizeof(real);
    t->pipeline.sent = ARENA_ARRAY(a, char, (t->chunks > 1 ? 2 : 1) * t->pipeline.bytes);
    t->pipeline.received = ARENA_ARRAY(a, char, (size_t)t->pipeline.messages * t->pipeline.bytes);
    t->pipeline.message = ARENA_ARRAY(a, pipeline_message, t->pipeline.messages);
    t->pipeline.out = t->pipeline.sent, t->pipeline.in = t->pipeline.received;
    t->most_experts = most_experts(&t->config);
    t->router_norm = ARENA_ARRAY(a, double, sparse);
    t->correction = ARENA_ARRAY(a, real, sparse * t->most_experts);
}

/* ---- messages ---- */

static int64_t own_sequences(const trainer *t, int64_t i)
{
    const int64_t *first = trainer_micro(t, i)->first_sequence;
    return first[t->plan.rank + 1] - first[t->plan.rank];
}

size_t trainer_statistics_bytes(const trainer *t, int64_t i)
{
    return (size_t)(own_sequences(t, i) * balance_packed_sequence(t->stacks[DECODER].balance)) *
           sizeof(double);
}

static size_t rows_bytes(const trainer *t, int64_t i)
{
    const int64_t *first = trainer_micro(t, i)->first_token;
    int64_t tokens = first[t->plan.rank + 1] - first[t->plan.rank];
    return (size_t)(tokens * t->config.width) * sizeof(real);
}

size_t trainer_message_bytes(const trainer *t, int64_t i)
{
    return trainer_statistics_bytes(t, i) + rows_bytes(t, i);
}

static void write_message(const trainer *t, int64_t i, const real *rows)
{
    size_t statistics = trainer_statistics_bytes(t, i);
    memcpy(t->pipeline.out, trainer_micro(t, i)->statistics, statistics);
    memcpy(t->pipeline.out + statistics, rows, rows_bytes(t, i));
}

static void read_message(const trainer *t, int64_t i, real *rows)
{
    size_t statistics = trainer_statistics_bytes(t, i);
    memcpy(trainer_micro(t, i)->statistics, t->pipeline.in, statistics);
    memcpy(rows, t->pipeline.in + statistics, rows_bytes(t, i));
}

/* ---- a micro-batch on a stage ---- */

static int sparse_before(const trainer *t, int64_t layer)
{
    return (int)model_config_sparse_before(&t->config, layer);
}

cadre_status trainer_stage_forward(
    trainer *t, int64_t step, int64_t i, trainer_feed feed, void *arg)
{
    leaf_sums unused = { 0 };
    transformer_stage own = trainer_stage(t, &t->config, t->chunk);
    trainer_begin_micro_batch(t, i, &unused);
    transformer_select_pass(layers_of(t), trainer_pass(t, i));
    if (!trainer_is_first(t)) read_message(t, i, transformer_entry(layers_of(t)));
    CADRE_TRY(trainer_forward_micro_batch(t, step, i, feed, arg));
    balance_pack(t->stacks[DECODER].balance, sparse_before(t, own.first), sparse_before(t, own.end),
        trainer_micro(t, i)->statistics);
    if (!trainer_is_last(t)) write_message(t, i, transformer_exit(layers_of(t)));
    return CADRE_OK;
}

cadre_status trainer_stage_backward(trainer *t, int64_t i, double *sum)
{
    trainer_begin_micro_batch(t, i, &t->sums[t->chunk]);
    if (!trainer_is_last(t)) read_message(t, i, transformer_gradient(layers_of(t)));
    balance_unpack(
        t->stacks[DECODER].balance, &trainer_micro(t, i)->ranks, trainer_micro(t, i)->statistics);
    CADRE_TRY(trainer_backward_micro_batch(t, i));
    trainer_join_leaves(t);
    if (trainer_is_last(t)) trainer_add_losses(t, i, sum);
    if (!trainer_is_first(t)) write_message(t, i, transformer_gradient(layers_of(t)));
    return CADRE_OK;
}

void trainer_stage_losses(trainer *t, int64_t i, double *sum)
{
    const stack *k = &t->stacks[DECODER];
    transformer_losses(k->transformer, &k->weights, t->targets, t->losses);
    trainer_add_losses(t, i, sum);
}
