/* gradient.c - five-point central differences: their error is of the order of step^4, so that 1e-6
 * means something. */
#include "support/gradient.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"

/* small: picks and ReLUs must not change side within it */
static const double difference_step = 1e-5;

double gradient_loss_value(const gradient_loss *loss)
{
    double value = 0;
    loss->forward(loss->state);
    for (int p = 0; p < 4; p++)
        for (int64_t i = 0; i < loss->part[p].count; i++)
            value += (double)loss->part[p].output[i] * (double)loss->part[p].weight[i];
    return value;
}

static double value_at(const gradient_loss *loss, real *input, real middle, double offset)
{
    *input = middle + (real)offset;
    double value = gradient_loss_value(loss);
    *input = middle;
    return value;
}

/* f' = (f(x-2h) - 8 f(x-h) + 8 f(x+h) - f(x+2h)) / 12h */
static double difference(const gradient_loss *loss, real *input)
{
    real x = *input;
    double h = difference_step * fmax(1.0, fabs((double)x));
    double near = value_at(loss, input, x, h) - value_at(loss, input, x, -h);
    double far = value_at(loss, input, x, 2 * h) - value_at(loss, input, x, -2 * h);
    return (8 * near - far) / (12 * h);
}

static double largest(const real *values, int64_t count)
{
    double top = 0;
    for (int64_t i = 0; i < count; i++) top = fmax(top, fabs((double)values[i]));
    return top;
}

void gradient_check(
    const gradient_loss *loss, const char *what, real *input, const real *analytic, int64_t count)
{
    if (!REAL_IS_DOUBLE) return;
    double bound =
        (loss->tolerance > 0 ? loss->tolerance : 1e-6) * fmax(largest(analytic, count), 1e-3);
    int64_t tries = loss->limit && loss->limit < count ? loss->limit : count;
    for (int64_t t = 0; t < tries; t++) {
        int64_t i = t * count / tries;
        double expected = difference(loss, &input[i]), got = (double)analytic[i];
        if (!(fabs(expected - got) <= bound))
            fail_msg("%s[%lld]: gradient %.12g, differences say %.12g, bound %.2g", what,
                (long long)i, got, expected, bound);
    }
    gradient_loss_value(loss); /* leaves the outputs of the unvaried inputs */
}

void gradient_fill(real *values, int64_t count, uint64_t seed, double deviation)
{
    random_key key = random_key_of(seed, "gradient_fill", 0, 0);
    for (int64_t i = 0; i < count; i++)
        values[i] = (real)(deviation * random_normal(key, (uint64_t)i));
}
