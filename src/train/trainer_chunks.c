/* trainer_chunks.c - a pipeline whose stages have several chunks of layers each (interleaving.h):
 * what a rank computes and sends in every tick. */
#include "train/trainer_state.h"

#include <assert.h>

static int stage_of(const trainer *t) { return t->groups.at.pipeline; }
static int stages_of(const trainer *t) { return t->groups.size.pipeline; }

/* ---- making ---- */

cadre_status trainer_check_chunks(const trainer *t)
{
    int64_t stages = (int64_t)stages_of(t) * t->chunks;
    if (stages > t->config.layers)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--parallel: pipeline=%d,virtual=%d: expected at most as many chunks as the model has "
            "layers, %lld",
            stages_of(t), t->chunks, (long long)t->config.layers);
    if (t->chunks > 1 && t->settings.accumulate % stages_of(t))
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--parallel: virtual=%d: expected --accumulate to be a multiple of pipeline=%d, so "
            "that the chunks of a rank take turns, found %lld",
            t->chunks, stages_of(t), (long long)t->settings.accumulate);
    return CADRE_OK;
}

void trainer_measure_chunks(trainer *t)
{
    int64_t count = t->settings.accumulate;
    int ahead = stages_of(t) - stage_of(t);
    t->passes[0] = count < ahead ? (int)count : ahead;
    t->pipeline.messages = 1;
    if (t->chunks == 1 || count % stages_of(t))
        return; /* trainer_check_chunks refuses the latter */
    interleaving_peak peak = interleaving_measure(stages_of(t), t->chunks, count, stage_of(t));
    for (int c = 0; c < t->chunks; c++) t->passes[c] = peak.passes[c];
    t->pipeline.messages = peak.messages;
}

/* ---- received messages ---- */

static char *place_of(const trainer *t, int message)
{
    return t->pipeline.received + (size_t)message * t->pipeline.bytes;
}

/* A free buffer for a message to a chunk, which is marked as used */
static char *reserve_message(trainer *t, bool backward, int chunk, int64_t micro)
{
    int i = 0;
    while (t->pipeline.message[i].waits) i++;
    assert(i < t->pipeline.messages);
    t->pipeline.message[i] = (pipeline_message){ true, backward, chunk, micro };
    return place_of(t, i);
}

/* The buffer that holds a received message, which is marked as free */
static char *take_message(trainer *t, bool backward, int chunk, int64_t micro)
{
    for (int i = 0; i < t->pipeline.messages; i++) {
        pipeline_message *l = &t->pipeline.message[i];
        if (!l->waits || l->backward != backward || l->chunk != chunk || l->micro != micro)
            continue;
        l->waits = false; /* its bytes stay until the next messages come, after this tick's work */
        return place_of(t, i);
    }
    assert(false);
    return t->pipeline.received;
}

/* ---- a tick ---- */

static cadre_status work_forward(trainer *t, const stage_work *w, chunk_work what, int64_t step,
    trainer_feed feed, void *arg, double *sum)
{
    trainer_select_chunk(t, w->forward_chunk);
    t->pipeline.out = t->pipeline.sent;
    if (!trainer_is_first(t))
        t->pipeline.in = take_message(t, false, w->forward_chunk, w->forward_micro);
    CADRE_TRY(trainer_stage_forward(t, step, w->forward_micro, feed, arg));
    if (what == CHUNKS_LOSSES && trainer_is_last(t)) trainer_stage_losses(t, w->forward_micro, sum);
    return CADRE_OK;
}

static cadre_status work_backward(trainer *t, const stage_work *w, double *sum)
{
    trainer_select_chunk(t, w->backward_chunk);
    t->pipeline.out = t->pipeline.sent + t->pipeline.bytes;
    if (!trainer_is_last(t))
        t->pipeline.in = take_message(t, true, w->backward_chunk, w->backward_micro);
    return trainer_stage_backward(t, w->backward_micro, sum);
}

/* Sends the hidden states of this tick's forward pass to the next stage, or from the last stage to
 * the first one's next chunk, and receives those of the stage before. */
static void send_rows(trainer *t, const stage_work *work)
{
    int s = stage_of(t), last = stages_of(t) - 1, before = s ? s - 1 : last;
    const stage_work *own = &work[s], *other = &work[before];
    comm_message m = { .to = -1, .from = -1, .send = t->pipeline.sent };
    if (own->forward && (s < last || own->forward_chunk + 1 < t->chunks)) {
        m.to = s < last ? s + 1 : 0;
        m.send_bytes = trainer_message_bytes(t, own->forward_micro);
    }
    int chunk = other->forward_chunk + (s == 0);
    if (other->forward && chunk < t->chunks) {
        m.from = before;
        m.receive = reserve_message(t, false, chunk, other->forward_micro);
        m.receive_bytes = trainer_message_bytes(t, other->forward_micro);
    }
    if (m.to >= 0 || m.from >= 0) comm_send_receive(t->groups.pipeline, &m);
}

/* Sends the gradients of this tick's backward pass the opposite way. */
static void send_gradients(trainer *t, const stage_work *work)
{
    int s = stage_of(t), last = stages_of(t) - 1, behind = s < last ? s + 1 : 0;
    const stage_work *own = &work[s], *other = &work[behind];
    comm_message m = { .to = -1, .from = -1, .send = t->pipeline.sent + t->pipeline.bytes };
    if (own->backward && (s > 0 || own->backward_chunk > 0)) {
        m.to = s ? s - 1 : last;
        m.send_bytes = trainer_message_bytes(t, own->backward_micro);
    }
    int chunk = other->backward_chunk - (s == last);
    if (other->backward && chunk >= 0) {
        m.from = behind;
        m.receive = reserve_message(t, true, chunk, other->backward_micro);
        m.receive_bytes = trainer_message_bytes(t, other->backward_micro);
    }
    if (m.to >= 0 || m.from >= 0) comm_send_receive(t->groups.pipeline, &m);
}

cadre_status trainer_run_chunks(
    trainer *t, chunk_work what, int64_t step, trainer_feed feed, void *arg, double *sum)
{
    stage_work work[BATCH_RANKS];
    interleaving order = { .stages = stages_of(t),
        .chunks = t->chunks,
        .micro_batches = t->settings.accumulate,
        .forward_only = what != CHUNKS_LEARN };
    for (int i = 0; i < t->pipeline.messages; i++) t->pipeline.message[i].waits = false;
    while (interleaving_tick(&order, work)) {
        const stage_work *own = &work[stage_of(t)];
        if (own->forward) CADRE_TRY(work_forward(t, own, what, step, feed, arg, sum));
        if (own->backward) CADRE_TRY(work_backward(t, own, sum));
        send_rows(t, work);
        send_gradients(t, work);
    }
    return CADRE_OK;
}
