/* rows_avx2.c - the row kernels, instantiated for 32-byte vectors of AVX2. */
#define ROWS rows_avx2
#define VECTOR_BYTES 32
#include "kernel/rows_template.h"
