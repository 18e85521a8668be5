/* call_reader.c - calls found in a text that comes piece by piece. */
#include <string.h>

#include "format/json_writer.h"
#include "text/chat_calls.h"
#include "text/gemma_text.h"
#include "text/python_text.h"

/* What is being read. AFTER: a call has ended, and another one, or the end of all, may follow.
 * WHOLE: arguments of which nothing is told before all are there. */
enum { TEXT, NAME, ARGUMENTS, WHOLE, GIVEN, AFTER, PAIR, KEY, VALUE_BEGIN, VALUE };

void call_reader_open(const chat_tool_style *style, const chat_tools *tools, call_reader *r)
{
    *r = (call_reader){ .style = style, .tools = tools, .tool = -1 };
}

void call_reader_close(call_reader *r)
{
    byte_buffer_free(&r->held);
    *r = (call_reader){ 0 };
}

bool call_reader_inside(const call_reader *r) { return r->state != TEXT && r->state != AFTER; }

/* ---- marks ---- */

static void drop(call_reader *r, size_t size)
{
    r->held.size -= size;
    memmove(r->held.data, r->held.data + size, r->held.size);
}

/* Whether the text begins with the mark, or *may: with a part of it, which is all of the text. */
static bool begins(const call_reader *r, const char *mark, bool *may)
{
    size_t size = strlen(mark), least = size < r->held.size ? size : r->held.size;
    bool same = least == 0 || memcmp(r->held.data, mark, least) == 0;
    *may = same && least < size;
    return same && least == size;
}

/* Where the mark, or at the end a part of it, begins; the text's size: nowhere. */
static size_t find(const call_reader *r, const char *mark, bool *whole)
{
    size_t size = strlen(mark);
    *whole = false;
    for (size_t at = 0; at < r->held.size; at++) {
        size_t left = r->held.size - at, least = size < left ? size : left;
        if (memcmp(r->held.data + at, mark, least) != 0) continue;
        *whole = least == size;
        return at;
    }
    return r->held.size;
}

/* ---- each state; *on: there may be more to do with what is held ---- */

static cadre_status tell(
    const call_reader *r, size_t size, call_event event, call_listener listener, void *arg)
{
    string_view text = { r->held.data, size };
    return size || event == CALL_END || event == CALL_NAME ? listener(arg, event, text) : CADRE_OK;
}

static void begin_call(call_reader *r)
{
    r->state = NAME;
    r->depth = r->pairs = 0;
    r->string = r->escape = false;
}

static cadre_status read_text(call_reader *r, call_listener listener, void *arg, bool *on)
{
    bool whole;
    size_t at = find(r, r->style->begin, &whole);
    CADRE_TRY(tell(r, at, CALL_TEXT, listener, arg));
    drop(r, at);
    *on = whole;
    if (!whole) return CADRE_OK;
    drop(r, strlen(r->style->begin));
    begin_call(r);
    return CADRE_OK;
}

/* What reads a name to its end: no more than a name, or all up to the mark behind it. */
static size_t name_end(const call_reader *r, bool *whole)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.";
    const chat_pairs *p = r->style->pairs;
    size_t at = 0;
    if (!p || p->quoted) return find(r, r->style->named, whole);
    while (at < r->held.size && strchr(letters, r->held.data[at]) && r->held.data[at]) at++;
    *whole = at < r->held.size;
    return at;
}

static int state_of_arguments(const chat_tool_style *s)
{
    if (s->kind == CHAT_TOOLS_GEMMA || (s->pairs && s->pairs->quoted)) return WHOLE;
    return s->pairs ? PAIR : ARGUMENTS;
}

static cadre_status read_name(call_reader *r, call_listener listener, void *arg, bool *on)
{
    bool whole;
    size_t at = name_end(r, &whole), size = at;
    char name[CHAT_TOOL_NAME + 1] = "";
    *on = whole;
    if (!whole) return CADRE_OK;
    for (size_t i = 0; r->style->numbered && i < at; i++)
        if (r->held.data[i] == ':') size = i;
    CADRE_TRY(tell(r, size, CALL_NAME, listener, arg));
    if (size <= CHAT_TOOL_NAME) memcpy(name, r->held.data, size);
    r->tool = r->tools ? chat_tools_find(r->tools, name) : -1;
    r->state = state_of_arguments(r->style);
    drop(r, r->state == PAIR ? at : at + strlen(r->style->named));
    r->looked = 0;
    return CADRE_OK;
}

