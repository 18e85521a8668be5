/* config_kinds.c - which kinds of sparse layers a model can hold: those whose parameters the list
 * of parameters (param_list.h) has a role for. */
#include "arch/config.h"

static cadre_status lacks(const char *where, const char *what, const char *name)
{
    return cadre_fail(CADRE_EUNSUPPORTED, where,
        "%s%s: a model has no place for it yet; `cadre layer` computes it", what, name);
}

/* What a sparse layer can be and a model's cannot yet: parameters that no layout names. */
cadre_status model_config_check_moe(const moe_config *m, const char *where)
{
    const router_options *o = &m->route;
    if (o->tasks > 1) return lacks(where, "tasks", "");
    if (o->residual) return lacks(where, "residual-logits", "");
    if (o->banks) return lacks(where, "banks", "");
    if (m->types.count) return lacks(where, "types", "");
    if (m->constants) return lacks(where, "constant-experts", "");
    if (m->copies) return lacks(where, "copy-experts", "");
    if (m->zeros) return lacks(where, "zero-experts", "");
    if (m->input_scale != 1) return lacks(where, "expert-input-scale", "");
    return CADRE_OK;
}
