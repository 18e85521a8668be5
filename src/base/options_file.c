/* options_file.c - options of a JSON file. */
#include <jansson.h>
#include <stdio.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/option_value.h"

enum { FILE_LIMIT = 1 << 20 };

/* The text of a plain value, as the command line would have it; freed by mem_free. */
static cadre_status text_of(const json_t *value, const char *where, char **text)
{
    char *copy;
    if (json_is_string(value)) copy = mem_strdup(json_string_value(value));
    else if (json_is_integer(value))
        copy = mem_printf("%lld", (long long)json_integer_value(value));
    else if (json_is_real(value)) copy = mem_printf("%.17g", json_real_value(value));
    else if (json_is_boolean(value)) copy = mem_strdup(json_is_true(value) ? "yes" : "no");
    else
        return cadre_fail(CADRE_EARGUMENT, where,
            "expected a number, a word or true/false, found another kind of value");
    *text = copy;
    return copy ? CADRE_OK : CADRE_ENOMEM;
}

static cadre_status set_list(option_entry *e, const char *where, const json_t *list)
{
    option_item *items = NULL;
    int count = 0;
    cadre_status status = CADRE_OK;
    for (size_t i = 0; i < json_array_size(list) && status == CADRE_OK; i++) {
        char *text;
        if ((status = text_of(json_array_get(list, i), where, &text)) != CADRE_OK) break;
        status = option_append(e->row, where, text, &items, &count);
        mem_free(text);
    }
    return option_replace(e, items, count, status);
}

static bool is_list(const cadre_option *row)
{
    return row->kind == CADRE_OPTION_INTS || row->kind == CADRE_OPTION_REALS ||
           row->kind == CADRE_OPTION_FLAGS || row->kind == CADRE_OPTION_CHOICES ||
           row->kind == CADRE_OPTION_PATHS || row->kind == CADRE_OPTION_TEXTS;
}

static cadre_status set_json(option_entry *e, const char *where, const json_t *value)
{
    if (json_is_array(value) && is_list(e->row)) return set_list(e, where, value);
    char *text;
    CADRE_TRY(text_of(value, where, &text));
    cadre_status status = option_set(e, where, text);
    mem_free(text);
    return status;
}

/* Turns min_lr_ratio into min-lr-ratio. */
static void name_of_key(const char *key, char *name, size_t size)
{
    snprintf(name, size, "%s", key);
    for (char *c = name; *c; c++)
        if (*c == '_') *c = '-';
}

static cadre_status load_object(cadre_options *o, const char *path, json_t *root)
{
    const char *key;
    json_t *value;
    json_object_foreach(root, key, value)
    {
        char name[80];
        name_of_key(key, name, sizeof name);
        option_entry *e = options_find(o, name);
        if (!e) return options_fail_unknown(o, path, name, key);
        char *where = mem_printf("%s: %s", path, key);
        if (!where) return CADRE_ENOMEM;
        cadre_status status = set_json(e, where, value);
        mem_free(where);
        CADRE_TRY(status);
    }
    return CADRE_OK;
}

cadre_status cadre_options_load(cadre_options *o, const char *path)
{
    char *text;
    size_t size;
    CADRE_TRY(file_read(path, FILE_LIMIT, &text, &size));
    json_error_t error;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    mem_free(text);
    if (!root)
        return cadre_fail(CADRE_EFORMAT, path, "expected a JSON object of options, line %d: %s",
            error.line, error.text);
    cadre_status status = json_is_object(root) ? load_object(o, path, root)
                                               : cadre_fail(CADRE_EFORMAT, path,
                                                     "expected a JSON object, found a list");
    json_decref(root);
    return status;
}
