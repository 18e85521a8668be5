/* version.c - which libcadre this is. */
#include "cadre.h"

const char *cadre_version(void) { return CADRE_VERSION; }
