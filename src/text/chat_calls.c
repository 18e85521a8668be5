/* chat_calls.c - conversations with functions, in each of the ways that models know. */
#include "text/chat_calls.h"

#include <stdio.h>
#include <string.h>

#include "format/json_writer.h"
#include "text/chat_script.h"
#include "text/chat_told.h"
#include "text/gemma_text.h"
#include "text/python_text.h"

typedef struct conversation {
    chat_script s;
    const chat_tool_style *style;
    const chat_turn *turns;
    int count;
    const chat_tools *tools;
    string_view system; /* data NULL: none */
    bool given;         /* the system's words are not the template's own */
    int calls;          /* written so far */
    int returned;       /* results, too */
} conversation;

static cadre_status put_told(conversation *c) { return chat_told_put(&c->s, c->style, c->tools); }

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
    if (c->tools) CADRE_TRY(put_told(c));
    return script_words(&c->s, "<|end|>");
}

/* The system's words and the functions in one message. */
static cadre_status begin_together(conversation *c)
{
    const chat_told *told = &c->style->told;
    const chat_frame *frame = &c->s.c->frames[CHAT_SYSTEM];
    if (told->alone && !c->given) c->system = (string_view){ NULL, 0 };
    string_view said =
        c->system.data ? script_message(&c->s, CHAT_SYSTEM, c->system) : (string_view){ "", 0 };
    const char *mode = c->s.c->mode;
    bool says_mode = mode && script_says_mode(said, mode);
    CADRE_TRY(script_words(&c->s, frame->before));
    if (told->place == TOLD_BEFORE) CADRE_TRY(put_told(c));
    if (told->place == TOLD_BEFORE && said.size) CADRE_TRY(script_words(&c->s, told->beside));
    CADRE_TRY(script_said(&c->s, said));
    if (told->place == TOLD_BEHIND) {
        CADRE_TRY(script_words(&c->s, said.size ? told->beside : told->alone_set));
        CADRE_TRY(put_told(c));
    }
    if (!says_mode) CADRE_TRY(script_words(&c->s, mode));
    return script_words(&c->s, frame->after);
}

static cadre_status begin_usual(conversation *c)
{
    if (c->tools && c->style->told.place != TOLD_APART) return begin_together(c);
    if (c->tools) CADRE_TRY(put_told(c));
    return c->system.data ? script_system_framed(&c->s, c->system, c->given) : CADRE_OK;
}

static cadre_status begin_conversation(conversation *c)
{
    if (c->style->kind == CHAT_TOOLS_HARMONY) return begin_with_developer(c);
    CADRE_TRY(script_words(&c->s, c->s.c->begin));
    switch (c->style->kind) {
    case CHAT_TOOLS_DEEPSEEK:
        if (c->system.data) CADRE_TRY(script_said(&c->s, c->system));
        return c->tools ? put_told(c) : CADRE_OK;
    case CHAT_TOOLS_MISTRAL: /* with the last message of a user */
    case CHAT_TOOLS_HARMONY: return CADRE_OK;
    case CHAT_TOOLS_USUAL:
    case CHAT_TOOLS_KIMI:
    case CHAT_TOOLS_GEMMA: break;
    }
    return begin_usual(c);
}

/* ---- arguments ---- */

static cadre_status put_python(conversation *c, const json_node *value)
{
    byte_buffer text = { 0 };
    cadre_status status = python_put(&text, value);
    if (status == CADRE_OK) status = script_said(&c->s, (string_view){ text.data, text.size });
    byte_buffer_free(&text);
    return status;
}

/* Strings as they are, lists and objects as JSON; a list in a call of Python as Python's. */
static cadre_status put_pair_value(conversation *c, const json_node *value)
{
    const chat_pairs *p = c->style->pairs;
    json_kind kind = json_kind_of(value);
    string_view text;
    if (kind == JSON_KIND_STRING) {
        CADRE_TRY(json_as_string(value, &text.data, &text.size));
        CADRE_TRY(script_words(&c->s, p->quoted ? "'" : ""));
        CADRE_TRY(script_said(&c->s, text));
        return script_words(&c->s, p->quoted ? "'" : "");
    }
    bool python = p->python && kind != JSON_KIND_OBJECT && (p->quoted || kind != JSON_KIND_ARRAY);
    return python ? put_python(c, value) : script_said_json(&c->s, value);
}

