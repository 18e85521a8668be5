/* number_multiple.h - of integers, as digits, those that are multiples of another. */
#ifndef CADRE_GRAMMAR_NUMBER_MULTIPLE_H
#define CADRE_GRAMMAR_NUMBER_MULTIPLE_H

#include "grammar/network.h"

enum { MULTIPLE_MOST = 400 };

/* piece: integers (number_text_integer), whose nodes are those from `first` on; divisor: 1 to
 * MULTIPLE_MOST. Returns the piece of those of them that it divides. */
node_id number_multiple(network *n, node_id piece, node_id first, int64_t divisor);

#endif
