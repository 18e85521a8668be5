/* spoiled.h - kernels with one mistake in them, to see that a check of `cadre verify` finds it. */
#ifndef CADRE_TESTS_VERIFY_SPOILED_H
#define CADRE_TESTS_VERIFY_SPOILED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/context.h"
#include "kernel/gemm_kernels.h"
#include "kernel/rows.h"
#include "support/succeeds.h"
#include "verify/verify.h"

/* A copy of the portable kernels, to be changed before it is used. */
typedef struct spoiled {
    compute *made;
    row_activation activations[16];
    row_kernels rows;
    gemm_kernels gemm;
    kernel_variant variant;
    compute compute;
    verify_run run;
} spoiled;

static inline void spoiled_open(spoiled *s)
{
    succeeds(compute_new(1, "portable", &s->made));
    s->rows = *s->made->variant->rows;
    s->gemm = *s->made->variant->gemm;
    assert_in_range(s->rows.activation_count, 1, 16);
    memcpy(s->activations, s->rows.activations,
        (size_t)s->rows.activation_count * sizeof *s->activations);
    s->rows.activations = s->activations;
    s->variant = *s->made->variant;
    s->variant.rows = &s->rows;
    s->variant.gemm = &s->gemm;
    s->compute = *s->made;
    s->compute.variant = &s->variant;
    s->run = (verify_run){ .portable = &s->compute, .threads = 2 };
}

static inline void spoiled_close(spoiled *s) { compute_free(s->made); }

static inline row_activation *spoiled_activation(spoiled *s, const char *name)
{
    for (int i = 0; i < s->rows.activation_count; i++)
        if (!strcmp(s->activations[i].name, name)) return &s->activations[i];
    fail_msg("no activation %s", name);
    return NULL;
}

static inline const verify_check *check_of(const verify_group *group, const char *name)
{
    for (size_t i = 0; i < group->count; i++)
        if (!strcmp(group->checks[i].name, name)) return &group->checks[i];
    fail_msg("no check %s", name);
    return NULL;
}

static inline void check_says(
    spoiled *s, const verify_group *group, const char *name, bool holds, const char *detail)
{
    bool found = check_of(group, name)->holds(&s->run);
    if (found != holds || !strstr(s->run.detail, detail))
        fail_msg(
            "%s %s: \"%s\", wanted \"%s\"", name, found ? "holds" : "fails", s->run.detail, detail);
}

/* Exactly the checks named, which NULL ends, do not hold. */
static inline void only_these_fail(
    spoiled *s, const verify_group *group, const char *const *failing)
{
    size_t failed = 0, named = 0;
    for (; failing[named]; named++)
        if (check_of(group, failing[named])->holds(&s->run))
            fail_msg("%s holds: %s", failing[named], s->run.detail);
    for (size_t i = 0; i < group->count; i++) failed += !group->checks[i].holds(&s->run);
    assert_int_equal(failed, named);
}

#endif
