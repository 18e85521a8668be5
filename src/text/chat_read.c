/* chat_read.c - messages of JSON as turns of a conversation. */
#include "text/chat_read.h"

#include <string.h>

#include "base/memory.h"

enum { MESSAGES_MAX = 100000 };

/* ---- texts ---- */

static cadre_status put_part(const json_node *part, byte_buffer *text)
{
    const char *type = "text", *piece;
    size_t size;
    CADRE_TRY(json_as_object(part));
    CADRE_TRY(json_opt_string(part, "type", &type));
    json_node said = json_member(part, "type"), body = json_member(part, "text");
    if (strcmp(type, "text") != 0) return json_refuse(&said, "a part of the type \"text\"");
    CADRE_TRY(json_as_string(&body, &piece, &size));
    return byte_buffer_put(text, piece, size);
}

static cadre_status read_content(const json_node *message, bool may_lack, byte_buffer *text)
{
    json_node content = json_member(message, "content");
    const char *whole;
    size_t size;
    CADRE_TRY(byte_buffer_reserve(text, 0)); /* no text, but an address */
    if (may_lack && !json_has(message, "content")) return CADRE_OK;
    if (json_kind_of(&content) != JSON_KIND_ARRAY) {
        CADRE_TRY(json_as_string(&content, &whole, &size));
        return byte_buffer_put(text, whole, size);
    }
    for (size_t i = 0; i < json_count(&content); i++) {
        json_node part = json_item(&content, i);
        CADRE_TRY(put_part(&part, text));
    }
    return CADRE_OK;
}

static cadre_status read_thought(const json_node *message, byte_buffer *text)
{
    static const char *const names[] = { "reasoning_content", "reasoning", "thinking" };
    const char *thought;
    size_t size;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        json_node said = json_member(message, names[i]);
        if (!json_has(message, names[i])) continue;
        CADRE_TRY(json_as_string(&said, &thought, &size));
        return byte_buffer_put(text, thought, size);
    }
    return CADRE_OK;
}

/* ---- calls ---- */

/* Arguments are an object or its text. */
static cadre_status read_arguments(chat_read *r, const json_node *function, chat_call *call)
{
    json_node given = json_member(function, "arguments");
    void *list = r->arguments;
    const char *text;
    size_t size;
    if (json_kind_of(&given) == JSON_KIND_OBJECT) {
        call->arguments = given;
        call->arguments.parent = NULL;
        return CADRE_OK;
    }
    CADRE_TRY(json_as_string(&given, &text, &size));
    if (!size) text = "{}", size = 2;
    CADRE_TRY(buffer_grow(&list, r->argument_count, &r->argument_room, 1, sizeof *r->arguments));
    r->arguments = list;
    json_document *made;
    cadre_status status = json_parse_dense("arguments", text, size, &made);
    if (status == CADRE_ENOMEM) return status;
    if (status != CADRE_OK) return json_refuse(&given, "an object, or its text");
    r->arguments[r->argument_count++] = made;
    call->arguments = json_root(made);
    return json_kind_of(&call->arguments) == JSON_KIND_OBJECT
               ? CADRE_OK
               : json_refuse(&given, "an object, or its text");
}

static cadre_status read_call(chat_read *r, const json_node *item, chat_call *call)
{
    json_node function;
    call->id = "";
    CADRE_TRY(json_as_object(item));
    CADRE_TRY(json_opt_string(item, "id", &call->id));
    CADRE_TRY(json_get_object(item, "function", &function));
    function.parent = item;
    CADRE_TRY(json_get_string(&function, "name", &call->name));
    return read_arguments(r, &function, call);
}

static cadre_status read_calls(chat_read *r, const json_node *message, chat_turn *turn)
{
    json_node list;
    CADRE_TRY(json_opt_array(message, "tool_calls", &list));
    size_t count = list.value ? json_count(&list) : 0;
    if (!count) return CADRE_OK;
    if (turn->role != CHAT_ASSISTANT || turn->result)
        return json_refuse(&list, "calls of the assistant alone");
    if (count > CHAT_TOOLS_MAX) return json_refuse(&list, "at most %d calls", CHAT_TOOLS_MAX);
    chat_call *calls = MEM_ARRAY(chat_call, count);
    if (!calls) return CADRE_ENOMEM;
    r->lists[r->count] = calls;
    r->calls = true;
    for (size_t i = 0; i < count; i++) {
        json_node item = json_item(&list, i);
        CADRE_TRY(read_call(r, &item, &calls[i]));
    }
    turn->calls = calls, turn->call_count = (int)count;
    return CADRE_OK;
}

/* ---- messages ---- */

static cadre_status read_role(const json_node *message, chat_turn *turn)
{
    const char *name;
    CADRE_TRY(json_get_string(message, "role", &name));
    json_node given = json_member(message, "role");
    turn->role = CHAT_USER;
    turn->result = strcmp(name, "tool") == 0;
    if (turn->result || strcmp(name, "user") == 0) return CADRE_OK;
    bool system = strcmp(name, "system") == 0 || strcmp(name, "developer") == 0;
    turn->role = system ? CHAT_SYSTEM : CHAT_ASSISTANT;
    if (system || strcmp(name, "assistant") == 0) return CADRE_OK;
    return json_refuse(&given, "the role system, user, assistant or tool");
}

