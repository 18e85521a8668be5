/* deepseek_v3.c - DeepSeek-V3 (2024): latent attention, sigmoid scores, selection by biased scores
 * within groups, and a shared expert. Its layers that predict further tokens are not read. */
#include "arch/architecture.h"
#include "arch/deepseek2.h"

static const config_key keys[] = {
    DEEPSEEK_V3_KEYS(2.5, 0, 0),
    { 0 },
};

static cadre_status read_pairs(const json_node *root, model_config *c)
{
    return json_opt_bool(root, "rope_interleave", &c->rope.pairs);
}

/* The published files announce a layer that predicts a second token; ours have none. */
static void write_more(const model_config *config, json_writer *w)
{
    json_put_bool(w, "rope_interleave", config->rope.pairs);
    json_put_int(w, "num_nextn_predict_layers", 0);
}

const architecture architecture_deepseek_v3 = {
    .model_type = "deepseek_v3",
    .hf.class_name = "DeepseekV3ForCausalLM",
    .words =
        "DeepSeek-V3: top-k of biased sigmoid scores in groups, a shared expert, latent attention",
    .hf.keys = keys,
    .gguf.name = "deepseek2",
    .gguf.gating = 2,
    .gguf.keys = deepseek2_gguf_keys,
    .gguf.is = deepseek2_is_v3,
    .gguf.read = deepseek2_read_gguf,
    .gguf.write = deepseek2_write_gguf,
    .base.router = "sigmoid-bias-raw",
    .base.renorm = "sigmoid-bias",
    .hf.norm_topk_prob = true,
    .base.expert_form = "swiglu",
    .hf.act = "silu",
    .base.latent = true,
    .hf.read = read_pairs,
    .hf.write = write_more,
};
