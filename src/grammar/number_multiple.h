/* number_multiple.h - of numbers, as digits, those that are multiples of another. */
#ifndef CADRE_GRAMMAR_NUMBER_MULTIPLE_H
#define CADRE_GRAMMAR_NUMBER_MULTIPLE_H

#include "grammar/network.h"

enum { MULTIPLE_MOST = 1000, MULTIPLE_DECIMALS = 6 };

/* units / 10^decimals: units 1 to MULTIPLE_MOST, decimals up to MULTIPLE_DECIMALS. */
typedef struct multiple {
    int64_t units;
    int decimals;
} multiple;

/* piece: numbers (number_text.h), whose nodes are those from `first` on. Returns the piece of those
 * of them that are multiples of `of`. */
node_id number_multiple(network *n, node_id piece, node_id first, multiple of);

#endif
