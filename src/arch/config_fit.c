/* config_fit.c - finds what a family's files cannot describe: by its row, and by writing a
 * configuration and reading it back. */
#include "arch/config_fit.h"

#include <string.h>

#include "arch/config_json.h"

const char *architecture_refusal(const architecture *arch, const model_config *c)
{
    if (!arch->hf.class_name && !arch->base.router) return NULL; /* names every choice */
    bool known = !strcmp(c->router->name, arch->base.router) ||
                 (arch->base.renorm && !strcmp(c->router->name, arch->base.renorm));
    if (!known) return "its router is another";
    if (strcmp(c->expert_form, arch->base.expert_form) != 0) return "its experts have another form";
    if (c->latent != arch->base.latent || c->qk_norm != arch->base.qk_norm)
        return "its attention is another";
    if (model_config_layers_differ(c)) return "its layers are alike";
    if (arch->base.halves) return arch->hf.refuses(c);
    if (model_config_recurrent_layers(c) && !arch->hf.types) return "its layers attend";
    for (int64_t l = 0; l < c->layers; l++)
        if (!layer_feeds_forward(&c->layer[l]) || !layer_mixes(&c->layer[l]))
            return "each of its layers has a feed-forward";
    return arch->hf.refuses ? arch->hf.refuses(c) : NULL;
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
