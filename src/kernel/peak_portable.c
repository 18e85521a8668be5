/* peak_portable.c - multiply-adds one by one, as the C library has them. */
#include "base/real.h"

typedef real vec;
enum { WIDTH = 1 };
#define PEAK peak_portable

static inline vec vec_all(real x) { return x; }
static inline vec vec_fma(vec a, vec b, vec c) { return real_fma(a, b, c); }
static inline real vec_first(vec x) { return x; }

#include "kernel/peak_template.h"
