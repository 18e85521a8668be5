/* config_check.c - checks of a model's configuration. */
#include "arch/architecture.h"
#include "arch/config.h"
#include "arch/config_bound.h"
#include "arch/token_types.h"
#include "op/causal_conv.h"
#include "op/delta_rule.h"

cadre_status config_check_bounds(const config_bound *bounds, size_t count, const char *where)
{
    for (size_t i = 0; i < count; i++)
        if (bounds[i].value < bounds[i].low || bounds[i].value > bounds[i].high)
            return cadre_fail(CADRE_EARGUMENT, where, "%s: expected %lld to %lld, found %lld",
                bounds[i].key, (long long)bounds[i].low, (long long)bounds[i].high,
                (long long)bounds[i].value);
    return CADRE_OK;
}

static cadre_status check_latent(const mixer_config *m, const char *where)
{
    const config_bound latent[] = { { "kv-lora-rank", m->kv_lora, 1, CONFIG_MAX_WIDTH },
        { "q-lora-rank", m->q_lora, 0, CONFIG_MAX_WIDTH },
        { "head width without positions", m->nope_dim, 1, 4096 },
        { "qk-rope-head-dim", m->rope_dim, 2, 4096 }, { "v-head-dim", m->value_dim, 1, 4096 } };
    CADRE_TRY(config_check_bounds(latent, sizeof latent / sizeof *latent, where));
    if (m->rope_dim % 2 == 0) return CADRE_OK;
    return cadre_fail(CADRE_EARGUMENT, where,
        "qk-rope-head-dim: expected an even number, found %lld", (long long)m->rope_dim);
}

static cadre_status check_state(const mixer_config *m, const char *where)
{
    const config_bound all[] = { { "convolution", m->conv, 2, CAUSAL_CONV_MOST },
        { "heads of a state space", m->state_heads, 1, 1024 },
        { "head width of a state space", m->state_head_dim, 1, 4096 },
        { "state", m->state_dim, 1, 4096 },
        { "groups of a state space", m->state_groups, 1, m->state_heads } };
    CADRE_TRY(config_check_bounds(all, sizeof all / sizeof *all, where));
    if (m->state_heads % m->state_groups == 0) return CADRE_OK;
    return cadre_fail(CADRE_EARGUMENT, where,
        "groups of a state space: expected a divisor of its %lld heads, found %lld",
        (long long)m->state_heads, (long long)m->state_groups);
}

static cadre_status check_delta(const mixer_config *m, const char *where)
{
    const config_bound bounds[] = { { "linear_num_value_heads", m->heads, 1, 1024 },
        { "linear_num_key_heads", m->key_heads, 1, m->heads },
        { "linear_key_head_dim", m->head_dim, 1, DELTA_RULE_WIDEST },
        { "linear_value_head_dim", m->value_dim, 1, DELTA_RULE_WIDEST },
        { "linear_conv_kernel_dim", m->conv, 2, CAUSAL_CONV_MOST } };
    CADRE_TRY(config_check_bounds(bounds, sizeof bounds / sizeof *bounds, where));
    if (m->decay_bound > 0 || m->decay_bound < -1e6)
        return cadre_fail(CADRE_EARGUMENT, where,
            "bound of decays: expected a number below 0, found %g", m->decay_bound);
    if (m->heads % m->key_heads == 0) return CADRE_OK;
    return cadre_fail(CADRE_EARGUMENT, where,
        "linear_num_key_heads: expected a divisor of the %lld heads of values, found %lld",
        (long long)m->heads, (long long)m->key_heads);
}

static cadre_status check_mixer(const model_config *c, const mixer_config *m, const char *where)
{
    const config_bound conv = { "conv_L_cache", m->conv, 2, CAUSAL_CONV_MOST };
    if (m->row == &mixer_short_conv) CADRE_TRY(config_check_bounds(&conv, 1, where));
    if (m->key_heads) return check_delta(m, where);
    if (m->row == &mixer_mamba2) return check_state(m, where);
    if (!m->row->rewinds || m->row == &mixer_none) return CADRE_OK; /* no attention */
    const config_bound all[] = { { "heads", m->heads, 1, 1024 },
        { "head width", m->head_dim, 1, 4096 } };
    CADRE_TRY(config_check_bounds(all, sizeof all / sizeof *all, where));
    if (m->row == &mixer_latent) return check_latent(m, where);
    const config_bound kv = { "kv-heads", m->kv_heads, 1, m->heads };
    CADRE_TRY(config_check_bounds(&kv, 1, where));
    if (m->heads % m->kv_heads)
        return cadre_fail(CADRE_EARGUMENT, where,
            "kv-heads: expected a divisor of the %lld heads, found %lld", (long long)m->heads,
            (long long)m->kv_heads);
    if (m->unplaced) return CADRE_OK;
    int64_t rotated = c->own_window_rope && m->window ? c->window_rope.width : c->rope.width;
    if (rotated < 2 || rotated % 2 || rotated > m->head_dim)
        return cadre_fail(CADRE_EARGUMENT, where,
            "head width: expected an even number to be rotated, found %lld of %lld (width %lld, "
            "%lld heads)",
            (long long)rotated, (long long)m->head_dim, (long long)c->width, (long long)m->heads);
    return CADRE_OK;
}

