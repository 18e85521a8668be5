/* api_tool_use.c - reads tools, tool_choice, and messages with calls. */
#include "serve/api_tool_use.h"

#include <string.h>

#include "base/memory.h"
#include "serve/api_error.h"

/* ---- tools ---- */

static cadre_status read_named(api_tool_use *a, const json_node *choice)
{
    json_node function;
    const char *name;
    CADRE_TRY(json_get_object(choice, "function", &function));
    CADRE_TRY(json_get_string(&function, "name", &name));
    json_node given = json_member(&function, "name");
    a->only = chat_tools_find(&a->tools, name);
    a->required = a->once = true;
    return a->only < 0 ? json_refuse(&given, "the name of one of the tools") : CADRE_OK;
}

static cadre_status read_choice(api_tool_use *a)
{
    json_node choice = json_member(&a->root, "tool_choice");
    const char *word;
    if (!json_has(&a->root, "tool_choice")) return CADRE_OK;
    if (json_kind_of(&choice) == JSON_KIND_OBJECT) return read_named(a, &choice);
    CADRE_TRY(json_as_string(&choice, &word, NULL));
    a->required = strcmp(word, "required") == 0;
    if (a->required || strcmp(word, "auto") == 0) return CADRE_OK;
    return json_refuse(&choice, "none, auto, required or a function");
}

/* With tool_choice "none" the prompt does not contain the tools either. */
static bool forbids_calls(const api_tool_use *a)
{
    json_node choice = json_member(&a->root, "tool_choice");
    const char *word;
    return json_kind_of(&choice) == JSON_KIND_STRING &&
           json_as_string(&choice, &word, NULL) == CADRE_OK && strcmp(word, "none") == 0;
}

/* A request without tools can ask for no call. */
static cadre_status check_choice_of_none(const json_node *root)
{
    json_node choice = json_member(root, "tool_choice");
    const char *word = "auto";
    if (json_kind_of(&choice) == JSON_KIND_OBJECT) word = "one function";
    else CADRE_TRY(json_opt_string(root, "tool_choice", &word));
    return strcmp(word, "auto") == 0 || strcmp(word, "none") == 0
               ? CADRE_OK
               : json_refuse(&choice, "none or auto, because the request has no tools");
}

/* Arguments are always an object, so a schema of another type would leave none. */
static cadre_status check_parameters(const chat_tools *tools)
{
    for (int i = 0; i < tools->count; i++) {
        const json_node *schema = &tools->tools[i].parameters;
        json_node type = { 0 };
        if (schema->value) type = json_member(schema, "type");
        if (json_kind_of(&type) == JSON_KIND_STRING && !chat_schema_is(schema, "object"))
            return json_refuse(&type, "\"object\"");
    }
    return CADRE_OK;
}

static cadre_status read_tools(api_tool_use *a, bool structured)
{
    json_node list, functions;
    bool parallel = true;
    if (forbids_calls(a)) return CADRE_OK;
    CADRE_TRY(json_opt_array(&a->root, "functions", &functions));
    if (functions.value && json_count(&functions))
        return json_refuse(&functions, "none: functions belong in tools");
    CADRE_TRY(json_opt_array(&a->root, "tools", &list));
    if (list.value && json_count(&list)) CADRE_TRY(chat_tools_read(&list, &a->tools));
    if (!a->tools.count) return check_choice_of_none(&a->root);
    CADRE_TRY(check_parameters(&a->tools));
    CADRE_TRY(json_opt_bool(&a->root, "parallel_tool_calls", &parallel));
    a->once = !parallel;
    CADRE_TRY(read_choice(a));
    json_node format = json_member(&a->root, "response_format");
    if (structured) return json_refuse(&format, "text, because the request has tools");
    return CADRE_OK;
}

/* /v1/completions has no function calls. */
static cadre_status check_text(const json_node *root)
{
    json_node list;
    CADRE_TRY(json_opt_array(root, "tools", &list));
    if (!list.value || !json_count(&list)) return check_choice_of_none(root);
    return json_refuse(&list, "none: only chats can call functions");
}

cadre_status api_tool_use_read(
    const json_node *root, bool chat, bool structured, api_tool_use **tool_use)
{
    api_tool_use *a = MEM_ARRAY(api_tool_use, 1);
    if (!a) return CADRE_ENOMEM;
    *a = (api_tool_use){ .root = *root, .only = -1 };
    cadre_status status = chat ? read_tools(a, structured) : check_text(root);
    if (status == CADRE_OK) *tool_use = a;
    else api_tool_use_free(a);
    return status;
}

void api_tool_use_free(api_tool_use *a)
{
    if (!a) return;
    for (int64_t i = 0; a->calls && i < a->turn_count; i++) mem_free(a->calls[i]);
    for (size_t i = 0; i < a->argument_count; i++) json_close(a->arguments[i]);
    chat_tools_free(&a->tools);
    mem_free(a->arguments);
    mem_free(a->calls);
    mem_free(a->turns);
    mem_free(a);
}

/* ---- calls of the conversation ---- */

/* Arguments are a string that contains a JSON object. */
static cadre_status read_arguments(api_tool_use *a, const json_node *function, chat_call *call)
{
    json_node given = json_member(function, "arguments");
    void *list = a->arguments;
    const char *text;
    size_t size;
    CADRE_TRY(json_as_string(&given, &text, &size));
    CADRE_TRY(buffer_grow(&list, a->argument_count, &a->argument_room, 1, sizeof *a->arguments));
    a->arguments = list;
    json_document *made;
    if (!size) text = "{}", size = 2;
    if (json_parse_dense(API_DOCUMENT ": arguments", text, size, &made) != CADRE_OK)
        return json_refuse(&given, "the text of a JSON object");
    a->arguments[a->argument_count++] = made;
    call->arguments = json_root(made);
    return json_kind_of(&call->arguments) == JSON_KIND_OBJECT
               ? CADRE_OK
               : json_refuse(&given, "the text of a JSON object");
}

static cadre_status read_call(api_tool_use *a, const json_node *item, chat_call *call)
{
    json_node function;
    call->id = "";
    CADRE_TRY(json_as_object(item));
    CADRE_TRY(json_opt_string(item, "id", &call->id));
    CADRE_TRY(json_get_object(item, "function", &function));
    CADRE_TRY(json_get_string(&function, "name", &call->name));
    return read_arguments(a, &function, call);
}

cadre_status api_tool_use_read_calls(
    api_tool_use *a, const json_node *message, int64_t index, chat_turn *turn)
{
    json_node list;
    if (turn->result) {
        a->called = true;
        return json_get_string(message, "tool_call_id", &turn->call);
    }
    CADRE_TRY(json_opt_array(message, "tool_calls", &list));
    size_t count = list.value ? json_count(&list) : 0;
    if (!count) return CADRE_OK;
    if (turn->role != CHAT_ASSISTANT) return json_refuse(&list, "calls of the assistant alone");
    if (count > CHAT_TOOLS_MAX) return json_refuse(&list, "at most %d calls", CHAT_TOOLS_MAX);
    chat_call *calls = MEM_ARRAY(chat_call, count);
    if (!calls) return CADRE_ENOMEM;
    a->calls[index] = calls;
    a->called = true;
    for (size_t i = 0; i < count; i++) {
        json_node item = json_item(&list, i);
        CADRE_TRY(read_call(a, &item, &calls[i]));
    }
    turn->calls = calls, turn->call_count = (int)count;
    return CADRE_OK;
}
