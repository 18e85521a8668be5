/* pool.h - worker threads that run one function together, each on its fixed share.
 *
 * Reproducibility rests on two rules: a share depends on the worker's index alone, and no two
 * workers add into the same element. Results then do not depend on the number of workers. */
#ifndef CADRE_BASE_POOL_H
#define CADRE_BASE_POOL_H

#include <stdint.h>

typedef struct pool pool;

/* Starts a pool of `threads` workers; the caller is worker 0. Returns NULL on failure, with the
 * last error set. */
pool *pool_new(int threads);
void pool_free(pool *p);
int pool_threads(const pool *p); /* NULL is a pool of one */

typedef void (*pool_task)(void *arg, int worker, int workers);

/* Runs task(arg, w, n) on every worker w of n at once and returns when all are done. A task may not
 * call it again. */
void pool_run(pool *p, pool_task task, void *arg);

typedef struct pool_range {
    int64_t begin, end;
} pool_range;

/* Worker's part of 0..count, cut at multiples of `grain`. */
static inline pool_range pool_share(int64_t count, int64_t grain, int worker, int workers)
{
    int64_t units = (count + grain - 1) / grain;
    int64_t begin = units * worker / workers * grain, end = units * (worker + 1) / workers * grain;
    return (pool_range){ begin < count ? begin : count, end < count ? end : count };
}

int pool_default_threads(void); /* the cores that this process may use */

#endif
