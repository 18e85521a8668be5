/* openblas.c - finds the library by its name, and the two of its functions that are called. It
 * obeys its own environment variables (OPENBLAS_CORETYPE), as in any program. */
#include "bench/openblas.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>

#include "base/memory.h"

/* CBLAS's numbers for layouts */
enum { ROW_MAJOR = 101, AS_IT_IS = 111, TRANSPOSED = 112 };

typedef void gemm_function(int order, int trans_a, int trans_b, int m, int n, int k, real alpha,
    const real *a, int lda, const real *b, int ldb, real beta, real *c, int ldc);
typedef void threads_function(int threads);

struct openblas {
    void *library;
    gemm_function *gemm;
};

static void *symbol(void *library, const char *name, void *function)
{
    void *found = dlsym(library, name);
    memcpy(function, &found, sizeof found); /* C has no cast from an object to a function */
    return found;
}

openblas *openblas_open(int threads)
{
    threads_function *set_threads;
    openblas o = { .library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL) };
    if (!o.library) return NULL;
    bool whole = symbol(o.library, REAL_IS_DOUBLE ? "cblas_dgemm" : "cblas_sgemm", &o.gemm) &&
                 symbol(o.library, "openblas_set_num_threads", &set_threads);
    openblas *result = whole ? MEM_ARRAY(openblas, 1) : NULL;
    if (!result) {
        dlclose(o.library);
        return NULL;
    }
    set_threads(threads);
    *result = o;
    return result;
}

void openblas_close(openblas *o)
{
    if (!o) return;
    dlclose(o->library);
    mem_free(o);
}

void openblas_product(
    const openblas *o, int64_t m, int64_t n, int64_t k, const real *a, const real *b, real *c)
{
    o->gemm(ROW_MAJOR, AS_IT_IS, TRANSPOSED, (int)m, (int)n, (int)k, 1, a, (int)k, b, (int)k, 0, c,
        (int)n);
}