static cadre_status put_pairs(conversation *c, const json_node *arguments)
{
    const chat_pairs *p = c->style->pairs;
    size_t count = 0;
    for (json_node m = { 0 }; json_next(arguments, &m);) {
        CADRE_TRY(script_words(&c->s, count++ ? p->between : ""));
        CADRE_TRY(script_words(&c->s, p->begin));
        CADRE_TRY(script_said_text(&c->s, m.key));
        CADRE_TRY(script_words(&c->s, p->named));
        CADRE_TRY(put_pair_value(c, &m));
        CADRE_TRY(script_words(&c->s, p->given));
    }
    return CADRE_OK;
}

static cadre_status put_arguments(conversation *c, const json_node *arguments)
{
    if (c->style->kind == CHAT_TOOLS_GEMMA) return gemma_put_members(&c->s, arguments, false);
    return c->style->pairs ? put_pairs(c, arguments) : script_said_json(&c->s, arguments);
}

/* ---- calls ---- */

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
        CADRE_TRY(script_said_text(&c->s, short_id(call->id)));
        CADRE_TRY(script_words(&c->s, "\""));
    }
    return script_words(&c->s, c->style->given);
}

static cadre_status put_name(conversation *c, const chat_call *call)
{
    char number[16];
    CADRE_TRY(script_said_text(&c->s, call->name));
    if (!c->style->numbered) return CADRE_OK;
    snprintf(number, sizeof number, ":%d", c->calls++);
    return script_words(&c->s, number);
}

static cadre_status put_calls(conversation *c, const chat_turn *turn)
{
    const chat_tool_style *style = c->style;
    for (int i = 0; i < turn->call_count; i++) {
        const chat_call *call = &turn->calls[i];
        CADRE_TRY(script_words(&c->s, i ? style->between : style->begin));
        CADRE_TRY(put_name(c, call));
        CADRE_TRY(script_words(&c->s, style->named));
        CADRE_TRY(put_arguments(c, &call->arguments));
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
        CADRE_TRY(script_said_text(&c->s, turn->calls[i].name));
        CADRE_TRY(script_words(&c->s, "<|channel|>commentary json<|message|>"));
        CADRE_TRY(script_said_json(&c->s, &turn->calls[i].arguments));
        CADRE_TRY(script_words(&c->s, "<|call|>"));
        CADRE_TRY(script_answer_ends(&c->s));
    }
    return CADRE_OK;
}

/* ---- answers ---- */

static bool is_user(const chat_turn *turn) { return !turn->result && turn->role == CHAT_USER; }

static script_answer_given given_at(const conversation *c, int at)
{
    const chat_turn *turn = &c->turns[at];
    script_answer_given given = { .text = turn->text,
        .thought = turn->thought,
        .recent = true,
        .last = at + 1 == c->count,
        .calls = turn->call_count > 0 };
    for (int i = at + 1; i < c->count; i++)
        if (is_user(&c->turns[i])) given.recent = false;
    return given;
}

static bool continues(const conversation *c, int at)
{
    return c->style->kind == CHAT_TOOLS_DEEPSEEK && at && c->turns[at - 1].result;
}

/* The words before an answer, unless it goes on behind a result. */
static cadre_status begin_answer(conversation *c, int at, string_view *said)
{
    script_answer_given given = given_at(c, at);
    if (!continues(c, at)) return script_answer_begin(&c->s, &given, said);
    *said = script_message(&c->s, CHAT_ASSISTANT, given.text);
    return script_answer_continue(&c->s);
}

static bool ends_line(const conversation *c)
{
    return c->s.text.size && c->s.text.data[c->s.text.size - 1] == '\n';
}

/* An answer that may call functions. */
static cadre_status put_answer(conversation *c, int at)
{
    const chat_turn *turn = &c->turns[at];
    const chat_tool_style *style = c->style;
    const char *after = c->s.c->frames[CHAT_ASSISTANT].after;
    string_view said = { "", 0 };
    if (style->kind == CHAT_TOOLS_HARMONY && turn->call_count) return put_harmony_calls(c, turn);
    bool silent = style->kind == CHAT_TOOLS_MISTRAL && turn->call_count;
    CADRE_TRY(silent ? script_answer_continue(&c->s) : begin_answer(c, at, &said));
    if (!silent) CADRE_TRY(script_said(&c->s, said));
    if (turn->call_count) {
        if (!silent && (said.size || (style->then_always && !ends_line(c))))
            CADRE_TRY(script_words(&c->s, style->then));
        CADRE_TRY(put_calls(c, turn));
        if (style->after) after = style->after;
    }
    CADRE_TRY(script_answer_ends(&c->s));
    return script_words(&c->s, after);
}

/* ---- results ---- */

/* The name of the function that this call called. */
static const char *called(const conversation *c, int at, const char *id)
{
    for (int i = at; i-- > 0;)
        for (int k = 0; k < c->turns[i].call_count; k++)
            if (strcmp(c->turns[i].calls[k].id, id) == 0) return c->turns[i].calls[k].name;
    return "unknown";
}

