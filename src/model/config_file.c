/* config_file.c - a model's numbers from its folder or its GGUF, and what the form of its weights adds to them. */
#include "base/file.h"
#include "base/memory.h"
#include "model/architecture.h"
#include "model/param_source.h"

/* generation_config.json may name more tokens that end a text. */
static cadre_status read_ends(const char *path, model_config *c)
{
    json_document *document;
    if (!file_exists(path)) return CADRE_OK;
    CADRE_TRY(json_open(path, 1 << 20, &document));
    json_node root = json_root(document), ends = json_member(&root, "eos_token_id");
    bool list = json_kind_of(&ends) == JSON_KIND_ARRAY, number = json_kind_of(&ends) == JSON_KIND_NUMBER;
    cadre_status status = CADRE_OK;
    for (size_t i = 0; i < (list ? json_count(&ends) : number) && status == CADRE_OK; i++) {
        json_node item = list ? json_item(&ends, i) : ends;
        int64_t id = -1;
        status = json_as_int(&item, 0, INT32_MAX, &id);
        if (status == CADRE_OK) status = model_config_add_eos(c, id, path);
    }
    json_close(document);
    return status;
}

static cadre_status read_folder(const char *folder, model_config *config)
{
    model_config c;
    char *path = file_join(folder, "config.json"), *generation = file_join(folder, "generation_config.json");
    cadre_status status = path && generation ? model_config_read(path, &c) : CADRE_ENOMEM;
    if (status == CADRE_OK) {
        status = read_ends(generation, &c);
        if (status == CADRE_OK) *config = c;
        else model_config_free(&c);
    }
    mem_free(path);
    mem_free(generation);
    return status;
}

cadre_status model_config_of(const char *path, model_config *config)
{
    weight_file file;
    if (!path_is_gguf(path)) return read_folder(path, config);
    CADRE_TRY(weight_file_open(path, &file));
    cadre_status status = model_config_read_gguf(file.gguf, config);
    weight_file_close(&file);
    return status;
}

/* How the file has what it may have in several ways. */
static void fit_to_file(const weight_file *file, model_config *c)
{
    const tensor_name *q = tensor_name_of(c->arch, file->gguf ? NAMES_OF_GGUF : NAMES_OF_FOLDER, ROLE_Q, 0);
    param k_b = { .role = ROLE_K_B };
    c->paired_rows = !c->latent && q->form & TENSOR_PAIRED;
    c->split_kv_b = c->latent && file->gguf && param_source_exists(file, c, &k_b);
}

cadre_status model_config_open(const char *path, model_config *config, weight_file *file)
{
    weight_file opened;
    model_config c = { 0 };
    bool is_gguf = path_is_gguf(path);
    if (!is_gguf) CADRE_TRY(read_folder(path, &c));
    cadre_status status = weight_file_open(path, &opened);
    if (status == CADRE_OK && is_gguf) {
        status = model_config_read_gguf(opened.gguf, &c);
        if (status != CADRE_OK) weight_file_close(&opened);
    }
    if (status != CADRE_OK) {
        model_config_free(&c);
        return status;
    }
    fit_to_file(&opened, &c);
    *config = c;
    *file = opened;
    return CADRE_OK;
}
