/* trainer_pipeline.c - a pipeline of ranks that have different layers, in the order "one forward,
 * one backward" (1F1B).
 *
 * A stage begins with as many forward passes as there are stages after it, then takes a forward and
 * a backward pass in turn, and ends with the backward passes that are left. With 3 stages and 5
 * micro-batches:
 *
 *     stage 0   F0 F1 F2 B0 F3 B1 F4 B2 B3 B4
 *     stage 1      F0 F1 B0 F2 B1 F3 B2 F4 B3 B4
 *     stage 2         F0 B0 F1 B1 F2 B2 F3 B3 F4 B4
 *
 * Every stage takes its backward passes in the order of the micro-batches, as one process does, so
 * all sums are the same. A message has, beside the hidden states, the routing statistics of the
 * layers so far; it collects them from stage to stage, and the messages of the backward pass take
 * them back. So before its backward pass every rank has those of all layers, and computes the same
 * balancing losses as one process does. */
#include "train/trainer_state.h"

#include <string.h>

static int stage_of(const trainer *t) { return t->groups.at.pipeline; }
static int stages_of(const trainer *t) { return t->groups.size.pipeline; }

/* Sends the message of micro-batch `sent`, in t->pipeline.out, to stage `to`, and receives that of
 * micro-batch `received` from stage `from` into t->pipeline.in. Nothing is sent to, or received
 * from, a stage that does not exist. */
static void exchange_messages(trainer *t, int to, int64_t sent, int from, int64_t received)
{
    comm_message m = { .to = -1, .from = -1, .send = t->pipeline.out, .receive = t->pipeline.in };
    if (to >= 0 && to < stages_of(t)) {
        m.to = to;
        m.send_bytes = trainer_message_bytes(t, sent);
    }
    if (from >= 0 && from < stages_of(t)) {
        m.from = from;
        m.receive_bytes = trainer_message_bytes(t, received);
    }
    if (m.to >= 0 || m.from >= 0) comm_send_receive(t->groups.pipeline, &m);
}

/* ---- a step ---- */

/* Fills in t->micro for all micro-batches, so that every rank knows how large their messages
 * are. */
static void begin_all(trainer *t)
{
    for (int64_t i = 0; i < t->settings.accumulate; i++) {
        leaf_sums unused = { 0 };
        trainer_begin_micro_batch(t, i, &unused);
    }
}

/* Sends the sum of the losses from the last stage, which has it, to all stages. */
static void share_sum(trainer *t, double *sum)
{
    comm_broadcast(t->groups.pipeline, sum, sizeof *sum, stages_of(t) - 1);
}

cadre_status trainer_run_pipeline(
    trainer *t, int64_t step, trainer_feed feed, void *arg, double *sum)
{
    int64_t count = t->settings.accumulate, ahead = stages_of(t) - 1 - stage_of(t);
    int next = stage_of(t) + 1, before = stage_of(t) - 1;
    if (ahead > count) ahead = count;
    begin_all(t);
    if (t->chunks > 1) {
        CADRE_TRY(trainer_run_chunks(t, CHUNKS_LEARN, step, feed, arg, sum));
        share_sum(t, sum);
        return CADRE_OK;
    }
    for (int64_t i = 0; i < ahead; i++) {
        exchange_messages(t, -1, 0, before, i);
        CADRE_TRY(trainer_stage_forward(t, step, i, feed, arg));
        exchange_messages(t, next, i, -1, 0);
    }
    if (ahead < count) exchange_messages(t, -1, 0, before, ahead);
    for (int64_t i = 0; i < count; i++) {
        int64_t front = i + ahead;
        if (front < count) CADRE_TRY(trainer_stage_forward(t, step, front, feed, arg));
        exchange_messages(t, front < count ? next : -1, front, next, i);
        CADRE_TRY(trainer_stage_backward(t, i, sum));
        exchange_messages(t, before, i, front + 1 < count ? before : -1, front + 1);
    }
    share_sum(t, sum);
    return CADRE_OK;
}

/* Takes the forward passes alone, where each stage has one chunk of layers. */
static cadre_status run_forward(trainer *t, int64_t step, trainer_feed feed, void *arg, double *sum)
{
    for (int64_t i = 0; i < t->settings.accumulate; i++) {
        exchange_messages(t, -1, 0, stage_of(t) - 1, i);
        CADRE_TRY(trainer_stage_forward(t, step, i, feed, arg));
        exchange_messages(t, stage_of(t) + 1, i, -1, 0);
        if (sum && trainer_is_last(t)) trainer_stage_losses(t, i, sum);
    }
    return CADRE_OK;
}

