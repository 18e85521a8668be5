/* same_bits.c - the loop over variants and threads. */
#include "kernel/context.h"
#include "support/same_bits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

static void compare(
    const real *got, const real *expected, int64_t count, const char *variant, int threads)
{
    for (int64_t i = 0; i < count; i++)
        if (memcmp(&got[i], &expected[i], sizeof *got) != 0)
            fail_msg("%s with %d threads: number %lld is %.9g, portable alone gives %.9g", variant,
                threads, (long long)i, (double)got[i], (double)expected[i]);
}

void same_bits_check(same_bits_run run, void *state, int64_t count)
{
    int variants;
    const kernel_variant *const *list = variant_list(&variants);
    real *expected = MEM_ARRAY(real, count), *got = MEM_ARRAY(real, count);
    assert_true(expected && got);
    for (int v = 0; v < variants; v++)
        for (int threads = 1; threads <= 3; threads++) {
            compute *c;
            if (list[v]->needs & ~cpu_features()) continue;
            assert_int_equal(compute_new(threads, list[v]->name, &c), CADRE_OK);
            real *out = v == 0 && threads == 1 ? expected : got;
            memset(out, 0, (size_t)count * sizeof *out);
            run(c, state, out);
            compute_free(c);
            compare(out, expected, count, list[v]->name, threads);
        }
    mem_free(expected);
    mem_free(got);
}
