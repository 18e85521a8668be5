/* gemma_text.c - declarations and values written, and arguments read. */
#include "text/gemma_text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "text/python_text.h"

/* ---- members in order ---- */

static int by_name(const void *a, const void *b)
{
    const json_node *x = a, *y = b;
    return strcasecmp(x->key, y->key);
}

/* The members of an object by their names, without regard to capitals; mem_free. */
static cadre_status sorted(const json_node *object, json_node **members, size_t *count)
{
    json_node m = { 0 };
    *count = 0;
    *members = MEM_ARRAY(json_node, json_count(object) + 1);
    if (!*members) return CADRE_ENOMEM;
    while (json_kind_of(object) == JSON_KIND_OBJECT && json_next(object, &m))
        (*members)[(*count)++] = m;
    if (*count) qsort(*members, *count, sizeof **members, by_name);
    return CADRE_OK;
}

/* ---- values ---- */

static cadre_status put_string(chat_script *s, string_view text)
{
    CADRE_TRY(script_words(s, GEMMA_QUOTE));
    CADRE_TRY(script_said(s, text));
    return script_words(s, GEMMA_QUOTE);
}

static cadre_status put_list(chat_script *s, const json_node *list, bool keyed)
{
    CADRE_TRY(script_words(s, "["));
    for (size_t i = 0; i < json_count(list); i++) {
        json_node item = json_item(list, i);
        CADRE_TRY(script_words(s, i ? "," : ""));
        CADRE_TRY(gemma_put_value(s, &item, keyed));
    }
    return script_words(s, "]");
}

cadre_status gemma_put_members(chat_script *s, const json_node *object, bool keyed)
{
    json_node *members;
    size_t count;
    CADRE_TRY(sorted(object, &members, &count));
    cadre_status status = CADRE_OK;
    for (size_t i = 0; i < count && status == CADRE_OK; i++) {
        string_view key = { members[i].key, strlen(members[i].key) };
        status = script_words(s, i ? "," : "");
        if (status == CADRE_OK) status = keyed ? put_string(s, key) : script_said(s, key);
        if (status == CADRE_OK) status = script_words(s, ":");
        if (status == CADRE_OK) status = gemma_put_value(s, &members[i], keyed);
    }
    mem_free(members);
    return status;
}

static cadre_status put_plain(chat_script *s, const json_node *value)
{
    byte_buffer text = { 0 };
    bool is = false;
    cadre_status status = CADRE_OK;
    if (json_kind_of(value) == JSON_KIND_BOOL) {
        json_as_bool(value, &is);
        return script_words(s, is ? "true" : "false");
    }
    status = python_put(&text, value);
    if (status == CADRE_OK) status = script_said(s, (string_view){ text.data, text.size });
    byte_buffer_free(&text);
    return status;
}

cadre_status gemma_put_value(chat_script *s, const json_node *value, bool keyed)
{
    string_view text;
    switch (json_kind_of(value)) {
    case JSON_KIND_STRING:
        CADRE_TRY(json_as_string(value, &text.data, &text.size));
        return put_string(s, text);
    case JSON_KIND_ARRAY: return put_list(s, value, keyed);
    case JSON_KIND_OBJECT:
        CADRE_TRY(script_words(s, "{"));
        CADRE_TRY(gemma_put_members(s, value, keyed));
        return script_words(s, "}");
    default: return put_plain(s, value);
    }
}

/* ---- declarations ---- */

static bool is_true(const json_node *object, const char *key)
{
    json_node value = json_member(object, key);
    bool is = false;
    return json_kind_of(&value) == JSON_KIND_BOOL && json_as_bool(&value, &is) == CADRE_OK && is;
}

static cadre_status put_upper(chat_script *s, string_view text)
{
    char upper[64];
    size_t size = text.size < sizeof upper ? text.size : sizeof upper;
    for (size_t i = 0; i < size; i++) upper[i] = (char)toupper((unsigned char)text.data[i]);
    return put_string(s, (string_view){ upper, size });
}

/* "type:" and the type in capitals; a list of types as Python writes it. */
static cadre_status put_type(chat_script *s, const json_node *schema)
{
    json_node type = json_member(schema, "type");
    byte_buffer text = { 0 };
    cadre_status status = type.value ? python_put(&text, &type) : CADRE_OK;
    if (status == CADRE_OK) status = script_words(s, "type:");
    if (status == CADRE_OK) status = put_upper(s, (string_view){ text.data, text.size });
    byte_buffer_free(&text);
    return status;
}

/* "key:[...]" of strings. */
static cadre_status put_names(chat_script *s, const char *key, const json_node *list)
{
    CADRE_TRY(script_words(s, key));
    CADRE_TRY(script_words(s, ":"));
    return put_list(s, list, true);
}

