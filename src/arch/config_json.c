/* config_json.c - config.json to a model_config and back, by the tables of the architectures. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/architecture.h"
#include "base/file.h"
#include "base/memory.h"

enum { CONFIG_LIMIT = 2 << 20 }; /* bytes; published ones have tens of thousands */

static const config_key shared_keys[] = {
    KEY_INT_OF("vocab_size", vocab, KEY_REQUIRED, 0),
    KEY_INT_OF("hidden_size", width, KEY_REQUIRED, 0),
    KEY_INT_OF("num_hidden_layers", layers, KEY_REQUIRED, 0),
    KEY_INT_OF("num_attention_heads", heads, KEY_REQUIRED, 0),
    KEY_INT_OF("num_key_value_heads", kv_heads, 0, 0),
    KEY_REAL_OF("rms_norm_eps", norm_eps, 0, 1e-6),
    KEY_INT_OF("max_position_embeddings", context, 0, 2048),
    KEY_BOOL_OF("tie_word_embeddings", tie, 0, 0),
    KEY_REAL_OF("initializer_range", init_range, 0, 0.02),
    { 0 },
};

static void *field_of(model_config *c, const config_key *key) { return (char *)c + key->field; }
static const void *value_of(const model_config *c, const config_key *key)
{
    return (const char *)c + key->field;
}

/* ---- reading ---- */

static bool is_what_it_must_be(const json_node *node, const char *value)
{
    double number;
    bool truth;
    const char *text;
    switch (json_kind_of(node)) {
    case JSON_KIND_ABSENT:
    case JSON_KIND_NULL: return true;
    case JSON_KIND_BOOL:
        return json_as_bool(node, &truth) == CADRE_OK && !strcmp(value, truth ? "true" : "false");
    case JSON_KIND_NUMBER:
        return json_as_real(node, -1e300, 1e300, &number) == CADRE_OK &&
               number == strtod(value, NULL);
    case JSON_KIND_STRING:
        return json_as_string(node, &text, NULL) == CADRE_OK && !strcmp(text, value);
    default: return false;
    }
}

/* The one of a key's names that the object has; else the first. */
static const char *name_in(const json_node *root, const config_key *key, char buffer[64])
{
    for (const char *at = key->name; at; at = strchr(at, '|')) {
        at += *at == '|';
        snprintf(buffer, 64, "%.*s", (int)strcspn(at, "|"), at);
        if (json_has(root, buffer)) return buffer;
    }
    snprintf(buffer, 64, "%.*s", (int)strcspn(key->name, "|"), key->name);
    return buffer;
}

/* Several names of one number must not say different ones. */
static cadre_status check_names(const json_node *root, const config_key *key, const char *chosen)
{
    double first, other;
    json_node node = json_member(root, chosen);
    if (!strchr(key->name, '|') || json_as_real(&node, -1e300, 1e300, &first) != CADRE_OK)
        return CADRE_OK;
    for (const char *at = strchr(key->name, '|'); at; at = strchr(at, '|')) {
        char name[64];
        at++;
        snprintf(name, sizeof name, "%.*s", (int)strcspn(at, "|"), at);
        node = json_member(root, name);
        if (json_as_real(&node, -1e300, 1e300, &other) == CADRE_OK && other != first)
            return json_refuse(&node, "%g, as %s says", first, chosen);
    }
    return CADRE_OK;
}

static cadre_status read_must(const json_node *root, const config_key *key)
{
    json_node node = json_member(root, key->name);
    if (is_what_it_must_be(&node, key->value)) return CADRE_OK;
    json_refuse(&node, "%s, the only value that is implemented", key->value);
    return CADRE_EUNSUPPORTED;
}

