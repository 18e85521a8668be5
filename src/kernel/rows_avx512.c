/* rows_avx512.c - the row kernels, instantiated for 64-byte vectors of AVX-512. */
#define ROWS rows_avx512
#define VECTOR_BYTES 64
#include "kernel/rows_template.h"
