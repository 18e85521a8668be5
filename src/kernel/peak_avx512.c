/* peak_avx512.c - multiply-adds of sixteen floats. */
#include "base/real.h"

#if !REAL_IS_DOUBLE
    #include <immintrin.h>

typedef __m512 vec;
enum { WIDTH = 16 };
    #define PEAK peak_avx512

static inline vec vec_all(real x) { return _mm512_set1_ps(x); }
static inline vec vec_fma(vec a, vec b, vec c) { return _mm512_fmadd_ps(a, b, c); }
static inline real vec_first(vec x) { return _mm512_cvtss_f32(x); }

    #include "kernel/peak_template.h"
#endif
