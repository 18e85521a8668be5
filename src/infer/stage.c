/* stage.c - passes over a pipeline. The ranks of a stage have the same residuals, so each sends its
 * own to the rank that stands at its place in the next stage. */
#include "infer/stage.h"

#include "infer/plan_message.h"

static bool is_first(const model_ranks *r) { return r->at.pipeline == 0; }
static bool is_last(const model_ranks *r) { return r->at.pipeline + 1 == r->size.pipeline; }
static bool is_staged(const model_ranks *r) { return r && r->size.pipeline > 1; }

/* Several ranks have the same results, and one of them sends them. */
static bool speaks(const model_ranks *r) { return r->at.tensor == 0 && r->at.expert == 0; }
static int speaker_of(const model_ranks *r, int stage)
{
    return layout_rank(&r->size, &(rank_layout){ .pipeline = stage });
}

/* ---- plans ---- */

static void note_plan(void *arg, int64_t layer, const plan *p) { plan_message_put(arg, layer, p); }

static void send_plans(const model_ranks *r, byte_buffer *plans)
{
    int64_t size = (int64_t)plans->size;
    if (plans->status != CADRE_OK) comm_fail(r->world, plans->status);
    comm_send(r->world, 0, &size, sizeof size);
    comm_send(r->world, 0, plans->data, plans->size);
}

static cadre_status receive_plans(const cadre_model *m, int stage, const stage_watch *w)
{
    const model_ranks *r = m->ranks;
    int64_t size = 0;
    byte_buffer plans = { 0 };
    comm_receive(r->world, speaker_of(r, stage), &size, sizeof size);
    CADRE_TRY(comm_status(r->world));
    CADRE_TRY(byte_buffer_reserve(&plans, (size_t)size));
    comm_receive(r->world, speaker_of(r, stage), plans.data, (size_t)size);
    plans.size = (size_t)size;
    cadre_status status = comm_status(r->world);
    if (status == CADRE_OK) status = plan_message_watch(&plans, &m->config, w->watch, w->arg);
    byte_buffer_free(&plans);
    return status;
}

static cadre_status receive_all_plans(const cadre_model *m, const stage_watch *w)
{
    for (int s = 1; s < m->ranks->size.pipeline; s++) CADRE_TRY(receive_plans(m, s, w));
    return CADRE_OK;
}

/* ---- passes ---- */

static size_t residual_bytes(const cadre_model *m, const token_batch *b)
{
    return (size_t)(b->tokens * m->config.width) * sizeof(real);
}

static cadre_status own_layers(
    const cadre_model *m, transformer *t, const token_batch *b, transformer_watch watch, void *arg)
{
    const model_ranks *r = m->ranks;
    size_t bytes = residual_bytes(m, b);
    if (!is_first(r)) comm_receive(r->pipeline, r->at.pipeline - 1, transformer_entry(t), bytes);
    cadre_status status = comm_status(r->world);
    if (status == CADRE_OK) {
        status = transformer_forward(t, &m->weights, b, NULL, watch, arg);
        if (status != CADRE_OK) comm_fail(r->world, status);
    }
    if (status == CADRE_OK && !is_last(r))
        comm_send(r->pipeline, r->at.pipeline + 1, transformer_exit(t), bytes);
    return status;
}

static cadre_status follow_stage(
    const cadre_model *m, transformer *t, const token_batch *b, bool told)
{
    byte_buffer plans = { 0 };
    bool sends = told && speaks(m->ranks) && is_staged(m->ranks) && !is_first(m->ranks);
    cadre_status status = own_layers(m, t, b, sends ? note_plan : NULL, &plans);
    if (status == CADRE_OK && sends) send_plans(m->ranks, &plans);
    byte_buffer_free(&plans);
    return status == CADRE_OK ? comm_status(m->ranks->world) : status;
}

cadre_status stage_forward(
    const cadre_model *m, transformer *t, const token_batch *b, const stage_watch *w)
{
    const model_ranks *r = m->ranks;
    if (!r) return transformer_forward(t, &m->weights, b, NULL, w->watch, w->arg);
    if (r->world->rank > 0) return follow_stage(m, t, b, w->told);
    CADRE_TRY(own_layers(m, t, b, w->watch, w->arg));
    if (w->watch && is_staged(r)) CADRE_TRY(receive_all_plans(m, w));
    return comm_status(r->world);
}

/* ---- what the last stage computes ---- */

/* The ranks of the last stage that compute logits; one of them has whole rows and sends them. */
static bool computes(const model_ranks *r) { return !r || (is_last(r) && r->at.expert == 0); }

static void bring(const model_ranks *r, real *values, int64_t count)
{
    size_t bytes = (size_t)count * sizeof *values;
    if (!is_staged(r)) return;
    if (r->world->rank == 0)
        comm_receive(r->world, speaker_of(r, r->size.pipeline - 1), values, bytes);
    else if (is_last(r) && speaks(r)) comm_send(r->world, 0, values, bytes);
}

void stage_logits(
    const cadre_model *m, transformer *t, const int64_t *rows, int64_t count, real *logits)
{
    if (computes(m->ranks)) transformer_logits_of(t, &m->weights, rows, count, logits);
    bring(m->ranks, logits, count * m->config.vocab);
}

void stage_losses(
    const cadre_model *m, transformer *t, int64_t tokens, const int32_t *targets, real *losses)
{
    if (computes(m->ranks)) transformer_losses(t, &m->weights, targets, losses);
    bring(m->ranks, losses, tokens);
}
