/* limits.c - measuring the machine. */
#include "bench/limits.h"

#include <time.h>

#include "base/memory.h"
#include "kernel/peak.h"

double bench_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

enum { REPEATS = 9, MOST_WORKERS = 1024 };

typedef struct burst {
    peak_kernel *kernel;
    int64_t rounds;
    double work[MOST_WORKERS];
    real sink[MOST_WORKERS];
} burst;

static void run_burst(void *arg, int worker, int workers)
{
    burst *b = arg;
    (void)workers;
    b->work[worker] = b->kernel(b->rounds, &b->sink[worker]);
}

static double rate_of(compute *c, burst *b)
{
    double begin = bench_seconds(), work = 0;
    pool_run(c->pool, run_burst, b);
    double seconds = bench_seconds() - begin;
    for (int w = 0; w < c->workers; w++) work += b->work[w];
    return work / seconds;
}

double bench_fma_peak(compute *c)
{
    burst *b = MEM_ARRAY(burst, 1);
    if (!b) return 0;
    *b = (burst){ .kernel = c->variant->peak, .rounds = 100000 };
    double best = 0;
    double rate = rate_of(c, b), round = b->work[0] * c->workers / (double)b->rounds;
    b->rounds = (int64_t)(0.02 * rate / round) + 1; /* about 20 ms each */
    for (int i = 0; i < REPEATS; i++) {
        rate = rate_of(c, b);
        if (rate > best) best = rate;
    }
    mem_free(b);
    return best;
}
