/* length.h - when a run ends: after its steps, or when its time is over and it has seen as many
 * tokens as it must.
 *
 * Where time decides, the number of steps is a plan made anew at every step, so that the schedule
 * of learning rates ends with the run. It follows the pace of the last steps, not of the whole
 * run: where another program takes the processors, or gives them back, what is left to do is known
 * within seconds. */
#ifndef CADRE_TRAIN_LENGTH_H
#define CADRE_TRAIN_LENGTH_H

#include <stdbool.h>
#include <stdint.h>

typedef struct run_length {
    int64_t steps;      /* 0: time decides */
    double seconds;     /* the time that is given to it */
    int64_t min_tokens; /* where it has seen fewer by then, it goes on until it has seen so many */
    double max_seconds; /* but no longer than this; 0: however long that takes */
} run_length;

/* Steps, tokens and seconds of training behind. */
typedef struct run_spent {
    int64_t steps, tokens;
    double seconds;
} run_spent;

/* The pace of the last steps: older ones count less and less. */
typedef struct run_pace {
    double steps, seconds; /* sums with those weights */
} run_pace;

/* A run that goes on begins with the mean of what is behind; a fresh one with nothing. */
run_pace run_pace_begin(const run_spent *s);
void run_pace_step(run_pace *p, double seconds);
/* Seconds that a step takes; 0: none was taken yet. */
double run_pace_of_step(const run_pace *p);

bool length_over(const run_length *l, const run_spent *s);

/* Its time is over, but it has seen too few tokens: it goes on, or was ended by max_seconds. */
bool length_lacks_tokens(const run_length *l, const run_spent *s);

/* The steps that the run will have taken in the end, more than are behind. */
int64_t length_plan(const run_length *l, const run_spent *s, const run_pace *p);

/* Steps of warm-up where nobody says how many, of a run of so many. */
int64_t length_warmup(const run_length *l, int64_t steps);

#endif