static cadre_status read_message(const json_node *message, chat_read *r)
{
    chat_turn *turn = &r->turns[r->count];
    byte_buffer *text = &r->texts[2 * r->count], *thought = text + 1;
    CADRE_TRY(json_as_object(message));
    CADRE_TRY(read_role(message, turn));
    json_node role = json_member(message, "role");
    if (turn->role == CHAT_SYSTEM && r->count)
        return json_refuse(&role, "the system message first");
    turn->call = "";
    if (turn->result) CADRE_TRY(json_opt_string(message, "tool_call_id", &turn->call));
    r->calls |= turn->result;
    CADRE_TRY(read_calls(r, message, turn));
    CADRE_TRY(read_content(message, turn->call_count > 0, text));
    if (turn->role == CHAT_ASSISTANT) CADRE_TRY(read_thought(message, thought));
    turn->text = (string_view){ text->data, text->size };
    turn->thought = (string_view){ thought->data, thought->size };
    return CADRE_OK;
}

/* Results without an id are those of the calls before them, in their order. */
static void match_results(chat_read *r)
{
    const chat_turn *caller = NULL;
    int at = 0;
    for (int i = 0; i < r->count; i++) {
        chat_turn *turn = &r->turns[i];
        if (!turn->result) caller = turn, at = 0;
        else if (!*turn->call && caller && at < caller->call_count)
            turn->call = caller->calls[at++].id;
    }
}

static cadre_status read_messages(const json_node *list, chat_read *r)
{
    size_t count = json_count(list);
    if (count > MESSAGES_MAX) return json_refuse(list, "at most %d messages", MESSAGES_MAX);
    r->turns = MEM_ARRAY(chat_turn, count + 1);
    r->texts = MEM_ARRAY(byte_buffer, 2 * count + 1);
    r->lists = MEM_ARRAY(chat_call *, count + 1);
    if (!r->turns || !r->texts || !r->lists) return CADRE_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        json_node item = json_item(list, i);
        cadre_status status = read_message(&item, r);
        r->count++; /* what was read of it is to be freed, too */
        CADRE_TRY(status);
    }
    match_results(r);
    return CADRE_OK;
}

static cadre_status read_all(const json_node *root, chat_read *r)
{
    json_node messages, tools;
    CADRE_TRY(json_as_object(root));
    CADRE_TRY(json_get_array(root, "messages", &messages));
    CADRE_TRY(json_opt_array(root, "tools", &tools));
    if (tools.value && json_count(&tools)) CADRE_TRY(chat_tools_read(&tools, &r->tools));
    r->calls = r->tools.count > 0;
    return read_messages(&messages, r);
}

cadre_status chat_read_conversation(const json_node *root, chat_read *read)
{
    chat_read r = { 0 };
    cadre_status status = read_all(root, &r);
    if (status == CADRE_OK) *read = r;
    else chat_read_free(&r);
    return status;
}

void chat_read_free(chat_read *r)
{
    for (int i = 0; i < r->count; i++) {
        byte_buffer_free(&r->texts[2 * i]);
        byte_buffer_free(&r->texts[2 * i + 1]);
        mem_free(r->lists[i]);
    }
    for (size_t i = 0; i < r->argument_count; i++) json_close(r->arguments[i]);
    chat_tools_free(&r->tools);
    mem_free(r->arguments);
    mem_free(r->lists);
    mem_free(r->texts);
    mem_free(r->turns);
    *r = (chat_read){ 0 };
}

/* ---- ids ---- */

static cadre_status style_of(
    const chat_read *r, const chat_template *c, string_view program, const chat_tool_style **style)
{
    *style = NULL;
    if (!r->calls) return CADRE_OK;
    *style = chat_tool_style_of(c, program);
    if (*style) return CADRE_OK;
    return cadre_fail(CADRE_EUNSUPPORTED, NULL,
        "the chat template %s: expected a conversation without functions, as it has no way to call "
        "them that is known",
        chat_template_name(c));
}

/* The same without calls. */
static cadre_status messages_of(const chat_read *r, chat_message **messages)
{
    *messages = MEM_ARRAY(chat_message, r->count + 1);
    if (!*messages) return CADRE_ENOMEM;
    for (int i = 0; i < r->count; i++) {
        const chat_turn *t = &r->turns[i];
        (*messages)[i] = (chat_message){ t->role, t->text.data, t->text.size, t->thought };
    }
    return CADRE_OK;
}

cadre_status chat_read_encode(const chat_read *r, const chat_template *c, string_view program,
    const tokenizer *t, token_list *ids)
{
    const chat_tool_style *style;
    chat_message *messages;
    CADRE_TRY(style_of(r, c, program, &style));
    if (style)
        return chat_calls_encode(
            c, style, t, r->turns, r->count, r->tools.count ? &r->tools : NULL, ids);
    CADRE_TRY(messages_of(r, &messages));
    cadre_status status = chat_encode(c, t, messages, r->count, ids);
    mem_free(messages);
    return status;
}

cadre_status chat_read_encode_whole(const chat_read *r, const chat_template *c, const tokenizer *t,
    token_list *ids, token_list *answers)
{
    const chat_tool_style *style;
    chat_message *messages;
    CADRE_TRY(style_of(r, c, tokenizer_chat_program(t), &style));
    if (style) {
        const chat_conversation whole = { .template = c,
            .style = style,
            .turns = r->turns,
            .count = r->count,
            .tools = r->tools.count ? &r->tools : NULL };
        return chat_calls_encode_whole(&whole, t, ids, answers);
    }
    CADRE_TRY(messages_of(r, &messages));
    cadre_status status = chat_encode_whole(c, t, messages, r->count, ids, answers);
    mem_free(messages);
    return status;
}
