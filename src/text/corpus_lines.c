/* corpus_lines.c - each line is a document:
 *
 *     {"text": "..."}                                     a text
 *     {"messages": [{"role": "user", "content": "..."}, ...]}   a conversation; with "tools",
 *                                                         "tool_calls" or thoughts in it too
 *     {"prompt": "...", "completion": "..."}              a text of two parts, or, where both are
 *                                                         lists of messages, a conversation
 *
 * Other members are not read. */
#include "text/corpus_lines.h"

#include <string.h>

#include "base/interrupt.h"
#include "base/memory.h"
#include "format/json_copy.h"
#include "format/unpacked_file.h"
#include "text/chat_read.h"

static const size_t longest = (size_t)64 << 20; /* of a line */

bool corpus_lines_named(const char *path) { return unpacked_is_called(path, ".jsonl"); }

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

static size_t blanks_before(const char *text, size_t size)
{
    size_t n = 0;
    while (n < size && is_blank(text[n])) n++;
    return n;
}

bool corpus_lines_begin(const char *text, size_t size)
{
    size_t n = blanks_before(text, size);
    return n < size && text[n] == '{';
}

/* ---- what is said ---- */

static cadre_status put_string(corpus_domain *d, const json_node *value)
{
    const char *text;
    size_t size;
    CADRE_TRY(json_as_string(value, &text, &size));
    return domain_append(d, text, size);
}

/* A text, or a list of {"type": "text", "text": "..."} */
static cadre_status put_content(corpus_domain *d, const json_node *content)
{
    if (json_kind_of(content) != JSON_KIND_ARRAY) return put_string(d, content);
    for (size_t i = 0; i < json_count(content); i++) {
        json_node item = json_item(content, i), text;
        const char *type = "text";
        CADRE_TRY(json_as_object(&item));
        CADRE_TRY(json_opt_string(&item, "type", &type));
        text = json_member(&item, "text");
        if (strcmp(type, "text") != 0) return json_refuse(&item, "a part of the type \"text\"");
        CADRE_TRY(put_string(d, &text));
    }
    return CADRE_OK;
}

static corpus_role role_of(chat_role role)
{
    return role == CHAT_SYSTEM ? CORPUS_SYSTEM : role == CHAT_USER ? CORPUS_USER : CORPUS_ASSISTANT;
}

static cadre_status put_message(corpus_domain *d, const json_node *message, bool first)
{
    const char *name;
    chat_role role;
    CADRE_TRY(json_as_object(message));
    CADRE_TRY(json_get_string(message, "role", &name));
    json_node content = json_member(message, "content"), named = json_member(message, "role");
    if (chat_role_named(name, &role) != CADRE_OK)
        return json_refuse(&named, "the role system, user or assistant");
    if (role == CHAT_SYSTEM && !first) return json_refuse(&named, "the system message first");
    if (json_has(message, "tool_calls"))
        return json_refuse(message, "a message without \"tool_calls\"");
    CADRE_TRY(put_content(d, &content));
    return domain_end_part(d, role_of(role));
}

static cadre_status put_messages(corpus_domain *d, const json_node *list, bool first)
{
    CADRE_TRY(json_as_array(list));
    for (size_t i = 0; i < json_count(list); i++) {
        json_node message = json_item(list, i);
        CADRE_TRY(put_message(d, &message, first && i == 0));
    }
    return CADRE_OK;
}

static cadre_status put_pair(corpus_domain *d, const json_node *root)
{
    json_node prompt = json_member(root, "prompt"), completion = json_member(root, "completion");
    if (json_kind_of(&prompt) == JSON_KIND_ARRAY) {
        CADRE_TRY(put_messages(d, &prompt, true));
        return put_messages(d, &completion, false);
    }
    CADRE_TRY(put_string(d, &prompt));
    CADRE_TRY(domain_end_part(d, CORPUS_PROMPT));
    CADRE_TRY(put_string(d, &completion));
    return domain_end_part(d, CORPUS_COMPLETION);
}

/* Whether a conversation has more than texts of three roles. */
static bool has_more(const json_node *root, const json_node *list)
{
    static const char *const more[] = { "tool_calls", "reasoning_content", "reasoning",
        "thinking" };
    if (json_has(root, "tools")) return true;
    for (size_t i = 0; json_kind_of(list) == JSON_KIND_ARRAY && i < json_count(list); i++) {
        json_node message = json_item(list, i), role;
        const char *name = "";
        if (json_kind_of(&message) != JSON_KIND_OBJECT) continue;
        for (size_t k = 0; k < sizeof more / sizeof *more; k++)
            if (json_has(&message, more[k])) return true;
        role = json_member(&message, "role");
        if (json_kind_of(&role) == JSON_KIND_STRING) json_as_string(&role, &name, NULL);
        if (strcmp(name, "tool") == 0 || strcmp(name, "developer") == 0) return true;
    }
    return false;
}

