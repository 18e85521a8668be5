/* verify.c - runs the lists of checks. */
#include "cadre/measure.h"
#include "kernel/context.h"
#include "verify/verify.h"

#include <stdarg.h>
#include <stdio.h>

static const verify_group *const groups[] = { &verify_references, &verify_gradients,
    &verify_kernels };

bool verify_say(verify_run *run, bool holds, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(run->detail, sizeof run->detail, format, args);
    va_end(args);
    return holds;
}

cadre_status cadre_verify(int threads, cadre_verify_listener listener, void *arg)
{
    verify_run run = { .threads = threads > 0 ? threads : pool_default_threads() };
    CADRE_TRY(compute_new(1, "portable", &run.portable));
    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++)
        for (size_t i = 0; i < groups[g]->count; i++) {
            const verify_check *check = &groups[g]->checks[i];
            run.detail[0] = 0;
            cadre_verification v = { sizeof v, groups[g]->name, check->name, check->holds(&run),
                run.detail };
            listener(arg, &v);
        }
    compute_free(run.portable);
    return CADRE_OK;
}
