/* span_corruption.h - what an encoder-decoder learns (Raffel et al. 2020, T5): some spans of a text
 * are taken out and each is replaced by a sentinel, and the decoder says what they were.
 *
 *     text      the  tokens  of  one  layer  go  to  experts
 *     reads     the  tokens  <0>  layer  go  <1>  end
 *     writes    <0>  of  one  <1>  to  experts  end
 *
 * For texts of equal length, the inputs have one length, and so do the outputs. */
#ifndef CADRE_TEXT_SPAN_CORRUPTION_H
#define CADRE_TEXT_SPAN_CORRUPTION_H

#include <stdint.h>

#include "base/random.h"

typedef struct span_corruption {
    double density;     /* the share of tokens that are taken out */
    double mean_span;   /* tokens of a span, on average */
    int32_t sentinel;   /* the first sentinel; the next has an id one less */
    int32_t start, end; /* what the decoder begins with; what ends both */
} span_corruption;

typedef struct span_lengths {
    int64_t text, noise,
        spans;             /* tokens, those that are taken out, and the spans that these make */
    int64_t read, written; /* by the encoder, by the decoder */
} span_lengths;

enum { SPAN_LEAST = 4 }; /* tokens of a text */

span_lengths span_lengths_of(const span_corruption *s, int64_t text);

/* read [lengths.read]; the decoder's inputs and targets [lengths.written] are shifted by one place.
 * The spans are a function of the key. */
void span_corrupt(const span_corruption *s, random_key key, int64_t text, const int32_t *tokens,
    int32_t *read, int32_t *inputs, int32_t *targets);

#endif
