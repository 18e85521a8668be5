/* config_json.c - reads config.json into a model_config and writes it, by the tables of the
 * architectures. */
#include "arch/config_json.h"

#include <string.h>

#include "arch/architecture.h"
#include "arch/config_positions.h"
#include "arch/config_quantization.h"

enum { CONFIG_LIMIT = 2 << 20 }; /* bytes; published ones have tens of thousands */

static const config_key shared_keys[] = {
    KEY_INT_OF("vocab_size", vocab, KEY_REQUIRED, 0),
    KEY_INT_OF("hidden_size", width, KEY_REQUIRED, 0),
    KEY_INT_OF("num_hidden_layers", layers, 0, 0),
    KEY_INT_OF("num_attention_heads", heads, KEY_REQUIRED, 0),
    KEY_INT_OF("num_key_value_heads", kv_heads, 0, 0),
    KEY_REAL_OF("rms_norm_eps", norm_eps, 0, 1e-6),
    KEY_INT_OF("max_position_embeddings|model_max_length", context, 0, 2048),
    KEY_BOOL_OF("tie_word_embeddings", tie, 0, 0),
    KEY_REAL_OF("initializer_range", init_range, 0, 0.02),
    { 0 },
};

/* ---- reading ---- */

/* Reads the id of a special token. -1, which some writers write as 2^32 - 1, and null say that
 * there is none. */
static cadre_status read_id(const json_node *node, int64_t *id)
{
    int64_t value = -1;
    if (json_kind_of(node) != JSON_KIND_NULL) CADRE_TRY(json_as_int(node, -1, UINT32_MAX, &value));
    if (value > INT32_MAX && value < UINT32_MAX) return json_refuse(node, "an id of a token");
    *id = value == UINT32_MAX ? -1 : value;
    return CADRE_OK;
}

/* Reads a number, null, or a list, of which the first is the one that is named. */
cadre_status config_eos_read(const json_node *root, model_config *c)
{
    json_node node = json_member(root, "eos_token_id");
    bool list = json_kind_of(&node) == JSON_KIND_ARRAY;
    size_t count = list ? json_count(&node) : json_kind_of(&node) != JSON_KIND_ABSENT;
    for (size_t i = 0; i < count; i++) {
        json_node item = list ? json_item(&node, i) : node;
        int64_t id;
        CADRE_TRY(read_id(&item, &id));
        CADRE_TRY(model_config_add_eos(c, id, root->file));
    }
    return CADRE_OK;
}

static cadre_status read_ids(const json_node *root, model_config *c)
{
    json_node bos = json_member(root, "bos_token_id");
    json_node pad = json_member(root, "pad_token_id");
    c->bos = c->eos = c->pad = -1;
    if (json_kind_of(&bos) != JSON_KIND_ABSENT) CADRE_TRY(read_id(&bos, &c->bos));
    if (json_kind_of(&pad) != JSON_KIND_ABSENT) CADRE_TRY(read_id(&pad, &c->pad));
    return config_eos_read(root, c);
}

static cadre_status read_act(const json_node *root, model_config *c)
{
    const config_key act[] = { KEY_MUST_BE("hidden_act", c->arch->hf.act), { 0 } };
    return c->arch->hf.act ? config_keys_read(root, act, c) : CADRE_OK;
}

static const char *renorm_key(const architecture *arch)
{
    return arch->hf.renorm_key ? arch->hf.renorm_key : "norm_topk_prob";
}

static cadre_status read_norm_topk(const json_node *root, model_config *c)
{
    const architecture *arch = c->arch;
    bool renorm = arch->hf.norm_topk_prob;
    if (arch->base.renorm) CADRE_TRY(json_opt_bool(root, renorm_key(arch), &renorm));
    if (arch->base.router)
        c->router = router_by_name(renorm ? arch->base.renorm : arch->base.router);
    return CADRE_OK;
}

static cadre_status count_letters(const json_node *root, model_config *c)
{
    json_node pattern = json_member(root, c->arch->hf.layer_pattern);
    const char *letters;
    size_t count;
    CADRE_TRY(json_as_string(&pattern, &letters, &count));
    c->layers = (int64_t)count;
    return CADRE_OK;
}

/* Counts the list, or the pattern, that stands in place of the number of layers where that is
 * absent. */
static cadre_status read_layers(const json_node *root, model_config *c)
{
    const char *key = c->arch->hf.layer_list;
    json_node list = { 0 };
    if (json_has(root, "num_hidden_layers")) return CADRE_OK;
    if (key) CADRE_TRY(json_opt_array(root, key, &list));
    if (!list.value && c->arch->hf.layer_pattern && json_has(root, c->arch->hf.layer_pattern))
        return count_letters(root, c);
    if (!list.value) return json_get_int(root, "num_hidden_layers", 1, INT32_MAX, &c->layers);
    c->layers = (int64_t)json_count(&list);
    return CADRE_OK;
}

