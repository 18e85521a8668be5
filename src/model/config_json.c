/* config_json.c - config.json to a model_config and back, by the tables of the architectures. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "model/architecture.h"

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
    KEY_REAL_OF("rope_theta", rope_theta, 0, 10000),
    KEY_INT_OF("bos_token_id", bos, KEY_NULLABLE, -1),
    KEY_MUST_BE("attention_bias", "false"),
    { 0 },
};

static void *field_of(model_config *c, const config_key *key) { return (char *)c + key->field; }
static const void *value_of(const model_config *c, const config_key *key) { return (const char *)c + key->field; }

/* ---- reading ---- */

static bool is_what_it_must_be(const json_node *node, const char *value)
{
    double number;
    bool truth;
    const char *text;
    switch (json_kind_of(node)) {
    case JSON_KIND_ABSENT:
    case JSON_KIND_NULL: return true;
    case JSON_KIND_BOOL: return json_as_bool(node, &truth) == CADRE_OK && !strcmp(value, truth ? "true" : "false");
    case JSON_KIND_NUMBER: return json_as_real(node, -1e300, 1e300, &number) == CADRE_OK && number == strtod(value, NULL);
    case JSON_KIND_STRING: return json_as_string(node, &text, NULL) == CADRE_OK && !strcmp(text, value);
    default: return false;
    }
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
    switch (key->kind) {
    case KEY_INT:
        *(int64_t *)field = (int64_t)key->otherwise;
        return (required ? json_get_int : json_opt_int)(root, key->name, key->otherwise < 0 ? -1 : 0, INT32_MAX, field);
    case KEY_REAL:
        *(double *)field = key->otherwise;
        return (required ? json_get_real : json_opt_real)(root, key->name, -1e30, 1e30, field);
    case KEY_BOOL:
        *(bool *)field = key->otherwise != 0;
        return (required ? json_get_bool : json_opt_bool)(root, key->name, field);
    case KEY_MUST: return read_must(root, key);
    }
    return CADRE_OK;
}

static cadre_status read_keys(const json_node *root, const config_key *keys, model_config *c)
{
    for (; keys && keys->name; keys++) CADRE_TRY(read_key(root, keys, c));
    return CADRE_OK;
}

/* Plain rotary positions stand as rope_theta, or in transformers 5 as rope_parameters; scaled ones are refused by name. */
static cadre_status read_rope(const json_node *root, model_config *c)
{
    static const char *const homes[] = { "rope_parameters", "rope_scaling" };
    for (int i = 0; i < 2; i++) {
        json_node home;
        CADRE_TRY(json_opt_object(root, homes[i], &home));
        if (!home.value) continue;
        const char *type = "default";
        CADRE_TRY(json_opt_string(&home, "type", &type));
        CADRE_TRY(json_opt_string(&home, "rope_type", &type));
        if (strcmp(type, "default") != 0)
            return cadre_fail(CADRE_EUNSUPPORTED, root->file, "%s.rope_type: expected default, found \"%s\"", homes[i], type);
        CADRE_TRY(json_opt_real(&home, "rope_theta", 1, 1e12, &c->rope_theta));
    }
    return CADRE_OK;
}

/* A number, null, or a list of which the first counts. */
static cadre_status read_eos(const json_node *root, model_config *c)
{
    c->eos = -1;
    json_node node = json_member(root, "eos_token_id");
    json_kind kind = json_kind_of(&node);
    if (kind == JSON_KIND_ABSENT || kind == JSON_KIND_NULL) return CADRE_OK;
    if (kind == JSON_KIND_ARRAY && json_count(&node)) {
        json_node first = json_item(&node, 0);
        return json_as_int(&first, 0, INT32_MAX, &c->eos);
    }
    return json_as_int(&node, 0, INT32_MAX, &c->eos);
}

static cadre_status read_norm_topk(const json_node *root, model_config *c)
{
    const architecture *arch = c->arch;
    bool renorm = false;
    if (arch->renorm) CADRE_TRY(json_opt_bool(root, "norm_topk_prob", &renorm));
    if (arch->router) c->router = router_by_name(renorm ? arch->renorm : arch->router);
    return CADRE_OK;
}

