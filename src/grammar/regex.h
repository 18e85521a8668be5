/* regex.h - regular expressions as JSON Schema has them (ECMA-262's, found anywhere in the string
 * unless ^ and $ say otherwise), as automata: nothing is ever tried twice, and what would need more
 * than a bound is refused. */
#ifndef CADRE_GRAMMAR_REGEX_H
#define CADRE_GRAMMAR_REGEX_H

#include "grammar/chars.h"

/* name: of the pattern's place, for errors. */
cadre_status regex_read(const char *pattern, size_t size, const char *name, chars *c);

#endif
