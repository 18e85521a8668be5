/* lead.c - puts messages together. */
#include "infer/lead.h"

#include <string.h>

#include "base/clock.h"
#include "model/expert_placement.h"

static void say(const cadre_model *m, ranks_message message, const void *data, size_t bytes)
{
    message.bytes = (int64_t)bytes;
    ranks_say(m->ranks, &message, data);
}

int64_t lead_open(const cadre_model *m, lead_what what, int64_t a, int64_t b, int64_t c)
{
    if (!lead_leads(m)) return 0;
    int64_t runner = ++m->ranks->runners;
    say(m, (ranks_message){ .what = what, .n = { runner, a, b, c } }, NULL, 0);
    return runner;
}

void lead_close(const cadre_model *m, int64_t runner)
{
    if (runner) say(m, (ranks_message){ .what = LEAD_CLOSE, .n = { runner } }, NULL, 0);
}

/* ---- a pass ---- */

static cadre_status put_events(state_log *l, byte_buffer *b, int64_t *count)
{
    lock_take(&l->lock);
    bool lost = l->lost;
    *count = (int64_t)l->count;
    if (l->count) byte_buffer_put(b, l->events, l->count * sizeof *l->events);
    l->count = 0;
    lock_give(&l->lock);
    if (lost) return cadre_fail(CADRE_ENOMEM, NULL, "out of memory for what ranks are told");
    return b->status;
}

static void put_parts(const token_batch *batch, byte_buffer *b)
{
    for (int64_t i = 0; i < batch->sequences; i++) {
        sequence_state *s = batch->states ? batch->states[i] : NULL;
        lead_chunk chunk = { .count = batch->start[i + 1] - batch->start[i] };
        if (s)
            chunk = (lead_chunk){ s->pool->number, sequence_state_number(s), s->capacity,
                chunk.count, { s->held, s->dropped, s->length } };
        byte_buffer_put(b, &chunk, sizeof chunk);
    }
}

static void put_blocks(const token_batch *batch, byte_buffer *b)
{
    for (int64_t i = 0; batch->states && i < batch->sequences; i++)
        for (int64_t j = 0; j < batch->states[i]->held * STATE_SPAN_KINDS; j++) {
            const state_block *block =
                batch->states[i]->span[j / STATE_SPAN_KINDS].block[j % STATE_SPAN_KINDS];
            int64_t number = block ? state_block_number(block) : -1;
            byte_buffer_put(b, &number, sizeof number);
        }
}

cadre_status lead_pass(const cadre_model *m, int64_t runner, const token_batch *batch, bool watched)
{
    byte_buffer b = { 0 };
    ranks_message message = { .what = LEAD_PASS,
        .n = { runner, 0, batch->sequences, batch->tokens, watched } };
    if (!runner) return CADRE_OK;
    cadre_status status = put_events(&m->ranks->log, &b, &message.n[1]);
    put_parts(batch, &b);
    put_blocks(batch, &b);
    byte_buffer_put(&b, batch->inputs, (size_t)batch->tokens * sizeof *batch->inputs);
    if (status == CADRE_OK) status = b.status;
    if (status == CADRE_OK) say(m, message, b.data, b.size);
    else comm_fail(m->ranks->world, status);
    byte_buffer_free(&b);
    return status == CADRE_OK ? comm_status(m->ranks->world) : status;
}

/* ---- what comes of it ---- */

void lead_logits(const cadre_model *m, int64_t runner, const int64_t *rows, int64_t count)
{
    if (runner)
        say(m, (ranks_message){ .what = LEAD_LOGITS, .n = { runner, count } }, rows,
            (size_t)count * sizeof *rows);
}

void lead_first_logits(const cadre_model *m, int64_t runner, int64_t first, int64_t rows)
{
    if (runner)
        say(m, (ranks_message){ .what = LEAD_FIRST_LOGITS, .n = { runner, first, rows } }, NULL, 0);
}

void lead_tallies(const cadre_model *m, int64_t runner)
{
    const double every = 1;
    double now = clock_seconds();
    if (!runner || (m->ranks->heard > 0 && now - m->ranks->heard < every)) return;
    m->ranks->heard = now;
    say(m, (ranks_message){ .what = LEAD_TALLIES, .n = { runner } }, NULL, 0);
    model_ranks_tell(m->ranks);
}

void lead_tokens(
    const cadre_model *m, lead_what what, int64_t runner, const int32_t *tokens, int64_t count)
{
    if (runner)
        say(m, (ranks_message){ .what = (int64_t)what, .n = { runner, count } }, tokens,
            (size_t)count * sizeof *tokens);
}

cadre_status lead_experts(cadre_model *m, const double *use, int64_t experts)
{
    if (!lead_leads(m)) return CADRE_OK;
    say(m, (ranks_message){ .what = LEAD_EXPERTS, .n = { experts } }, use,
        (size_t)experts * sizeof *use);
    return expert_placement_change(m, use);
}
