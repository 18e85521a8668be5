/* plan_options.h - sizes as users write them, for the option --memory. */
#ifndef CADRE_DIST_PLAN_OPTIONS_H
#define CADRE_DIST_PLAN_OPTIONS_H

#include <stdint.h>

#include "base/status.h"

/* Reads "6G", "512M", "1.5T" or a number of bytes. The error message names `option`. */
cadre_status plan_size_read(const char *option, const char *text, int64_t *bytes);

#endif
