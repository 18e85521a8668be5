/* near.h - numbers that may differ by rounding: in float by 1e-5 of their size (at least 1), in
 * double by 1e-11. */
#ifndef CADRE_TESTS_NEAR_H
#define CADRE_TESTS_NEAR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/real.h"

static inline void assert_near(const char *what, int64_t index, real got, double expected)
{
    double bound = (REAL_IS_DOUBLE ? 1e-11 : 1e-5) * fmax(1, fabs(expected));
    if (!(fabs((double)got - expected) <= bound))
        fail_msg("%s[%lld] is %.9g, expected %.9g", what, (long long)index, (double)got, expected);
}

#endif
