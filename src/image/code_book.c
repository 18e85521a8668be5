/* code_book.c - learns codes by k-means over patches, and turns images into codes and back. */
#include "image/code_book.h"

#include <math.h>
#include <string.h>

#include "base/interrupt.h"
#include "base/memory.h"
#include "base/random.h"
#include "image/square.h"
#include "kernel/gemm.h"
#include "op/parallel.h"

enum {
    PATCHES_MOST = 1 << 15, /* the most patches to learn from, which are spread over all images */
    ROUNDS = 16,
    BLOCK = 512 /* patches whose products with all codes are kept at a time */
};

typedef struct learning {
    compute *compute;
    int64_t patches, codes, elements; /* N, K, D */
    real *x;                          /* [N, D] */
    real *code;                       /* [K, D] */
    real *distance;                   /* [N] to the nearest code so far, squared */
    int32_t *nearest;                 /* [N] */
    real *half;                       /* [K] |c|^2 / 2 */
    real *product;                    /* [BLOCK, K] */
    double *sum;                      /* [K, D] */
    int64_t *members;                 /* [K] */
} learning;

static cadre_status open_learning(learning *l)
{
    l->x = MEM_ARRAY(real, l->patches * l->elements);
    l->distance = MEM_ARRAY(real, l->patches);
    l->nearest = MEM_ARRAY(int32_t, l->patches);
    l->half = MEM_ARRAY(real, l->codes);
    l->product = MEM_ARRAY(real, BLOCK * l->codes);
    l->sum = MEM_ARRAY(double, l->codes * l->elements);
    l->members = MEM_ARRAY(int64_t, l->codes);
    return l->x && l->distance && l->nearest && l->half && l->product && l->sum && l->members
               ? CADRE_OK
               : CADRE_ENOMEM;
}

static void close_learning(learning *l)
{
    mem_free(l->x);
    mem_free(l->distance);
    mem_free(l->nearest);
    mem_free(l->half);
    mem_free(l->product);
    mem_free(l->sum);
    mem_free(l->members);
}

static void read_patch(const code_book *b, const uint8_t *square, int32_t index, real *x)
{
    float elements[3 * 64 * 64];
    square_get_patch(square, b->side, b->patch, index, elements);
    for (int64_t i = 0; i < code_book_elements(b); i++) x[i] = (real)elements[i];
}

/* Takes N of all patches of all squares, evenly spaced. */
static void take_patches(
    learning *l, const code_book *b, const uint8_t *const *squares, int64_t count)
{
    int64_t each = code_book_patches(b), all = count * each;
    for (int64_t i = 0; i < l->patches; i++) {
        int64_t at = (int64_t)((double)all / (double)l->patches * (double)i);
        read_patch(b, squares[at / each], (int32_t)(at % each), l->x + i * l->elements);
    }
}

/* ---- the first codes ---- */

typedef struct distance_job {
    learning *l;
    const real *code;
    bool first;
} distance_job;

static void distance_task(void *arg, int64_t begin, int64_t end)
{
    const distance_job *job = arg;
    const learning *l = job->l;
    for (int64_t i = begin; i < end; i++) {
        const real *x = l->x + i * l->elements;
        real sum = 0;
        for (int64_t j = 0; j < l->elements; j++) {
            real d = x[j] - job->code[j];
            sum += d * d;
        }
        if (job->first || sum < l->distance[i]) l->distance[i] = sum;
    }
}

/* Draws a patch with a probability in proportion to its squared distance from the nearest code so
 * far. */
static int64_t draw(const learning *l, random_key key, int64_t k)
{
    double all = 0, sum = 0;
    for (int64_t i = 0; i < l->patches; i++) all += (double)l->distance[i];
    double target = all * random_uniform(key, (uint64_t)k);
    for (int64_t i = 0; i < l->patches; i++) {
        sum += (double)l->distance[i];
        if (sum > target) return i;
    }
    return 0;
}

static cadre_status begin_codes(learning *l, uint64_t seed)
{
    random_key key = random_key_of(seed, "code book", 0, 0);
    for (int64_t k = 0; k < l->codes; k++) {
        int64_t i = k ? draw(l, key, k)
                      : (int64_t)(random_uniform(key, 0) * (double)l->patches) % l->patches;
        real *code = l->code + k * l->elements;
        memcpy(code, l->x + i * l->elements, (size_t)l->elements * sizeof *code);
        distance_job job = { l, code, k == 0 };
        parallel_over(l->compute, l->patches, 16, l->patches * l->elements, distance_task, &job);
        CADRE_TRY(interrupt_check(NULL));
    }
    return CADRE_OK;
}

/* ---- nearest codes ---- */

static void halve_squares(const code_book *b, real *half)
{
    int64_t n = code_book_elements(b);
    for (int64_t k = 0; k < b->codes; k++) {
        const real *code = b->code + k * n;
        real sum = 0;
        for (int64_t j = 0; j < n; j++) sum += code[j] * code[j];
        half[k] = sum / 2;
    }
}

