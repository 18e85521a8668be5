/* preference.h - preference pairs, for training by DPO (Rafailov et al. 2023): pairs of answers of
 * which one was preferred. Here are the lines of a file as rows of tokens, the loss of a pair, and
 * its gradient with respect to the answers' log-probabilities.
 *
 *     z = beta ((pi_c - rho_c) - (pi_r - rho_r)),  loss = -log sigmoid(z)
 *
 * pi is the log-probability of an answer (the sum over its tokens), given the prompt; rho is the
 * same in the reference model, which is the model that the run began with. c is the chosen answer,
 * r the rejected one; z is the margin. Rows 2 i and 2 i + 1 are the answers of pair i: the prompt,
 * the answer, then padding that does not count. */
#ifndef CADRE_TRAIN_PREFERENCE_H
#define CADRE_TRAIN_PREFERENCE_H

#include "base/real.h"
#include "text/chat.h"
#include "text/tokenizer.h"
#include "train/batch_rows.h"

enum { PREFERENCE_FIELDS = 3 }; /* of a line: prompt, chosen, rejected */

typedef struct preference_set {
    int64_t pairs, longest; /* the most tokens that a row needs */
    int64_t conversations;  /* pairs that were lines of messages */
    int32_t *ids;           /* of all lines, one after another: prompt, chosen, rejected */
    int64_t *start;         /* [3 pairs + 1] where each of these begins in ids */
    /* In the reference model, filled in by run_preference.c: rho [pairs, 2], and how many tokens of
     * a row each expert of every sparse layer got [pairs, 2, experts of all sparse layers] */
    double *reference;
    int32_t *loads;
    int64_t *step_loads; /* the sums of the loads over one step's pairs */
    int64_t experts;
} preference_set;

/* What turns texts into ids and conversations into texts; NULL: there is none */
typedef struct preference_frame {
    const tokenizer *tokenizer;
    const chat_template *chat;
} preference_frame;

/* Reads lines {"prompt", "chosen", "rejected"} of texts, of ids, or of messages (see
 * preference_read.c). Refuses, by file and line, other lines, an id outside the vocabulary, an
 * empty prompt or answer, and text or messages for which there is no tokenizer or chat template. */
cadre_status preference_read(
    const char *path, const preference_frame *frame, int64_t vocabulary, preference_set *s);
int64_t preference_tokens(const preference_set *s, int64_t pair, int field);
void preference_free(preference_set *s);

/* Writes row `row`, of 2 pairs, with `context` tokens; context is at least `longest`. */
void preference_row(
    const preference_set *s, int64_t row, int64_t context, int32_t *inputs, int32_t *targets);
/* Which pair the steps read at position `at`, counted from the beginning of the run. Every epoch
 * has each pair once, in a random order, or in the file's order if the file is no longer than a
 * batch. */
int64_t preference_at(const preference_set *s, uint64_t seed, int64_t batch, int64_t at);

/* The loss of a pair. nll: -pi of the chosen and of the rejected answer; *margin: z; *weight: the
 * derivative of the loss with respect to nll[0]; that with respect to nll[1] is -*weight. */
double preference_loss(
    double beta, const double nll[2], const double reference[2], double *margin, double *weight);

#endif
