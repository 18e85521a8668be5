/* config_difference.c - compares two configurations as functions of the same parameters.
 *
 * It compares what a saved model must keep. Fields that only steer training (coefficients of
 * losses, the range of initial weights) are left out, and so are those that only say how a file
 * holds the same thing. */
#include <stddef.h>
#include <string.h>

#include "arch/config.h"
#include "arch/token_types.h"
#include "moe/select.h"

typedef struct compared {
    const char *name;
    size_t at, size;
} compared;

#define COMPARED_OF(type_, name_, field_)                                                          \
    {                                                                                              \
        name_, offsetof(type_, field_), sizeof(((type_ *)0)->field_)                               \
    }

#define COMPARED(name_, field_) COMPARED_OF(model_config, name_, field_)
#define MIXERS(name_, field_) COMPARED_OF(mixer_config, name_, field_)

static const compared numbers[] = {
    COMPARED("vocab", vocab),
    COMPARED("width", width),
    COMPARED("context", context),
    COMPARED("layers", layers),
    COMPARED("epsilon of the norms", norm_eps),
    COMPARED("tie", tie),
    COMPARED("scale of embeddings", embedding_scale),
    COMPARED("scale of residuals", residual_scale),
    COMPARED("norms behind each half of a block", post_norms),
    COMPARED("soft limit of logits", logit_softcap),
    COMPARED("numbers that multiply layers", layer_scale),
    COMPARED("biases of attention", qkv_bias),
    COMPARED("bias of attention's output", out_bias),
    COMPARED("sinks", sinks),
    COMPARED("biases by distance", relative_buckets),
    COMPARED("distance of biases", relative_distance),
    COMPARED("attention to an encoder", cross),
    COMPARED("biases of the feed-forward", ffn_bias),
    COMPARED("biases of the router", router_bias),
    COMPARED("biases of experts", expert_bias),
    COMPARED("sigmoid behind the experts", expert_sigmoid),
    COMPARED("end of text", eos),
};
static const compared rotary_numbers[] = {
    COMPARED("rotated share of a head", rotary_share),
    COMPARED("rotary base", rope.theta),
    COMPARED("order of rotated pairs", rope.pairs),
    COMPARED("rotated elements of a head", rope.width),
    COMPARED("rotary base of layers with a window", window_rope.theta),
    COMPARED("rotary positions of layers with a window", own_window_rope),
    COMPARED("rotated elements of layers with a window", window_rope.width),
};
static const compared mixer_numbers[] = {
    MIXERS("kind of token mixer", row),
    MIXERS("heads", heads),
    MIXERS("kv-heads", kv_heads),
    MIXERS("head-dim", head_dim),
    MIXERS("norms of queries and keys", qk_norm),
    MIXERS("limit of queries, keys and values", clip),
    MIXERS("soft limit of attention's scores", softcap),
    MIXERS("attention to what comes after", bidirectional),
    MIXERS("scale of attention", scale),
    MIXERS("window of attention", window),
    MIXERS("layers without positions", unplaced),
    MIXERS("norms of values", values),
    MIXERS("tokens of a convolution", conv),
    MIXERS("v-head-dim", value_dim),
    MIXERS("heads of a delta rule's keys", key_heads),
    MIXERS("bound of decays", decay_bound),
    MIXERS("small width of decays", low_rank),
    MIXERS("heads of a state space", state_heads),
    MIXERS("head width of a state space", state_head_dim),
    MIXERS("state", state_dim),
    MIXERS("groups of a state space", state_groups),
    MIXERS("gate of attention's output", gating),
    MIXERS("function of attention's gate", gate_softplus),
};
static const compared latent_numbers[] = {
    MIXERS("q-lora-rank", q_lora),
    MIXERS("kv-lora-rank", kv_lora),
    MIXERS("head-dim", nope_dim),
    MIXERS("qk-rope-head-dim", rope_dim),
    MIXERS("v-head-dim", value_dim),
    MIXERS("epsilon of latent norms", latent_norm_eps),
};
static const char *differing(const compared *list, size_t count, const void *a, const void *b)
{
    for (size_t i = 0; i < count; i++)
        if (memcmp((const char *)a + list[i].at, (const char *)b + list[i].at, list[i].size) != 0)
            return list[i].name;
    return NULL;
}
#define DIFFERING(list, a, b) differing(list, sizeof(list) / sizeof *(list), a, b)

/* Compares those options of the routers that influence picks and weights, which depends on the
 * router and on other options. */
static const char *routes_differ(const moe_config *a, const moe_config *b)
{
    const router *r = a->router;
    const router_options *x = &a->route, *y = &b->route;
    bool grouped = select_is_grouped(x),
         limited = a->dispatch.overflow != OVERFLOW_NONE && a->dispatch.in_eval;
    if (x->topk != y->topk) return "topk";
    if (x->scale != y->scale) return "route-scale";
    if (grouped != select_is_grouped(y)) return "groups";
    if (grouped && (x->groups != y->groups || x->groups_used != y->groups_used)) return "groups";
    if (grouped && x->group_score != y->group_score) return "group-score";
    if (grouped && x->group_mask != y->group_mask) return "group-mask";
    if (router_understands(r, "renormalise") && x->renormalise != y->renormalise)
        return "renormalise";
    if (router_understands(r, "norm-eps") && x->norm_eps != y->norm_eps) return "norm-eps";
    if (router_understands(r, "top-p") && x->top_p != y->top_p) return "top-p";
    if (r->traits & ROUTER_OWN_CAPACITY && x->capacity != y->capacity) return "capacity-factor";
    if (router_understands(r, "sparsemixer-epsilon") && x->mask_epsilon != y->mask_epsilon)
        return "sparsemixer-epsilon";
    if (router_understands(r, "grid") &&
        (x->dimensions != y->dimensions ||
            memcmp(x->grid, y->grid, (size_t)x->dimensions * sizeof *x->grid) != 0))
        return "grid";
    if (router_understands(r, "projector") && x->projector != y->projector) return "projector";
    if (router_understands(r, "slots") && x->slots != y->slots) return "slots";
    if (r->scores && x->score != y->score) return "score";
    if (x->banks != y->banks ||
        memcmp(x->bank_experts, y->bank_experts, (size_t)x->banks * sizeof *x->bank_experts) != 0)
        return "banks";
    if (limited && router_understands(r, "survivors") && x->renormalise_kept != y->renormalise_kept)
        return "survivors";
    return NULL;
}