/* Such a conversation is kept as it is written, once it is known to be one. */
static cadre_status put_whole(corpus_domain *d, const json_node *root)
{
    chat_read read;
    json_node messages = json_member(root, "messages"), tools = json_member(root, "tools");
    CADRE_TRY(chat_read_conversation(root, &read));
    chat_read_free(&read);
    json_writer w = json_writer_new(0);
    json_put_object(&w, NULL);
    json_put_copy(&w, "messages", &messages);
    json_put_copy(&w, "tools", &tools);
    json_put_close(&w, '}');
    cadre_status status = json_writer_status(&w);
    if (status == CADRE_OK) status = domain_append(d, w.text.data, w.text.size);
    json_writer_free(&w);
    return status == CADRE_OK ? domain_end_part(d, CORPUS_CONVERSATION) : status;
}

static cadre_status put_document(corpus_domain *d, const json_node *root)
{
    json_node text = json_member(root, "text"), messages = json_member(root, "messages");
    CADRE_TRY(json_as_object(root));
    if (json_has(root, "messages") && has_more(root, &messages)) CADRE_TRY(put_whole(d, root));
    else if (json_has(root, "messages")) CADRE_TRY(put_messages(d, &messages, true));
    else if (json_has(root, "prompt") && json_has(root, "completion")) CADRE_TRY(put_pair(d, root));
    else if (json_has(root, "text")) CADRE_TRY(put_string(d, &text));
    else
        return cadre_fail(CADRE_EFORMAT, root->file,
            "expected an object with a \"text\", with \"messages\" or with \"prompt\" and "
            "\"completion\", found none of them");
    return domain_end_document(d);
}

bool corpus_lines_begin_conversation(const char *text, size_t size)
{
    json_document *document;
    size_t n = blanks_before(text, size);
    const char *end = memchr(text + n, '\n', size - n);
    size_t length = end ? (size_t)(end - text) - n : size - n;
    if (!corpus_lines_begin(text, size)) return false;
    if (json_parse("the first line", text + n, length, &document) != CADRE_OK) return false;
    json_node root = json_root(document), prompt = json_member(&root, "prompt");
    bool is_list = json_kind_of(&prompt) == JSON_KIND_ARRAY && json_has(&root, "completion");
    bool found = json_has(&root, "messages") || is_list;
    json_close(document);
    return found;
}

/* ---- lines ---- */

static cadre_status put_line(corpus_lines *l, const char *line, size_t size)
{
    json_document *document;
    l->number++;
    while (size > 0 && is_blank(line[size - 1])) size--;
    if (size == 0) return CADRE_OK;
    if (l->number % 4096 == 0) CADRE_TRY(interrupt_check(l->path));
    char *name = mem_printf("%s: line %lld", l->path, (long long)l->number);
    if (!name) return CADRE_ENOMEM;
    cadre_status status = json_parse(name, line, size, &document);
    if (status == CADRE_OK) {
        json_node root = json_root(document);
        status = put_document(l->domain, &root);
        json_close(document);
    }
    mem_free(name);
    return status;
}

/* A piece of a line, of which the end has not come */
static cadre_status keep(corpus_lines *l, const char *text, size_t size)
{
    if (size <= longest - l->line.size) return byte_buffer_put(&l->line, text, size);
    return cadre_fail(CADRE_EFORMAT, l->path, "line %lld: expected at most %zu bytes, found more",
        (long long)l->number + 1, longest);
}

cadre_status corpus_lines_put(corpus_lines *l, const char *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t length = end ? (size_t)(end - text) - at : size - at;
        if (!end) return keep(l, text + at, length);
        if (l->line.size) {
            CADRE_TRY(keep(l, text + at, length));
            CADRE_TRY(put_line(l, l->line.data, l->line.size));
            l->line.size = 0;
        } else CADRE_TRY(put_line(l, text + at, length));
        at += length + 1;
    }
    return CADRE_OK;
}

cadre_status corpus_lines_end(corpus_lines *l)
{
    return l->line.size ? put_line(l, l->line.data, l->line.size) : CADRE_OK;
}

void corpus_lines_free(corpus_lines *l) { byte_buffer_free(&l->line); }
