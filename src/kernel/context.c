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
    c->self = comm_self();
    c->world = &c->self;
    c->layout = layout_single();
    *context = c;
    return CADRE_OK;
}

void cadre_context_free(cadre_context *context)
{
    if (!context) return;
    compute_free(context->compute);
    mem_free(context);
}

cadre_status context_enter(cadre_context *context)
{
    if (guard_enter(&context->guard)) return CADRE_OK;
    cadre_status status = cadre_fail(CADRE_EBUSY, NULL,
        "expected a context that no other thread is using, found one that computes");
    cadre_fail_advice("threads that compute at the same time need a context each, and models and "
                      "layers opened in it");
    return status;
}

cadre_status context_leave(cadre_context *context, cadre_status status)
{
    guard_leave(&context->guard);
    return status;
}

const char *cadre_context_variant(const cadre_context *context)
{
    return context->compute->variant->name;
}
int cadre_context_threads(const cadre_context *context) { return context->compute->workers; }
