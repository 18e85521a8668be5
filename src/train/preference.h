/* preference.h - pairs of answers of which one was preferred (DPO, Rafailov et al. 2023): lines of
 * a file as rows of tokens, the loss of a pair, and its gradient by the answers' log-probabilities.
 *
 *     z = beta ((pi_c - rho_c) - (pi_r - rho_r)),  loss = -log sigmoid(z)
 *
 * pi: the sum of the log-probabilities of an answer's tokens, given the prompt; rho: the same in
 * the model that the run began with. c: the chosen answer, r: the rejected one. Rows 2 i and
 * 2 i + 1 are the answers of pair i: prompt and answer, then tokens that are not counted. */
#ifndef CADRE_TRAIN_PREFERENCE_H
#define CADRE_TRAIN_PREFERENCE_H

#include "base/real.h"
#include "text/chat.h"
#include "text/tokenizer.h"
#include "train/batch_rows.h"

enum { PREFERENCE_PARTS = 3 }; /* of a line: prompt, chosen, rejected */

typedef struct preference_set {
    int64_t pairs, longest; /* the most tokens that a row needs */
    int64_t talks;          /* of them, in lines of messages */
    int32_t *ids;           /* of all lines, one after another: prompt, chosen, rejected */
    int64_t *start;         /* [3 pairs + 1] where each begins */
    /* Of the model that the run began with, written by who has it: rho [pairs, 2], and how many
     * tokens of a row each expert of every sparse layer got [pairs, 2, experts of all of them] */
    double *reference;
    int32_t *loads;
    int64_t *step_loads; /* the same of one step's pairs together */
    int64_t experts;
} preference_set;

/* What turns texts into ids, and conversations into texts; NULL: there is none */
typedef struct preference_frame {
    const tokenizer *tokenizer;
    const chat_template *chat;
} preference_frame;

/* Reads lines {"prompt", "chosen", "rejected"} of texts, of ids, or of messages (there without a
 * prompt too: see preference_read.c). A line that is none, has an id outside the vocabulary, an
 * empty prompt or answer, or what the frame has no means for, is refused by file and line. */
cadre_status preference_read(
    const char *path, const preference_frame *frame, int64_t vocabulary, preference_set *s);
int64_t preference_tokens(const preference_set *s, int64_t pair, int part);
void preference_free(preference_set *s);

/* Row r of all [2 pairs] as a row of `context` tokens, at least `longest` */
void preference_row(
    const preference_set *s, int64_t row, int64_t context, int32_t *inputs, int32_t *targets);
/* The pair that stands at `at` of all that the steps read: every pair once an epoch, in an order of
 * its own; in the first epoch of a file no longer than a batch, in its order. */
int64_t preference_at(const preference_set *s, uint64_t seed, int64_t batch, int64_t at);

/* The loss of a pair. minus: -pi of both answers; *weight: the loss's gradient by minus[0], which
 * is that by minus[1] with the other sign. */
double preference_loss(
    double beta, const double minus[2], const double reference[2], double *margin, double *weight);

#endif
