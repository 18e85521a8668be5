/* number_text.h - numbers between two bounds, as digits. */
#ifndef CADRE_GRAMMAR_NUMBER_TEXT_H
#define CADRE_GRAMMAR_NUMBER_TEXT_H

#include "grammar/json_text.h"

typedef struct number_bounds {
    double low, high;  /* -INFINITY and INFINITY: none */
    bool above, below; /* the bound itself is not in it */
} number_bounds;

/* A piece to be called: all integers between the bounds of at most JSON_DIGITS digits, and of as
 * many more as the bounds have, up to 64 bits. */
node_id number_text_integer(network *n, const number_bounds *b);

/* A piece to be called: numbers without exponent, of at most JSON_DIGITS digits, between the
 * bounds. With so few digits no two are the same double, and what is beyond a bound in decimal is
 * so as a double. */
node_id number_text_real(network *n, const number_bounds *b);

#endif