static cadre_status read_all(const json_node *root, model_config *c)
{
    const architecture *arch = c->arch;
    if (!arch->hf.keys_alone) {
        CADRE_TRY(config_keys_read(root, shared_keys, c));
        CADRE_TRY(read_layers(root, c));
    }
    CADRE_TRY(read_ids(root, c)); /* a family may have another key for its first token */
    c->groups = c->groups_used = 1;
    c->route_scale = 1;
    c->sparse_step = 1;
    c->qk_norm = arch->base.qk_norm;
    c->latent = arch->base.latent;
    c->window_period = arch->base.window_period;
    if (arch->base.fix) arch->base.fix(c);
    CADRE_TRY(config_keys_read(root, arch->hf.keys, c));
    CADRE_TRY(config_positions_read(root, c));
    CADRE_TRY(read_norm_topk(root, c));
    CADRE_TRY(read_act(root, c));
    CADRE_TRY(config_quantization_check(root));
    CADRE_TRY(json_opt_int(root, "num_nextn_predict_layers", 0, CONFIG_MAX_LAYERS, &c->predicting));
    if (arch->base.expert_form)
        CADRE_TRY(model_config_set_form(c, arch->base.expert_form, root->file));
    CADRE_TRY(model_config_derive(c, root->file));
    CADRE_TRY(config_windows_read(root, c));
    if (arch->hf.read) CADRE_TRY(arch->hf.read(root, c));
    model_config_fill_layers(c);
    return CADRE_OK;
}

static cadre_status refuse_type(const char *path, const char *type)
{
    char known[1024];
    cadre_fail(CADRE_EUNSUPPORTED, path,
        "model_type: expected a family that is implemented, found \"%s\"", type);
    cadre_fail_advice("implemented are %s", architecture_names(false, known, sizeof known));
    return CADRE_EUNSUPPORTED;
}

/* Reads the object that describes the language model, and what the object around it says for
 * both. */
static cadre_status read_nested(const json_node *root, const json_node *part, model_config *c)
{
    CADRE_TRY(read_all(part, c));
    if (!json_has(part, "tie_word_embeddings"))
        CADRE_TRY(json_opt_bool(root, "tie_word_embeddings", &c->tie));
    return config_quantization_check(root);
}

static cadre_status read_whole(const json_node *root, model_config *c)
{
    json_node part = { 0 };
    if (c->arch->hf.nested) CADRE_TRY(json_opt_object(root, c->arch->hf.nested, &part));
    return part.value ? read_nested(root, &part, c) : read_all(root, c);
}

static cadre_status read_document(
    const json_document *document, const char *path, model_config *config)
{
    json_node root = json_root(document);
    model_config c = { 0 };
    const char *type;
    cadre_status status = json_as_object(&root);
    if (status == CADRE_OK) status = json_get_string(&root, "model_type", &type);
    if (status == CADRE_OK && !(c.arch = architecture_by_type(type)))
        status = refuse_type(path, type);
    if (status == CADRE_OK) status = read_whole(&root, &c);
    if (status == CADRE_OK) status = model_config_check(&c, path);
    if (status != CADRE_OK) {
        model_config_free(&c);
        /* A value of a file is not an argument of the caller. */
        return status == CADRE_EARGUMENT ? CADRE_EFORMAT : status;
    }
    *config = c;
    return CADRE_OK;
}

cadre_status model_config_read(const char *path, model_config *config)
{
    json_document *document;
    CADRE_TRY(json_open(path, CONFIG_LIMIT, &document));
    cadre_status status = read_document(document, path, config);
    json_close(document);
    return status;
}

cadre_status model_config_parse(
    const char *name, const char *text, size_t size, model_config *config)
{
    json_document *document;
    CADRE_TRY(json_parse(name, text, size, &document));
    cadre_status status = read_document(document, name, config);
    json_close(document);
    return status;
}

/* ---- writing ---- */

static void put_id(json_writer *w, const char *key, int64_t id)
{
    if (id < 0) json_put_null(w, key);
    else json_put_int(w, key, id);
}

void config_eos_write(const model_config *c, json_writer *w)
{
    if (!c->other_eos_count) put_id(w, "eos_token_id", c->eos);
    else {
        json_put_array(w, "eos_token_id");
        json_put_int(w, NULL, c->eos);
        for (int i = 0; i < c->other_eos_count; i++) json_put_int(w, NULL, c->other_eos[i]);
        json_put_close(w, ']');
    }
}

/* PyTorch's name for a format; a format without one is read as float32. */
static const char *dtype_of(const number_format *format)
{
    return format == &number_bf16 ? "bfloat16" : format == &number_f16 ? "float16" : "float32";
}

static void write_all(const model_config *c, const number_format *format, json_writer *w)
{
    const architecture *arch = c->arch;
    json_put_object(w, NULL);
    json_put_string(w, "model_type", arch->hf.part_type ? arch->hf.part_type : arch->model_type);
    if (arch->hf.class_name) {
        json_put_array(w, "architectures");
        json_put_string(w, NULL, arch->hf.class_name);
        json_put_close(w, ']');
    }
    if (arch->hf.act) json_put_string(w, "hidden_act", arch->hf.act);
    json_put_string(w, "torch_dtype", dtype_of(format));
    if (!arch->hf.keys_alone) {
        config_keys_write(shared_keys, c, w);
        put_id(w, "bos_token_id", c->bos);
        config_positions_write(c, w);
    }
    config_eos_write(c, w);
    put_id(w, "pad_token_id", c->pad);
    config_keys_write(arch->hf.keys, c, w);
    if (arch->base.renorm)
        json_put_bool(w, renorm_key(arch), !strcmp(c->router->name, arch->base.renorm));
    if (arch->hf.write) arch->hf.write(c, w);
    json_put_close(w, '}');
}

cadre_status model_config_text(
    const model_config *config, const number_format *format, json_writer *w)
{
    write_all(config, format, w);
    return json_writer_status(w);
}

cadre_status model_config_write(
    const model_config *config, const number_format *format, const char *path)
{
    json_writer w = json_writer_new(2);
    write_all(config, format, &w);
    return json_writer_save(&w, path);
}
