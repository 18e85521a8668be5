/* fuzz.h - what the fuzz targets share. A target is one function of any bytes; it is run by
 * libFuzzer (make fuzz), or over the files that were found before (make check). */
#ifndef CADRE_FUZZ_H
#define CADRE_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold for every input. */
#define fuzz_require(condition)                                                                    \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);         \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* A value that the compiler may not leave uncomputed. */
static inline void fuzz_keep(double value)
{
    static volatile double kept;
    kept = value;
    (void)kept;
}

#endif
