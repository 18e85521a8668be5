/* regex.h - regular expressions as JSON Schema has them (ECMA-262's, found anywhere in the string
 * unless ^ and $ say otherwise), as automata: nothing is ever tried twice, and what would need more
 * than a bound is refused. */
#ifndef CADRE_GRAMMAR_REGEX_H
#define CADRE_GRAMMAR_REGEX_H

#include "grammar/chars.h"

/* name: of the pattern's place, for errors. *work: the steps that may still be taken, of which it
 * subtracts its own: one bound for all patterns of a schema. */
cadre_status regex_read(
    const char *pattern, size_t size, const char *name, int64_t *work, chars *c);

#endif