static cadre_status read_key(const json_node *root, const config_key *key, model_config *c)
{
    void *field = field_of(c, key);
    bool required = key->flags & KEY_REQUIRED;
    char buffer[64];
    const char *name = name_in(root, key, buffer);
    CADRE_TRY(check_names(root, key, name));
    switch (key->kind) {
    case KEY_INT:
        *(int64_t *)field = (int64_t)key->otherwise;
        CADRE_TRY((required ? json_get_int : json_opt_int)(root, name, 0, INT32_MAX, field));
        if (key->flags & KEY_ZERO_UNSAID && !*(int64_t *)field)
            *(int64_t *)field = (int64_t)key->otherwise;
        return CADRE_OK;
    case KEY_REAL:
        *(double *)field = key->otherwise;
        return (required ? json_get_real : json_opt_real)(root, name, -1e30, 1e30, field);
    case KEY_BOOL:
        *(bool *)field = key->otherwise != 0;
        return (required ? json_get_bool : json_opt_bool)(root, name, field);
    case KEY_MUST: return read_must(root, key);
    }
    return CADRE_OK;
}

cadre_status config_keys_read(const json_node *root, const config_key *keys, model_config *c)
{
    for (; keys && keys->name; keys++) CADRE_TRY(read_key(root, keys, c));
    return CADRE_OK;
}

/* The id of a special token: -1, of which some writers make 2^32 - 1, and null say that there is
 * none. */
static cadre_status read_id(const json_node *node, int64_t *id)
{
    int64_t value = -1;
    if (json_kind_of(node) != JSON_KIND_NULL) CADRE_TRY(json_as_int(node, -1, UINT32_MAX, &value));
    if (value > INT32_MAX && value < UINT32_MAX) return json_refuse(node, "an id of a token");
    *id = value == UINT32_MAX ? -1 : value;
    return CADRE_OK;
}

/* A number, null, or a list of which the first is the one that is named. */
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

static cadre_status read_act(const json_node *root, const model_config *c)
{
    const config_key act = KEY_MUST_BE("hidden_act", c->arch->act);
    return c->arch->act ? read_must(root, &act) : CADRE_OK;
}

/* Numbers in fewer bits: how they lie shows in the tensors, but the scheme must be one of those. */
static cadre_status read_quantization(const json_node *root)
{
    json_node home, blocks;
    const char *method;
    CADRE_TRY(json_opt_object(root, "quantization_config", &home));
    if (!home.value) return CADRE_OK;
    CADRE_TRY(json_get_string(&home, "quant_method", &method));
    if (!strcmp(method, "mxfp4")) return CADRE_OK;
    if (strcmp(method, "fp8") != 0)
        return cadre_fail(CADRE_EUNSUPPORTED, root->file,
            "quantization_config.quant_method: expected fp8 or mxfp4, found \"%s\"", method);
    CADRE_TRY(json_opt_array(&home, "weight_block_size", &blocks));
    for (size_t i = 0; blocks.value && i < json_count(&blocks); i++) {
        json_node item = json_item(&blocks, i);
        int64_t size;
        CADRE_TRY(json_as_int(&item, 128, 128, &size));
    }
    return CADRE_OK;
}

static cadre_status read_norm_topk(const json_node *root, model_config *c)
{
    const architecture *arch = c->arch;
    bool renorm = arch->norm_topk_prob;
    if (arch->renorm) CADRE_TRY(json_opt_bool(root, "norm_topk_prob", &renorm));
    if (arch->router) c->router = router_by_name(renorm ? arch->renorm : arch->router);
    return CADRE_OK;
}

static cadre_status read_all(const json_node *root, model_config *c)
{
    const architecture *arch = c->arch;
    if (!arch->keys_alone) CADRE_TRY(config_keys_read(root, shared_keys, c));
    CADRE_TRY(read_ids(root, c)); /* a family may have another key for its first token */
    c->groups = c->groups_used = 1;
    c->route_scale = 1;
    c->sparse_step = 1;
    c->qk_norm = arch->qk_norm;
    c->latent = arch->latent;
    c->window_period = arch->window_period;
    if (arch->fix) arch->fix(c);
    CADRE_TRY(config_keys_read(root, arch->keys, c));
    CADRE_TRY(config_positions_read(root, c));
    CADRE_TRY(read_norm_topk(root, c));
    CADRE_TRY(read_act(root, c));
    CADRE_TRY(read_quantization(root));
    CADRE_TRY(json_opt_int(root, "num_nextn_predict_layers", 0, CONFIG_MAX_LAYERS, &c->predicting));
    if (arch->expert_form) CADRE_TRY(model_config_set_form(c, arch->expert_form, root->file));
    CADRE_TRY(model_config_derive(c, root->file));
    CADRE_TRY(config_windows_read(root, c));
    return arch->read ? arch->read(root, c) : CADRE_OK;
}