/* Takes a byte of JSON. */
static void take(call_reader *r, char byte)
{
    if (r->escape) r->escape = false;
    else if (r->string && byte == '\\') r->escape = true;
    else if (byte == '"') r->string = !r->string;
    else if (!r->string && (byte == '{' || byte == '[')) r->depth++;
    else if (!r->string && (byte == '}' || byte == ']')) r->depth--;
}

static cadre_status read_arguments(call_reader *r, call_listener listener, void *arg, bool *on)
{
    size_t at = 0;
    bool ends = false;
    while (at < r->held.size && !ends) {
        take(r, r->held.data[at++]);
        ends = !r->string && r->depth <= 0 && (r->held.data[at - 1] == '}');
    }
    CADRE_TRY(tell(r, at, CALL_ARGUMENTS, listener, arg));
    drop(r, at);
    *on = ends;
    if (ends) r->state = GIVEN;
    return CADRE_OK;
}

/* Python's arguments end where their parenthesis does, Gemma's at a control token. */
static cadre_status take_whole(const call_reader *r, byte_buffer *json, size_t *used)
{
    string_view held = { r->held.data, r->held.size };
    bool whole;
    *used = 0;
    if (r->style->kind != CHAT_TOOLS_GEMMA)
        return memchr(held.data + r->looked, ')', held.size - r->looked)
                   ? python_read_arguments(held, json, used)
                   : CADRE_OK;
    size_t at = find(r, r->style->given, &whole);
    if (!whole) return CADRE_OK;
    *used = at + strlen(r->style->given);
    return gemma_read_arguments((string_view){ held.data, at }, json);
}

static cadre_status read_whole(call_reader *r, call_listener listener, void *arg, bool *on)
{
    byte_buffer json = { 0 };
    size_t used;
    cadre_status status = take_whole(r, &json, &used);
    *on = status == CADRE_OK && used > 0;
    r->looked = r->held.size;
    if (*on) {
        status = listener(arg, CALL_ARGUMENTS, (string_view){ json.data, json.size });
        drop(r, used);
        r->state = AFTER;
        if (status == CADRE_OK) status = listener(arg, CALL_END, (string_view){ "", 0 });
    }
    byte_buffer_free(&json);
    return status;
}

/* What stands between the arguments and the call's end, as an id, is passed over. */
static cadre_status read_given(call_reader *r, call_listener listener, void *arg, bool *on)
{
    bool whole;
    const char *given = r->style->pairs ? r->style->pairs->close : r->style->given;
    size_t at = find(r, given, &whole);
    if (!*given) whole = true, at = 0;
    *on = whole;
    if (!whole) return CADRE_OK;
    drop(r, at + strlen(given));
    r->state = AFTER;
    return listener(arg, CALL_END, (string_view){ "", 0 });
}

static cadre_status read_after(call_reader *r, bool *on)
{
    bool may_continue = false, may_end = false;
    const chat_tool_style *s = r->style;
    bool continues = *s->between && begins(r, s->between, &may_continue);
    bool ends = *s->end && begins(r, s->end, &may_end);
    *on = true;
    if (continues) {
        drop(r, strlen(s->between));
        begin_call(r);
    } else if (ends) {
        drop(r, strlen(s->end));
        r->state = TEXT;
    } else if (may_continue || may_end) {
        *on = false; /* it will be known */
    } else {
        r->state = TEXT;
    }
    return CADRE_OK;
}

/* ---- pairs ---- */

static cadre_status read_pair(call_reader *r, call_listener listener, void *arg, bool *on)
{
    bool may_key, may_end;
    const chat_pairs *p = r->style->pairs;
    bool key = begins(r, p->begin, &may_key), ends = begins(r, p->end, &may_end);
    *on = key || ends;
    if (key) {
        drop(r, strlen(p->begin));
        r->state = KEY;
        return listener(
            arg, CALL_ARGUMENTS, (string_view){ r->pairs ? ", " : "{", r->pairs ? 2 : 1 });
    }
    if (ends) {
        r->state = GIVEN;
        return listener(
            arg, CALL_ARGUMENTS, (string_view){ r->pairs ? "}" : "{}", r->pairs ? 1 : 2 });
    }
    if (may_key || may_end) return CADRE_OK;
    drop(r, 1); /* a line feed, or what should not be there */
    *on = r->held.size > 0;
    return CADRE_OK;
}

static cadre_status tell_string(
    string_view text, call_listener listener, void *arg, const char *end)
{
    json_writer w = json_writer_new(0);
    json_put_bytes(&w, NULL, text.data, text.size);
    if (json_writer_status(&w) == CADRE_OK) byte_buffer_text(&w.text, end);
    cadre_status status = json_writer_status(&w);
    if (status == CADRE_OK)
        status = listener(arg, CALL_ARGUMENTS, (string_view){ w.text.data, w.text.size });
    json_writer_free(&w);
    return status;
}

