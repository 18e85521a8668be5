/* config_fuzz.c - any bytes as a config.json: refused, or every value can be asked for in every
 * way. */
#include "fuzz.h"

#include <float.h>
#include <string.h>

#include "format/json.h"
#include "format/json_writer.h"

static void read_value(const json_node *node, json_writer *copy);

static void read_members(const json_node *node, json_writer *copy)
{
    json_put_object(copy, node->key);
    for (json_node m = { 0 }; json_next(node, &m);) {
        fuzz_require(json_member(node, m.key).value == m.value);
        read_value(&m, copy);
    }
    json_put_close(copy, '}');
}

static void read_items(const json_node *node, json_writer *copy)
{
    json_put_array(copy, node->key);
    for (size_t i = 0; i < json_count(node); i++) {
        json_node item = json_item(node, i);
        read_value(&item, copy);
    }
    json_put_close(copy, ']');
}

/* Asks for the value as everything that it may be, and writes it again. */
static void read_value(const json_node *node, json_writer *copy)
{
    int64_t integer = 0;
    double real = 0;
    bool flag = false;
    const char *text = "";
    size_t size = 0;
    bool is_int = json_as_int(node, INT64_MIN, INT64_MAX, &integer) == CADRE_OK;
    bool is_real = json_as_real(node, -DBL_MAX, DBL_MAX, &real) == CADRE_OK;
    bool is_bool = json_as_bool(node, &flag) == CADRE_OK;
    bool is_text = json_as_string(node, &text, &size) == CADRE_OK;
    json_kind kind = json_kind_of(node);
    fuzz_require(kind != JSON_KIND_ABSENT && (!is_int || is_real));
    fuzz_require(is_text == (kind == JSON_KIND_STRING) && is_real == (kind == JSON_KIND_NUMBER) &&
                 is_bool == (kind == JSON_KIND_BOOL));
    switch (kind) {
    case JSON_KIND_OBJECT: read_members(node, copy); break;
    case JSON_KIND_ARRAY: read_items(node, copy); break;
    case JSON_KIND_STRING: json_put_bytes(copy, node->key, text, size); break;
    case JSON_KIND_NUMBER: json_put_real(copy, node->key, real); break;
    case JSON_KIND_BOOL: json_put_bool(copy, node->key, flag); break;
    case JSON_KIND_NULL:
    case JSON_KIND_ABSENT:
    case JSON_KIND_LITERAL: json_put_null(copy, node->key); break;
    }
}

/* What was read and written again must be JSON that reads. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_document *document, *again;
    if (json_parse("fuzz.json", (const char *)data, size, &document) != CADRE_OK) {
        fuzz_require(!strncmp(cadre_last_error(), "fuzz.json: ", 11));
        return 0;
    }
    json_node root = json_root(document);
    json_writer copy = json_writer_new(2);
    read_value(&root, &copy);
    fuzz_require(json_writer_status(&copy) == CADRE_OK);
    fuzz_require(json_parse("copy.json", copy.text.data, copy.text.size, &again) == CADRE_OK);
    json_close(again);
    json_writer_free(&copy);
    json_close(document);
    return 0;
}
