/* glm4_moe_lite.c - GLM-4.7-Flash (2026): DeepSeek-V3 with other sizes and a list of the layers
 * that are dense. GGUF files call it deepseek2. */
#include <string.h>

#include "arch/architecture.h"
#include "arch/deepseek2.h"

/* Reads "mlp_layer_types", which counts in place of a number of dense layers. */
static cadre_status read(const json_node *root, model_config *c)
{
    json_node list;
    CADRE_TRY(json_opt_array(root, "mlp_layer_types", &list));
    if (list.value && (int64_t)json_count(&list) != c->layers)
        return json_refuse(&list, "one item for each of the %lld layers", (long long)c->layers);
    for (int64_t l = 0; list.value && l < c->layers; l++) {
        json_node item = json_item(&list, (size_t)l);
        const char *type;
        CADRE_TRY(json_as_string(&item, &type, NULL));
        c->layer[l].sparse = !strcmp(type, "sparse");
        if (!c->layer[l].sparse && strcmp(type, "dense") != 0)
            return json_refuse(&item, "dense or sparse");
    }
    return json_opt_bool(root, "rope_interleave", &c->rope.pairs);
}

static void write(const model_config *c, json_writer *w)
{
    json_put_array(w, "mlp_layer_types");
    for (int64_t l = 0; l < c->layers; l++)
        json_put_string(w, NULL, c->layer[l].sparse ? "sparse" : "dense");
    json_put_close(w, ']');
    json_put_bool(w, "rope_interleave", c->rope.pairs);
    json_put_int(w, "num_nextn_predict_layers", 0);
}

/* Such files are taken for those of DeepSeek-V3, which computes the same. */
static bool is_none(const gguf *file)
{
    (void)file;
    return false;
}

const architecture architecture_glm4_moe_lite = {
    .model_type = "glm4_moe_lite",
    .hf.class_name = "Glm4MoeLiteForCausalLM",
    .words = "GLM-4.7-Flash: top-k of biased sigmoid scores, a shared expert, latent attention",
    .hf.keys = deepseek_v3_keys,
    .gguf.name = "deepseek2",
    .gguf.gating = 2,
    .gguf.keys = deepseek2_gguf_keys,
    .gguf.is = is_none,
    .gguf.write = deepseek2_write_gguf,
    .base.router = "sigmoid-bias-raw",
    .base.renorm = "sigmoid-bias",
    .hf.norm_topk_prob = true,
    .base.expert_form = "swiglu",
    .hf.act = "silu",
    .base.latent = true,
    .hf.read = read,
    .hf.write = write,
};
