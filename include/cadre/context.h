/* context.h - worker threads, and the kernels that they run.
 * A part of cadre.h, which says what holds for all of it. */
#ifndef CADRE_CONTEXT_PUBLIC_H
#define CADRE_CONTEXT_PUBLIC_H

#include "cadre/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- numbers ---- */

/* What layers compute in, and logits are: float, except in a libcadre that was built with
 * REAL=double */
#ifdef CADRE_REAL_DOUBLE
typedef double cadre_real;
#else
typedef float cadre_real;
#endif

/* ---- context: worker threads and the kernels that they run ---- */

/* A context computes for one thread at a time. While a call that computes in it has not returned,
 * such a call by another thread is refused with CADRE_EBUSY, even for another object that was made
 * in it. */
typedef struct cadre_context cadre_context;

/* Makes a context with so many worker threads; 0: the cores that this process may use. variant
 * NULL: CADRE_CPU if it is set, otherwise the best that this machine has ("portable", "avx2",
 * "avx512", "neon"). Results do not depend on `threads`. */
CADRE_API cadre_status cadre_context_new(int threads, const char *variant, cadre_context **context);
/* Ends the threads. What borrows the context (models, layers, servers) is freed before. */
CADRE_API void cadre_context_free(cadre_context *context);
/* The variant of its kernels, "avx2"; static */
CADRE_API const char *cadre_context_variant(const cadre_context *context);
/* The number of its worker threads */
CADRE_API int cadre_context_threads(const cadre_context *context);

#ifdef __cplusplus
}
#endif
#endif
