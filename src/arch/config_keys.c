/* config_keys.c - reads and writes members of JSON objects by tables of keys. */
#include "arch/config_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* The first of a key's names that the object has; if it has none, the first name. */
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

/* Checks that several names of one field do not say different things. */
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

/* ---- writing ---- */

static void write_must(const config_key *key, json_writer *w)
{
    char *end;
    double number = strtod(key->value, &end);
    if (!strcmp(key->value, "null")) json_put_null(w, key->name);
    else if (!strcmp(key->value, "true") || !strcmp(key->value, "false"))
        json_put_bool(w, key->name, key->value[0] == 't');
    else if (!*end && !strchr(key->value, '.') && number == (double)(int64_t)number)
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