static cadre_status check_groups(
    const model_config *c, const layer_config *layer, const char *where)
{
    bool own = layer->own_route || layer->router;
    int64_t groups = own ? layer->moe.route.groups : c->groups,
            used = own ? layer->moe.route.groups_used : c->groups_used;
    const config_bound bound = { "groups-used", used, 1, groups };
    CADRE_TRY(config_check_bounds(&bound, 1, where));
    if (groups <= 1) return CADRE_OK;
    if (layer->moe.experts % groups)
        return cadre_fail(CADRE_EARGUMENT, where,
            "groups: expected a divisor of the %lld experts, found %lld",
            (long long)layer->moe.experts, (long long)groups);
    int64_t reachable = layer->moe.experts / groups * used;
    if (layer->moe.route.topk > reachable)
        return cadre_fail(CADRE_EARGUMENT, where,
            "topk: expected at most the %lld experts of %lld groups, found %lld",
            (long long)reachable, (long long)used, (long long)layer->moe.route.topk);
    return CADRE_OK;
}

static cadre_status check_layer(const model_config *c, int64_t l, const char *where)
{
    const layer_config *layer = &c->layer[l];
    if (!layer->sparse) {
        /* In every published family but one all layers do. A block is one half at least. */
        bool feeds =
            !layer_mixes(layer) || (c->arch && c->arch->hf.class_name && !c->arch->base.halves);
        const config_bound dense = { "dense-width", layer->dense_width, feeds, 1 << 20 };
        return config_check_bounds(&dense, 1, where);
    }
    const config_bound sparse[] = { { "experts", layer->moe.experts, 1, CONFIG_MAX_EXPERTS },
        { "expert-width", layer->moe.hidden, 1, 1 << 20 } };
    CADRE_TRY(config_check_bounds(sparse, sizeof sparse / sizeof *sparse, where));
    if (layer->moe.route.topk < 1 || layer->moe.route.topk > layer->moe.experts)
        return cadre_fail(CADRE_EARGUMENT, where,
            "topk: expected 1 to the %lld experts of layer %lld, found %lld",
            (long long)layer->moe.experts, (long long)l, (long long)layer->moe.route.topk);
    CADRE_TRY(check_groups(c, layer, where));
    CADRE_TRY(moe_config_check(&layer->moe, where));
    return model_config_check_moe(&layer->moe, where);
}

/* The logits of one sparse layer are added to those of the next, so all need as many experts. */
static cadre_status check_residual_logits(const model_config *c, const char *where)
{
    const layer_config *before = NULL;
    for (int64_t l = 0; l < c->layers; l++) {
        const layer_config *layer = &c->layer[l];
        if (!layer->sparse) continue;
        if (before && layer->moe.route.residual && layer->moe.experts != before->moe.experts)
            return cadre_fail(CADRE_EARGUMENT, where,
                "residual-logits: expected as many experts in every sparse layer, found %d and %d",
                before->moe.experts, layer->moe.experts);
        before = layer;
    }
    return CADRE_OK;
}

cadre_status model_config_check(const model_config *c, const char *where)
{
    const config_bound sizes[] = { { "vocab", c->vocab, 1, CONFIG_MAX_VOCAB },
        { "width", c->width, 1, CONFIG_MAX_WIDTH }, { "layers", c->layers, 1, CONFIG_MAX_LAYERS },
        { "context", c->context, 1, 1 << 24 },
        { "shared experts' width", c->shared_width, 0, 1 << 20 },
        { "capacity", c->capacity.slots, 0, 1 << 24 },
        { "buckets of distances", c->relative_buckets, 0, 1 << 16 } };
    CADRE_TRY(config_check_bounds(sizes, sizeof sizes / sizeof *sizes, where));
    if (!(c->norm_eps > 0 && c->norm_eps < 1))
        return cadre_fail(CADRE_EARGUMENT, where,
            "the norms' epsilon: expected a number between 0 and 1, found %g", c->norm_eps);
    if (!(c->rope.theta >= 1 && c->rope.theta < 1e12))
        return cadre_fail(
            CADRE_EARGUMENT, where, "rope_theta: expected 1 to 1e12, found %g", c->rope.theta);
    if (c->encoder && (c->bos < 0 || c->bos >= c->vocab))
        return cadre_fail(CADRE_EARGUMENT, where,
            "decoder_start_token_id: expected a token of 0 to %lld, found %lld",
            (long long)(c->vocab - 1), (long long)c->bos);
    CADRE_TRY(token_types_check(c, where));
    for (int64_t l = 0; l < c->layers; l++) CADRE_TRY(check_mixer(c, &c->layer[l].mixer, where));
    CADRE_TRY(rope_check(&c->rope, where));
    if (c->own_window_rope) CADRE_TRY(rope_check(&c->window_rope, where));
    for (int64_t l = 0; l < c->layers; l++) CADRE_TRY(check_layer(c, l, where));
    CADRE_TRY(check_residual_logits(c, where));
    return c->encoder ? model_config_check(c->encoder, where) : CADRE_OK;
}
