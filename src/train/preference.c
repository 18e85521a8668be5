/* preference.c - preference pairs as rows of tokens, and the loss of a pair. preference_read.c
 * reads the lines. */
#include "train/preference.h"

#include <math.h>

#include "base/memory.h"
#include "base/random.h"

void preference_free(preference_set *s)
{
    mem_free(s->ids);
    mem_free(s->start);
    mem_free(s->reference);
    mem_free(s->loads);
    mem_free(s->step_loads);
    *s = (preference_set){ 0 };
}

int64_t preference_tokens(const preference_set *s, int64_t pair, int field)
{
    return s->start[PREFERENCE_FIELDS * pair + field + 1] -
           s->start[PREFERENCE_FIELDS * pair + field];
}

/* ---- rows ---- */

void preference_row(
    const preference_set *s, int64_t row, int64_t context, int32_t *inputs, int32_t *targets)
{
    int64_t pair = row / 2;
    int field = 1 + (int)(row % 2);
    int64_t prompt = preference_tokens(s, pair, 0), answer = preference_tokens(s, pair, field);
    const int32_t *before = s->ids + s->start[PREFERENCE_FIELDS * pair],
                  *after = s->ids + s->start[PREFERENCE_FIELDS * pair + field];
    for (int64_t i = 0; i < context; i++) {
        int64_t next = i + 1 - prompt; /* the answer's token that follows token i */
        inputs[i] = i < prompt ? before[i] : i - prompt < answer ? after[i - prompt] : 0;
        targets[i] = next >= 0 && next < answer ? after[next] : -1;
    }
}

int64_t preference_at(const preference_set *s, uint64_t seed, int64_t batch, int64_t at)
{
    int64_t epoch = at / s->pairs, index = at % s->pairs;
    if (s->pairs <= batch) return index;
    random_key key = random_key_of(seed, "preferences", (uint64_t)epoch, 0);
    return (int64_t)random_permute(key, (uint64_t)s->pairs, (uint64_t)index);
}

/* ---- the loss ---- */

double preference_loss(
    double beta, const double nll[2], const double reference[2], double *margin, double *weight)
{
    double z = beta * ((-nll[0] - reference[0]) - (-nll[1] - reference[1]));
    double far = exp(-fabs(z)); /* e^-|z| */
    *margin = z;
    *weight = beta * (z > 0 ? far / (1 + far) : 1 / (1 + far)); /* sigmoid(-z) */
    return log1p(far) + (z < 0 ? -z : 0);
}
