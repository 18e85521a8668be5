/* config_bound.h - bounds of a configuration's numbers, for the files that check them. */
#ifndef CADRE_ARCH_CONFIG_BOUND_H
#define CADRE_ARCH_CONFIG_BOUND_H

#include <stddef.h>
#include <stdint.h>

#include "cadre/status.h"
#include "base/status.h"

typedef struct config_bound {
    const char *key;
    int64_t value, low, high;
} config_bound;

/* Refuses the first value of `bounds` that is out of its bounds. where: the file, or "options" */
cadre_status config_check_bounds(const config_bound *bounds, size_t count, const char *where);

#endif
