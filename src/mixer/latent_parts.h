/* latent_parts.h - the memory of latent attention, and what its two forms share: latent.c expands
 * keys and values, as training needs, and latent_absorbed.c does not. */
#ifndef CADRE_MIXER_LATENT_PARTS_H
#define CADRE_MIXER_LATENT_PARTS_H

#include "kernel/gemm.h"
#include "mixer/attending.h"
#include "mixer/output_gate.h"

typedef struct latent_mixer {
    attending a; /* expanded: its values are heads of [nope | value]; absorbed: the keys' latents */
    /* Kept */
    real *q_low, *q_low_normed, *q_low_inverse;    /* if there is a q_lora */
    real *kv_low, *kv_low_normed, *kv_low_inverse; /* [latent | rotary key]; its normed latent */
    real *q_expanded; /* absorbed: queries before Kb is applied; otherwise NULL */
    real *out_heads;  /* absorbed: the heads' values, made of a.out; otherwise NULL */
    output_gate gate; /* of the heads' values (Ling 3, 2026) */
    /* Workspace */
    gemm_group *groups;   /* [heads], absorbed */
    real *dlow, *dkv_low; /* temporaries of gradients; NULL: forward only */
    real *all_q, *all_kv; /* rows of all ranks' heads; NULL: all are here, or forward only */
} latent_mixer;

/* q_low, if there is a q_lora: of ranks that share a layer, their own columns. */
void latent_queries_low(const mixer_call *call, const latent_mixer *m, const real *x);
/* Computes queries q [T, heads * (nope + rope)] from q_low or x, with their rope parts rotated;
 * backward starts from a.dq. */
void latent_queries_forward(const mixer_call *call, const latent_mixer *m, const real *x, real *q);
void latent_queries_backward(const mixer_call *call, const mixer_gradients *g,
    const latent_mixer *m, const real *x, real *dx);

void latent_absorbed_forward(const mixer_call *call, const latent_mixer *m, const real *x, real *y);

#endif
