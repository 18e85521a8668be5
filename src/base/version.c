/* version.c - the version of this library. */

#include "cadre/status.h"

const char *cadre_version(void) { return CADRE_VERSION; }
