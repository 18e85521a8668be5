/* peak_avx2.c - multiply-adds of eight floats. */
#include "base/real.h"

#if !REAL_IS_DOUBLE
    #include <immintrin.h>

typedef __m256 vec;
enum { WIDTH = 8 };
    #define PEAK peak_avx2

static inline vec vec_all(real x) { return _mm256_set1_ps(x); }
static inline vec vec_fma(vec a, vec b, vec c) { return _mm256_fmadd_ps(a, b, c); }
static inline real vec_first(vec x) { return _mm256_cvtss_f32(x); }

    #include "kernel/peak_template.h"
#endif
