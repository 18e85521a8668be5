/* sampler.h - the next token from its logits: greedy, or drawn after temperature, top-k, top-p,
 * min-p and a repetition penalty.
 *
 * What the caller adds to logits, and what it takes from those of tokens that were written before,
 * comes before all that. The draw is a function of the seed and the position, so the same seed
 * gives the same text. */
#ifndef CADRE_INFER_SAMPLER_H
#define CADRE_INFER_SAMPLER_H

#include "cadre/session.h"
#include "base/real.h"

typedef struct sampler {
    cadre_sampling options;
    int64_t vocab;
    float *p;             /* [V] logits, then probabilities */
    int32_t *order;       /* [V] */
    bool *seen;           /* [V] tokens of the text so far */
    const uint64_t *mask; /* of V bits, which of them may be drawn; NULL: all. Borrowed */
    int32_t *wrote;       /* [V] how often each was written; NULL: no penalty asks */
} sampler;

size_t sampler_bytes(size_t vocab); /* that sampler_open takes */

/* What was given, with zeros as what they stand for; NULL: cadre_sampling_default. What cannot be
 * is refused by name. */
cadre_status sampler_read(const cadre_sampling *given, cadre_sampling *own);

/* options: as sampler_read takes them. Biases are borrowed. */
cadre_status sampler_open(sampler *s, const cadre_sampling *options, int64_t vocab);
void sampler_close(sampler *s);
void sampler_saw(sampler *s, int32_t token); /* in the prompt */
void sampler_wrote(sampler *s, int32_t token);

/* position: of the token to be drawn. Logits that are not numbers are never chosen, unless there is
 * nothing else. */
int32_t sampler_next(sampler *s, const real *logits, int64_t position);

#endif
