/* trainer_micro_batch.c - one micro-batch of a step: its tokens are laid out as a token_batch, then
 * come its forward and its backward pass. */
#include "train/trainer_state.h"

#include <math.h>

#include "kernel/rows.h"

/* Fetches the inputs and targets of the decoder, and the inputs of an encoder. */
static void feed_micro_batch(
    trainer *t, int64_t step, int32_t *inputs, int pass, trainer_feed feed, void *arg)
{
    const train_settings *s = &t->settings;
    stack *decoder = &t->stacks[DECODER], *encoder = &t->stacks[ENCODER];
    int64_t rows = t->current.sequences, first = t->current.first;
    trainer_feed_rows(t, t->texts ? t->texts : inputs, pass, feed, arg);
    for (int64_t i = 0; t->texts && i < rows; i++) {
        random_key key = random_key_of(s->seed, "spans", (uint64_t)step, (uint64_t)(first + i));
        span_corrupt(&s->spans, key, s->context, t->texts + i * s->context,
            encoder->inputs + i * encoder->length, inputs + i * decoder->length,
            t->targets + i * decoder->length);
    }
}

static cadre_status forward_stack(trainer *t, const stack *k, int64_t step, const int32_t *inputs,
    const micro_batch *m, const stack *encoder)
{
    const train_settings *s = &t->settings;
    bool several = rank_groups_several(&t->groups);
    int64_t pass = (inputs - k->inputs) / k->most_tokens;
    token_batch b = { .inputs = inputs,
        .tokens = t->current.sequences * k->length,
        .sequences = trainer_sequences_in(t, t->current.first, t->current.sequences),
        .start = k->start + pass * (trainer_most_sequences(t) + 1),
        .may_stop = !several,
        .encoder_output = encoder ? transformer_hidden(encoder->transformer) : NULL,
        .encoder_start = encoder ? encoder->start : NULL,
        .ranks = several ? &m->ranks : NULL,
        .random = { .train = !t->evaluates,
            .seed = k == &t->stacks[DECODER] ? s->seed : ~s->seed,
            .step = (uint64_t)step,
            .first_token = t->current.first * k->length } };
    balance *counts = t->evaluates ? NULL : k->balance;
    return transformer_forward(k->transformer, &k->weights, &b, counts, NULL, NULL);
}

/* Records that a rank's sequences and tokens begin with row begin + rows of the batch, where
 * `begin` is the first row of the micro-batch. */
static void place_rank(const trainer *t, micro_batch *m, int rank, int64_t begin, int64_t rows)
{
    m->first_sequence[rank] = trainer_sequences_in(t, begin, rows);
    m->first_token[rank] = rows * t->stacks[DECODER].length;
}

void trainer_begin_micro_batch(trainer *t, int64_t i, leaf_sums *sums)
{
    micro_batch *m = trainer_micro(t, i);
    leaf_plan all = t->plan;
    leaf_plan_micro_batch(&all, i, sums, &t->current);
    if (!rank_groups_several(&t->groups)) return;
    int64_t begin = i * all.batch / all.micro_batches;
    for (all.rank = 0; all.rank < all.ranks; all.rank++) {
        leaf_sums unused = { 0 };
        leaf_micro_batch other;
        leaf_plan_micro_batch(&all, i, &unused, &other);
        place_rank(t, m, all.rank, begin, other.first - begin);
    }
    place_rank(t, m, all.ranks, begin, (i + 1) * all.batch / all.micro_batches - begin);
    m->ranks = (batch_ranks){ .comm = t->groups.tokens,
        .slices = t->groups.tensor,
        .first = m->first_sequence,
        .first_token = m->first_token,
        .tokens = m->first_token[all.ranks] };
}

cadre_status trainer_forward_micro_batch(
    trainer *t, int64_t step, int64_t i, trainer_feed feed, void *arg)
{
    const micro_batch *m = trainer_micro(t, i);
    stack *decoder = &t->stacks[DECODER], *encoder = t->count > 1 ? &t->stacks[ENCODER] : NULL;
    int pass = trainer_pass(t, i), place = trainer_passes_before(t, t->chunk) + pass;
    int32_t *inputs = decoder->inputs + place * decoder->most_tokens;
    transformer_select_pass(decoder->transformer, pass);
    feed_micro_batch(t, step, inputs, place, feed, arg);
    if (encoder) CADRE_TRY(forward_stack(t, encoder, step, encoder->inputs, m, NULL));
    return forward_stack(t, decoder, step, inputs, m, encoder);
}

cadre_status trainer_backward_micro_batch(trainer *t, int64_t i)
{
    stack *decoder = &t->stacks[DECODER], *encoder = &t->stacks[ENCODER];
    real scale = t->counted ? (real)(1.0 / (double)t->counted) : 0;
    transformer_select_pass(decoder->transformer, trainer_pass(t, i));
    trainer_begin_leaves(t);
    for (int k = 0; k < t->count; k++) {
        stack *own = &t->stacks[k];
        if (t->chunk + 1 == t->chunks) balance_finish(own->balance);
        else balance_repeat(own->balance); /* the last chunk's backward pass has finished it */
        model_gradients_accumulate(&own->gradients, own->config->layers, i > 0, &own->leaves);
    }
    if (t->settings.preference > 0) trainer_weigh_pairs(t, i);
    CADRE_TRY(transformer_backward(decoder->transformer, &decoder->weights, &decoder->gradients,
        t->targets, scale, t->losses));
    if (t->count == 1) return CADRE_OK;
    return transformer_backward_from(encoder->transformer, &encoder->weights, &encoder->gradients,
        transformer_encoder_gradient(decoder->transformer));
}

void trainer_add_losses(trainer *t, int64_t i, double *sum)
{
    bool several = t->plan.ranks > 1;
    if (t->settings.preference > 0) return; /* t->pair_losses has them */
    int64_t tokens = several ? trainer_micro(t, i)->ranks.tokens
                             : t->current.sequences * t->stacks[DECODER].length;
    trainer_gather_losses(t, trainer_micro(t, i));
    for (int64_t j = 0; j < tokens; j++) *sum += (double)(several ? t->all_losses : t->losses)[j];
}

double trainer_norm_of_router(const trainer *t, const stack *k, int64_t layer)
{
    const moe_config *moe = &k->config->layer[layer].moe;
    const real *gradient = k->gradients.layer[layer].moe.router.matrix;
    int64_t rows = router_matrix_rows(moe->router, &moe->route, moe->experts);
    return gradient ? sqrt(t->c->variant->rows->sum_squares(rows * k->config->width, gradient)) : 0;
}
