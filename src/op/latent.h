/* latent.h - the pieces of latent attention (DeepSeek-V2, 2024) that are not a linear layer, a norm
 * or attention itself.
 *
 * Training uses the expanded form: kv_b's output [T, heads, nope + value] gives each head its own
 * key part and value; the rotary part of the key [T, rope] is shared by all heads. Attention then
 * is the ordinary one with as many key heads as query heads. Values are read where they lie: stride
 * heads * (nope + value), head nope + value, first at nope. */
#ifndef CADRE_OP_LATENT_H
#define CADRE_OP_LATENT_H

#include <stdint.h>

#include "base/real.h"
#include "kernel/compute.h"

typedef struct latent {
    int64_t heads, nope, rope, value; /* widths a head */
} latent;

/* k [T, heads, nope + rope] = each head's [kv's first nope | shared] */
void latent_keys_forward(const compute *c, const latent *l, int64_t tokens, const real *kv,
    const real *shared, int64_t shared_stride, real *k);

/* Writes dkv's first nope numbers of each head (attention writes the rest), and dshared, summed
 * over heads in order. */
void latent_keys_backward(const compute *c, const latent *l, int64_t tokens, const real *dk,
    real *dkv, real *dshared, int64_t shared_stride);

#endif
