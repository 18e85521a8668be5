/* heap_peak.h - the most memory that was allocated at one time between two points, as the address
 * sanitizer sees it. */
#ifndef CADRE_TESTS_HEAP_PEAK_H
#define CADRE_TESTS_HEAP_PEAK_H

#include <stdbool.h>
#include <stddef.h>

bool heap_peak_begin(void); /* false: not built with the address sanitizer, nothing can be said */
size_t heap_peak_end(void); /* bytes beyond those allocated at the beginning */

#endif
