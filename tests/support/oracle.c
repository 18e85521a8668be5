/* oracle.c - finding the reference numbers. */
#include "support/oracle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/file.h"

static const char small[] = "tests/oracle/small";

static const char *root(void)
{
    const char *given = getenv("CADRE_ORACLE");
    if (given) return given;
    return file_exists("../shared/oracle") ? "../shared/oracle" : small;
}

bool oracle_is_small(void) { return root() == small; }

bool oracle_has(const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", root(), name);
    return file_exists(path);
}

const char *oracle_path(const char *name)
{
    static char path[4096];
    const char *folder = root();
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (file_exists(path)) return path;
    if (folder != small) fail_msg("%s: expected a case of the oracle, found nothing", path);
    printf("SKIP: not in %s (CADRE_ORACLE names a larger oracle): %s\n", small, name);
    skip();
    return NULL;
}
