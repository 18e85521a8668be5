/* context.c - the public context: a worker pool with its CPU variant. */
#include "kernel/context.h"

#include "base/memory.h"

cadre_status cadre_context_new(int threads, const char *variant, cadre_context **context)
{
    cadre_context *c = MEM_ARRAY(cadre_context, 1);
    if (!c) return CADRE_ENOMEM;
    cadre_status status = compute_new(threads, variant, &c->compute);
    if (status != CADRE_OK) {
        mem_free(c);
        return status;
    }
    *context = c;
    return CADRE_OK;
}

void cadre_context_free(cadre_context *context)
{
    if (!context) return;
    compute_free(context->compute);
    mem_free(context);
}

const char *cadre_context_variant(const cadre_context *context) { return context->compute->variant->name; }
int cadre_context_threads(const cadre_context *context) { return context->compute->workers; }
