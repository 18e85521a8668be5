/* schedule.h - the learning rate as a function of the step: warm-up, then constant, cosine, or
 * warm-up-stable-decay. */
#ifndef CADRE_TRAIN_SCHEDULE_H
#define CADRE_TRAIN_SCHEDULE_H

#include <stdint.h>

typedef enum schedule_kind { SCHEDULE_CONSTANT, SCHEDULE_COSINE, SCHEDULE_WSD } schedule_kind;

typedef struct schedule {
    schedule_kind kind;
    double lr, min_ratio; /* at the end: lr * min_ratio (cosine, wsd) */
    int64_t warmup, steps;
} schedule;

double schedule_lr(const schedule *s, int64_t step); /* for step 0 .. steps - 1 */

#endif
