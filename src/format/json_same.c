/* json_same.c - whether two values are the same. */
#include <jansson.h>

#include "format/json.h"

static bool same_items(const json_t *a, const json_t *b)
{
    if (json_array_size(a) != json_array_size(b)) return false;
    for (size_t i = 0; i < json_array_size(a); i++) {
        json_node x = { .value = json_array_get(a, i) }, y = { .value = json_array_get(b, i) };
        if (!json_same(&x, &y)) return false;
    }
    return true;
}

static bool same_members(const json_node *a, const json_node *b)
{
    if (json_object_size(a->value) != json_object_size(b->value)) return false;
    for (json_node m = { 0 }; json_next(a, &m);) {
        json_node other = json_member(b, m.key);
        if (!other.value || !json_same(&m, &other)) return false;
    }
    return true;
}

bool json_same(const json_node *a, const json_node *b)
{
    if (json_kind_of(a) != json_kind_of(b)) return false;
    switch (json_kind_of(a)) {
    case JSON_KIND_NUMBER: return json_number_value(a->value) == json_number_value(b->value);
    case JSON_KIND_ARRAY: return same_items(a->value, b->value);
    case JSON_KIND_OBJECT: return same_members(a, b);
    default: return json_equal(a->value, b->value);
    }
}
