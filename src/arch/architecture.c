/* architecture.c - THE LIST of architectures. */
#include "arch/architecture.h"

#include <stdio.h>
#include <string.h>

extern const architecture architecture_mixtral, architecture_llama, architecture_qwen2_moe,
    architecture_qwen3_moe, architecture_qwen3, architecture_olmoe, architecture_deepseek,
    architecture_deepseek_v2, architecture_deepseek_v3, architecture_gpt_oss,
    architecture_granitemoe, architecture_glm4_moe, architecture_grok, architecture_switch,
    architecture_cadre;

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
    &architecture_gpt_oss,
    &architecture_granitemoe,
    &architecture_glm4_moe,
    &architecture_grok,
    &architecture_switch,
    &architecture_cadre,
};

const architecture *const *architecture_list(int *count)
{
    *count = (int)(sizeof list / sizeof *list);
    return list;
}

const architecture *architecture_by_type(const char *model_type)
{
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (!strcmp(list[i]->model_type, model_type)) return list[i];
    return NULL;
}

const architecture *architecture_by_gguf(const gguf *file)
{
    gguf_string name;
    if (gguf_get_string(file, "general.architecture", &name) != CADRE_OK) return NULL;
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (list[i]->gguf_name && gguf_string_is(name, list[i]->gguf_name) &&
            (!list[i]->gguf_is || list[i]->gguf_is(file)))
            return list[i];
    return NULL;
}

const char *architecture_names(bool of_gguf, char *text, size_t room)
{
    const char *last = "";
    *text = 0;
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        const char *name = of_gguf ? list[i]->gguf_name : list[i]->model_type;
        if (!name || !strcmp(name, last)) continue;
        size_t used = strlen(text);
        snprintf(text + used, room - used, "%s%s", used ? ", " : "", name);
        last = name;
    }
    return text;
}

const char *architecture_refusal(const architecture *arch, const model_config *c)
{
    if (!arch->class_name && !arch->router) return NULL; /* says everything by name */
    bool known = !strcmp(c->router->name, arch->router) ||
                 (arch->renorm && !strcmp(c->router->name, arch->renorm));
    if (!known) return "its router is another";
    if (strcmp(c->expert_form, arch->expert_form) != 0) return "its experts have another form";
    if (c->latent != arch->latent || c->qk_norm != arch->qk_norm) return "its attention is another";
    if (model_config_layers_differ(c)) return "its layers are alike";
    return arch->refuses ? arch->refuses(c) : NULL;
}

static cadre_status read_back(const json_writer *text, const model_config *c, const char **name)
{
    model_config back;
    cadre_status status =
        model_config_parse("config.json", (const char *)text->text.data, text->text.size, &back);
    if (status != CADRE_OK) return status;
    *name = model_config_difference(c, &back);
    model_config_free(&back);
    return CADRE_OK;
}

cadre_status architecture_loses(const architecture *arch, const model_config *c, const char **name)
{
    model_config written = *c; /* borrows what c owns */
    json_writer text = json_writer_new(0);
    written.arch = arch;
    cadre_status status = model_config_text(&written, &number_f32, &text);
    if (status == CADRE_OK) status = read_back(&text, c, name);
    json_writer_free(&text);
    return status;
}
