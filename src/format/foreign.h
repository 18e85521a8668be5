/* foreign.h - recognises files that are not what their names say by their first bytes: what a
 * failed download or another program left where a model should be. */
#ifndef CADRE_FORMAT_FOREIGN_H
#define CADRE_FORMAT_FOREIGN_H

#include <stddef.h>

#include "base/status.h"

/* Refuses bytes that are known to be something else, with advice. `wanted` is what was expected,
 * such as "a safetensors file". Returns CADRE_OK if nothing is known about the bytes. */
cadre_status foreign_check(const char *path, const void *data, size_t size, const char *wanted);

#endif