static cadre_status said_as_json(conversation *c, string_view text)
{
    json_writer w = json_writer_new(0);
    json_put_bytes(&w, NULL, text.data, text.size);
    cadre_status status = json_writer_status(&w);
    if (status == CADRE_OK) status = script_said(&c->s, (string_view){ w.text.data, w.text.size });
    json_writer_free(&w);
    return status;
}

static cadre_status put_harmony_result(conversation *c, int at)
{
    CADRE_TRY(script_words(&c->s, "<|start|>functions."));
    CADRE_TRY(script_said_text(&c->s, called(c, at, c->turns[at].call)));
    CADRE_TRY(script_words(&c->s, " to=assistant<|channel|>commentary<|message|>"));
    CADRE_TRY(said_as_json(c, c->turns[at].text));
    return script_words(&c->s, "<|end|>");
}

static cadre_status put_mistral_result(conversation *c, const chat_turn *turn)
{
    CADRE_TRY(script_words(&c->s, c->style->results.before));
    CADRE_TRY(said_as_json(c, turn->text));
    CADRE_TRY(script_words(&c->s, ", \"call_id\": \""));
    CADRE_TRY(script_said_text(&c->s, short_id(turn->call)));
    return script_words(&c->s, "\"}[/TOOL_RESULTS]");
}

/* The results have the numbers of the calls, in their order. */
static cadre_status put_kimi_result(conversation *c, int at)
{
    char number[16];
    CADRE_TRY(script_words(&c->s, "<|im_system|>tool<|im_middle|>## Return of functions."));
    CADRE_TRY(script_said_text(&c->s, called(c, at, c->turns[at].call)));
    snprintf(number, sizeof number, ":%d\n", c->returned++);
    CADRE_TRY(script_words(&c->s, number));
    CADRE_TRY(script_said(&c->s, c->turns[at].text));
    return script_words(&c->s, "<|im_end|>");
}

/* Results that follow each other may stand in one message. */
static cadre_status put_result(conversation *c, int at)
{
    const chat_turn *turn = &c->turns[at];
    const chat_results *r = &c->style->results;
    bool first = !at || !c->turns[at - 1].result;
    bool last = at + 1 == c->count || !c->turns[at + 1].result;
    switch (c->style->kind) {
    case CHAT_TOOLS_HARMONY: return put_harmony_result(c, at);
    case CHAT_TOOLS_MISTRAL: return put_mistral_result(c, turn);
    case CHAT_TOOLS_KIMI: return put_kimi_result(c, at);
    case CHAT_TOOLS_GEMMA: return CADRE_OK; /* with the calls */
    case CHAT_TOOLS_USUAL:
    case CHAT_TOOLS_DEEPSEEK: break;
    }
    CADRE_TRY(script_words(&c->s, first ? r->first : ""));
    CADRE_TRY(script_words(&c->s, r->before));
    CADRE_TRY(script_said(&c->s, r->trims ? script_trimmed(turn->text) : turn->text));
    CADRE_TRY(script_words(&c->s, r->after));
    return script_words(&c->s, last ? r->last : "");
}

/* ---- Gemma: calls, what they return and the answer are one turn of the model ---- */

static bool is_answer(const chat_turn *turn)
{
    return !turn->result && turn->role == CHAT_ASSISTANT;
}

/* The turn before this one that is no result is the assistant's. */
static bool within_turn(const conversation *c, int at)
{
    while (at-- > 0)
        if (!c->turns[at].result) return is_answer(&c->turns[at]);
    return false;
}

static bool is_answered(const conversation *c, int at)
{
    return at + 1 < c->count && c->turns[at + 1].result;
}

static cadre_status put_gemma_results(conversation *c, int at)
{
    for (int i = at + 1; i < c->count && c->turns[i].result; i++) {
        CADRE_TRY(script_words(&c->s, "<|tool_response>response:"));
        CADRE_TRY(script_said_text(&c->s, called(c, i, c->turns[i].call)));
        CADRE_TRY(script_words(&c->s, "{value:<|\"|>"));
        CADRE_TRY(script_said(&c->s, c->turns[i].text));
        CADRE_TRY(script_words(&c->s, "<|\"|>}<tool_response|>"));
    }
    return CADRE_OK;
}

