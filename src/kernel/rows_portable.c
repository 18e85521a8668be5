/* rows_portable.c - the row kernels stamped for 16-byte vectors, what every 64-bit machine has. */
#define ROWS rows_portable
#define VECTOR_BYTES 16
#include "kernel/rows_template.h"
