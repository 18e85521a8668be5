/* within.h - compares numbers, in float and in double builds alike. */
#ifndef CADRE_TESTS_WITHIN_H
#define CADRE_TESTS_WITHIN_H

#include <math.h>

#define assert_within(got, expected, bound)                                                        \
    assert_true(fabs((double)(got) - (double)(expected)) <= (bound))

#endif
