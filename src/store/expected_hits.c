/* expected_hits.c - the default policy's hit rate on a recording of OLMoE-1B-7B (64 experts a
 * layer, 8 a token) over 299 tokens of text, beginning with an empty store; linear interpolation
 * between what was measured (docs/memory.md). Models whose experts are more, and less evenly used,
 * do better. */
#include "store/expected_hits.h"

static const double at[][2] = { { 0, 0 }, { 0.125, 0.42 }, { 0.25, 0.61 }, { 0.36, 0.71 },
    { 0.5, 0.82 }, { 0.75, 0.94 }, { 1, 1 } };
enum { POINTS = sizeof at / sizeof *at };

double expected_hit_rate(double share)
{
    int i = 1;
    while (i < POINTS - 1 && share > at[i][0]) i++;
    double along = (share - at[i - 1][0]) / (at[i][0] - at[i - 1][0]);
    return at[i - 1][1] + (along < 1 ? along : 1) * (at[i][1] - at[i - 1][1]);
}
