/* length.h - when a run ends: after its steps, or when its time is over and it has seen as many
 * tokens as it must.
 *
 * Where time decides, the number of steps is planned anew at every step, so that the schedule of
 * learning rates ends with the run. The plan follows the pace of the last steps, not of the whole
 * run: when another program takes the processors, or frees them, the plan is right again within
 * seconds. */
#ifndef CADRE_TRAIN_LENGTH_H
#define CADRE_TRAIN_LENGTH_H

#include <stdbool.h>
#include <stdint.h>

typedef struct run_length {
    int64_t steps;      /* 0: time decides */
    double seconds;     /* the time that the run may take */
    int64_t min_tokens; /* a run that has seen fewer goes on until it has seen so many ... */
    double max_seconds; /* ... but not longer than this; 0: without a limit */
} run_length;

/* Steps, tokens and seconds of training so far */
typedef struct run_spent {
    int64_t steps, tokens;
    double seconds;
} run_spent;

/* The pace of the last steps; older steps count less and less. */
typedef struct run_pace {
    double steps, seconds; /* weighted sums */
} run_pace;

/* A resumed run begins with its mean so far, a fresh one with nothing. */
run_pace run_pace_begin(const run_spent *s);
void run_pace_step(run_pace *p, double seconds);
/* Seconds for each step; 0: none was taken yet. */
double run_pace_of_step(const run_pace *p);

bool length_over(const run_length *l, const run_spent *s);

/* Whether the time is over but too few tokens were seen: the run goes on, or max_seconds ended
 * it. */
bool length_lacks_tokens(const run_length *l, const run_spent *s);

/* The number of steps that the run will have in the end, more than it has taken. */
int64_t length_plan(const run_length *l, const run_spent *s, const run_pace *p);

/* Steps of warm-up for a run of so many steps, when --warmup was not given. */
int64_t length_warmup(const run_length *l, int64_t steps);

#endif
