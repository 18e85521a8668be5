/* foreign.h - files that are not what their names say, which their first bytes show: what a failed
 * download or another program left where a model should be. */
#ifndef CADRE_FORMAT_FOREIGN_H
#define CADRE_FORMAT_FOREIGN_H

#include <stddef.h>

#include "base/status.h"

/* Refuses bytes that are known to be something else, with advice. `wanted`: what was expected, "a
 * safetensors file". CADRE_OK: nothing is known about them. */
cadre_status foreign_check(const char *path, const void *data, size_t size, const char *wanted);

#endif
