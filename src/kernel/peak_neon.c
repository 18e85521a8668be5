/* peak_neon.c - multiply-adds of four floats. */
#include "base/real.h"

#if !REAL_IS_DOUBLE
    #include <arm_neon.h>

typedef float32x4_t vec;
enum { WIDTH = 4 };
    #define PEAK peak_neon

static inline vec vec_all(real x) { return vdupq_n_f32(x); }
static inline vec vec_fma(vec a, vec b, vec c) { return vfmaq_f32(c, a, b); }
static inline real vec_first(vec x) { return vgetq_lane_f32(x, 0); }

    #include "kernel/peak_template.h"
#endif
