/* config_kinds.c - checks which kinds of sparse layers a model can hold: those for whose parameters
 * THE LIST of parameters (param_list.h) has roles. */
#include "arch/config.h"

static cadre_status lacks(const char *where, const char *what, const char *name)
{
    return cadre_fail(CADRE_EUNSUPPORTED, where,
        "%s%s: a model has no place for it yet; `cadre layer` computes it", what, name);
}

/* Refuses what a single sparse layer can be but a model's cannot: parameters that no layout names,
 * and gates for several tasks, of which a language model has only one, the next token. */
cadre_status model_config_check_moe(const moe_config *m, const char *where)
{
    const router_options *o = &m->route;
    if (o->tasks > 1)
        return cadre_fail(CADRE_EUNSUPPORTED, where,
            "tasks: a gate for each of several tasks has no meaning here, for a language model has "
            "one task, the next token; `cadre layer` and `cadre mixture fit --gates task` have "
            "them");
    if (o->banks) return lacks(where, "banks", "");
    if (m->types.count) return lacks(where, "types", "");
    return CADRE_OK;
}
