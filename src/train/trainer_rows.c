/* trainer_rows.c - the rows of a step's batch, cut into the sequences of the model.
 *
 * A row has `context` tokens. Where documents are packed, each of them is a sequence of its own, so
 * every layer keeps it apart from its neighbours: two rows of 4 tokens, with a document that begins
 * in the middle of the first, are the sequences [0, 2), [2, 4) and [4, 8). Rows are what a step is
 * divided by, between micro-batches, ranks and leaves. */
#include "train/trainer_state.h"

#include <string.h>

int64_t trainer_most_rows(const trainer *t) { return leaf_plan_most_sequences(&t->plan); }

int64_t trainer_most_sequences(const trainer *t)
{
    return trainer_most_rows(t) * t->settings.documents;
}

/* Whether the rows are inputs and targets of a decoder. With an encoder, they are texts that span
 * corruption turns into inputs and targets (text/span_corruption.h). */
static bool reads_rows(const trainer *t) { return t->count == 1; }

static void feed_rows(
    const trainer *t, int64_t first, int64_t count, int32_t *inputs, trainer_feed feed, void *arg)
{
    memset(t->begins, 0, (size_t)(count * t->settings.context) * sizeof *t->begins);
    feed(arg, first, count, &(batch_rows){ inputs, t->targets, t->begins, t->reference });
}

static int64_t count_sequences(const trainer *t)
{
    int64_t count = 1;
    for (int64_t i = 1; i < t->settings.context; i++) count += t->begins[i];
    return count;
}

static int64_t count_targets(const trainer *t)
{
    int64_t count = 0;
    for (int64_t i = 0; i < t->settings.context; i++) count += t->targets[i] >= 0;
    return count;
}

void trainer_survey_rows(trainer *t, trainer_feed feed, void *arg)
{
    int64_t batch = t->settings.batch;
    bool cut = reads_rows(t);
    t->counted = cut ? 0 : batch * t->stacks[DECODER].length;
    t->first_sequence[0] = 0;
    for (int64_t i = 0; i < batch; i++) {
        if (cut) feed_rows(t, i, 1, t->stacks[DECODER].inputs, feed, arg);
        if (cut) t->counted += count_targets(t);
        t->first_sequence[i + 1] = t->first_sequence[i] + (cut ? count_sequences(t) : 1);
    }
}

/* Writes where the sequences of t->current begin in one pass of a stack. */
static void place_sequences(const trainer *t, const stack *k, int pass)
{
    int64_t n = 0, *start = k->start + pass * (trainer_most_sequences(t) + 1);
    for (int64_t i = 0; i < t->current.sequences; i++) {
        start[n++] = i * k->length;
        for (int64_t j = 1; reads_rows(t) && j < k->length; j++)
            if (t->begins[i * k->length + j]) start[n++] = i * k->length + j;
    }
    start[n] = t->current.sequences * k->length;
}

void trainer_feed_rows(trainer *t, int32_t *inputs, int pass, trainer_feed feed, void *arg)
{
    feed_rows(t, t->current.first, t->current.sequences, inputs, feed, arg);
    for (int k = 0; k < t->count; k++) place_sequences(t, &t->stacks[k], pass);
}
