/* oracle.h - where the reference numbers lie: $CADRE_ORACLE, else ../shared/oracle, else the few in
 * tests/oracle/small. */
#ifndef CADRE_TESTS_ORACLE_H
#define CADRE_TESTS_ORACLE_H

#include <stdbool.h>

/* The path of a file or folder of the oracle, in a static buffer. Where it is missing the running
 * test ends here: skipped where only the small set is at hand, failed where the whole oracle is. */
const char *oracle_path(const char *name);
bool oracle_has(const char *name); /* neither skips nor fails */
bool oracle_is_small(void);        /* the few cases that are in the tree */

#endif
