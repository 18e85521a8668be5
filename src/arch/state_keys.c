/* state_keys.c - keys of Mamba-2 layers that are not one field of a configuration. */
#include "arch/state_keys.h"

#include <stdio.h>

#include "arch/architecture.h"

static void name_key(const model_config *c, const char *key, char name[96])
{
    snprintf(name, 96, "%s.%s", c->arch->gguf.name, key);
}

static bool has_conv_bias(const gguf *file, const model_config *c)
{
    char name[GGUF_NAME];
    gguf_tensor t;
    for (int64_t l = 0; l < c->layers; l++) {
        snprintf(name, sizeof name, "blk.%lld.ssm_conv1d.bias", (long long)l);
        if (gguf_tensor_find(file, name, &t)) return true;
    }
    return false;
}

cadre_status state_inner_read_gguf(const gguf *file, model_config *c)
{
    char name[96];
    int64_t inner = 0;
    name_key(c, "ssm.inner_size", name);
    CADRE_TRY(gguf_get_int(file, name, 1, INT32_MAX, &inner));
    if (c->state_heads < 1 || inner % c->state_heads)
        return cadre_fail(CADRE_EFORMAT, gguf_path(file),
            "%s: expected a multiple of the %lld heads of ssm.time_step_rank, found %lld", name,
            (long long)c->state_heads, (long long)inner);
    c->state_head_dim = inner / c->state_heads;
    c->conv_bias = has_conv_bias(file, c);
    return CADRE_OK;
}

void state_inner_write_gguf(const model_config *c, gguf_writer *w)
{
    char name[96];
    name_key(c, "ssm.inner_size", name);
    gguf_writer_int(w, name, GGUF_U32, c->state_heads * c->state_head_dim);
}

/* Whether it is larger than any step: the literal, a number that stands for it, or transformers'
 * own way to write it. */
static bool is_endless(const json_node *node)
{
    double value = 0;
    json_node inside = json_member(node, "__float__");
    const char *text = "";
    switch (json_kind_of(node)) {
    case JSON_KIND_LITERAL: return json_is_literal(node, "Infinity");
    case JSON_KIND_NUMBER: return json_as_real(node, 1e9, 1e300, &value) == CADRE_OK;
    case JSON_KIND_OBJECT:
        return json_as_string(&inside, &text, NULL) == CADRE_OK && text[0] == 'I';
    default: return false;
    }
}

cadre_status state_limit_read(const json_node *root)
{
    json_node limit;
    double least = -1;
    CADRE_TRY(json_opt_array(root, "time_step_limit", &limit));
    if (!limit.value) return CADRE_OK;
    json_node low = json_item(&limit, 0), high = json_item(&limit, 1);
    if (json_count(&limit) == 2 && json_as_real(&low, 0, 0, &least) == CADRE_OK &&
        is_endless(&high))
        return CADRE_OK;
    json_refuse(&limit, "[0, Infinity], the only limits that are implemented");
    return CADRE_EUNSUPPORTED;
}
