/* architecture.c - THE LIST of architectures. */
#include "arch/architecture.h"

#include <stdio.h>
#include <string.h>

extern const architecture architecture_mixtral, architecture_llama, architecture_qwen2_moe,
    architecture_qwen3_moe, architecture_qwen3, architecture_olmoe, architecture_deepseek,
    architecture_deepseek_v2, architecture_deepseek_v3, architecture_gpt_oss,
    architecture_granitemoe, architecture_glm4_moe, architecture_grok, architecture_switch,
    architecture_glm4_moe_lite, architecture_ernie4_5_moe, architecture_qwen3_vl_moe,
    architecture_lfm2_moe, architecture_lfm2, architecture_qwen3_5_moe,
    architecture_qwen3_5_moe_text, architecture_qwen3_5, architecture_qwen3_5_text,
    architecture_qwen3_next, architecture_kimi_linear, architecture_mellum, architecture_afmoe,
    architecture_laguna, architecture_gemma4, architecture_nemotron_h,
    architecture_granitemoehybrid, architecture_bailing_hybrid, architecture_cadre;

static const architecture *const list[] = {
    &architecture_mixtral,
    &architecture_llama,
    &architecture_qwen2_moe,
    &architecture_qwen3_moe,
    &architecture_qwen3,
    &architecture_olmoe,
    &architecture_deepseek,
    &architecture_deepseek_v2,
    &architecture_deepseek_v3,
    &architecture_glm4_moe_lite,
    &architecture_gpt_oss,
    &architecture_granitemoe,
    &architecture_glm4_moe,
    &architecture_ernie4_5_moe,
    &architecture_qwen3_vl_moe,
    &architecture_lfm2_moe,
    &architecture_lfm2,
    &architecture_qwen3_5_moe,
    &architecture_qwen3_5_moe_text,
    &architecture_qwen3_5,
    &architecture_qwen3_5_text,
    &architecture_qwen3_next,
    &architecture_kimi_linear,
    &architecture_mellum,
    &architecture_afmoe,
    &architecture_laguna,
    &architecture_gemma4,
    &architecture_nemotron_h,
    &architecture_granitemoehybrid,
    &architecture_bailing_hybrid,
    &architecture_grok,
    &architecture_switch,
    &architecture_cadre,
};

const architecture *architecture_by_type(const char *model_type)
{
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (!strcmp(list[i]->model_type, model_type) ||
            (list[i]->hf.part_type && !strcmp(list[i]->hf.part_type, model_type)))
            return list[i];
    return NULL;
}

const architecture *architecture_by_gguf(const gguf *file)
{
    gguf_string name;
    if (gguf_get_string(file, "general.architecture", &name) != CADRE_OK) return NULL;
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (list[i]->gguf.name && gguf_string_is(name, list[i]->gguf.name) &&
            (!list[i]->gguf.is || list[i]->gguf.is(file)))
            return list[i];
    return NULL;
}

const char *architecture_names(bool of_gguf, char *text, size_t room)
{
    const char *last = "";
    *text = 0;
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        const char *name = of_gguf ? list[i]->gguf.name : list[i]->model_type;
        if (!name || !strcmp(name, last)) continue;
        size_t used = strlen(text);
        snprintf(text + used, room - used, "%s%s", used ? ", " : "", name);
        last = name;
    }
    return text;
}
