/* chat_calls.c - conversations with functions, in each of the ways that models know. */
#include "text/chat_calls.h"

#include <string.h>

#include "format/json_writer.h"
#include "text/chat_script.h"
#include "text/typescript.h"

#define BAR "\xef\xbd\x9c"
#define UNDERLINE "\xe2\x96\x81"
#define TOOL "<" BAR "tool" UNDERLINE

typedef struct conversation {
    chat_script s;
    const chat_tool_style *style;
    const chat_turn *turns;
    int count;
    const chat_tools *tools;
    string_view system; /* data NULL: none */
} conversation;

static string_view view(const char *text) { return (string_view){ text, strlen(text) }; }

/* ---- what there is to call ---- */

static cadre_status put_list(conversation *c, const char *before, const char *after)
{
    for (int i = 0; i < c->tools->count; i++) {
        CADRE_TRY(script_words(&c->s, before));
        CADRE_TRY(script_said_json(&c->s, &c->tools->tools[i].whole));
        CADRE_TRY(script_words(&c->s, after));
    }
    return CADRE_OK;
}

#define MAY_CALL                                                                                   \
    "# Tools\n\nYou may call one or more functions to assist with the user query.\n\nYou are "     \
    "provided with function signatures within <tools></tools> XML tags:\n<tools>"

static cadre_status put_hermes(conversation *c)
{
    CADRE_TRY(script_words(&c->s, MAY_CALL));
    CADRE_TRY(put_list(c, "\n", ""));
    return script_words(&c->s,
        "\n</tools>\n\nFor each function call, return a json object with function name and "
        "arguments within <tool_call></tool_call> XML tags:\n<tool_call>\n{\"name\": "
        "<function-name>, \"arguments\": <args-json-object>}\n</tool_call>");
}

static cadre_status put_glm(conversation *c)
{
    CADRE_TRY(script_words(&c->s, "<|system|>\n" MAY_CALL "\n"));
    CADRE_TRY(put_list(c, "", "\n"));
    return script_words(&c->s,
        "</tools>\n\nFor each function call, output the function name and arguments within the "
        "following XML format:\n<tool_call>{function-name}\n<arg_key>{arg-key-1}</arg_key>\n"
        "<arg_value>{arg-value-1}</arg_value>\n<arg_key>{arg-key-2}</arg_key>\n"
        "<arg_value>{arg-value-2}</arg_value>\n...\n</tool_call>");
}

static cadre_status put_deepseek(conversation *c)
{
    CADRE_TRY(script_words(&c->s, "\n\n## Tools\nYou have access to the following tools:\n"));
    for (int i = 0; i < c->tools->count; i++) {
        const chat_tool *t = &c->tools->tools[i];
        CADRE_TRY(script_words(&c->s, "\n### "));
        CADRE_TRY(script_said(&c->s, view(t->name)));
        CADRE_TRY(script_words(&c->s, "\nDescription: "));
        CADRE_TRY(script_said(&c->s, view(t->description)));
        CADRE_TRY(script_words(&c->s, "\n\nParameters: "));
        CADRE_TRY(t->parameters.value ? script_said_json(&c->s, &t->parameters)
                                      : script_words(&c->s, "{}"));
        CADRE_TRY(script_words(&c->s, "\n"));
    }
    return script_words(&c->s,
        "\nIMPORTANT: ALWAYS adhere to this exact format for tool use:\n" TOOL "calls" UNDERLINE
        "begin" BAR ">" TOOL "call" UNDERLINE "begin" BAR ">tool_call_name" TOOL "sep" BAR
        ">tool_call_arguments" TOOL "call" UNDERLINE "end" BAR ">{{additional_tool_calls}}" TOOL
        "calls" UNDERLINE "end" BAR ">\n\nWhere:\n\n- `tool_call_name` must be an exact match to "
        "one of the available tools\n- `tool_call_arguments` must be valid JSON that strictly "
        "follows the tool's Parameters Schema\n- For multiple tool calls, chain them directly "
        "without separators or spaces\n");
}

static bool is_tekken(const conversation *c) { return strstr(c->style->name, "tekken") != NULL; }

static cadre_status put_mistral(conversation *c)
{
    CADRE_TRY(script_words(&c->s, is_tekken(c) ? "[AVAILABLE_TOOLS][" : "[AVAILABLE_TOOLS] ["));
    for (int i = 0; i < c->tools->count; i++) {
        CADRE_TRY(script_words(&c->s, i ? ", " : ""));
        CADRE_TRY(script_said_json(&c->s, &c->tools->tools[i].whole));
    }
    return script_words(&c->s, "][/AVAILABLE_TOOLS]");
}