static cadre_status put_properties(chat_script *s, const json_node *properties);

static cadre_status put_items_member(chat_script *s, const json_node *m)
{
    if (strcmp(m->key, "properties") == 0) {
        CADRE_TRY(script_words(s, "properties:{"));
        CADRE_TRY(put_properties(s, m));
        return script_words(s, "}");
    }
    if (strcmp(m->key, "required") == 0) return put_names(s, "required", m);
    if (strcmp(m->key, "type") == 0 && json_kind_of(m) == JSON_KIND_STRING)
        return put_type(s, m->parent);
    CADRE_TRY(script_said(s, (string_view){ m->key, strlen(m->key) }));
    CADRE_TRY(script_words(s, ":"));
    return gemma_put_value(s, m, true);
}

static cadre_status put_items(chat_script *s, const json_node *items)
{
    json_node *members;
    size_t count, put = 0;
    CADRE_TRY(sorted(items, &members, &count));
    cadre_status status = script_words(s, "items:{");
    for (size_t i = 0; i < count && status == CADRE_OK; i++) {
        if (json_kind_of(&members[i]) == JSON_KIND_NULL) continue;
        members[i].parent = items;
        status = script_words(s, put++ ? "," : "");
        if (status == CADRE_OK) status = put_items_member(s, &members[i]);
    }
    mem_free(members);
    return status == CADRE_OK ? script_words(s, "}") : status;
}

/* What an object says of its own properties; one that names none is taken for a list of them. */
static cadre_status put_nested(chat_script *s, const json_node *schema, const char **comma)
{
    json_node properties = json_member(schema, "properties"),
              required = json_member(schema, "required");
    bool named = json_kind_of(&properties) == JSON_KIND_OBJECT;
    CADRE_TRY(script_words(s, *comma));
    CADRE_TRY(script_words(s, "properties:{"));
    CADRE_TRY(put_properties(s, named ? &properties : schema));
    CADRE_TRY(script_words(s, "}"));
    *comma = ",";
    if (!json_count(&required)) return CADRE_OK;
    CADRE_TRY(script_words(s, ","));
    return put_names(s, "required", &required);
}

/* What is said of a value of this kind; *comma: before what follows. */
static cadre_status put_kind(chat_script *s, const json_node *schema, const char **comma)
{
    json_node values = json_member(schema, "enum"), items = json_member(schema, "items");
    if (chat_schema_is(schema, "string") && json_count(&values)) {
        CADRE_TRY(script_words(s, *comma));
        *comma = ",";
        CADRE_TRY(put_names(s, "enum", &values));
    }
    if (chat_schema_is(schema, "array") && json_kind_of(&items) == JSON_KIND_OBJECT &&
        json_count(&items)) {
        CADRE_TRY(script_words(s, *comma));
        *comma = ",";
        CADRE_TRY(put_items(s, &items));
    }
    if (is_true(schema, "nullable")) {
        CADRE_TRY(script_words(s, *comma));
        *comma = ",";
        CADRE_TRY(script_words(s, "nullable:true"));
    }
    return chat_schema_is(schema, "object") ? put_nested(s, schema, comma) : CADRE_OK;
}

static cadre_status put_property(chat_script *s, const json_node *schema)
{
    const char *comma = "", *text = "";
    size_t size = 0;
    json_node said = json_member(schema, "description");
    CADRE_TRY(script_said(s, (string_view){ schema->key, strlen(schema->key) }));
    CADRE_TRY(script_words(s, ":{"));
    if (json_kind_of(&said) == JSON_KIND_STRING) CADRE_TRY(json_as_string(&said, &text, &size));
    if (size) {
        CADRE_TRY(script_words(s, "description:"));
        CADRE_TRY(put_string(s, (string_view){ text, size }));
        comma = ",";
    }
    CADRE_TRY(put_kind(s, schema, &comma));
    CADRE_TRY(script_words(s, comma));
    CADRE_TRY(put_type(s, schema));
    return script_words(s, "}");
}

/* Properties with the names of words of a schema are passed over, as the model was taught. */
static bool is_word(const char *name)
{
    static const char *const words[] = { "description", "type", "properties", "required",
        "nullable" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i], name) == 0) return true;
    return false;
}

static cadre_status put_properties(chat_script *s, const json_node *properties)
{
    json_node *members;
    size_t count, put = 0;
    CADRE_TRY(sorted(properties, &members, &count));
    cadre_status status = CADRE_OK;
    for (size_t i = 0; i < count && status == CADRE_OK; i++) {
        if (is_word(members[i].key) || json_kind_of(&members[i]) != JSON_KIND_OBJECT) continue;
        status = script_words(s, put++ ? "," : "");
        if (status == CADRE_OK) status = put_property(s, &members[i]);
    }
    mem_free(members);
    return status;
}

