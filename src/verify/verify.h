/* verify.h - what `cadre verify` runs on the installed program: three lists of checks, in which
 * each row has a name and a function.
 *
 * A check writes what it found into `detail` and returns whether all is well. The tests in tests/
 * go much further; these checks are for users who want to know about their own machine. */
#ifndef CADRE_VERIFY_VERIFY_H
#define CADRE_VERIFY_VERIFY_H

#include <stdbool.h>
#include <stddef.h>

#include "kernel/compute.h"

enum { VERIFY_DETAIL = 160 };

typedef struct verify_run {
    compute *portable; /* on one thread */
    int threads;
    char detail[VERIFY_DETAIL];
} verify_run;

typedef struct verify_check {
    const char *name;
    bool (*holds)(verify_run *run);
} verify_check;

typedef struct verify_group {
    const char *name;
    const verify_check *checks;
    size_t count;
} verify_group;

extern const verify_group verify_references, verify_gradients, verify_kernels;

bool verify_say(verify_run *run, bool holds, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
