/* arch_cadre.c - cadre's own: what no published decoder layout can say. Every choice stands in the file by name, and what differs
 * between layers as one item a layer. The keys are described in docs/cadre-format.md. */
#include "model/architecture.h"

#include <string.h>

static const config_key keys[] = {
    KEY_INT_OF("head_dim", head_dim, KEY_REQUIRED, 0),
    KEY_INT_OF("intermediate_size", dense_width, 0, 0),
    KEY_INT_OF("n_shared_experts", shared_experts, 0, 0),
    KEY_INT_OF("shared_expert_intermediate_size", shared_width, 0, 0),
    KEY_BOOL_OF("shared_expert_gated", shared_gated, 0, 0),
    KEY_INT_OF("n_group", groups, 0, 1),
    KEY_INT_OF("topk_group", groups_used, 0, 1),
    KEY_REAL_OF("routed_scaling_factor", route_scale, 0, 1),
    KEY_REAL_OF("router_aux_loss_coef", aux_loss, 0, 0),
    KEY_BOOL_OF("latent_attention", latent, 0, 0),
    KEY_INT_OF("q_lora_rank", q_lora, 0, 0),
    KEY_INT_OF("kv_lora_rank", kv_lora, 0, 0),
    KEY_INT_OF("qk_nope_head_dim", nope_dim, 0, 0),
    KEY_INT_OF("qk_rope_head_dim", rope_dim, 0, 0),
    KEY_INT_OF("v_head_dim", value_dim, 0, 0),
    KEY_MUST_BE("attention_bias", "false"),
    { 0 },
};

static const char *const qk_norms[] = { [QK_NORM_NONE] = "none", [QK_NORM_HEAD] = "head", [QK_NORM_FULL] = "full" };

static cadre_status read_words(const json_node *root, model_config *config)
{
    const char *name, *form, *norm = "none";
    CADRE_TRY(json_get_string(root, "router", &name));
    CADRE_TRY(json_get_string(root, "expert_form", &form));
    CADRE_TRY(json_opt_string(root, "qk_norm", &norm));
    config->router = router_by_name(name);
    if (!config->router)
        return cadre_fail(CADRE_EUNSUPPORTED, root->file, "router: expected the name of a router, found \"%s\"", name);
    CADRE_TRY(model_config_set_form(config, form, root->file));
    for (int i = 0; i < 3; i++)
        if (!strcmp(norm, qk_norms[i])) {
            config->qk_norm = (qk_norm)i;
            return CADRE_OK;
        }
    return cadre_fail(CADRE_EUNSUPPORTED, root->file, "qk_norm: expected none, head or full, found \"%s\"", norm);
}

/* "sparse_layers": one item a layer: null (dense), or {"experts", "topk", "expert_width"}. */
static cadre_status read_layers(const json_node *root, model_config *config)
{
    json_node list;
    CADRE_TRY(json_get_array(root, "sparse_layers", &list));
    if ((int64_t)json_count(&list) != config->layers)
        return json_refuse(&list, "one item for each of the %lld layers", (long long)config->layers);
    for (int64_t l = 0; l < config->layers; l++) {
        json_node item = json_item(&list, (size_t)l);
        layer_config *layer = &config->layer[l];
        *layer = (layer_config){ .sparse = json_kind_of(&item) != JSON_KIND_NULL };
        if (!layer->sparse) continue;
        CADRE_TRY(json_as_object(&item));
        CADRE_TRY(json_get_int(&item, "experts", 1, CONFIG_MAX_EXPERTS, &layer->experts));
        CADRE_TRY(json_get_int(&item, "topk", 1, layer->experts, &layer->topk));
        CADRE_TRY(json_get_int(&item, "expert_width", 1, 1 << 20, &layer->expert_width));
    }
    return CADRE_OK;
}

static cadre_status read_own(const json_node *root, model_config *config)
{
    CADRE_TRY(read_words(root, config));
    return read_layers(root, config);
}

static void write_own(const model_config *config, json_writer *w)
{
    json_put_string(w, "router", config->router->name);
    json_put_string(w, "expert_form", config->expert_form);
    json_put_string(w, "qk_norm", qk_norms[config->qk_norm]);
    json_put_array(w, "sparse_layers");
    for (int64_t l = 0; l < config->layers; l++) {
        const layer_config *layer = &config->layer[l];
        if (!layer->sparse) {
            json_put_null(w, NULL);
            continue;
        }
        json_put_object(w, NULL);
        json_put_int(w, "experts", layer->experts);
        json_put_int(w, "topk", layer->topk);
        json_put_int(w, "expert_width", layer->expert_width);
        json_put_close(w, '}');
    }
    json_put_close(w, ']');
}

const architecture architecture_cadre = {
    .model_type = "cadre",
    .words = "cadre's own layout: any router and expert form, layers may differ",
    .keys = keys,
    .gguf_name = "cadre",
    .read = read_own,
    .write = write_own,
};