static cadre_status refuse_type(const char *path, const char *type)
{
    char known[512];
    return cadre_fail(CADRE_EUNSUPPORTED, path, "model_type: expected one of %s, found \"%s\"",
        architecture_names(false, known, sizeof known), type);
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
    if (status == CADRE_OK) status = read_all(&root, &c);
    if (status == CADRE_OK) status = model_config_check(&c, path);
    if (status != CADRE_OK) {
        model_config_free(&c);
        /* A file's numbers are nobody's argument */
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

static void write_must(const config_key *key, json_writer *w)
{
    char *end;
    double number = strtod(key->value, &end);
    if (!strcmp(key->value, "null")) json_put_null(w, key->name);
    else if (!strcmp(key->value, "true") || !strcmp(key->value, "false"))
        json_put_bool(w, key->name, key->value[0] == 't');
    else if (!*end && number == (double)(int64_t)number)
        json_put_int(w, key->name, (int64_t)number);
    else if (!*end) json_put_real(w, key->name, number);
    else json_put_string(w, key->name, key->value);
}

static bool is_otherwise(const config_key *key, const void *value)
{
    switch (key->kind) {
    case KEY_INT: return *(const int64_t *)value == (int64_t)key->otherwise;
    case KEY_REAL: return *(const double *)value == key->otherwise;
    case KEY_BOOL: return *(const bool *)value == (key->otherwise != 0);
    case KEY_MUST: return false;
    }
    return false;
}

void config_keys_write(const config_key *key, const model_config *c, json_writer *w)
{
    for (; key && key->name; key++) {
        const void *value = value_of(c, key);
        bool usual = is_otherwise(key, value);
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(key->name, "|"), key->name);
        if (key->flags & KEY_UNWRITTEN || (key->flags & KEY_UNUSUAL && usual)) continue;
        if (key->kind == KEY_MUST) write_must(key, w);
        else if (key->flags & KEY_NULLABLE && usual) json_put_null(w, name);
        else if (key->kind == KEY_INT) json_put_int(w, name, *(const int64_t *)value);
        else if (key->kind == KEY_REAL) json_put_real(w, name, *(const double *)value);
        else json_put_bool(w, name, *(const bool *)value);
    }
}

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

/* The name that PyTorch has for a format; what it has none for is read as float32. */
static const char *dtype_of(const number_format *format)
{
    return format == &number_bf16 ? "bfloat16" : format == &number_f16 ? "float16" : "float32";
}

static void write_all(const model_config *c, const number_format *format, json_writer *w)
{
    const architecture *arch = c->arch;
    json_put_object(w, NULL);
    json_put_string(w, "model_type", arch->model_type);
    if (arch->class_name) {
        json_put_array(w, "architectures");
        json_put_string(w, NULL, arch->class_name);
        json_put_close(w, ']');
    }
    if (arch->act) json_put_string(w, "hidden_act", arch->act);
    json_put_string(w, "torch_dtype", dtype_of(format));
    if (!arch->keys_alone) {
        config_keys_write(shared_keys, c, w);
        put_id(w, "bos_token_id", c->bos);
        config_positions_write(c, w);
    }
    config_eos_write(c, w);
    put_id(w, "pad_token_id", c->pad);
    config_keys_write(arch->keys, c, w);
    if (arch->renorm) json_put_bool(w, "norm_topk_prob", !strcmp(c->router->name, arch->renorm));
    if (arch->write) arch->write(c, w);
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
