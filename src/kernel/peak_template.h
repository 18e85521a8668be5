/* peak_template.h - chains of multiply-adds, in one source for all variants. The file that includes
 * this has defined vec, WIDTH, vec_all, vec_fma, vec_first, and PEAK, the name of its function. */
#include "kernel/peak.h"

enum {
    CHAINS = 12
}; /* more than the latency of a multiply-add times how many start in a clock cycle */

double PEAK(int64_t rounds, real *sink)
{
    vec x = vec_all(REAL_C(0.999)), y = vec_all(REAL_C(0.0001)), chain[CHAINS];
    for (int i = 0; i < CHAINS; i++) chain[i] = y;
    for (int64_t round = 0; round < rounds; round++)
        for (int i = 0; i < CHAINS; i++) chain[i] = vec_fma(chain[i], x, y);
    for (int i = 1; i < CHAINS; i++) chain[0] = vec_fma(chain[i], x, chain[0]);
    *sink = vec_first(chain[0]);
    return 2.0 * CHAINS * WIDTH * (double)rounds;
}
