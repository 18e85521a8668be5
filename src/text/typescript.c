/* typescript.c - schemas as types; what has no simple type is `any`. */
#include "text/typescript.h"

#include "format/json_copy.h"

enum { DEEPEST = 16, LONGEST_ITEM = 50 };

static void put_type(const json_node *schema, int depth, byte_buffer *out);

static void put_nullable(const json_node *schema, byte_buffer *out)
{
    bool nullable = false;
    json_node said = json_member(schema, "nullable");
    if (said.value && json_as_bool(&said, &nullable) == CADRE_OK && nullable)
        byte_buffer_text(out, " | null");
}

static void put_array(const json_node *schema, int depth, byte_buffer *out)
{
    json_node items = json_member(schema, "items");
    size_t before = out->size;
    if (json_kind_of(&items) == JSON_KIND_OBJECT) put_type(&items, depth + 1, out);
    if (out->size == before || out->size - before > LONGEST_ITEM) {
        out->size = before;
        byte_buffer_text(out, "any");
    }
    byte_buffer_text(out, "[]");
    put_nullable(schema, out);
}

static void put_values(const json_node *values, byte_buffer *out)
{
    for (size_t i = 0; i < json_count(values); i++) {
        json_node value = json_item(values, i);
        const char *text = "";
        if (json_as_string(&value, &text, NULL) != CADRE_OK) continue;
        byte_buffer_format(out, "%s\"%s\"", i ? " | " : "", text);
    }
}

static void put_string(const json_node *schema, byte_buffer *out)
{
    json_node values = json_member(schema, "enum");
    if (json_count(&values)) {
        put_values(&values, out);
        return;
    }
    byte_buffer_text(out, "string");
    put_nullable(schema, out);
}

static bool is_required(const json_node *schema, const char *name)
{
    json_node list = json_member(schema, "required");
    for (size_t i = 0; json_kind_of(&list) == JSON_KIND_ARRAY && i < json_count(&list); i++) {
        json_node item = json_item(&list, i);
        const char *found;
        if (json_as_string(&item, &found, NULL) == CADRE_OK && strcmp(found, name) == 0)
            return true;
    }
    return false;
}

static void put_object(const json_node *schema, int depth, byte_buffer *out)
{
    json_node properties = json_member(schema, "properties");
    bool first = true;
    if (!json_count(&properties)) {
        byte_buffer_text(out, "object");
        return;
    }
    byte_buffer_text(out, "{\n");
    for (json_node m = { 0 }; json_next(&properties, &m); first = false) {
        byte_buffer_format(
            out, "%s%s%s: ", first ? "" : ", ", m.key, is_required(schema, m.key) ? "" : "?");
        put_type(&m, depth + 1, out);
    }
    byte_buffer_text(out, "}");
}

static void put_one_of(const json_node *list, int depth, byte_buffer *out)
{
    for (size_t i = 0; i < json_count(list); i++) {
        json_node item = json_item(list, i);
        byte_buffer_text(out, i ? " | " : "");
        put_type(&item, depth + 1, out);
    }
}

static void put_types(const json_node *list, byte_buffer *out)
{
    for (size_t i = 0; i < json_count(list); i++) {
        json_node item = json_item(list, i);
        const char *name;
        if (json_as_string(&item, &name, NULL) == CADRE_OK)
            byte_buffer_format(out, "%s%s", i ? " | " : "", name);
    }
}

static void put_type(const json_node *schema, int depth, byte_buffer *out)
{
    json_node type = json_member(schema, "type"), one_of = json_member(schema, "oneOf");
    if (depth > DEEPEST) byte_buffer_text(out, "any");
    else if (chat_schema_is(schema, "array")) put_array(schema, depth, out);
    else if (json_kind_of(&type) == JSON_KIND_ARRAY && json_count(&type)) put_types(&type, out);
    else if (json_kind_of(&one_of) == JSON_KIND_ARRAY && json_count(&one_of))
        put_one_of(&one_of, depth, out);
    else if (chat_schema_is(schema, "string")) put_string(schema, out);
    else if (chat_schema_is(schema, "number") || chat_schema_is(schema, "integer"))
        byte_buffer_text(out, "number");
    else if (chat_schema_is(schema, "boolean")) byte_buffer_text(out, "boolean");
    else if (chat_schema_is(schema, "object")) put_object(schema, depth, out);
    else byte_buffer_text(out, "any");
}

/* ---- a function ---- */

static cadre_status put_default(const json_node *schema, byte_buffer *out)
{
    json_node value = json_member(schema, "default"), values = json_member(schema, "enum");
    const char *text;
    if (!value.value) return CADRE_OK;
    if (values.value && json_kind_of(&value) == JSON_KIND_STRING) {
        CADRE_TRY(json_as_string(&value, &text, NULL));
        byte_buffer_format(out, ", // default: %s", text);
        return out->status;
    }
    json_writer w = json_writer_new(0);
    json_put_copy(&w, NULL, &value);
    cadre_status status = json_writer_status(&w);
    if (status == CADRE_OK) byte_buffer_format(out, ", // default: %s", w.text.data);
    json_writer_free(&w);
    return status;
}

static cadre_status put_parameter(const json_node *m, const json_node *schema, byte_buffer *out)
{
    const char *description = "";
    if (json_kind_of(m) == JSON_KIND_OBJECT)
        CADRE_TRY(json_opt_string(m, "description", &description));
    if (*description) byte_buffer_format(out, "// %s\n", description);
    byte_buffer_format(out, "%s%s: ", m->key, is_required(schema, m->key) ? "" : "?");
    put_type(m, 0, out);
    if (json_kind_of(m) == JSON_KIND_OBJECT) CADRE_TRY(put_default(m, out));
    byte_buffer_text(out, ",\n");
    return out->status;
}

cadre_status typescript_of(const chat_tool *tool, byte_buffer *out)
{
    json_node properties = { 0 };
    if (tool->parameters.value)
        CADRE_TRY(json_opt_object(&tool->parameters, "properties", &properties));
    byte_buffer_format(out, "// %s\ntype %s = ", tool->description, tool->name);
    if (!json_count(&properties)) {
        byte_buffer_text(out, "() => any;\n\n");
        return out->status;
    }
    byte_buffer_text(out, "(_: {\n");
    for (json_node m = { 0 }; json_next(&properties, &m);)
        CADRE_TRY(put_parameter(&m, &tool->parameters, out));
    byte_buffer_text(out, "}) => any;\n\n");
    return out->status;
}
