/* rows_portable.c - the row kernels, instantiated for 16-byte vectors, which every 64-bit machine
 * has. */
#define ROWS rows_portable
#define VECTOR_BYTES 16
#include "kernel/rows_template.h"
