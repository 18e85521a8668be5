/* span_corruption.h - what an encoder-decoder learns (Raffel et al. 2020, T5): some spans of a text
 * are taken out, a sentinel each stands in their place, and the decoder says what they were.
 *
 *     text      the  tokens  of  one  layer  go  to  experts
 *     reads     the  tokens  <0>  layer  go  <1>  end
 *     writes    <0>  of  one  <1>  to  experts  end
 *
 * Of texts of one length, what is read and what is written have one length, too. */
#ifndef CADRE_TRAIN_SPAN_CORRUPTION_H
#define CADRE_TRAIN_SPAN_CORRUPTION_H

#include <stdint.h>

#include "base/random.h"

typedef struct span_corruption {
    double density;     /* share of the tokens that are taken out */
    double mean_span;   /* tokens of a span, on average */
    int32_t sentinel;   /* the first one; the next is one less */
    int32_t start, end; /* what the decoder begins with; what ends both */
} span_corruption;

typedef struct span_lengths {
    int64_t text, noise, spans; /* tokens, of them taken out, in so many spans */
    int64_t read, written;      /* by the encoder, by the decoder */
} span_lengths;

enum { SPAN_LEAST = 4 }; /* tokens of a text */

span_lengths span_lengths_of(const span_corruption *s, int64_t text);

/* read [lengths.read]; inputs and targets of the decoder [lengths.written], one place apart. The
 * spans are a function of the key. */
void span_corrupt(const span_corruption *s, random_key key, int64_t text, const int32_t *tokens,
    int32_t *read, int32_t *inputs, int32_t *targets);

#endif
