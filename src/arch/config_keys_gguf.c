/* config_keys_gguf.c - reads and writes GGUF's metadata by tables of keys. */
#include "arch/config_keys_gguf.h"

#include <stdio.h>
#include <stdlib.h>

#include "arch/architecture.h"
#include "base/memory.h"

double gguf_decimal(double value)
{
    char text[32];
    for (int digits = 6; digits < 9 && (double)(float)value == value; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtof(text, NULL) == (float)value) return strtod(text, NULL);
    }
    return value;
}

static cadre_status read_real(const gguf *f, const char *name, bool required, double *value)
{
    CADRE_TRY((required ? gguf_get_real : gguf_opt_real)(f, name, -1e30, 1e30, value));
    *value = gguf_decimal(*value);
    return CADRE_OK;
}

/* Reads a number, or a list with a number for each layer if all of these are equal. */
static cadre_status read_int(const gguf *f, const char *name, bool required, int64_t *value)
{
    gguf_array list;
    if (gguf_type_of(f, name) != GGUF_ARRAY)
        return (required ? gguf_get_int : gguf_opt_int)(f, name, 0, INT32_MAX, value);
    CADRE_TRY(gguf_get_array(f, name, &list));
    bool same = gguf_array_is_int(&list) && list.count > 0;
    int64_t first = same ? gguf_array_int(&list, 0) : -1;
    for (size_t i = 1; i < list.count && same; i++) same = gguf_array_int(&list, i) == first;
    if (!same || first < 0 || first > INT32_MAX)
        return cadre_fail(CADRE_EUNSUPPORTED, gguf_path(f),
            "%s: expected the same number for all layers, found several", name);
    *value = first;
    return CADRE_OK;
}

static cadre_status read_key(
    const gguf *f, const char *name, const config_key *key, model_config *c)
{
    void *field = (char *)c + key->field;
    bool required = key->flags & KEY_REQUIRED;
    int64_t integer;
    switch (key->kind) {
    case KEY_INT:
        *(int64_t *)field = (int64_t)key->otherwise;
        CADRE_TRY(read_int(f, name, required, field));
        if (key->flags & KEY_ZERO_UNSAID && !*(int64_t *)field)
            *(int64_t *)field = (int64_t)key->otherwise;
        return CADRE_OK;
    case KEY_REAL:
        *(double *)field = key->otherwise;
        CADRE_TRY(read_real(f, name, required, field));
        if (key->flags & KEY_ZERO_UNSAID && *(double *)field == 0)
            *(double *)field = key->otherwise;
        return CADRE_OK;
    case KEY_BOOL: *(bool *)field = key->otherwise != 0; return gguf_opt_bool(f, name, field);
    case KEY_MUST:
        integer = strtoll(key->value, NULL, 10);
        return gguf_opt_int(f, name, integer, integer, &integer);
    }
    return CADRE_OK;
}

cadre_status config_keys_read_gguf(const gguf *f, const config_key *keys, model_config *c)
{
    for (; keys && keys->name; keys++) {
        char *name = mem_printf("%s.%s", c->arch->gguf.name, keys->name);
        cadre_status status = name ? read_key(f, name, keys, c) : CADRE_ENOMEM;
        mem_free(name);
        CADRE_TRY(status);
    }
    return CADRE_OK;
}

bool config_gguf_has_experts(const gguf *f, const char *key)
{
    int64_t count = 0;
    return gguf_opt_int(f, key, 1, INT32_MAX, &count) == CADRE_OK && count > 0;
}

/* ---- writing ---- */

static void put_key(gguf_writer *w, const char *name, const config_key *key, const model_config *c)
{
    const void *value = (const char *)c + key->field;
    switch (key->kind) {
    case KEY_INT:
        if (*(const int64_t *)value || key->flags & KEY_REQUIRED)
            gguf_writer_int(w, name, GGUF_U32, *(const int64_t *)value);
        return;
    case KEY_REAL: gguf_writer_real(w, name, *(const double *)value); return;
    case KEY_BOOL: gguf_writer_bool(w, name, *(const bool *)value); return;
    case KEY_MUST: return; /* the family's constants are not written here */
    }
}

void config_keys_write_gguf(const config_key *keys, const model_config *c, gguf_writer *w)
{
    for (; keys && keys->name; keys++) {
        char *name = keys->flags & KEY_UNWRITTEN
                         ? NULL
                         : mem_printf("%s.%s", c->arch->gguf.name, keys->name);
        if (name) put_key(w, name, keys, c);
        mem_free(name);
    }
}
