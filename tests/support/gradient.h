/* gradient.h - holds a backward pass against central differences of its forward pass, in the build
 * with REAL=double.
 *
 * The loss is sum(output * weight) over whatever the forward pass writes, so `weight` is the
 * gradient that the backward pass starts from. In the float build differences say nothing: there
 * gradient_check does nothing, and tests compare values. */
#ifndef CADRE_TESTS_GRADIENT_H
#define CADRE_TESTS_GRADIENT_H

#include <stdint.h>

#include "base/real.h"

typedef struct gradient_part {
    const real *output; /* [count], written by forward */
    const real *weight; /* [count] */
    int64_t count;
} gradient_part;

typedef struct gradient_loss {
    void (*forward)(void *state); /* reads the inputs that are varied, writes the outputs */
    void *state;
    gradient_part part[4]; /* of the outputs; an unused one has count 0 */
    double tolerance;      /* relative to the largest gradient of the input; 0: 1e-6 */
    int64_t limit;         /* inputs tried, evenly spread; 0: all */
} gradient_loss;

double gradient_loss_value(const gradient_loss *loss);

/* Fails the test (cmocka) naming `what` and the index where analytic[i] is not dloss/dinput[i].
 * Leaves input as it was. */
void gradient_check(
    const gradient_loss *loss, const char *what, real *input, const real *analytic, int64_t count);

/* Normal numbers */
void gradient_fill(real *values, int64_t count, uint64_t seed, double deviation);

#endif
