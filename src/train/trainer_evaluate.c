/* trainer_evaluate.c - the loss of held-out rows. */
#include "train/trainer_state.h"

static cadre_status add_micro_batch(
    trainer *t, int64_t i, trainer_feed feed, void *arg, double *sum)
{
    leaf_sums unused = { 0 };
    const stack *decoder = &t->stacks[DECODER];
    trainer_begin_micro_batch(t, i, &unused);
    CADRE_TRY(trainer_forward_micro_batch(t, 0, i, feed, arg));
    transformer_losses(decoder->transformer, &decoder->weights, t->targets, t->losses);
    trainer_add_losses(t, i, sum);
    return CADRE_OK;
}

static cadre_status add_micro_batches(trainer *t, trainer_feed feed, void *arg, double *sum)
{
    if (t->groups.pipeline) return trainer_evaluate_pipeline(t, feed, arg, sum);
    for (int64_t i = 0; i < t->settings.accumulate; i++)
        CADRE_TRY(add_micro_batch(t, i, feed, arg, sum));
    return CADRE_OK;
}

cadre_status trainer_evaluate(
    trainer *t, trainer_feed feed, void *arg, double *sum, int64_t *counted)
{
    trainer_survey_rows(t, feed, arg);
    t->evaluates = true;
    t->c->bf16 = t->settings.bf16;
    cadre_status status = add_micro_batches(t, feed, arg, sum);
    t->c->bf16 = t->evaluates = false;
    *counted += t->counted;
    return status == CADRE_OK ? comm_status(t->world) : status;
}
