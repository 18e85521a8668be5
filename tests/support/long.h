/* long.h - whether a test takes its long form: CADRE_TEST_LONG in the environment asks for it, as
 * `make check-long` does. */
#pragma once

#include <stdbool.h>
#include <stdlib.h>

static inline bool long_form(void) { return getenv("CADRE_TEST_LONG") != NULL; }