cadre_status trainer_survey_pipeline(trainer *t, int64_t step, trainer_feed feed, void *arg)
{
    int64_t count = t->settings.accumulate;
    balance *b = t->stacks[DECODER].balance;
    begin_all(t);
    if (t->chunks == 1) CADRE_TRY(run_forward(t, step, feed, arg, NULL));
    else CADRE_TRY(trainer_run_chunks(t, CHUNKS_FORWARD, step, feed, arg, NULL));
    for (int64_t i = 0; i < count; i++) {
        micro_batch *m = trainer_micro(t, i);
        comm_broadcast(
            t->groups.pipeline, m->statistics, trainer_statistics_bytes(t, i), stages_of(t) - 1);
        balance_unpack(b, &m->ranks, m->statistics);
        balance_survey(b);
    }
    return CADRE_OK;
}

cadre_status trainer_evaluate_pipeline(trainer *t, trainer_feed feed, void *arg, double *sum)
{
    begin_all(t);
    if (t->chunks == 1) CADRE_TRY(run_forward(t, 0, feed, arg, sum));
    else CADRE_TRY(trainer_run_chunks(t, CHUNKS_LOSSES, 0, feed, arg, sum));
    share_sum(t, sum);
    return CADRE_OK;
}

/* ---- between the first stage and the last ---- */

/* Afterwards both stages add the two gradients, and each updates its own copy of the embedding. */
void trainer_exchange_embedding(trainer *t)
{
    const param *embed = trainer_embedding(t);
    if (!t->groups.pipeline || !t->head_gradient || !embed) return;
    bool first = stage_of(t) == 0;
    real *own = t->gradient + embed->offset;
    comm_message m = { .send = first ? own : t->head_gradient,
        .receive = first ? t->head_gradient : own };
    m.to = m.from = first ? stages_of(t) - 1 : 0;
    m.send_bytes = m.receive_bytes = (size_t)trainer_embedded(t) * sizeof *own;
    comm_send_receive(t->groups.pipeline, &m);
}

/* ---- what the metrics report of routers ---- */

bool trainer_has_correction(const trainer *t, int64_t layer)
{
    for (int64_t i = 0; i < t->whole.count; i++)
        if (t->whole.rows[i].role == ROLE_ROUTER_CORRECTION && t->whole.rows[i].layer == layer)
            return true;
    return false;
}

/* first [stages + 1]: the number of sparse layers before chunk `chunk` of each stage */
static void sparse_of_stages(const trainer *t, int chunk, int64_t *first)
{
    int stages = stages_of(t);
    for (int s = 0; s <= stages; s++)
        first[s] = (int)model_config_sparse_before(
            &t->config, share_begin(t->config.layers, chunk * stages + s, stages * t->chunks));
}

static void gather_routers(trainer *t, int chunk)
{
    const stack *k = &t->stacks[DECODER];
    int64_t first[BATCH_RANKS + 1], at;
    sparse_of_stages(t, chunk, first);
    at = first[stage_of(t)];
    for (int64_t l = 0, i = 0; l < t->config.layers; l++) {
        if (!t->config.layer[l].sparse) continue;
        const real *bias = k->weights.layer[l].moe.router.correction;
        size_t bytes = (size_t)t->config.layer[l].moe.experts * sizeof *bias;
        if (i >= at && i < first[stage_of(t) + 1]) {
            t->router_norm[i] = trainer_norm_of_router(t, k, l);
            if (bias) memcpy(t->correction + i * t->most_experts, bias, bytes);
        }
        i++;
    }
    comm_all_gather_v(
        t->groups.pipeline, t->router_norm + at, first, sizeof *t->router_norm, t->router_norm);
    comm_all_gather_v(t->groups.pipeline, t->correction + at * t->most_experts, first,
        (size_t)t->most_experts * sizeof *t->correction, t->correction);
}

void trainer_gather_routers(trainer *t)
{
    for (int c = 0; c < t->chunks && t->groups.pipeline; c++) gather_routers(t, c);
}
