/* tokenizer_beside.c - tokenizer_config.json and chat_template.jinja. */
#include "text/tokenizer_beside.h"

#include <string.h>

#include "base/memory.h"
#include "format/foreign.h"
#include "format/json_cursor.h"

/* "bos_token" is a string, or an object with the string as "content". A token that the vocabulary
 * lacks counts as none. */
static cadre_status read_named_token(
    const tokenizer *t, const json_node *config, const char *key, int32_t *id)
{
    json_node member = json_member(config, key), object;
    const char *content;
    if (!json_has(config, key)) return CADRE_OK;
    if (json_kind_of(&member) == JSON_KIND_OBJECT) {
        CADRE_TRY(json_get_object(config, key, &object));
        CADRE_TRY(json_get_string(&object, "content", &content));
    } else {
        CADRE_TRY(json_as_string(&member, &content, NULL));
    }
    *id = tokenizer_id(t, content, strlen(content));
    return CADRE_OK;
}

/* "chat_template" is a program, or a list of {"name", "template"} of which one is the default. */
static cadre_status read_chat_program(tokenizer *t, const json_node *config)
{
    json_node member = json_member(config, "chat_template");
    const char *program = NULL, *name = NULL;
    if (json_kind_of(&member) == JSON_KIND_STRING)
        CADRE_TRY(json_as_string(&member, &program, NULL));
    for (size_t i = 0; json_kind_of(&member) == JSON_KIND_ARRAY && i < json_count(&member); i++) {
        json_node item = json_item(&member, i);
        CADRE_TRY(json_as_object(&item));
        CADRE_TRY(json_get_string(&item, "name", &name));
        if (strcmp(name, "default") == 0) CADRE_TRY(json_get_string(&item, "template", &program));
    }
    return program ? byte_buffer_put(&t->chat, program, strlen(program)) : CADRE_OK;
}

static bool is_read(string_view key)
{
    return string_view_is(key, "bos_token") || string_view_is(key, "eos_token") ||
           string_view_is(key, "chat_template");
}

/* Copies those members of the object at the cursor that are read. Most of the file is a list of
 * tokens, which is not. */
static cadre_status put_read(json_cursor *c, byte_buffer *rest)
{
    bool first = true, more;
    string_view key;
    CADRE_TRY(json_cursor_expect(c, '{'));
    CADRE_TRY(byte_buffer_put(rest, "{", 1));
    for (;;) {
        CADRE_TRY(json_cursor_next(c, '}', &first, &more));
        if (!more) return byte_buffer_put(rest, "}", 1);
        json_cursor_peek(c);
        size_t begin = c->at;
        CADRE_TRY(json_cursor_string(c, &key));
        bool wanted = is_read(key);
        CADRE_TRY(json_cursor_expect(c, ':'));
        CADRE_TRY(json_cursor_skip(c));
        if (wanted && rest->size > 1) CADRE_TRY(byte_buffer_put(rest, ",", 1));
        if (wanted && rest->size + (c->at - begin) > TOKENIZER_REST_MOST)
            return json_cursor_refuse(c, "fewer bytes");
        if (wanted) CADRE_TRY(byte_buffer_put(rest, c->text + begin, c->at - begin));
    }
}

static cadre_status read_tree(tokenizer *t, const char *path, const byte_buffer *text)
{
    json_document *document;
    CADRE_TRY(json_parse(path, text->data, text->size, &document));
    json_node root = json_root(document);
    cadre_status status = read_named_token(t, &root, "bos_token", &t->bos);
    if (status == CADRE_OK) status = read_named_token(t, &root, "eos_token", &t->eos);
    if (status == CADRE_OK) status = read_chat_program(t, &root);
    json_close(document);
    return status;
}

static cadre_status read_config(tokenizer *t, const char *path)
{
    file_map map;
    byte_buffer rest = { 0 };
    CADRE_TRY(file_map_open(path, &map));
    json_cursor c = {
        .text = (const char *)map.data, .size = map.size, .file = path, .where = "the file"
    };
    cadre_status status = CADRE_OK;
    if (map.size > JSON_LIMIT)
        status = cadre_fail(
            CADRE_EFORMAT, path, "expected at most %zu bytes, found %zu", JSON_LIMIT, map.size);
    if (status == CADRE_OK) status = foreign_check(path, map.data, map.size, "a JSON file");
    if (status == CADRE_OK) status = put_read(&c, &rest);
    if (status == CADRE_OK) status = read_tree(t, path, &rest);
    json_cursor_free(&c);
    byte_buffer_free(&rest);
    file_map_close(&map);
    return status;
}

/* Newer folders keep the program in a file of its own, which takes precedence. */
static cadre_status read_chat_file(tokenizer *t, const char *path)
{
    char *text;
    size_t size;
    CADRE_TRY(file_read(path, CHAT_PROGRAM_MAX, &text, &size));
    t->chat.size = 0;
    cadre_status status = byte_buffer_put(&t->chat, text, size);
    mem_free(text);
    return status;
}

/* Reads a file of the same folder as `path`, if it exists. */
static cadre_status read_beside(tokenizer *t, const char *path, const char *name,
    cadre_status (*read)(tokenizer *, const char *))
{
    char *beside = mem_printf("%.*s%s", (int)(file_base(path) - path), path, name);
    if (!beside) return CADRE_ENOMEM;
    cadre_status status = file_exists(beside) ? read(t, beside) : CADRE_OK;
    mem_free(beside);
    return status;
}

cadre_status tokenizer_read_beside(tokenizer *t, const char *path)
{
    CADRE_TRY(read_beside(t, path, "tokenizer_config.json", read_config));
    return read_beside(t, path, "chat_template.jinja", read_chat_file);
}