static cadre_status read_all(const json_node *root, model_config *c)
{
    const architecture *arch = c->arch;
    CADRE_TRY(read_keys(root, shared_keys, c));
    c->groups = c->groups_used = 1;
    c->route_scale = 1;
    c->sparse_step = 1;
    c->qk_norm = arch->qk_norm;
    c->latent = arch->latent;
    CADRE_TRY(read_keys(root, arch->keys, c));
    CADRE_TRY(read_rope(root, c));
    CADRE_TRY(read_eos(root, c));
    CADRE_TRY(read_norm_topk(root, c));
    if (arch->expert_form) CADRE_TRY(model_config_set_form(c, arch->expert_form, root->file));
    CADRE_TRY(model_config_derive(c, root->file));
    return arch->read ? arch->read(root, c) : CADRE_OK;
}

static cadre_status refuse_type(const char *path, const char *type)
{
    int count;
    const architecture *const *list = architecture_list(&count);
    char known[512] = "";
    for (int i = 0; i < count; i++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", list[i]->model_type);
    }
    return cadre_fail(CADRE_EUNSUPPORTED, path, "model_type: expected one of %s, found \"%s\"", known, type);
}

cadre_status model_config_read(const char *path, model_config *config)
{
    json_document *document;
    CADRE_TRY(json_open(path, 1 << 24, &document));
    json_node root = json_root(document);
    model_config c = { 0 };
    const char *type;
    cadre_status status = json_as_object(&root);
    if (status == CADRE_OK) status = json_get_string(&root, "model_type", &type);
    if (status == CADRE_OK && !(c.arch = architecture_by_type(type))) status = refuse_type(path, type);
    if (status == CADRE_OK) status = read_all(&root, &c);
    if (status == CADRE_OK) status = model_config_check(&c, path);
    json_close(document);
    if (status != CADRE_OK) {
        model_config_free(&c);
        return status;
    }
    *config = c;
    return CADRE_OK;
}

/* ---- writing ---- */

static void write_must(const config_key *key, json_writer *w)
{
    char *end;
    double number = strtod(key->value, &end);
    if (!strcmp(key->value, "null")) json_put_null(w, key->name);
    else if (!strcmp(key->value, "true") || !strcmp(key->value, "false")) json_put_bool(w, key->name, key->value[0] == 't');
    else if (!*end) json_put_int(w, key->name, (int64_t)number);
    else json_put_string(w, key->name, key->value);
}

static void write_keys(const config_key *key, const model_config *c, json_writer *w)
{
    for (; key && key->name; key++) {
        const void *value = value_of(c, key);
        bool null = key->kind == KEY_INT && key->flags & KEY_NULLABLE && *(const int64_t *)value == (int64_t)key->otherwise;
        if (key->flags & KEY_UNWRITTEN) continue;
        if (key->kind == KEY_MUST) write_must(key, w);
        else if (null) json_put_null(w, key->name);
        else if (key->kind == KEY_INT) json_put_int(w, key->name, *(const int64_t *)value);
        else if (key->kind == KEY_REAL) json_put_real(w, key->name, *(const double *)value);
        else json_put_bool(w, key->name, *(const bool *)value);
    }
}

static void write_all(const model_config *c, json_writer *w)
{
    const architecture *arch = c->arch;
    json_put_object(w, NULL);
    json_put_string(w, "model_type", arch->model_type);
    if (arch->class_name) {
        json_put_array(w, "architectures");
        json_put_string(w, NULL, arch->class_name);
        json_put_close(w, ']');
        json_put_string(w, "hidden_act", "silu");
    }
    json_put_string(w, "torch_dtype", "float32");
    write_keys(shared_keys, c, w);
    if (c->eos >= 0) json_put_int(w, "eos_token_id", c->eos);
    else json_put_null(w, "eos_token_id");
    json_put_null(w, "pad_token_id");
    write_keys(arch->keys, c, w);
    if (arch->renorm) json_put_bool(w, "norm_topk_prob", !strcmp(c->router->name, arch->renorm));
    if (arch->write) arch->write(c, w);
    json_put_close(w, '}');
}

cadre_status model_config_write(const model_config *config, const char *path)
{
    json_writer w = json_writer_new(2);
    write_all(config, &w);
    return json_writer_save(&w, path);
}
