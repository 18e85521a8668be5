/* gguf_unread.c - keys that change what a model computes and that nothing has read: a file that has
 * one describes another model than the one that its family makes of it. */
#include "arch/gguf_unread.h"

#include <stdio.h>
#include <string.h>

/* A key of any family, "ARCHITECTURE.SUFFIX", and the values that say nothing. Sizes are left out:
 * the shapes of tensors tell. */
typedef struct computing_key {
    const char *suffix;
    double nothing, neutral;
} computing_key;

static const computing_key list[] = {
    { "attention.causal", 1, 1 },
    { "attention.clamp_kqv", 0, 0 },
    { "attention.max_alibi_bias", 0, 0 },
    { "attention.scale", 0, 0 },
    { "attention.sliding_window", 0, 0 },
    { "attention.temperature_scale", 0, 0 },
    { "attn_logit_softcapping", 0, 0 },
    { "embedding_scale", 0, 1 },
    { "expert_group_count", 0, 1 },
    { "expert_group_scale", 0, 1 },
    { "expert_weights_scale", 0, 1 },
    { "final_logit_softcapping", 0, 0 },
    { "interleave_moe_layer_step", 0, 1 },
    { "leading_dense_block_count", 0, 0 },
    { "logit_scale", 0, 1 },
    { "moe_every_n_layers", 0, 1 },
    { "nextn_predict_layers", 0, 0 },
    { "residual_scale", 0, 1 },
    { "rope.scale_linear", 0, 1 },
    { "rope.scaling.attn_factor", 0, 1 },
    { "rope.scaling.factor", 0, 1 },
    { "shared_kv_layers", 0, 0 },
    { "use_parallel_residual", 0, 0 },
};

static bool says_nothing(const computing_key *k, double value)
{
    return value == k->nothing || value == k->neutral;
}

/* A window as long as the context hides nothing. */
static bool hides_nothing(const char *suffix, double value, int64_t context)
{
    return !strcmp(suffix, "attention.sliding_window") && value >= (double)context;
}

static cadre_status check(
    const gguf *f, const model_config *c, const computing_key *k, const gguf *written)
{
    char name[96];
    double value = k->nothing;
    snprintf(name, sizeof name, "%s.%s", c->arch->gguf.name, k->suffix);
    if (!gguf_has_number(f, name, &value) || says_nothing(k, value)) return CADRE_OK;
    if (written ? gguf_has(written, name) : gguf_was_read(f, name)) return CADRE_OK;
    if (hides_nothing(k->suffix, value, c->context)) return CADRE_OK;
    return cadre_fail(CADRE_EUNSUPPORTED, gguf_path(f),
        "%s: expected no such key in a model of this family, where it is not implemented, found "
        "%.9g",
        name, value);
}

cadre_status gguf_unread_refuse(const gguf *f, const model_config *c, const gguf *written)
{
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        CADRE_TRY(check(f, c, &list[i], written));
    return CADRE_OK;
}
