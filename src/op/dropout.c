/* dropout.c - the same elements stay in the forward and in the backward pass, because each random
 * number is a function of its place and can be drawn again. */
#include "op/dropout.h"

#include "op/parallel.h"

dropout dropout_of(const batch_random *random, double chance, const char *use, int64_t layer)
{
    return (dropout){ .chance = chance,
        .key = random_key_of(random->seed, use, random->step, (uint64_t)layer),
        .first_token = random->first_token };
}

typedef struct dropout_job {
    const dropout *d;
    int64_t width;
    real *x;
} dropout_job;

static void drop_range(void *arg, int64_t begin, int64_t end)
{
    const dropout_job *job = arg;
    real stays = (real)(1 / (1 - job->d->chance));
    uint64_t first = (uint64_t)(job->d->first_token * job->width);
    for (int64_t i = begin * job->width; i < end * job->width; i++)
        job->x[i] *= random_uniform(job->d->key, first + (uint64_t)i) < job->d->chance ? 0 : stays;
}

void dropout_apply(const compute *c, const dropout *d, int64_t tokens, int64_t width, real *x)
{
    dropout_job job = { d, width, x };
    if (d->chance > 0) parallel_over(c, tokens, 1, 16 * tokens * width, drop_range, &job);
}
