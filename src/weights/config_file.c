/* config_file.c - reads a model's configuration from its folder or its GGUF file, and completes it
 * with what only the weights show. */
#include "weights/config_file.h"

#include <string.h>

#include "arch/config_gguf.h"
#include "arch/config_json.h"
#include "arch/tensor_name.h"
#include "base/file.h"
#include "base/memory.h"
#include "format/model_path.h"
#include "weights/param_source.h"

/* generation_config.json may name more tokens that end a text. */
static cadre_status read_ends(const char *path, model_config *c)
{
    json_document *document;
    if (!file_exists(path)) return CADRE_OK;
    CADRE_TRY(json_open(path, 1 << 20, &document));
    json_node root = json_root(document);
    cadre_status status = json_as_object(&root);
    if (status == CADRE_OK) status = config_eos_read(&root, c);
    json_close(document);
    return status;
}

static cadre_status read_folder(const char *folder, model_config *config)
{
    model_config c;
    char *path = file_join(folder, "config.json"),
         *generation = file_join(folder, "generation_config.json");
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

/* Whether two tensors differ in some of their rows, first and last among them. Comparing all would
 * read them from disk. */
static bool rows_differ(const stored_tensor *a, const stored_tensor *b)
{
    enum { LOOKED_AT = 16 };
    if (a->type != b->type || a->size != b->size || a->rank != 2 || a->shape[0] < 1) return true;
    size_t last = (size_t)a->shape[0] - 1, row = a->size / (last + 1);
    for (size_t i = 0; i <= LOOKED_AT; i++) {
        size_t at = last * i / LOOKED_AT * row;
        if (memcmp(a->data + at, b->data + at, row) != 0) return true;
    }
    return false;
}

static bool find(
    const weight_file *file, const model_config *c, const tensor_name *name, stored_tensor *t)
{
    const param p = { .role = name->role };
    char text[TENSOR_NAME];
    if (tensor_name_in_part(c->arch, name, &p, text) && weight_file_find(file, text, t))
        return true;
    return weight_file_find(file, name->pattern, t);
}

/* A config.json may say that the head is the embedding although the file has another head. Then the
 * file's head is used, as in transformers 5. */
static void fit_head(const weight_file *file, model_config *c)
{
    tensor_naming naming = file->gguf ? NAMES_OF_GGUF : NAMES_OF_FOLDER;
    tensor_name head, embed;
    stored_tensor a, b;
    if (!c->tie || c->encoder) return;
    if (!tensor_name_of(c->arch, naming, ROLE_HEAD, 0, &head) ||
        !tensor_name_of(c->arch, naming, ROLE_EMBED, 0, &embed))
        return;
    if (find(file, c, &head, &a) && find(file, c, &embed, &b)) c->tie = !rows_differ(&a, &b);
}

/* Whether the model keeps the heads of values in the tiled order of its file. If the matrix whose
 * columns they are is not quantised, it is put in order instead; then its sums have the same bits
 * as with a folder. */
static bool keeps_tiles(const weight_file *file, const model_config *c)
{
    tensor_name out;
    stored_tensor t;
    char text[TENSOR_NAME];
    if (!file->gguf || !tensor_name_of(c->arch, NAMES_OF_GGUF, ROLE_STATE_OUT, 0, &out) ||
        !(out.form & TENSOR_TILED))
        return false;
    for (int64_t l = 0; l < c->layers; l++) {
        const param p = { .role = ROLE_STATE_OUT, .layer = (int32_t)l };
        tensor_name_text(&out, &p, text);
        if (c->layer[l].mixer.key_heads && weight_file_find(file, text, &t))
            return t.format && t.format->block > 1;
    }
    return true;
}

/* Records which of several possible forms this file has. */
static void fit_to_file(const weight_file *file, model_config *c)
{
    tensor_name q = { 0 };
    tensor_name_of(c->arch, file->gguf ? NAMES_OF_GGUF : NAMES_OF_FOLDER, ROLE_Q, 0, &q);
    param k_b = { .role = ROLE_K_B };
    while (k_b.layer < c->layers - 1 && c->layer[k_b.layer].mixer.row != &mixer_latent) k_b.layer++;
    c->paired_rows = !c->latent && q.form & TENSOR_PAIRED;
    c->tiled_heads = keeps_tiles(file, c);
    c->split_kv_b = c->latent && file->gguf && param_source_exists(file, c, &k_b);
    model_config_fill_layers(c);
}

static cadre_status open_found(const char *path, model_config *config, weight_file *file)
{
    weight_file opened;
    model_config c = { 0 };
    bool is_gguf = !file_is_folder(path);
    cadre_status status = is_gguf ? CADRE_OK : read_folder(path, &c);
    if (status == CADRE_OK) status = weight_file_open(path, &opened);
    if (status == CADRE_OK && is_gguf) {
        status = model_config_read_gguf(opened.gguf, &c);
        if (status != CADRE_OK) weight_file_close(&opened);
    }
    if (status != CADRE_OK) {
        model_config_free(&c);
        return status;
    }
    fit_head(&opened, &c);
    *config = c;
    *file = opened;
    return CADRE_OK;
}

static cadre_status open_both(const char *path, model_config *config, weight_file *file)
{
    cadre_status status = open_found(path, config, file);
    if (status == CADRE_EIO || status == CADRE_EFORMAT) model_path_advise(path);
    return status;
}

cadre_status model_config_of(const char *path, model_config *config)
{
    weight_file file;
    CADRE_TRY(open_both(path, config, &file));
    weight_file_close(&file);
    return CADRE_OK;
}

cadre_status model_config_open(const char *path, model_config *config, weight_file *file)
{
    CADRE_TRY(open_both(path, config, file));
    fit_to_file(file, config);
    return CADRE_OK;
}
