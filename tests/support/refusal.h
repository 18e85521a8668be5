/* refusal.h - what every refusal of a file must look like. */
#ifndef CADRE_TESTS_REFUSAL_H
#define CADRE_TESTS_REFUSAL_H

#include <stdbool.h>

#include "base/status.h"

/* Whether the last error is one line of plain text that begins with `path` and holds `phrase`;
 * prints what is wrong if not. */
bool refusal_is_good(const char *kind, cadre_status status, const char *path, const char *phrase);

#endif
