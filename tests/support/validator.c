/* validator.c - JSON Schema, word by word. */
#include "support/validator.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

static bool is_type(const char *type, const json_t *v)
{
    if (!strcmp(type, "null")) return json_is_null(v);
    if (!strcmp(type, "boolean")) return json_is_boolean(v);
    if (!strcmp(type, "string")) return json_is_string(v);
    if (!strcmp(type, "array")) return json_is_array(v);
    if (!strcmp(type, "object")) return json_is_object(v);
    if (!strcmp(type, "number")) return json_is_number(v);
    return json_is_number(v) && floor(json_number_value(v)) == json_number_value(v);
}

static bool type_holds(const json_t *schema, const json_t *v)
{
    const json_t *type = json_object_get(schema, "type"), *item;
    size_t i;
    if (json_is_true(json_object_get(schema, "nullable")) && json_is_null(v)) return true;
    if (!type) return true;
    if (json_is_string(type)) return is_type(json_string_value(type), v);
    json_array_foreach(type, i, item) if (is_type(json_string_value(item), v)) return true;
    return false;
}

static bool same(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b)) return json_number_value(a) == json_number_value(b);
    return json_equal(a, b);
}

static bool listed(const json_t *schema, const json_t *v)
{
    const json_t *one = json_object_get(schema, "const"), *list = json_object_get(schema, "enum"),
                 *item;
    size_t i;
    bool found = !list;
    json_array_foreach(list, i, item) found |= same(item, v);
    return found && (!one || same(one, v));
}

static double bound(const json_t *schema, const char *word, double otherwise)
{
    const json_t *b = json_object_get(schema, word);
    return b ? json_number_value(b) : otherwise;
}

static bool number_holds(const json_t *schema, double x)
{
    const json_t *multiple = json_object_get(schema, "multipleOf");
    return x >= bound(schema, "minimum", -INFINITY) && x <= bound(schema, "maximum", INFINITY) &&
           x > bound(schema, "exclusiveMinimum", -INFINITY) &&
           x < bound(schema, "exclusiveMaximum", INFINITY) &&
           (!multiple || fmod(x, json_number_value(multiple)) == 0);
}

static bool matches(const char *pattern, const char *text)
{
    int error;
    PCRE2_SIZE at;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
        PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_ALT_BSUX, &error, &at, NULL);
    if (!code) abort();
    pcre2_match_data *data = pcre2_match_data_create_from_pattern(code, NULL);
    int found = pcre2_match(code, (PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, 0, 0, data, NULL);
    pcre2_match_data_free(data);
    pcre2_code_free(code);
    return found > 0;
}

static bool string_holds(const json_t *schema, const json_t *v)
{
    const json_t *pattern = json_object_get(schema, "pattern");
    const char *text = json_string_value(v);
    size_t length = 0;
    for (size_t i = 0; i < json_string_length(v); i++) length += (text[i] & 0xc0) != 0x80;
    return (double)length >= bound(schema, "minLength", 0) &&
           (double)length <= bound(schema, "maxLength", INFINITY) &&
           (!pattern || matches(json_string_value(pattern), text));
}

static bool repeats(const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        for (size_t k = 0; k < i; k++)
            if (same(json_array_get(list, i), json_array_get(list, k))) return true;
    return false;
}

static bool array_holds(const json_t *root, const json_t *schema, const json_t *v)
{
    const json_t *prefix = json_object_get(schema, "prefixItems"),
                 *items = json_object_get(schema, "items"), *item;
    size_t i;
    if ((double)json_array_size(v) < bound(schema, "minItems", 0)) return false;
    if ((double)json_array_size(v) > bound(schema, "maxItems", INFINITY)) return false;
    if (json_is_true(json_object_get(schema, "uniqueItems")) && repeats(v)) return false;
    if (json_is_array(items)) prefix = items, items = json_object_get(schema, "additionalItems");
    json_array_foreach(v, i, item)
    {
        const json_t *own = i < json_array_size(prefix) ? json_array_get(prefix, i) : items;
        if (own && !valid_for(root, own, item)) return false;
    }
    return true;
}

static bool name_holds(const json_t *root, const json_t *schema, const char *key)
{
    json_t *name = json_string(key);
    bool holds = !schema || valid_for(root, schema, name);
    json_decref(name);
    return holds;
}

/* What patterns say of a property; *found: one of them is of it. */
static bool patterns_hold(
    const json_t *root, json_t *patterns, const char *key, const json_t *value, bool *found)
{
    const char *pattern;
    json_t *schema;
    *found = false;
    json_object_foreach(patterns, pattern, schema)
    {
        if (!matches(pattern, key)) continue;
        *found = true;
        if (!valid_for(root, schema, value)) return false;
    }
    return true;
}

static bool object_holds(const json_t *root, const json_t *schema, json_t *v)
{
    const json_t *properties = json_object_get(schema, "properties"),
                 *others = json_object_get(schema, "additionalProperties"), *item;
    const char *key;
    size_t i;
    json_t *member;
    if ((double)json_object_size(v) < bound(schema, "minProperties", 0)) return false;
    if ((double)json_object_size(v) > bound(schema, "maxProperties", INFINITY)) return false;
    json_array_foreach(json_object_get(schema, "required"), i,
        item) if (!json_object_get(v, json_string_value(item))) return false;
    json_object_foreach(v, key, member)
    {
        const json_t *own = json_object_get(properties, key);
        bool found;
        if (!name_holds(root, json_object_get(schema, "propertyNames"), key)) return false;
        if (!patterns_hold(root, json_object_get(schema, "patternProperties"), key, member, &found))
            return false;
        if (!own && !found) own = others;
        if (own && !valid_for(root, own, member)) return false;
    }
    return true;
}

static const json_t *pointed_at(const json_t *root, const char *pointer)
{
    char step[64];
    for (pointer++; *pointer == '/' && root;) {
        size_t length = strcspn(++pointer, "/");
        memcpy(step, pointer, length);
        step[length] = 0;
        root = json_is_array(root) ? json_array_get(root, strtoul(step, NULL, 10))
                                   : json_object_get(root, step);
        pointer += length;
    }
    return root;
}

static bool any_holds(const json_t *root, const json_t *list, const json_t *v)
{
    const json_t *item;
    size_t i;
    json_array_foreach(list, i, item) if (valid_for(root, item, v)) return true;
    return !list;
}

static bool all_hold(const json_t *root, const json_t *list, const json_t *v)
{
    const json_t *item;
    size_t i;
    json_array_foreach(list, i, item) if (!valid_for(root, item, v)) return false;
    return true;
}

bool valid_for(const json_t *root, const json_t *schema, const json_t *v)
{
    const json_t *ref = json_object_get(schema, "$ref");
    if (json_is_boolean(schema)) return json_is_true(schema);
    if (ref && !valid_for(root, pointed_at(root, json_string_value(ref)), v)) return false;
    if (!type_holds(schema, v) || !listed(schema, v)) return false;
    if (!any_holds(root, json_object_get(schema, "anyOf"), v)) return false;
    if (!any_holds(root, json_object_get(schema, "oneOf"), v)) return false;
    if (!all_hold(root, json_object_get(schema, "allOf"), v)) return false;
    if (json_is_number(v)) return number_holds(schema, json_number_value(v));
    if (json_is_string(v)) return string_holds(schema, v);
    if (json_is_array(v)) return array_holds(root, schema, v);
    return !json_is_object(v) || object_holds(root, schema, (json_t *)(uintptr_t)v);
}
