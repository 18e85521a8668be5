/* sampler.h - the next token from its logits: greedy, or drawn after temperature, top-k, top-p,
 * min-p and a repetition penalty.
 *
 * Before all that the caller's biases are added to the logits, and the penalties of tokens that
 * were written before are subtracted. The draw is a function of the seed and the position, so the
 * same seed gives the same text. */
#ifndef CADRE_INFER_SAMPLER_H
#define CADRE_INFER_SAMPLER_H

#include "cadre/session.h"
#include "base/real.h"
#include "infer/descending.h"
#include "kernel/rows.h"

typedef struct sampler {
    const row_kernels *rows;
    cadre_sampling options;
    int64_t vocab;
    float *p;                       /* [V] logits, then probabilities */
    descending_item *order, *spare; /* [V] memory of descending.h */
    bool *seen;                     /* [V] tokens of the text so far */
    const uint64_t *mask;           /* of V bits, which of them may be drawn; NULL: all. Borrowed */
    int32_t *wrote;                 /* [V] how often each was written; NULL: no penalty needs it */
} sampler;

size_t sampler_bytes(size_t vocab); /* that sampler_open takes */

/* Copies the options that were given (NULL: cadre_sampling_default), and puts in the place of zeros
 * the values that they stand for. An option that is not valid is refused by name. */
cadre_status sampler_read(const cadre_sampling *given, int64_t vocab, cadre_sampling *own);

/* options: as sampler_read takes them. Biases are borrowed. */
cadre_status sampler_open(
    sampler *s, const row_kernels *rows, const cadre_sampling *options, int64_t vocab);
void sampler_close(sampler *s);
void sampler_saw(sampler *s, int32_t token); /* in the prompt */
void sampler_wrote(sampler *s, int32_t token);

/* Chooses the token at this position of the text. One whose logit is not a number is never chosen,
 * unless there is no other. */
int32_t sampler_next(sampler *s, const real *logits, int64_t position);

#endif
