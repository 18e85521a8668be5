/* kernels.c - compares every CPU variant that this machine has with the portable one, bit for bit,
 * on one thread and on several. */
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "kernel/context.h"
#include "kernel/gemm.h"
#include "kernel/rows.h"
#include "verify/verify.h"

enum { MOST = 150, ROW = 1000 };

typedef bool (*variant_check)(compute *portable, compute *other);

/* Runs a check under each variant, on 1 and on `threads` threads. */
static bool each_variant(verify_run *run, variant_check same)
{
    int count, tried = 0;
    const kernel_variant *const *list = variant_list(&count);
    char names[64] = "";
    for (int i = 0; i < count; i++)
        for (int threads = 1; threads <= run->threads;
             threads += run->threads > 1 ? run->threads - 1 : 1) {
            compute *other;
            /* This machine lacks the variant. */
            if (compute_new(threads, list[i]->name, &other) != CADRE_OK) break;
            bool equal = same(run->portable, other);
            compute_free(other);
            if (!equal)
                return verify_say(
                    run, false, "%s with %d threads differs from portable", list[i]->name, threads);
            if (threads == 1)
                strncat(strcat(names, tried++ ? ", " : ""), list[i]->name,
                    sizeof names - strlen(names) - 3);
        }
    return verify_say(run, true, "%s: the same bits", names);
}

static void fill(real *values, int64_t count, const char *use)
{
    random_key key = random_key_of(1, use, 0, 0);
    for (int64_t i = 0; i < count; i++) values[i] = (real)random_normal(key, (uint64_t)i);
}

static bool same_product(compute *portable, compute *other, gemm_kind kind)
{
    static const int64_t sizes[][3] = { { 1, 7, 40 }, { 9, 33, 17 }, { 64, 48, 100 },
        { 150, 65, 129 } };
    real *a = MEM_ARRAY(real, MOST * MOST), *b = MEM_ARRAY(real, MOST * MOST),
         *x = MEM_ARRAY(real, MOST * MOST), *y = MEM_ARRAY(real, MOST * MOST);
    bool equal = a && b && x && y;
    for (size_t i = 0; equal && i < sizeof sizes / sizeof *sizes; i++) {
        int64_t m = sizes[i][0], n = sizes[i][1], k = sizes[i][2];
        fill(a, MOST * MOST, "a");
        fill(b, MOST * MOST, "b");
        gemm(portable, kind, m, n, k, a, MOST, b, MOST, x, MOST, false);
        gemm(other, kind, m, n, k, a, MOST, b, MOST, y, MOST, false);
        equal = !memcmp(x, y, (size_t)(MOST * MOST) * sizeof(real));
    }
    mem_free(a);
    mem_free(b);
    mem_free(x);
    mem_free(y);
    return equal;
}

static bool same_nt(compute *p, compute *o) { return same_product(p, o, GEMM_NT); }
static bool same_nn(compute *p, compute *o) { return same_product(p, o, GEMM_NN); }
static bool same_tn(compute *p, compute *o) { return same_product(p, o, GEMM_TN); }

/* Runs the row kernels that a training step uses, one after another, into one array. */
static void run_rows(const row_kernels *rows, real *out /* [5 * ROW] */)
{
    real x[ROW], gain[ROW], m[ROW] = { 0 }, v[ROW] = { 0 };
    fill(x, ROW, "x");
    fill(gain, ROW, "gain");
    rows->softmax(ROW, x, out);
    rows->rms_norm(ROW, x, gain, REAL_C(1e-5), out + ROW);
    row_activation_by_name(rows, "swiglu")->forward(ROW, x, gain, 0, out + 2 * ROW);
    memcpy(out + 3 * ROW, x, sizeof x);
    rows->cross_entropy(ROW, out + 3 * ROW, 17, 1);
    memcpy(out + 4 * ROW, x, sizeof x);
    rows->adamw(ROW, out + 4 * ROW, m, v, gain, 1, 1e-3, 0.9, 0.95, 1e-8, 0.1, 0.1, 0.05);
}

static bool same_rows(compute *portable, compute *other)
{
    real a[5 * ROW], b[5 * ROW];
    run_rows(portable->variant->rows, a);
    run_rows(other->variant->rows, b);
    return !memcmp(a, b, sizeof a);
}

static bool product_nt(verify_run *run) { return each_variant(run, same_nt); }
static bool product_nn(verify_run *run) { return each_variant(run, same_nn); }
static bool product_tn(verify_run *run) { return each_variant(run, same_tn); }
static bool row_kernels_agree(verify_run *run) { return each_variant(run, same_rows); }

static const verify_check checks[] = {
    { "product x w^T", product_nt },
    { "product dy w", product_nn },
    { "product dy^T x", product_tn },
    { "row kernels", row_kernels_agree },
};

const verify_group verify_kernels = { "kernel", checks, sizeof checks / sizeof *checks };
