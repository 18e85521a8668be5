/* latent_parts.h - latent attention's memory, and what its two forms share: latent.c expands keys
 * and values, as training needs it, latent_absorbed.c does not. */
#ifndef CADRE_MIXER_LATENT_PARTS_H
#define CADRE_MIXER_LATENT_PARTS_H

#include "kernel/gemm.h"
#include "mixer/attending.h"

typedef struct latent_mixer {
    attending a; /* expanded: its values are heads of [nope | value]; absorbed: its keys' latents */
    /* Kept */
    real *q_low, *q_low_normed, *q_low_inverse;    /* with q_lora */
    real *kv_low, *kv_low_normed, *kv_low_inverse; /* [latent | rotary key]; its normed latent */
    real *q_expanded; /* absorbed: queries before Kb is applied; else NULL */
    real *out_heads;  /* absorbed: values of the heads, made of a.out; else NULL */
    /* Workspace */
    gemm_group *groups;   /* [heads], absorbed */
    real *dlow, *dkv_low; /* gradients' temporaries; NULL: forward only */
} latent_mixer;

/* Queries q [T, heads * (nope + rope)], their rope parts rotated; and the way back from a.dq. */
void latent_queries_forward(const mixer_call *call, const latent_mixer *m, const real *x, real *q);
void latent_queries_backward(const mixer_call *call, const mixer_gradients *g,
    const latent_mixer *m, const real *x, real *dx);

void latent_absorbed_forward(const mixer_call *call, const latent_mixer *m, const real *x, real *y);

#endif
