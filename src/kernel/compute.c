/* compute.c - makes and frees what arithmetic runs on. */
#include "kernel/compute.h"

#include "base/memory.h"
#include "kernel/gemm.h"

static bool scratch_new(compute *c)
{
    c->scratch = MEM_ARRAY(void *, c->workers);
    for (int w = 0; c->scratch && w < c->workers; w++)
        if (!(c->scratch[w] = mem_alloc(gemm_scratch_bytes(), 1))) return false;
    return c->scratch != NULL;
}

cadre_status compute_new(int threads, const char *variant, compute **result)
{
    const kernel_variant *chosen;
    CADRE_TRY(variant_choose(variant, &chosen));
    compute *c = MEM_ARRAY(compute, 1);
    if (!c) return CADRE_ENOMEM;
    c->variant = chosen;
    c->workers = threads > 0 ? threads : pool_default_threads();
    c->pool = pool_new(c->workers);
    if (!c->pool || !scratch_new(c)) {
        compute_free(c);
        return CADRE_ENOMEM;
    }
    *result = c;
    return CADRE_OK;
}

void compute_free(compute *c)
{
    if (!c) return;
    pool_free(c->pool);
    for (int w = 0; c->scratch && w < c->workers; w++) mem_free(c->scratch[w]);
    mem_free(c->scratch);
    mem_free(c);
}
