/* version.c - the version of this library. */
#include "cadre.h"

const char *cadre_version(void) { return CADRE_VERSION; }
