/* best_possible.h - the most hits that any cache could have had on given picks (Belady's rule:
 * evict what will be picked last of all; an expert that is read for a pick need not be kept). */
#ifndef CADRE_STORE_BEST_POSSIBLE_H
#define CADRE_STORE_BEST_POSSIBLE_H

#include <stdint.h>

#include "base/status.h"

/* picks [count]: experts 0 .. experts - 1; the cache has `slots` slots, and starts empty. */
cadre_status best_possible_hits(
    const int32_t *picks, int64_t count, int32_t experts, int32_t slots, int64_t *hits);

#endif
