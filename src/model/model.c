/* model.c - opening a model: config, parameters found by name in the mapped file, views into it. */
#include "model/model.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "model/architecture.h"
#include "model/cache.h"
#include "model/files.h"

/* Matrices are used where they lie when their numbers are aligned and their format has a kernel; vectors are few and are copied. */
static bool used_in_place(const param *p, const safetensors_tensor *t)
{
    const number_format *format = number_by_safetensors(t->dtype);
    if (p->rows == 1 || !format || format->block != 1 || (REAL_IS_DOUBLE)) return false;
    return (uintptr_t)t->data % (uintptr_t)format->block_bytes == 0;
}

static void add_format(cadre_model *m, const char *dtype)
{
    size_t used = strlen(m->formats);
    if (strstr(m->formats, dtype) || used + strlen(dtype) + 3 > sizeof m->formats) return;
    snprintf(m->formats + used, sizeof m->formats - used, "%s%s", used ? ", " : "", dtype);
}

static cadre_status find_tensor(const cadre_model *m, const param *p, const safetensors_tensor **tensor)
{
    char *name = architecture_tensor_name(m->config.arch, p);
    if (!name) return CADRE_ENOMEM;
    int64_t shape[2];
    int rank = param_file_shape(p, shape);
    cadre_status status = safetensors_get_as(m->file, name, NULL, rank, shape, tensor);
    mem_free(name);
    return status;
}

/* Where each parameter is; measuring (copies NULL) only counts what must be copied. */
static cadre_status place_all(cadre_model *m, param_place *place, int64_t *copied)
{
    *copied = 0;
    for (int64_t i = 0; i < m->table.count; i++) {
        const param *p = &m->table.rows[i];
        const safetensors_tensor *t;
        CADRE_TRY(find_tensor(m, p, &t));
        if (used_in_place(p, t)) {
            place[i] = (param_place){ t->data, number_by_safetensors(t->dtype) };
        } else {
            place[i] = (param_place){ m->copies ? m->copies + *copied : NULL, NULL };
            if (m->copies) CADRE_TRY(model_unpack(t, safetensors_path(m->file), m->copies + *copied));
            *copied += (p->rows * p->cols + 15) / 16 * 16;
        }
        if (m->copies) continue;
        add_format(m, t->dtype);
        m->weight_bytes += (int64_t)t->size;
    }
    return CADRE_OK;
}

static cadre_status bind(cadre_model *m)
{
    param_place *place = MEM_ARRAY(param_place, m->table.count);
    int64_t copied;
    cadre_status status = place ? place_all(m, place, &copied) : CADRE_ENOMEM;
    if (status == CADRE_OK && !(m->copies = MEM_ARRAY(real, copied))) status = CADRE_ENOMEM;
    if (status == CADRE_OK) status = place_all(m, place, &copied);
    if (status == CADRE_OK) {
        m->copied_bytes = copied * (int64_t)sizeof(real);
        status = model_weights_make(&m->config, &m->table, place, &m->weights);
    }
    mem_free(place);
    return status;
}

static cadre_status make_layers(cadre_model *m)
{
    m->moe = MEM_ARRAY(moe_config, m->config.layers);
    if (!m->moe) return CADRE_ENOMEM;
    for (int64_t l = 0; l < m->config.layers; l++)
        if (m->config.layer[l].sparse) CADRE_TRY(model_config_moe(&m->config, l, &m->moe[l]));
    return CADRE_OK;
}

static cadre_status open_all(cadre_model *m)
{
    char *config = file_join(m->path, "config.json");
    cadre_status status = config ? model_config_read(config, &m->config) : CADRE_ENOMEM;
    mem_free(config);
    CADRE_TRY(status);
    CADRE_TRY(make_layers(m));
    CADRE_TRY(param_table_make(&m->config, &m->table));
    CADRE_TRY(safetensors_open(m->path, &m->file));
    return bind(m);
}

cadre_status cadre_model_open(cadre_context *context, const char *path, cadre_model **model)
{
    cadre_model *m = MEM_ARRAY(cadre_model, 1);
    if (!m) return CADRE_ENOMEM;
    m->context = context;
    m->path = mem_strdup(path);
    cadre_status status = m->path ? open_all(m) : CADRE_ENOMEM;
    if (status != CADRE_OK) {
        cadre_model_close(m);
        return status;
    }
    *model = m;
    return CADRE_OK;
}

void cadre_model_close(cadre_model *m)
{
    if (!m) return;
    model_weights_free(&m->weights);
    mem_free(m->copies);
    safetensors_close(m->file);
    mem_free(m->moe);
    param_table_free(&m->table);
    model_config_free(&m->config);
    tokenizer_close(m->tokenizer);
    mem_free(m->path);
    mem_free(m);
}

bool model_has_tokenizer(const cadre_model *m)
{
    char *path = file_join(m->path, "tokenizer.json");
    bool there = path && file_exists(path);
    mem_free(path);
    return there;
}

cadre_status cadre_model_tokenizer(cadre_model *m, const tokenizer **out)
{
    if (!m->tokenizer) {
        char *path = file_join(m->path, "tokenizer.json");
        cadre_status status = path ? tokenizer_open_json(path, &m->tokenizer) : CADRE_ENOMEM;
        mem_free(path);
        CADRE_TRY(status);
    }
    *out = m->tokenizer;
    return CADRE_OK;
}

void cadre_model_info_get(const cadre_model *m, cadre_model_info *info)
{
    const model_config *c = &m->config;
    *info = (cadre_model_info){
        .architecture = c->arch->model_type,
        .router = c->router->help,
        .formats = m->formats,
        .vocabulary = c->vocab,
        .width = c->width,
        .layers = c->layers,
        .sparse_layers = model_config_sparse_layers(c),
        .heads = c->heads,
        .kv_heads = c->kv_heads,
        .context = c->context,
        .experts = c->experts,
        .experts_per_token = c->topk,
        .expert_width = c->expert_width,
        .shared_width = c->shared_width,
        .parameters = m->table.total,
        .active_parameters = m->table.active,
        .weight_bytes = m->weight_bytes,
        .copied_bytes = m->copied_bytes,
    };
}

int64_t cadre_model_cache_bytes(const cadre_model *m, int64_t tokens) { return (int64_t)kv_cache_bytes(&m->config, tokens); }
