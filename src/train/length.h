/* length.h - when a run ends: after a number of steps, or when its time is over and it has seen a
 * least number of tokens.
 *
 * If time decides, the number of steps is estimated anew at every step, so that the learning-rate
 * schedule ends with the run. The estimate follows the pace of the last steps, not of the whole
 * run: when another program takes the processors, or frees them, it is right again within
 * seconds. */
#ifndef CADRE_TRAIN_LENGTH_H
#define CADRE_TRAIN_LENGTH_H

#include <stdbool.h>
#include <stdint.h>

typedef struct run_length {
    int64_t steps;  /* 0: time decides */
    double seconds; /* the time that the run may take */
    int64_t
        min_tokens; /* a run that has seen fewer tokens then goes on until it has seen so many */
    double max_seconds; /* but not longer than this; 0: there is no limit */
} run_length;

/* Steps, tokens and seconds of training so far */
typedef struct run_spent {
    int64_t steps, tokens;
    double seconds;
} run_spent;

/* The pace of the last steps: an exponential moving average of seconds a step */
typedef struct run_pace {
    double steps, seconds; /* weighted sums */
} run_pace;

/* A resumed run begins with its mean pace so far, a new one with none. */
run_pace run_pace_begin(const run_spent *s);
void run_pace_step(run_pace *p, double seconds);
/* Seconds for each step; 0: no step was taken yet */
double run_pace_of_step(const run_pace *p);

bool length_over(const run_length *l, const run_spent *s);

/* Whether the time is over but too few tokens were seen. Then the run goes on, unless max_seconds
 * ends it. */
bool length_lacks_tokens(const run_length *l, const run_spent *s);

/* The number of steps that the run will take in all; more than it has taken */
int64_t length_plan(const run_length *l, const run_spent *s, const run_pace *p);

/* Steps of warm-up for a run of so many steps, when --warmup was not given. */
int64_t length_warmup(const run_length *l, int64_t steps);

#endif
