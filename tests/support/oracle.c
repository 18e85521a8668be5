/* oracle.c - finding the reference numbers. */
#include "support/oracle.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"

const char *oracle_path(const char *name)
{
    static char path[4096];
    const char *root = getenv("CADRE_ORACLE");
    snprintf(path, sizeof path, "%s/%s", root ? root : "../shared/oracle", name);
    if (file_exists(path)) return path;
    printf("SKIP: %s is not there (set CADRE_ORACLE)\n", path);
    return NULL;
}
