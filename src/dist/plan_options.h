/* plan_options.h - the option --memory: sizes as users write them. */
#ifndef CADRE_DIST_PLAN_OPTIONS_H
#define CADRE_DIST_PLAN_OPTIONS_H

#include <stdint.h>

#include "base/status.h"

/* Reads "6G", "512M", "1.5T" or bytes. `option` stands in the error. */
cadre_status plan_size_read(const char *option, const char *text, int64_t *bytes);

#endif