static cadre_status put_harmony(conversation *c)
{
    CADRE_TRY(script_words(&c->s, "# Tools\n\n## functions\n\nnamespace functions {\n\n"));
    for (int i = 0; i < c->tools->count; i++) {
        byte_buffer type = { 0 };
        cadre_status status = typescript_of(&c->tools->tools[i], &type);
        if (status == CADRE_OK) status = script_said(&c->s, (string_view){ type.data, type.size });
        byte_buffer_free(&type);
        CADRE_TRY(status);
    }
    return script_words(&c->s, "} // namespace functions");
}

/* ---- the beginning ---- */

/* The system's message of the template itself has a line more where there are functions. */
static cadre_status begin_harmony(conversation *c)
{
    static const char end[] = "<|end|>";
    const char *begin = c->s.c->begin;
    if (!c->tools) return script_words(&c->s, begin);
    size_t size = strlen(begin) - strlen(end);
    CADRE_TRY(byte_buffer_put(&c->s.text, begin, size));
    return script_words(
        &c->s, "\nCalls to these tools must go to the commentary channel: 'functions'.<|end|>");
}

static cadre_status begin_with_developer(conversation *c)
{
    CADRE_TRY(begin_harmony(c));
    if (!c->system.data && !c->tools) return CADRE_OK;
    CADRE_TRY(script_words(&c->s, "<|start|>developer<|message|>"));
    if (c->system.data) {
        CADRE_TRY(script_words(&c->s, "# Instructions\n\n"));
        CADRE_TRY(script_said(&c->s, c->system));
        CADRE_TRY(script_words(&c->s, "\n\n"));
    }
    if (c->tools) CADRE_TRY(put_harmony(c));
    return script_words(&c->s, "<|end|>");
}

static cadre_status begin_hermes(conversation *c)
{
    if (!c->tools) return c->system.data ? script_framed(&c->s, CHAT_SYSTEM, c->system) : CADRE_OK;
    CADRE_TRY(script_words(&c->s, c->s.c->frames[CHAT_SYSTEM].before));
    if (c->system.data) {
        CADRE_TRY(script_said(&c->s, c->system));
        CADRE_TRY(script_words(&c->s, "\n\n"));
    }
    CADRE_TRY(put_hermes(c));
    return script_words(&c->s, c->s.c->frames[CHAT_SYSTEM].after);
}

static cadre_status begin_conversation(conversation *c)
{
    if (c->style->kind == CHAT_TOOLS_HARMONY) return begin_with_developer(c);
    CADRE_TRY(script_words(&c->s, c->s.c->begin));
    switch (c->style->kind) {
    case CHAT_TOOLS_HERMES: return begin_hermes(c);
    case CHAT_TOOLS_GLM:
        if (c->tools) CADRE_TRY(put_glm(c));
        return c->system.data ? script_framed(&c->s, CHAT_SYSTEM, c->system) : CADRE_OK;
    case CHAT_TOOLS_DEEPSEEK:
        if (c->system.data) CADRE_TRY(script_said(&c->s, c->system));
        return c->tools ? put_deepseek(c) : CADRE_OK;
    case CHAT_TOOLS_MISTRAL: /* with the last message of a user */
    case CHAT_TOOLS_HARMONY: break;
    }
    return CADRE_OK;
}

/* ---- calls and what they returned ---- */

static cadre_status put_pairs(conversation *c, const json_node *arguments)
{
    for (json_node m = { 0 }; json_next(arguments, &m);) {
        const char *text;
        size_t size;
        CADRE_TRY(script_words(&c->s, "\n<arg_key>"));
        CADRE_TRY(script_said(&c->s, view(m.key)));
        CADRE_TRY(script_words(&c->s, "</arg_key>\n<arg_value>"));
        if (json_kind_of(&m) == JSON_KIND_STRING) {
            CADRE_TRY(json_as_string(&m, &text, &size));
            CADRE_TRY(script_said(&c->s, (string_view){ text, size }));
        } else {
            CADRE_TRY(script_said_json(&c->s, &m));
        }
        CADRE_TRY(script_words(&c->s, "</arg_value>"));
    }
    return script_words(&c->s, "\n");
}

/* Mistral's ids have nine characters. */
static const char *short_id(const char *id)
{
    size_t size = strlen(id);
    return size > 9 ? id + size - 9 : id;
}

static cadre_status put_call_end(conversation *c, const chat_call *call)
{
    if (c->style->kind == CHAT_TOOLS_MISTRAL) {
        CADRE_TRY(script_words(&c->s, ", \"id\": \""));
        CADRE_TRY(script_said(&c->s, view(short_id(call->id))));
        CADRE_TRY(script_words(&c->s, "\""));
    }
    return script_words(&c->s, c->style->given);
}

