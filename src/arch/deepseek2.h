/* deepseek2.h - GGUF's "deepseek2", which DeepSeek-V2 and V3 share: the widths of latent attention,
 * its magnitudes, and the way to tell the two apart. */
#ifndef CADRE_ARCH_DEEPSEEK2_H
#define CADRE_ARCH_DEEPSEEK2_H

#include "arch/config_keys.h"
#include "format/gguf.h"

extern const config_key deepseek2_gguf_keys[];

/* clang-format off */
/* Keys of folders of V3 and its relatives: what differs is what absent ones mean. */
#define DEEPSEEK_V3_KEYS(scale, shared, dense)                                                     \
    KEY_INT_OF("intermediate_size", dense_width, 0, 0),                                            \
    KEY_INT_OF("moe_intermediate_size", expert_width, KEY_REQUIRED, 0),                            \
    KEY_INT_OF("n_routed_experts|num_experts|num_local_experts", experts, KEY_REQUIRED, 0),        \
    KEY_INT_OF("num_experts_per_tok", topk, KEY_REQUIRED, 0),                                      \
    KEY_INT_OF("n_shared_experts", shared_experts, 0, shared),                                     \
    KEY_INT_OF("n_group", groups, KEY_ZERO_UNSAID, 1),                                             \
    KEY_INT_OF("topk_group", groups_used, KEY_ZERO_UNSAID, 1),                                     \
    KEY_REAL_OF("routed_scaling_factor", route_scale, 0, scale),                                   \
    KEY_INT_OF("first_k_dense_replace", dense_layers, 0, dense),                                   \
    KEY_INT_OF("q_lora_rank", q_lora, KEY_NULLABLE, 0),                                            \
    KEY_INT_OF("kv_lora_rank", kv_lora, KEY_REQUIRED, 0),                                          \
    KEY_INT_OF("qk_nope_head_dim", nope_dim, KEY_REQUIRED, 0),                                     \
    KEY_INT_OF("qk_rope_head_dim", rope_dim, KEY_REQUIRED, 0),                                     \
    KEY_INT_OF("v_head_dim", value_dim, KEY_REQUIRED, 0),                                          \
    KEY_MUST_BE("moe_layer_freq", "1"),                                                            \
    KEY_MUST_BE("scoring_func", "sigmoid"),                                                        \
    KEY_MUST_BE("topk_method", "noaux_tc"),                                                        \
    KEY_BOOL_OF("attention_bias", qkv_bias, 0, 0),                                                 \
    KEY_BOOL_OF("attention_bias", out_bias, KEY_UNWRITTEN, 0)
/* clang-format on */

bool deepseek2_is_v3(const gguf *file);
cadre_status deepseek2_read_gguf(const gguf *file, model_config *config);
void deepseek2_write_gguf(const model_config *config, gguf_writer *w);

#endif
