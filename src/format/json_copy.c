/* json_copy.c - copies from a json_node to a json_writer. */
#include "format/json_copy.h"

#include <jansson.h>

static void put_number(json_writer *w, const char *key, const json_node *value)
{
    if (json_is_integer(value->value)) json_put_int(w, key, json_integer_value(value->value));
    else json_put_real(w, key, json_real_value(value->value));
}

static void put_members(json_writer *w, const json_node *object)
{
    for (json_node m = { 0 }; json_next(object, &m);) json_put_copy(w, m.key, &m);
}

static void put_items(json_writer *w, const json_node *array)
{
    for (size_t i = 0; i < json_count(array); i++) {
        json_node item = json_item(array, i);
        json_put_copy(w, NULL, &item);
    }
}

void json_put_copy(json_writer *w, const char *key, const json_node *value)
{
    switch (json_kind_of(value)) {
    case JSON_KIND_ABSENT: return;
    /* NaN and infinity have no form in JSON. */
    case JSON_KIND_LITERAL: json_put_null(w, key); return;
    case JSON_KIND_NULL: json_put_null(w, key); return;
    case JSON_KIND_BOOL: json_put_bool(w, key, json_is_true(value->value)); return;
    case JSON_KIND_NUMBER: put_number(w, key, value); return;
    case JSON_KIND_STRING:
        json_put_bytes(w, key, json_string_value(value->value), json_string_length(value->value));
        return;
    case JSON_KIND_ARRAY:
        json_put_array(w, key);
        put_items(w, value);
        json_put_close(w, ']');
        return;
    case JSON_KIND_OBJECT:
        json_put_object(w, key);
        put_members(w, value);
        json_put_close(w, '}');
        return;
    }
}