static cadre_status put_calls(conversation *c, const chat_turn *turn)
{
    const chat_tool_style *style = c->style;
    for (int i = 0; i < turn->call_count; i++) {
        const chat_call *call = &turn->calls[i];
        CADRE_TRY(script_words(&c->s, i ? style->between : style->begin));
        CADRE_TRY(script_said(&c->s, view(call->name)));
        CADRE_TRY(script_words(&c->s, style->pairs ? "" : style->named));
        CADRE_TRY(style->pairs ? put_pairs(c, &call->arguments)
                               : script_said_json(&c->s, &call->arguments));
        CADRE_TRY(put_call_end(c, call));
    }
    return script_words(&c->s, style->end);
}

static cadre_status put_harmony_calls(conversation *c, const chat_turn *turn)
{
    if (turn->text.size) {
        CADRE_TRY(script_words(&c->s, "<|start|>assistant<|channel|>analysis<|message|>"));
        CADRE_TRY(script_said(&c->s, turn->text));
        CADRE_TRY(script_words(&c->s, "<|end|>"));
    }
    for (int i = 0; i < turn->call_count; i++) {
        CADRE_TRY(script_words(&c->s, "<|start|>assistant to=functions."));
        CADRE_TRY(script_said(&c->s, view(turn->calls[i].name)));
        CADRE_TRY(script_words(&c->s, "<|channel|>commentary json<|message|>"));
        CADRE_TRY(script_said_json(&c->s, &turn->calls[i].arguments));
        CADRE_TRY(script_words(&c->s, "<|call|>"));
    }
    return CADRE_OK;
}

/* The assistant's message begins as an answer does, but for thoughts. */
static cadre_status put_caller(conversation *c, int at)
{
    const chat_turn *turn = &c->turns[at];
    string_view said = script_message(&c->s, turn->role, turn->text);
    switch (c->style->kind) {
    case CHAT_TOOLS_HARMONY: return put_harmony_calls(c, turn);
    case CHAT_TOOLS_HERMES:
        CADRE_TRY(script_words(&c->s, c->s.c->frames[CHAT_ASSISTANT].before));
        CADRE_TRY(script_said(&c->s, said));
        CADRE_TRY(script_words(&c->s, said.size ? "\n" : ""));
        break;
    case CHAT_TOOLS_GLM:
        CADRE_TRY(script_words(&c->s, "<|assistant|>\n<think></think>\n"));
        CADRE_TRY(script_said(&c->s, said));
        CADRE_TRY(script_words(&c->s, said.size ? "\n" : ""));
        break;
    case CHAT_TOOLS_DEEPSEEK:
        if (!at || !c->turns[at - 1].result)
            CADRE_TRY(script_words(&c->s, c->s.c->frames[CHAT_ASSISTANT].before));
        CADRE_TRY(script_said(&c->s, said));
        break;
    case CHAT_TOOLS_MISTRAL: break;
    }
    CADRE_TRY(put_calls(c, turn));
    return script_words(&c->s, c->s.c->frames[CHAT_ASSISTANT].after);
}

/* The name of the function that this call called. */
static const char *called(const conversation *c, int at, const char *id)
{
    for (int i = at; i-- > 0;)
        for (int k = 0; k < c->turns[i].call_count; k++)
            if (strcmp(c->turns[i].calls[k].id, id) == 0) return c->turns[i].calls[k].name;
    return NULL;
}

static cadre_status put_harmony_result(conversation *c, int at)
{
    const char *name = called(c, at, c->turns[at].call);
    json_writer w = json_writer_new(0);
    json_put_bytes(&w, NULL, c->turns[at].text.data, c->turns[at].text.size);
    cadre_status status = json_writer_status(&w);
    if (status == CADRE_OK) status = script_words(&c->s, "<|start|>functions.");
    if (status == CADRE_OK) status = script_said(&c->s, view(name ? name : "unknown"));
    if (status == CADRE_OK)
        status = script_words(&c->s, " to=assistant<|channel|>commentary<|message|>");
    if (status == CADRE_OK) status = script_said(&c->s, (string_view){ w.text.data, w.text.size });
    json_writer_free(&w);
    return status == CADRE_OK ? script_words(&c->s, "<|end|>") : status;
}

static cadre_status put_mistral_result(conversation *c, const chat_turn *turn)
{
    json_writer w = json_writer_new(0);
    json_put_bytes(&w, NULL, turn->text.data, turn->text.size);
    cadre_status status = json_writer_status(&w);
    if (status == CADRE_OK)
        status = script_words(
            &c->s, is_tekken(c) ? "[TOOL_RESULTS]{\"content\": " : "[TOOL_RESULTS] {\"content\": ");
    if (status == CADRE_OK) status = script_said(&c->s, (string_view){ w.text.data, w.text.size });
    if (status == CADRE_OK) status = script_words(&c->s, ", \"call_id\": \"");
    if (status == CADRE_OK) status = script_said(&c->s, view(short_id(turn->call)));
    json_writer_free(&w);
    return status == CADRE_OK ? script_words(&c->s, "\"}[/TOOL_RESULTS]") : status;
}

