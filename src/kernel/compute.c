/* compute.c - makes and frees what arithmetic runs on. */
#include "kernel/compute.h"

#include "base/memory.h"
#include "kernel/context.h"
#include "kernel/gemm.h"
#include "kernel/quant.h"

static void scratch_free(void **scratch, int workers)
{
    for (int w = 0; scratch && w < workers; w++) mem_free(scratch[w]);
    mem_free(scratch);
}

/* NULL: no memory */
static void **scratch_new(int workers, size_t bytes)
{
    void **scratch = MEM_ARRAY(void *, workers);
    for (int w = 0; scratch && w < workers; w++)
        if (!(scratch[w] = mem_alloc(bytes, 1))) {
            scratch_free(scratch, w);
            return NULL;
        }
    return scratch;
}

cadre_status compute_new(int threads, const char *variant, compute **result)
{
    const kernel_variant *chosen;
    CADRE_TRY(variant_choose(variant, &chosen));
    compute *c = MEM_ARRAY(compute, 1);
    if (!c) return CADRE_ENOMEM;
    c->variant = chosen;
    c->pool = pool_new(threads > 0 ? threads : pool_default_threads());
    c->workers = pool_threads(c->pool);
    c->scratch = scratch_new(c->workers, gemm_scratch_bytes());
    c->quant_scratch = scratch_new(c->workers, quant_scratch_bytes());
    if (!c->pool || !c->scratch || !c->quant_scratch) {
        compute_free(c);
        return CADRE_ENOMEM;
    }
    *result = c;
    return CADRE_OK;
}

size_t compute_bytes(const compute *c)
{
    return (size_t)c->workers * (gemm_scratch_bytes() + quant_scratch_bytes());
}

void compute_free(compute *c)
{
    if (!c) return;
    pool_free(c->pool);
    scratch_free(c->scratch, c->workers);
    scratch_free(c->quant_scratch, c->workers);
    mem_free(c->pair_scratch);
    mem_free(c);
}