/* The nearest code has the largest <x, c> - |c|^2 / 2. */
static int32_t nearest_of(const code_book *b, const real *product, const real *half)
{
    int32_t best = 0;
    for (int32_t k = 1; k < b->codes; k++)
        if (product[k] - half[k] > product[best] - half[best]) best = k;
    return best;
}

typedef struct nearest_job {
    const code_book *book;
    const real *product, *half;
    int32_t *nearest;
} nearest_job;

static void nearest_task(void *arg, int64_t begin, int64_t end)
{
    const nearest_job *job = arg;
    for (int64_t i = begin; i < end; i++)
        job->nearest[i] = nearest_of(job->book, job->product + i * job->book->codes, job->half);
}

/* nearest [n] of x [n, D]; product: room for [n, K] */
static void find_nearest(compute *c, const code_book *b, int64_t n, const real *x, const real *half,
    real *product, int32_t *nearest)
{
    int64_t d = code_book_elements(b);
    nearest_job job = { b, product, half, nearest };
    gemm(c, GEMM_NT, n, b->codes, d, x, d, b->code, d, product, b->codes, false);
    parallel_over(c, n, 1, n * b->codes, nearest_task, &job);
}

/* ---- rounds ---- */

static void assign(learning *l, const code_book *b)
{
    halve_squares(b, l->half);
    for (int64_t i = 0; i < l->patches; i += BLOCK) {
        int64_t n = l->patches - i < BLOCK ? l->patches - i : BLOCK;
        find_nearest(l->compute, b, n, l->x + i * l->elements, l->half, l->product, l->nearest + i);
    }
}

/* Each code becomes the mean of its patches; a code without patches stays as it is. */
static void move_codes(learning *l)
{
    memset(l->sum, 0, (size_t)(l->codes * l->elements) * sizeof *l->sum);
    memset(l->members, 0, (size_t)l->codes * sizeof *l->members);
    for (int64_t i = 0; i < l->patches; i++) {
        double *sum = l->sum + l->nearest[i] * l->elements;
        l->members[l->nearest[i]]++;
        for (int64_t j = 0; j < l->elements; j++) sum[j] += (double)l->x[i * l->elements + j];
    }
    for (int64_t k = 0; k < l->codes; k++)
        for (int64_t j = 0; l->members[k] && j < l->elements; j++)
            l->code[k * l->elements + j] =
                (real)(l->sum[k * l->elements + j] / (double)l->members[k]);
}

static cadre_status run_rounds(learning *l, const code_book *b, uint64_t seed)
{
    CADRE_TRY(begin_codes(l, seed));
    for (int round = 0; round < ROUNDS; round++) {
        CADRE_TRY(interrupt_check(NULL));
        assign(l, b);
        move_codes(l);
    }
    return CADRE_OK;
}

cadre_status code_book_learn(compute *c, const code_book *b, const uint8_t *const *squares,
    int64_t count, uint64_t seed, real *code)
{
    int64_t all = count * code_book_patches(b);
    code_book made = *b;
    made.code = code;
    learning l = { .compute = c,
        .patches = all < PATCHES_MOST ? all : PATCHES_MOST,
        .codes = b->codes,
        .elements = code_book_elements(b),
        .code = code };
    cadre_status status = open_learning(&l);
    if (status == CADRE_OK) take_patches(&l, b, squares, count);
    if (status == CADRE_OK) status = run_rounds(&l, &made, seed);
    close_learning(&l);
    return status;
}

/* ---- images ---- */

cadre_status code_book_encode(compute *c, const code_book *b, const uint8_t *square, int32_t *ids)
{
    int64_t n = code_book_patches(b), d = code_book_elements(b);
    real *x = MEM_ARRAY(real, n * d), *half = MEM_ARRAY(real, b->codes),
         *product = MEM_ARRAY(real, n * b->codes);
    bool there = x && half && product;
    if (there) {
        for (int32_t i = 0; i < n; i++) read_patch(b, square, i, x + i * d);
        halve_squares(b, half);
        find_nearest(c, b, n, x, half, product, ids);
    }
    mem_free(x);
    mem_free(half);
    mem_free(product);
    return there ? CADRE_OK : CADRE_ENOMEM;
}

void code_book_decode(const code_book *b, const int32_t *ids, uint8_t *square)
{
    float elements[3 * 64 * 64];
    int64_t d = code_book_elements(b);
    for (int32_t i = 0; i < code_book_patches(b); i++) {
        bool known = ids[i] >= 0 && ids[i] < b->codes;
        for (int64_t j = 0; j < d; j++) elements[j] = known ? (float)b->code[ids[i] * d + j] : 1;
        square_put_patch(square, b->side, b->patch, i, elements);
    }
}
