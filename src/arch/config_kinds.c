/* config_kinds.c - checks which kinds of sparse layers a model can hold. */
#include "arch/config.h"

/* Refuses what a single sparse layer can be but a model's cannot: gates for several tasks, of which
 * a language model has only one, the next token. */
cadre_status model_config_check_moe(const moe_config *m, const char *where)
{
    const router_options *o = &m->route;
    if (o->tasks > 1)
        return cadre_fail(CADRE_EUNSUPPORTED, where,
            "tasks: a gate for each of several tasks has no meaning here, for a language model has "
            "one task, the next token; `cadre layer` and `cadre mixture fit --gates task` have "
            "them");
    return CADRE_OK;
}
