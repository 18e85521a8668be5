/* glm4_moe_lite.c - GLM-4.7-Flash (2026): DeepSeek-V3 with other sizes and a list of the layers
 * that are dense. GGUF files call it deepseek2. */
#include "arch/architecture.h"
#include "arch/deepseek2.h"
#include "arch/dense_layers.h"

static const config_key keys[] = {
    DEEPSEEK_V3_KEYS(1.8, 1, 1),
    KEY_REAL_OF("rms_norm_eps", norm_eps, KEY_UNWRITTEN, 1e-5),
    { 0 },
};

static cadre_status read(const json_node *root, model_config *c)
{
    CADRE_TRY(layer_kinds_read(root, c));
    return json_opt_bool(root, "rope_interleave", &c->rope.pairs);
}

static void write(const model_config *c, json_writer *w)
{
    layer_kinds_write(c, w);
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
    .hf.keys = keys,
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
