/* length.c - decides when a run ends, and how many steps it will have taken. */
#include "train/length.h"

#include <math.h>

enum { STEPS_TO_MEASURE = 3, STEPS_UNTIL_MEASURED = 1000 };

/* ---- the pace ---- */

/* The time constant of an exponential moving average: a step's weight falls to 1 / e in so many
 * seconds. At least pace_least_kept of the earlier sum is kept at each step, so that several steps
 * count however long they take. */
static const double pace_seconds = 10, pace_least_kept = 0.8;

run_pace run_pace_begin(const run_spent *s)
{
    double share = s->seconds > pace_seconds ? pace_seconds / s->seconds : 1;
    return (run_pace){ (double)s->steps * share, s->seconds * share };
}

void run_pace_step(run_pace *p, double seconds)
{
    double kept = fmax(exp(-seconds / pace_seconds), pace_least_kept);
    p->steps = p->steps * kept + 1;
    p->seconds = p->seconds * kept + seconds;
}

double run_pace_of_step(const run_pace *p) { return p->steps > 0 ? p->seconds / p->steps : 0; }

/* ---- the length ---- */

bool length_lacks_tokens(const run_length *l, const run_spent *s)
{
    return !l->steps && s->seconds >= l->seconds && s->tokens < l->min_tokens;
}

bool length_over(const run_length *l, const run_spent *s)
{
    if (l->steps) return s->steps >= l->steps;
    if (!s->steps || s->seconds < l->seconds) return false;
    return !length_lacks_tokens(l, s) || (l->max_seconds > 0 && s->seconds >= l->max_seconds);
}

/* How many steps the run will have taken after so many seconds, at the current pace */
static double steps_by(const run_spent *s, const run_pace *p, double seconds)
{
    return (double)s->steps + ceil((seconds - s->seconds) / run_pace_of_step(p));
}

static double steps_by_tokens(const run_spent *s, int64_t tokens)
{
    return (double)s->steps +
           ceil((double)(tokens - s->tokens) / ((double)s->tokens / (double)s->steps));
}

int64_t length_plan(const run_length *l, const run_spent *s, const run_pace *p)
{
    if (l->steps) return l->steps;
    if (s->steps < STEPS_TO_MEASURE) return s->steps + STEPS_UNTIL_MEASURED;
    double end = steps_by(s, p, l->seconds), enough = steps_by_tokens(s, l->min_tokens);
    if (l->max_seconds > 0) enough = fmin(enough, steps_by(s, p, l->max_seconds));
    end = fmax(end, enough);
    return end < (double)s->steps + 1 ? s->steps + 1 : (int64_t)fmin(end, 9e15);
}

int64_t length_warmup(const run_length *l, int64_t steps)
{
    enum { TIMED = 40, MOST = 100 };
    if (!l->steps) return TIMED;
    return steps / 10 < MOST ? steps / 10 : MOST;
}