static cadre_status put_gemma_answer(conversation *c, int at)
{
    const chat_turn *turn = &c->turns[at];
    script_answer_given given = given_at(c, at);
    bool calls = turn->call_count > 0, answered = calls && is_answered(c, at);
    string_view said;
    if (within_turn(c, at)) CADRE_TRY(script_answer_within(&c->s, &given, &said));
    else CADRE_TRY(script_answer_begin(&c->s, &given, &said));
    if (calls) CADRE_TRY(put_calls(c, turn));
    if (calls) CADRE_TRY(script_answer_ends(&c->s));
    if (answered) CADRE_TRY(put_gemma_results(c, at));
    if (answered) CADRE_TRY(script_answer_continue(&c->s));
    CADRE_TRY(script_said(&c->s, said));
    if (!calls || (answered && said.size)) CADRE_TRY(script_answer_ends(&c->s));
    if (calls && !answered) return script_words(&c->s, "<|tool_response>");
    return script_words(&c->s, answered && !turn->text.size ? "" : "<turn|>\n");
}

/* ---- the conversation ---- */

static bool is_last_user(const conversation *c, int at)
{
    for (int i = at + 1; i < c->count; i++)
        if (is_user(&c->turns[i])) return false;
    return is_user(&c->turns[at]);
}

/* Mistral's templates put the system's message, and the functions, to the last of a user. */
static cadre_status put_last_user(conversation *c, const chat_turn *turn)
{
    if (c->tools) CADRE_TRY(put_told(c));
    CADRE_TRY(script_words(&c->s, c->s.c->frames[CHAT_USER].before));
    if (c->system.data) CADRE_TRY(script_framed(&c->s, CHAT_SYSTEM, c->system));
    CADRE_TRY(script_said(&c->s, turn->text));
    return script_words(&c->s, c->s.c->frames[CHAT_USER].after);
}

static cadre_status put_turn(conversation *c, int at)
{
    const chat_turn *turn = &c->turns[at];
    chat_tool_kind kind = c->style->kind;
    if (turn->result) return put_result(c, at);
    if (turn->role == CHAT_ASSISTANT)
        return kind == CHAT_TOOLS_GEMMA ? put_gemma_answer(c, at) : put_answer(c, at);
    if (kind == CHAT_TOOLS_MISTRAL && is_last_user(c, at)) return put_last_user(c, turn);
    if (turn->role == CHAT_SYSTEM)
        return cadre_fail(
            CADRE_EARGUMENT, NULL, "expected the system message first, found it later");
    return script_framed(&c->s, turn->role, turn->text);
}

/* DeepSeek and Gemma go on behind a result without a word. */
static cadre_status put_question(conversation *c)
{
    const chat_turn *last = c->count ? &c->turns[c->count - 1] : NULL;
    bool on = last && (last->result || (c->style->kind == CHAT_TOOLS_GEMMA && last->call_count));
    bool silent = c->style->kind == CHAT_TOOLS_DEEPSEEK || c->style->kind == CHAT_TOOLS_GEMMA;
    return on && silent ? CADRE_OK : script_words(&c->s, c->s.c->answer);
}

static cadre_status put_all(conversation *c, bool asks)
{
    CADRE_TRY(begin_conversation(c));
    for (int i = 0; i < c->count; i++) CADRE_TRY(put_turn(c, i));
    return asks ? put_question(c) : CADRE_OK;
}

static conversation conversation_of(const chat_template *template, const chat_tool_style *style,
    const tokenizer *t, const chat_turn *turns, int count, const chat_tools *tools)
{
    conversation c = { .s = { .c = template, .t = t },
        .style = style,
        .turns = turns,
        .count = count,
        .tools = tools,
        .system = { template->system, template->system ? strlen(template->system) : 0 } };
    if (count > 0 && turns[0].role == CHAT_SYSTEM && !turns[0].result) {
        c.system = turns[0].text;
        c.given = true;
        c.turns++, c.count--;
    }
    return c;
}

cadre_status chat_calls_encode(const chat_template *template, const chat_tool_style *style,
    const tokenizer *t, const chat_turn *turns, int count, const chat_tools *tools, token_list *ids)
{
    conversation c = conversation_of(template, style, t, turns, count, tools);
    cadre_status status = put_all(&c, true);
    if (status == CADRE_OK) status = script_encode(&c.s, ids);
    script_free(&c.s);
    return status;
}

cadre_status chat_calls_encode_whole(
    const chat_conversation *whole, const tokenizer *t, token_list *ids, token_list *answers)
{
    conversation c =
        conversation_of(whole->template, whole->style, t, whole->turns, whole->count, whole->tools);
    size_t first = ids->count;
    cadre_status status = put_all(&c, false);
    if (status == CADRE_OK) status = script_encode(&c.s, ids);
    if (status == CADRE_OK) status = script_put_answers(&c.s, ids, first, answers);
    script_free(&c.s);
    return status;
}
