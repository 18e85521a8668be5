/* peak_read.c - reads memory as fast as it comes, in several streams at once: along one, a core has
 * too few requests under way. Memory is the limit, so one source serves all variants. */
#include "kernel/peak.h"

enum { SUMS = 8, LINES = 4, AHEAD = 256 }; /* words of a cache line; lines of a turn; words ahead */

/* Adds `LINES` cache lines from `words` to the sums, and asks for those that follow `AHEAD` words
 * later. */
static inline void read_turn(const uint64_t *words, uint64_t *sum)
{
    for (int line = 0; line < LINES; line++) {
        __builtin_prefetch(words + AHEAD + SUMS * line);
        for (int j = 0; j < SUMS; j++) sum[j] += words[SUMS * line + j];
    }
}

uint64_t peak_read(const uint64_t *words, int64_t count, int streams)
{
    uint64_t sum[SUMS] = { 0 };
    int64_t part = count / streams;
    for (int64_t i = 0; i + SUMS * LINES <= part; i += SUMS * LINES)
        for (int s = 0; s < streams; s++) read_turn(words + s * part + i, sum);
    for (int j = 1; j < SUMS; j++) sum[0] += sum[j];
    return sum[0];
}
