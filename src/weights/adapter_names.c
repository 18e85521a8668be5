/* adapter_names.c - names of modules, made of tensors' names. */
#include "weights/adapter_names.h"

#include <stdio.h>
#include <string.h>

#include "arch/architecture.h"

/* The name of a tensor that holds the matrix alone; false: there is none. */
static bool tensor_alone(const architecture *arch, const adapter_pair *p, char text[TENSOR_NAME])
{
    tensor_name name = { 0 };
    const param of = { .role = p->role, .layer = p->layer, .expert = p->expert };
    int i = 0;
    while (tensor_name_of(arch, NAMES_OF_FOLDER, p->role, i, &name) && name.form) i++;
    if (name.form || !name.pattern) return false;
    tensor_name_text(&name, &of, text);
    return true;
}

static cadre_status refuse(const adapter_pair *p)
{
    return cadre_fail(CADRE_EUNSUPPORTED, NULL,
        "adapters: layer %d: expected a matrix that is a tensor of its own in folders of this type "
        "of model, found %s of one%s",
        p->layer, param_is_expert(p->role) ? "an expert's part" : "a part",
        param_is_expert(p->role) ? "; --targets gate_up,down names such experts" : "");
}

/* The module's name where the tensor's does not say it; false: it does. */
static bool module_listed(
    const architecture *arch, param_role role, int32_t layer, char text[ADAPTER_NAME])
{
    const param of = { .role = role, .layer = layer };
    const tensor_name *row = arch->hf.modules;
    while (row && row->pattern && row->role != role) row++;
    if (!row || !row->pattern) return false;
    tensor_name_text(row, &of, text);
    return true;
}

void adapter_experts_name(const model_config *c, int32_t layer, char text[ADAPTER_NAME])
{
    if (!module_listed(c->arch, ROLE_EXPERT_GATE, layer, text))
        snprintf(text, ADAPTER_NAME, "model.layers.%d.mlp.experts", layer);
}

void adapter_experts_ending(const model_config *c, char text[ADAPTER_NAME])
{
    static const char beginning[] = "model.layers.0.";
    char whole[ADAPTER_NAME];
    adapter_experts_name(c, 0, whole);
    strcpy(text, whole + sizeof beginning - 1);
}

bool adapter_rows_alternate(const model_config *c)
{
    tensor_name name;
    return tensor_name_of(c->arch, NAMES_OF_FOLDER, ROLE_EXPERT_GATE, 0, &name) &&
           name.form & TENSOR_EVEN;
}

cadre_status adapter_module_name(
    const model_config *c, const adapter *a, const adapter_pair *p, char text[ADAPTER_NAME])
{
    static const char ending[] = ".weight";
    char tensor[TENSOR_NAME];
    if (p->fused) {
        bool inner = p->role == ROLE_EXPERT_GATE && a->spec.targets & ADAPT_FUSED_DOWN;
        adapter_experts_name(c, p->layer, text);
        if (inner) strcat(text, ".base_layer");
        return CADRE_OK;
    }
    if (!param_is_expert(p->role) && module_listed(c->arch, p->role, p->layer, text))
        return CADRE_OK;
    if (!tensor_alone(c->arch, p, tensor)) return refuse(p);
    size_t length = strlen(tensor), size = sizeof ending - 1;
    if (length > size && !strcmp(tensor + length - size, ending)) tensor[length - size] = '\0';
    snprintf(text, ADAPTER_NAME, "%s", tensor);
    return CADRE_OK;
}

const char *adapter_leaf_name(const char *module)
{
    const char *dot = strrchr(module, '.');
    return dot ? dot + 1 : module;
}
