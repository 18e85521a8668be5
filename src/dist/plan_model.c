/* plan_model.c - adds up a configuration's parameters. */
#include "dist/plan_model.h"

#include "model/state.h"

static void count(const model_config *c, const param_table *t, double bits, plan_model *m)
{
    for (int64_t i = 0; i < t->count; i++) {
        const param *p = &t->rows[i];
        double size = (double)p->rows * (double)p->cols;
        if (p->kind == PARAM_STATE) continue;
        if (p->expert >= 0) m->expert_parameters += size;
        else m->dense_parameters += size;
        if (p->expert < 0 && (p->role != ROLE_EMBED || c->tie)) m->dense_read += size * bits / 8;
    }
    m->dense_bytes = m->dense_parameters * bits / 8;
    m->expert_bytes = m->expert_parameters * bits / 8;
    m->active_parameters = (double)t->active;
}

static void add_gather(plan_model *m, int64_t elements)
{
    if (!elements) return;
    m->hidden_gathers++;
    m->hidden_elements += (double)elements;
}

cadre_status plan_model_of_config(const model_config *c, double bits, plan_model *m)
{
    param_table table;
    CADRE_TRY(param_table_make_whole(c, &table));
    *m = (plan_model){ .layers = (int)c->layers,
        .sparse_layers = (int)model_config_sparse_layers(c),
        .kv_heads = (int)(c->latent ? c->heads : c->kv_heads),
        .width = (double)c->width,
        .heads_width = (double)(c->heads * (c->latent ? c->value_dim : c->head_dim)),
        .vocab = (double)c->vocab };
    for (int64_t l = 0; l < c->layers; l++) {
        const layer_config *layer = &c->layer[l];
        if (!layer->sparse || layer->beside) add_gather(m, layer->dense_width);
        if (!layer->sparse) continue;
        add_gather(m, layer->moe.route.topk * layer->moe.hidden);
        add_gather(m, layer->moe.shared);
        if (layer->moe.experts > m->experts) m->experts = layer->moe.experts;
        if (layer->moe.route.topk > m->picks) m->picks = layer->moe.route.topk;
        if ((double)layer->moe.hidden > m->hidden) m->hidden = (double)layer->moe.hidden;
    }
    count(c, &table, bits, m);
    m->token_cache = (double)model_state_bytes(c, 4096) / 4096;
    param_table_free(&table);
    return CADRE_OK;
}