/* Whether the parameter of this name is a string that is written as it is. */
static bool is_raw(const call_reader *r, string_view key)
{
    char name[128] = "";
    if (r->tool < 0 || key.size >= sizeof name) return false;
    memcpy(name, key.data, key.size);
    return chat_tool_takes_text(&r->tools->tools[r->tool], name);
}

static cadre_status read_key(call_reader *r, call_listener listener, void *arg, bool *on)
{
    bool whole;
    const chat_pairs *p = r->style->pairs;
    size_t at = find(r, p->key_end, &whole);
    *on = whole;
    if (!whole) return CADRE_OK;
    string_view key = { r->held.data, at };
    CADRE_TRY(tell_string(key, listener, arg, ": "));
    r->raw = is_raw(r, key);
    drop(r, at + strlen(p->key_end));
    r->state = *p->value_begin ? VALUE_BEGIN : VALUE;
    r->pairs++;
    return CADRE_OK;
}

static cadre_status read_value_begin(call_reader *r, bool *on)
{
    const char *mark = r->style->pairs->value_begin;
    size_t at = find(r, mark, on);
    if (!*on) return CADRE_OK;
    drop(r, at + strlen(mark));
    r->state = VALUE;
    return CADRE_OK;
}

static bool is_json(string_view text)
{
    json_document *d;
    if (json_parse_dense("value", text.data, text.size, &d) != CADRE_OK) return false;
    json_close(d);
    return true;
}

static string_view without_lines(string_view text)
{
    if (text.size && *text.data == '\n') text = (string_view){ text.data + 1, text.size - 1 };
    if (text.size && text.data[text.size - 1] == '\n') text.size--;
    return text;
}

/* A value that is no JSON may be a word of Python's; else it is a string. */
static cadre_status tell_bare(string_view text, call_listener listener, void *arg)
{
    json_writer w = json_writer_new(0);
    python_copy_bare(&w, NULL, text);
    cadre_status status = json_writer_status(&w);
    if (status == CADRE_OK)
        status = listener(arg, CALL_ARGUMENTS, (string_view){ w.text.data, w.text.size });
    json_writer_free(&w);
    return status;
}

/* The value is told when all of it is there. */
static cadre_status read_value(call_reader *r, call_listener listener, void *arg, bool *on)
{
    bool whole;
    const chat_pairs *p = r->style->pairs;
    size_t at = find(r, p->value_end, &whole);
    *on = whole;
    if (!whole) return CADRE_OK;
    string_view value = { r->held.data, at };
    if (p->lines) value = without_lines(value);
    if (r->raw) CADRE_TRY(tell_string(value, listener, arg, ""));
    else if (is_json(value)) CADRE_TRY(listener(arg, CALL_ARGUMENTS, value));
    else CADRE_TRY(tell_bare(value, listener, arg));
    drop(r, at + strlen(p->value_end));
    r->state = PAIR;
    return CADRE_OK;
}

/* ---- all ---- */

static cadre_status read_on(call_reader *r, call_listener listener, void *arg, bool *on)
{
    switch (r->state) {
    case TEXT: return read_text(r, listener, arg, on);
    case NAME: return read_name(r, listener, arg, on);
    case ARGUMENTS: return read_arguments(r, listener, arg, on);
    case WHOLE: return read_whole(r, listener, arg, on);
    case GIVEN: return read_given(r, listener, arg, on);
    case AFTER: return read_after(r, on);
    case PAIR: return read_pair(r, listener, arg, on);
    case KEY: return read_key(r, listener, arg, on);
    case VALUE_BEGIN: return read_value_begin(r, on);
    default: return read_value(r, listener, arg, on);
    }
}

cadre_status call_reader_put(call_reader *r, string_view text, call_listener listener, void *arg)
{
    bool on = true;
    CADRE_TRY(byte_buffer_put(&r->held, text.data, text.size));
    while (on && (r->held.size || r->state == GIVEN)) CADRE_TRY(read_on(r, listener, arg, &on));
    return CADRE_OK;
}

cadre_status call_reader_end(call_reader *r, call_listener listener, void *arg)
{
    bool text = r->state == TEXT || (r->state == AFTER && !*r->style->end);
    cadre_status status = text ? tell(r, r->held.size, CALL_TEXT, listener, arg) : CADRE_OK;
    r->held.size = 0;
    r->state = TEXT;
    return status;
}
