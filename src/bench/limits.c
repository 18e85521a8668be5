/* limits.c - measures the machine. */
#include "bench/limits.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "kernel/peak.h"

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
    double begin = clock_seconds(), work = 0;
    pool_run(c->pool, run_burst, b);
    double seconds = clock_seconds() - begin;
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

/* ---- reading ---- */

enum { READ_BYTES = 1 << 28, MOST_STREAMS = 4 };

typedef struct reading {
    uint64_t *words; /* [READ_BYTES / 8] */
    int streams;     /* of each worker */
    uint64_t sink[MOST_WORKERS];
} reading;

static pool_range words_of(int worker, int workers)
{
    return pool_share(READ_BYTES / 8, 4096, worker, workers);
}

/* Each worker writes first what it will read, so that its memory is near it. */
static void touch(void *arg, int worker, int workers)
{
    reading *r = arg;
    pool_range own = words_of(worker, workers);
    memset(r->words + own.begin, 1, (size_t)(own.end - own.begin) * sizeof *r->words);
}

static void read_once(void *arg, int worker, int workers)
{
    reading *r = arg;
    pool_range own = words_of(worker, workers);
    r->sink[worker] = peak_read(r->words + own.begin, own.end - own.begin, r->streams);
}

static double best_rate(compute *c, reading *r)
{
    double best = 0;
    for (int i = 0; i < REPEATS; i++) {
        double begin = clock_seconds();
        pool_run(c->pool, read_once, r);
        best = fmax(best, READ_BYTES / (clock_seconds() - begin));
    }
    return best;
}

/* Machines differ in how many streams a core reads fastest. */
static double read_rate(compute *c, reading *r)
{
    double best = 0;
    pool_run(c->pool, touch, r);
    for (r->streams = 1; r->streams <= MOST_STREAMS; r->streams *= 2)
        best = fmax(best, best_rate(c, r));
    return best;
}

double bench_bandwidth(compute *c)
{
    reading *r = MEM_ARRAY(reading, 1);
    double rate = 0;
    if (r && (r->words = mem_alloc(READ_BYTES, 1))) rate = read_rate(c, r);
    if (r) mem_free(r->words);
    mem_free(r);
    return rate;
}

/* ---- repeating ---- */

double bench_best(void (*run)(void *arg), void *arg, double seconds)
{
    double begin = clock_seconds(), best = INFINITY;
    run(arg);
    for (int i = 0; i < REPEATS; i++) {
        double before = clock_seconds();
        run(arg);
        best = fmin(best, clock_seconds() - before);
        if (clock_seconds() - begin > seconds) break;
    }
    return best;
}
