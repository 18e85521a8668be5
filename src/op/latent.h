/* latent.h - what latent attention (DeepSeek-V2, 2024) needs besides linear layers, norms and
 * attention itself: keys of two parts.
 *
 * Training uses the expanded form. The output of kv_b [T, heads, nope + value] has each head's own
 * part of the key and its value; the rotary part of the key [T, rope] is shared by all heads:
 *
 *     kv_b of a head:   [ nope | value ]        shared by all heads:   [ rope ]
 *     key of a head:    [ nope | rope ]
 *
 * Attention is then the ordinary one with as many key heads as query heads. Values are read where
 * kv_b put them: from one token to the next it is heads * (nope + value), from one head to the next
 * nope + value, and the first is at nope. */
#ifndef CADRE_OP_LATENT_H
#define CADRE_OP_LATENT_H

#include <stdint.h>

#include "base/real.h"
#include "kernel/compute.h"

typedef struct latent {
    int64_t heads, nope, rope, value; /* nope, rope, value: widths in each head */
} latent;

/* k [T, heads, nope + rope] = each head's [kv's first nope | shared] */
void latent_keys_forward(const compute *c, const latent *l, int64_t tokens, const real *kv,
    const real *shared, int64_t shared_stride, real *k);

/* Writes the first `nope` elements of each head of dkv (attention writes the rest), and dshared,
 * the sum over heads in order. */
void latent_keys_backward(const compute *c, const latent *l, int64_t tokens, const real *dk,
    real *dkv, real *dshared, int64_t shared_stride);

#endif
