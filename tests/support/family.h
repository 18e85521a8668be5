/* family.h - config.json of a tiny model of any family, to change one member at a time. */
#ifndef CADRE_TESTS_FAMILY_H
#define CADRE_TESTS_FAMILY_H

#include <stddef.h>

#include "arch/architecture.h"

enum { FAMILY_TEXT = 8192 };

/* Every member that the family must have: width 32, 4 heads, 3 layers, 8 experts of width 12 (16
 * where there is one width), 2 chosen, a vocabulary of 64. A member that `members` ("\"key\":
 * value, ...") names counts instead; `without` (NULL: none) is left out. */
const char *family_text(const char *type, const char *members, const char *without);

cadre_status family_read(
    const char *type, const char *members, const char *without, model_config *config);

/* The same, where it has to succeed. */
model_config family_config(const char *type, const char *members);

/* What is written of it: one line, good until the next call. */
const char *family_written(const model_config *config);

#endif
