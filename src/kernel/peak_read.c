/* peak_read.c - reads memory as fast as it comes, into eight sums, so that no addition waits for
 * another. Memory is the limit, so one source serves all variants. */
#include "kernel/peak.h"

enum { SUMS = 8 };

uint64_t peak_read(const uint64_t *words, int64_t count)
{
    uint64_t sum[SUMS] = { 0 };
    for (int64_t i = 0; i + SUMS <= count; i += SUMS)
        for (int j = 0; j < SUMS; j++) sum[j] += words[i + j];
    for (int j = 1; j < SUMS; j++) sum[0] += sum[j];
    return sum[0];
}
