/* schedule.c - computes learning rates. */
#include "train/schedule.h"

#include <math.h>

/* The share of the steps from step `from` to the last one that come before this step */
static double progress(const schedule *s, int64_t step, int64_t from)
{
    return s->steps > from ? (double)(step - from) / (double)(s->steps - from) : 1.0;
}

double schedule_lr(const schedule *s, int64_t step)
{
    if (step < s->warmup) return s->lr * (double)(step + 1) / (double)s->warmup;
    double r = s->min_ratio;
    switch (s->kind) {
    case SCHEDULE_COSINE:
        return s->lr *
               (r + (1 - r) * 0.5 * (1 + cos(3.141592653589793 * progress(s, step, s->warmup))));
    case SCHEDULE_WSD: { /* in the last fifth it falls linearly */
        int64_t fall = s->steps - s->steps / 5;
        if (fall < s->warmup) fall = s->warmup;
        return step < fall ? s->lr : s->lr * (1 - (1 - r) * progress(s, step, fall));
    }
    case SCHEDULE_CONSTANT: break;
    }
    return s->lr;
}
