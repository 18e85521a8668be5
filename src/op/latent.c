/* latent.c - joins each head's own part of the key and the part that all share, and splits their
 * gradient. */
#include "op/latent.h"

#include <string.h>

#include "op/parallel.h"

typedef struct join_task {
    const row_kernels *rows;
    const latent *l;
    const real *kv, *shared, *dk;
    real *k, *dkv, *dshared;
    int64_t shared_stride;
} join_task;

static void join_rows(void *arg, int64_t begin, int64_t end)
{
    const join_task *j = arg;
    const latent *l = j->l;
    int64_t key = l->nope + l->rope, wide = l->nope + l->value;
    for (int64_t i = begin * l->heads; i < end * l->heads; i++) {
        memcpy(j->k + i * key, j->kv + i * wide, (size_t)l->nope * sizeof(real));
        memcpy(j->k + i * key + l->nope, j->shared + i / l->heads * j->shared_stride,
            (size_t)l->rope * sizeof(real));
    }
}

/* k = [kv | shared] in every head:  dkv is the first part of dk, and dshared the sum of the second
 * over heads. */
static void split_rows(void *arg, int64_t begin, int64_t end)
{
    const join_task *j = arg;
    const latent *l = j->l;
    int64_t key = l->nope + l->rope, wide = l->nope + l->value;
    for (int64_t t = begin; t < end; t++) {
        real *dshared = j->dshared + t * j->shared_stride;
        memset(dshared, 0, (size_t)l->rope * sizeof(real));
        for (int64_t i = t * l->heads; i < (t + 1) * l->heads; i++) {
            memcpy(j->dkv + i * wide, j->dk + i * key, (size_t)l->nope * sizeof(real));
            j->rows->add(l->rope, j->dk + i * key + l->nope, dshared);
        }
    }
}

static int64_t work_of(const latent *l, int64_t tokens)
{
    return tokens * l->heads * (l->nope + l->rope);
}

void latent_keys_forward(const compute *c, const latent *l, int64_t tokens, const real *kv,
    const real *shared, int64_t shared_stride, real *k)
{
    join_task j = { .rows = c->variant->rows,
        .l = l,
        .kv = kv,
        .shared = shared,
        .k = k,
        .shared_stride = shared_stride };
    parallel_over(c, tokens, 1, work_of(l, tokens), join_rows, &j);
}

void latent_keys_backward(const compute *c, const latent *l, int64_t tokens, const real *dk,
    real *dkv, real *dshared, int64_t shared_stride)
{
    join_task j = { .rows = c->variant->rows,
        .l = l,
        .dk = dk,
        .dkv = dkv,
        .dshared = dshared,
        .shared_stride = shared_stride };
    parallel_over(c, tokens, 1, work_of(l, tokens), split_rows, &j);
}