static cadre_status put_parameters(chat_script *s, const json_node *schema)
{
    json_node properties = json_member(schema, "properties"),
              required = json_member(schema, "required");
    CADRE_TRY(script_words(s, ",parameters:{"));
    if (json_count(&properties)) {
        CADRE_TRY(script_words(s, "properties:{"));
        CADRE_TRY(put_properties(s, &properties));
        CADRE_TRY(script_words(s, "},"));
    }
    if (json_count(&required)) {
        CADRE_TRY(put_names(s, "required", &required));
        CADRE_TRY(script_words(s, ","));
    }
    if (!json_has(schema, "type")) return CADRE_OK;
    CADRE_TRY(put_type(s, schema));
    return script_words(s, "}");
}

cadre_status gemma_put_declaration(chat_script *s, const chat_tool *tool)
{
    CADRE_TRY(script_words(s, "declaration:"));
    CADRE_TRY(script_said_text(s, tool->name));
    CADRE_TRY(script_words(s, "{description:"));
    CADRE_TRY(put_string(s, (string_view){ tool->description, strlen(tool->description) }));
    if (tool->parameters.value && json_count(&tool->parameters))
        CADRE_TRY(put_parameters(s, &tool->parameters));
    return script_words(s, "}");
}

/* ---- arguments ---- */

enum { DEEPEST = 32 };

typedef struct reading {
    const char *at, *end;
    json_writer w;
    int depth;
} reading;

static void skip_space(reading *r)
{
    while (r->at < r->end && strchr(" \n\t\r", *r->at)) r->at++;
}

static bool take(reading *r, const char *words)
{
    size_t size = strlen(words);
    skip_space(r);
    if ((size_t)(r->end - r->at) < size || memcmp(r->at, words, size) != 0) return false;
    r->at += size;
    return true;
}

/* Up to the next quotation mark, or to the end. */
static string_view quoted(reading *r)
{
    const char *begin = r->at;
    size_t size = strlen(GEMMA_QUOTE);
    while ((size_t)(r->end - r->at) >= size && memcmp(r->at, GEMMA_QUOTE, size) != 0) r->at++;
    bool closed = (size_t)(r->end - r->at) >= size;
    if (!closed) r->at = r->end;
    string_view text = { begin, (size_t)(r->at - begin) };
    if (closed) r->at += size;
    return text;
}

static string_view bare(reading *r, const char *ends)
{
    skip_space(r);
    const char *begin = r->at;
    while (r->at < r->end && !strchr(ends, *r->at)) r->at++;
    string_view text = { begin, (size_t)(r->at - begin) };
    while (text.size && strchr(" \n\t\r", text.data[text.size - 1])) text.size--;
    return text;
}

static void read_value(reading *r, const char *key);

static void read_members(reading *r)
{
    while (r->at < r->end && !take(r, "}")) {
        string_view key = take(r, GEMMA_QUOTE) ? quoted(r) : bare(r, ":,}");
        byte_buffer name = { 0 };
        byte_buffer_put(&name, key.data, key.size);
        bool said = take(r, ":") || key.size;
        if (said && name.status == CADRE_OK) read_value(r, name.data ? name.data : "");
        byte_buffer_free(&name);
        if (!take(r, ",") && r->at < r->end && *r->at != '}') r->at++;
    }
}

static void read_list(reading *r, const char *key)
{
    json_put_array(&r->w, key);
    while (r->at < r->end && !take(r, "]")) {
        read_value(r, NULL);
        if (!take(r, ",") && r->at < r->end && *r->at != ']') r->at++;
    }
    json_put_close(&r->w, ']');
}

static void read_value(reading *r, const char *key)
{
    string_view text;
    bool deep = ++r->depth > DEEPEST;
    if (take(r, GEMMA_QUOTE)) {
        text = quoted(r);
        json_put_bytes(&r->w, key, text.data, text.size);
    } else if (!deep && take(r, "[")) {
        read_list(r, key);
    } else if (!deep && take(r, "{")) {
        json_put_object(&r->w, key);
        read_members(r);
        json_put_close(&r->w, '}');
    } else {
        python_copy_bare(&r->w, key, bare(r, ",]}"));
    }
    r->depth--;
}

cadre_status gemma_read_arguments(string_view text, byte_buffer *json)
{
    reading r = { .at = text.data, .end = text.data + text.size, .w = json_writer_new(0) };
    json_put_object(&r.w, NULL);
    read_members(&r);
    json_put_close(&r.w, '}');
    cadre_status status = json_writer_status(&r.w);
    if (status == CADRE_OK) status = byte_buffer_put(json, r.w.text.data, r.w.text.size);
    json_writer_free(&r.w);
    return status;
}
