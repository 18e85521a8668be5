/* lead.h - what rank 0 tells the ranks that follow it: one message for each thing that a runner, or
 * the two stacks of an encoder and a decoder, do. Without ranks, nothing. */
#ifndef CADRE_INFER_LEAD_H
#define CADRE_INFER_LEAD_H

#include "mixer/sequence_state.h"
#include "model/model.h"

/* What a message is; its numbers n[] and what follows it. The first number is the runner's. */
typedef enum lead_what {
    LEAD_RUNNER = RANKS_FURTHER, /* n: runner, tokens, sessions, keys */
    LEAD_STACKS,                 /* n: runner, inputs, outputs */
    LEAD_CLOSE,                  /* n: runner */
    /* n: runner, events, chunks, tokens, whether plans are wanted; then the state events, a
     * lead_chunk for each chunk, the numbers of its blocks (int64_t [held, STATE_SPAN_KINDS]), and
     * the tokens (int32_t) */
    LEAD_PASS,
    LEAD_LOGITS,       /* n: runner, rows; then the rows (int64_t) */
    LEAD_LOSSES,       /* n: runner, targets; then the targets (int32_t) */
    LEAD_READ,         /* n: runner, tokens; then the tokens: of the encoder */
    LEAD_RUN,          /* the same of the decoder */
    LEAD_FIRST_LOGITS, /* n: runner, first, rows: of the decoder */
    LEAD_TALLIES,      /* n: runner */
    LEAD_EXPERTS,      /* experts are placed anew; n: experts; then their use (double) */
} lead_what;

/* What one sequence takes in a pass. pool 0: nothing of the sequence is kept. */
typedef struct lead_chunk {
    int64_t pool, sequence, capacity, count;
    state_past past;
} lead_chunk;

static inline bool lead_leads(const cadre_model *m)
{
    return m->ranks && m->ranks->world->rank == 0;
}

/* A number for a runner, of which the other ranks now have one too; 0: there are no ranks */
int64_t lead_open(const cadre_model *m, lead_what what, int64_t a, int64_t b, int64_t c);
void lead_close(const cadre_model *m, int64_t runner);
/* The pasts of the batch's sequences have room for its tokens. */
cadre_status lead_pass(const cadre_model *m, int64_t runner, const token_batch *b, bool watched);
void lead_logits(const cadre_model *m, int64_t runner, const int64_t *rows, int64_t count);
void lead_first_logits(const cadre_model *m, int64_t runner, int64_t first, int64_t rows);
/* Hears what all ranks have sent and received, once a second. */
void lead_tallies(const cadre_model *m, int64_t runner);
void lead_tokens(
    const cadre_model *m, lead_what what, int64_t runner, const int32_t *tokens, int64_t count);

/* Places the experts of a model that ranks divide anew, by this use [experts of all sparse layers],
 * on all ranks. Without ranks, nothing. */
cadre_status lead_experts(cadre_model *m, const double *use, int64_t experts);

#endif