/* Results that follow each other stand in one message. */
static cadre_status put_result(conversation *c, int at)
{
    const chat_turn *turn = &c->turns[at];
    bool first = !at || !c->turns[at - 1].result;
    bool last = at + 1 == c->count || !c->turns[at + 1].result;
    switch (c->style->kind) {
    case CHAT_TOOLS_HARMONY: return put_harmony_result(c, at);
    case CHAT_TOOLS_MISTRAL: return put_mistral_result(c, turn);
    case CHAT_TOOLS_DEEPSEEK:
        CADRE_TRY(script_words(&c->s, TOOL "output" UNDERLINE "begin" BAR ">"));
        CADRE_TRY(script_said(&c->s, turn->text));
        return script_words(&c->s, TOOL "output" UNDERLINE "end" BAR ">");
    case CHAT_TOOLS_HERMES: CADRE_TRY(script_words(&c->s, first ? "<|im_start|>user" : "")); break;
    case CHAT_TOOLS_GLM: CADRE_TRY(script_words(&c->s, first ? "<|observation|>" : "")); break;
    }
    CADRE_TRY(script_words(&c->s, "\n<tool_response>\n"));
    CADRE_TRY(script_said(&c->s, turn->text));
    CADRE_TRY(script_words(&c->s, "\n</tool_response>"));
    return script_words(&c->s, last && c->style->kind == CHAT_TOOLS_HERMES ? "<|im_end|>\n" : "");
}

/* ---- the conversation ---- */

static bool is_last_user(const conversation *c, int at)
{
    for (int i = at + 1; i < c->count; i++)
        if (!c->turns[i].result && c->turns[i].role == CHAT_USER) return false;
    return c->turns[at].role == CHAT_USER && !c->turns[at].result;
}

/* Mistral's templates put the system's message, and the functions, to the last of a user. */
static cadre_status put_last_user(conversation *c, const chat_turn *turn)
{
    if (c->tools) CADRE_TRY(put_mistral(c));
    CADRE_TRY(script_words(&c->s, c->s.c->frames[CHAT_USER].before));
    if (c->system.data) CADRE_TRY(script_framed(&c->s, CHAT_SYSTEM, c->system));
    CADRE_TRY(script_said(&c->s, turn->text));
    return script_words(&c->s, c->s.c->frames[CHAT_USER].after);
}

static cadre_status put_turn(conversation *c, int at)
{
    const chat_turn *turn = &c->turns[at];
    bool after_result = at && c->turns[at - 1].result;
    if (turn->result) return put_result(c, at);
    if (turn->call_count) return put_caller(c, at);
    if (c->style->kind == CHAT_TOOLS_MISTRAL && is_last_user(c, at)) return put_last_user(c, turn);
    if (turn->role == CHAT_SYSTEM)
        return cadre_fail(
            CADRE_EARGUMENT, NULL, "expected the system message first, found it later");
    if (c->style->kind == CHAT_TOOLS_DEEPSEEK && turn->role == CHAT_ASSISTANT && after_result) {
        CADRE_TRY(script_said(&c->s, turn->text));
        return script_words(&c->s, c->s.c->frames[CHAT_ASSISTANT].after);
    }
    return script_framed(&c->s, turn->role, turn->text);
}

/* DeepSeek goes on behind a result without a word. */
static cadre_status put_answer(conversation *c)
{
    bool after_result = c->count && c->turns[c->count - 1].result;
    if (c->style->kind == CHAT_TOOLS_DEEPSEEK && after_result) return CADRE_OK;
    return script_words(&c->s, c->s.c->answer);
}

static cadre_status put_all(conversation *c)
{
    CADRE_TRY(begin_conversation(c));
    for (int i = 0; i < c->count; i++) CADRE_TRY(put_turn(c, i));
    return put_answer(c);
}

cadre_status chat_calls_encode(const chat_template *template, const chat_tool_style *style,
    const tokenizer *t, const chat_turn *turns, int count, const chat_tools *tools, token_list *ids)
{
    conversation c = { .s = { .c = template, .t = t },
        .style = style,
        .turns = turns,
        .count = count,
        .tools = tools,
        .system = { template->system, template->system ? strlen(template->system) : 0 } };
    if (count > 0 && turns[0].role == CHAT_SYSTEM && !turns[0].result) {
        c.system = turns[0].text;
        c.turns++, c.count--;
    }
    cadre_status status = put_all(&c);
    if (status == CADRE_OK) status = script_encode(&c.s, ids);
    script_free(&c.s);
    return status;
}