static const char *limits_differ(const dispatch_options *x, const dispatch_options *y)
{
    bool limited = x->in_eval && x->overflow != OVERFLOW_NONE;
    if (limited != (y->in_eval && y->overflow != OVERFLOW_NONE)) return "capacity-in-eval";
    if (!limited) return NULL;
    if (x->overflow != y->overflow) return "overflow";
    if (x->priority != y->priority) return "priority";
    if (x->slots != y->slots) return "capacity-slots";
    return x->slots > 0 || x->factor == y->factor ? NULL : "capacity-factor";
}

static const char *sparse_layers_differ(const moe_config *a, const moe_config *b)
{
    if (a->router != b->router) return "router";
    if (a->experts != b->experts) return "experts";
    if (a->hidden != b->hidden) return "expert-width";
    if (strcmp(a->form, b->form) != 0) return "expert-form";
    if (!strcmp(a->form, "gpt-oss") && a->limit != b->limit) return "limit of expert-form gpt-oss";
    if (a->shared != b->shared) return "shared-experts";
    if (a->latent != b->latent) return "latent-width";
    if (a->residual != b->residual) return "residual-width";
    if (a->constants != b->constants) return "constant-experts";
    if (a->copies != b->copies) return "copy-experts";
    if (a->zeros != b->zeros) return "zero-experts";
    if (a->input_scale != b->input_scale) return "expert-input-scale";
    if (a->route.residual != b->route.residual) return "residual-logits";
    if (a->route.drop_last != b->route.drop_last) return "zero-weight";
    if (a->shared && a->shared_gated != b->shared_gated) return "gate of the shared experts";
    const char *name = routes_differ(a, b);
    return name ? name : limits_differ(&a->dispatch, &b->dispatch);
}

/* Compares scalings, which can be described in several ways. */
static const char *scalings_differ(const rope_options *a, const rope_options *b)
{
    bool dynamic = a->scaling == ROPE_DYNAMIC;
    if (dynamic != (b->scaling == ROPE_DYNAMIC)) return "scaling of positions";
    if (dynamic && a->original_context != b->original_context) return "original context";
    if (rope_attention_factor(a) != rope_attention_factor(b))
        return "attention scale of RoPE scaling";
    for (int64_t i = 0; i < a->width / 2; i++)
        if (rope_divisor(a, i) != rope_divisor(b, i)) return "scaling of positions";
    return NULL;
}

/* A file may say how a head is rotated though no layer rotates it, which changes nothing. */
static const char *positions_differ(const model_config *a, const model_config *b)
{
    if (!model_config_rotates(a) && !model_config_rotates(b)) return NULL;
    const char *name = DIFFERING(rotary_numbers, a, b);
    if (!name && a->own_window_rope) name = scalings_differ(&a->window_rope, &b->window_rope);
    return name ? name : scalings_differ(&a->rope, &b->rope);
}

static const char *mixers_differ(const mixer_config *a, const mixer_config *b)
{
    const char *name = DIFFERING(mixer_numbers, a, b);
    return !name && a->row == &mixer_latent ? DIFFERING(latent_numbers, a, b) : name;
}

static const char *layers_differ(const model_config *a, const model_config *b, int64_t l)
{
    const layer_config *x = &a->layer[l], *y = &b->layer[l];
    if (x->sparse != y->sparse) return "dense-layers";
    if (x->beside != y->beside) return "a dense feed-forward beside experts";
    if (x->beside && x->dense_width != y->dense_width) return "dense-width";
    if (!x->sparse && x->dense_width != y->dense_width) return "dense-width";
    if (!x->sparse && strcmp(layer_form_name(a, x), layer_form_name(b, y)) != 0)
        return "expert-form";
    if (!x->sparse) return NULL;
    return sparse_layers_differ(&x->moe, &y->moe);
}

const char *model_config_difference(const model_config *a, const model_config *b)
{
    const char *name = DIFFERING(numbers, a, b);
    if (!name) name = token_types_difference(a, b);
    for (int64_t l = 0; !name && l < a->layers; l++)
        name = mixers_differ(&a->layer[l].mixer, &b->layer[l].mixer);
    if (!name) name = positions_differ(a, b);
    if (!name && model_config_logit_scale(a) != model_config_logit_scale(b))
        name = "scale of logits";
    for (int64_t l = 0; !name && l < a->layers; l++) name = layers_differ(a, b, l);
    if (name || (!a->encoder && !b->encoder)) return name;
    return a->encoder && b->encoder ? model_config_difference(a->encoder, b->encoder)
                                    : "an encoder";
}
