/* rope.h - rotary positions (Su et al. 2021): pairs of a head's elements are rotated by an angle
 * that grows with the position.
 *
 * A rope is a table of cosines and sines for positions 0 .. positions - 1, with the published forms
 * of RoPE scaling for longer contexts. Not all of a head need be rotated: the caller points at the
 * first element that is and says how far apart heads lie. */
#ifndef CADRE_OP_ROPE_H
#define CADRE_OP_ROPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/real.h"
#include "base/status.h"
#include "kernel/compute.h"
#include "op/strided.h"

typedef enum rope_scaling {
    ROPE_PLAIN,
    ROPE_LINEAR,
    ROPE_DYNAMIC,
    ROPE_LLAMA3,
    ROPE_YARN,
    ROPE_LISTED,
    ROPE_PROPORTIONAL /* the frequencies of the whole width, of which the last are 0 (Gemma 4) */
} rope_scaling;

typedef struct rope_options {
    int64_t width; /* elements that are rotated in each head, even */
    double theta;  /* base of the frequencies theta^(-2i/width) */
    bool pairs;    /* (x[2i], x[2i+1]) is a pair; else (x[i], x[i + width/2]) */
    rope_scaling scaling;
    double factor;           /* of the context; linear, dynamic, llama3, yarn */
    double original_context; /* dynamic, which is plain up to it and refused beyond; llama3, yarn */
    double low_freq_factor, high_freq_factor; /* llama3 */
    double beta_fast, beta_slow;              /* yarn: rotations within the original context */
    bool truncate;                            /* yarn: round the bounds outwards */
    /* yarn, listed: multiplies cosines and sines; 0: from the mscales, or 0.1 ln(factor) + 1; or
     * 1 */
    double attention_factor;
    double mscale, mscale_all_dim; /* yarn: 0: not given */
    double rotated; /* proportional: the share of the pairs that are rotated, from the first */
    const double *divisor; /* [divisors] listed: each frequency is divided by its own; borrowed */
    int64_t divisors;      /* width / 2 */
} rope_options;

typedef struct rope rope;

size_t rope_bytes(const rope_options *options, int64_t positions); /* of its table */
/* Checks the options that frequencies are computed from. A refusal names `where` and the option. */
cadre_status rope_check(const rope_options *options, const char *where);
/* Makes the table. CADRE_EARGUMENT: the error names the option that is not possible. */
cadre_status rope_new(const rope_options *options, int64_t positions, rope **r);
void rope_free(rope *r);

/* The factor of cosines and sines */
double rope_attention_factor(const rope_options *options);

/* Returns the number by which RoPE scaling divides frequency i; where the frequency is 0,
 * ROPE_NO_FREQUENCY, as files have it. */
#define ROPE_NO_FREQUENCY 1e30
double rope_divisor(const rope_options *options, int64_t i);

/* YaRN's magnitude, 0.1 s ln(factor) + 1, or 1 for factors up to 1. Its square also scales the
 * products of latent attention. */
double rope_magnitude(double factor, double s);

/* Rotates the heads of `tokens` rows in place. Element i of head h of token t is
 * x.at[t * x.stride + h * head_stride + i]. The positions [T] are less than those of rope_new. The
 * backward pass rotates the gradient back. */
void rope_forward(const compute *c, const rope *r, int64_t tokens, int64_t heads,
    const int32_t *positions, strided_out x, int64_t head_stride);
void rope_backward(const compute *c, const rope *r, int64_t tokens, int64_t heads,
    const int32_t *positions, strided_out dx, int64_t head_stride);

#endif
