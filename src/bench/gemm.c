/* gemm.c - measures matrix products: square ones, and grouped ones as experts need them, beside
 * OpenBLAS where it is installed.
 *
 * The product is y = x . w^T, as in the forward pass. OpenBLAS has no grouped product, so it runs a
 * loop over the experts. The two take turns, and the best time of each counts. Between turns is a
 * pause in which the waiting threads of both fall asleep. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "bench/limits.h"
#include "bench/openblas.h"
#include "bench/result.h"
#include "kernel/context.h"
#include "kernel/gemm.h"

enum { TURNS = 6, EXPERTS = 64 };

typedef struct shape {
    int64_t experts;       /* 0: a single product, not grouped */
    int64_t m, n, k;       /* m: all rows */
    int64_t rows[EXPERTS]; /* of each expert */
} shape;

typedef struct operands {
    arena arena;
    real *x, *w, *y; /* [m, k], [experts, n, k], [m, n] */
} operands;

static shape square_shape(int64_t side)
{
    return (shape){ .m = side, .n = side, .k = side, .rows = { side } };
}

/* Draws an expert for each row. */
static shape grouped_shape(int64_t mean)
{
    shape s = { .experts = EXPERTS, .m = mean * EXPERTS, .n = 2048, .k = 1024 };
    random_key key = random_key_of(1, "bench gemm", (uint64_t)mean, 0);
    for (int64_t i = 0; i < s.m; i++) s.rows[random_bits(key, (uint64_t)i) % EXPERTS]++;
    return s;
}

static int64_t weights_of(const shape *s) { return s->experts ? s->experts : 1; }

static cadre_status operands_open(operands *o, const shape *s)
{
    int64_t one = s->n * s->k;
    arena measured = { 0 };
    for (arena *a = &measured;; a = &o->arena) {
        o->x = ARENA_ARRAY(a, real, s->m * s->k);
        o->w = ARENA_ARRAY(a, real, one * weights_of(s));
        o->y = ARENA_ARRAY(a, real, s->m * s->n);
        if (a == &o->arena) break;
        if (!arena_open(&o->arena, measured.used)) return CADRE_ENOMEM;
    }
    random_key key = random_key_of(2, "bench gemm", 0, 0);
    for (int64_t i = 0; i < one; i++)
        o->w[i] = (real)random_uniform(key, (uint64_t)i) - REAL_C(0.5);
    for (int64_t e = 1; e < weights_of(s); e++)
        memcpy(o->w + e * one, o->w, (size_t)one * sizeof(real));
    for (int64_t i = 0; i < s->m * s->k; i++) o->x[i] = o->w[i % one];
    memset(o->y, 0, (size_t)(s->m * s->n) * sizeof(real));
    return CADRE_OK;
}

static void run_ours(compute *c, const shape *s, const operands *o)
{
    gemm_group groups[EXPERTS];
    int64_t count = weights_of(s), first = 0;
    for (int64_t e = 0; e < count; first += s->rows[e++])
        groups[e] = (gemm_group){ .m = s->rows[e],
            .n = s->n,
            .k = s->k,
            .a = o->x + first * s->k,
            .a_stride = s->k,
            .b = matrix_of_floats(o->w + e * s->n * s->k, s->k),
            .c = o->y + first * s->n,
            .c_stride = s->n };
    gemm_grouped(c, GEMM_NT, groups, count, false);
}

static void run_theirs(const openblas *blas, const shape *s, const operands *o)
{
    for (int64_t e = 0, first = 0; e < weights_of(s); first += s->rows[e++])
        if (s->rows[e] > 0)
            openblas_product(blas, s->rows[e], s->n, s->k, o->x + first * s->k,
                o->w + e * s->n * s->k, o->y + first * s->n);
}

static void pause_between_turns(void) { clock_sleep(0.06); }

/* The best of a few calls, or one call if that is long enough. */
static double seconds_of(compute *c, const openblas *blas, const shape *s, const operands *o)
{
    double best = INFINITY, until = clock_seconds() + 0.02, now;
    do {
        double begin = clock_seconds();
        if (blas) run_theirs(blas, s, o);
        else run_ours(c, s, o);
        now = clock_seconds();
        best = fmin(best, now - begin);
    } while (now < until);
    return best;
}

/* Measures the best time of ours and of theirs; theirs is infinite without OpenBLAS. */
static void take_turns(compute *c, const openblas *blas, const shape *s, const operands *o,
    double *ours, double *theirs)
{
    *ours = *theirs = INFINITY;
    for (int turn = 0; turn < TURNS; turn++) {
        *ours = fmin(*ours, seconds_of(c, NULL, s, o));
        if (!blas) continue;
        pause_between_turns();
        *theirs = fmin(*theirs, seconds_of(c, blas, s, o));
        pause_between_turns();
    }
}

static cadre_status put_line(
    const shape *s, double ours, double theirs, double peak, cadre_line_listener line, void *arg)
{
    double rate = 2.0 * (double)s->m * (double)s->n * (double)s->k / ours;
    json_writer w = result_new();
    json_put_string(&w, "what", s->experts ? "grouped" : "square");
    json_put_int(&w, "m", s->m);
    json_put_int(&w, "n", s->n);
    json_put_int(&w, "k", s->k);
    json_put_int(&w, "experts", weights_of(s));
    if (s->experts) json_put_int(&w, "mean_rows", s->m / s->experts);
    else json_put_null(&w, "mean_rows");
    json_put_real(&w, "gflops", 1e-9 * rate);
    if (isfinite(theirs)) json_put_real(&w, "ratio_openblas", theirs / ours);
    else json_put_null(&w, "ratio_openblas");
    json_put_real(&w, "peak_fraction", rate / peak);
    return result_put(&w, line, arg);
}

static cadre_status bench_shape(compute *c, const openblas *blas, double peak, const shape *s,
    cadre_line_listener line, void *arg)
{
    operands o;
    double ours, theirs;
    CADRE_TRY(operands_open(&o, s));
    take_turns(c, blas, s, &o, &ours, &theirs);
    arena_close(&o.arena);
    return put_line(s, ours, theirs, peak, line, arg);
}

static cadre_status bench_gemm(cadre_context *context, cadre_line_listener line, void *arg)
{
    static const int64_t sides[] = { 512, 1024, 2048 }, means[] = { 8, 32, 128 };
    compute *c = context->compute;
    openblas *blas = openblas_open(c->workers);
    double peak = bench_fma_peak(c);
    cadre_status status = CADRE_OK;
    for (size_t i = 0; status == CADRE_OK && i < sizeof sides / sizeof *sides; i++) {
        shape s = square_shape(sides[i]);
        status = bench_shape(c, blas, peak, &s, line, arg);
    }
    for (size_t i = 0; status == CADRE_OK && i < sizeof means / sizeof *means; i++) {
        shape s = grouped_shape(means[i]);
        status = bench_shape(c, blas, peak, &s, line, arg);
    }
    openblas_close(blas);
    return status;
}

cadre_status cadre_bench_gemm(cadre_context *context, cadre_line_listener line, void *arg)
{
    CADRE_TRY(context_enter(context));
    return context_leave(context, bench_gemm(context, line, arg));
}
