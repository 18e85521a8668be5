/* python_text.c - values written, and arguments read. */
#include "text/python_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "format/json_copy.h"

/* ---- written ---- */

enum { DEEPEST = 32 };

static void put_quoted(byte_buffer *out, string_view text)
{
    bool single = text.size && memchr(text.data, '\'', text.size),
         both = single && memchr(text.data, '"', text.size);
    char quote = single && !both ? '"' : '\'';
    byte_buffer_fill(out, quote, 1);
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (c == '\n') byte_buffer_text(out, "\\n");
        else if (c == '\r') byte_buffer_text(out, "\\r");
        else if (c == '\t') byte_buffer_text(out, "\\t");
        else if ((unsigned char)c < ' ' || c == 0x7f)
            byte_buffer_format(out, "\\x%02x", (unsigned)(unsigned char)c);
        else {
            if (c == '\\' || c == quote) byte_buffer_fill(out, '\\', 1);
            byte_buffer_fill(out, c, 1);
        }
    }
    byte_buffer_fill(out, quote, 1);
}

static void put_number(byte_buffer *out, const json_node *value)
{
    json_writer w = json_writer_new(0);
    json_put_copy(&w, NULL, value);
    if (json_writer_status(&w) == CADRE_OK) byte_buffer_put(out, w.text.data, w.text.size);
    json_writer_free(&w);
}

static void put_value(byte_buffer *out, const json_node *value, int depth);

static void put_list(byte_buffer *out, const json_node *list, int depth)
{
    byte_buffer_text(out, "[");
    for (size_t i = 0; i < json_count(list); i++) {
        json_node item = json_item(list, i);
        byte_buffer_text(out, i ? ", " : "");
        put_value(out, &item, depth + 1);
    }
    byte_buffer_text(out, "]");
}

static void put_members(byte_buffer *out, const json_node *object, int depth)
{
    size_t count = 0;
    byte_buffer_text(out, "{");
    for (json_node m = { 0 }; json_next(object, &m);) {
        byte_buffer_text(out, count++ ? ", " : "");
        put_quoted(out, (string_view){ m.key, strlen(m.key) });
        byte_buffer_text(out, ": ");
        put_value(out, &m, depth + 1);
    }
    byte_buffer_text(out, "}");
}

static void put_value(byte_buffer *out, const json_node *value, int depth)
{
    bool is = false;
    string_view text = { "", 0 };
    if (depth > DEEPEST) return;
    switch (json_kind_of(value)) {
    case JSON_KIND_NULL: byte_buffer_text(out, "None"); return;
    case JSON_KIND_BOOL:
        json_as_bool(value, &is);
        byte_buffer_text(out, is ? "True" : "False");
        return;
    case JSON_KIND_STRING:
        if (json_as_string(value, &text.data, &text.size) == CADRE_OK) put_quoted(out, text);
        return;
    case JSON_KIND_ARRAY: put_list(out, value, depth); return;
    case JSON_KIND_OBJECT: put_members(out, value, depth); return;
    case JSON_KIND_NUMBER: put_number(out, value); return;
    case JSON_KIND_ABSENT:
    case JSON_KIND_LITERAL: break;
    }
}

cadre_status python_put(byte_buffer *out, const json_node *value)
{
    const char *text;
    size_t size;
    if (json_kind_of(value) == JSON_KIND_STRING) {
        CADRE_TRY(json_as_string(value, &text, &size));
        return byte_buffer_put(out, text, size);
    }
    put_value(out, value, 0);
    return out->status;
}

/* ---- read ---- */

typedef struct reading {
    const char *at, *end;
    json_writer w;
    int depth;
    bool whole; /* false: the text ends within it */
} reading;

static bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

static void skip_space(reading *r)
{
    while (r->at < r->end && is_space(*r->at)) r->at++;
}

/* The next byte that is no white space; 0: the text ends. */
static char next(reading *r)
{
    skip_space(r);
    if (r->at == r->end) r->whole = false;
    return r->at < r->end ? *r->at : 0;
}

/* A quotation mark ends a string where a value may end: models do not always escape those in it. */
static bool closes(const reading *r, const char *at)
{
    for (at++; at < r->end && is_space(*at);) at++;
    return at == r->end || strchr(",)]}:", *at);
}

/* Four digits; UINT32_MAX: there are not so many. */
static uint32_t read_hex(reading *r)
{
    char digits[5] = "", *end;
    if (r->end - r->at < 4) return UINT32_MAX;
    memcpy(digits, r->at, 4);
    if (strspn(digits, "0123456789abcdefABCDEF") != 4) return UINT32_MAX;
    r->at += 4;
    return (uint32_t)strtoul(digits, &end, 16);
}

/* \uXXXX, of which two may be the halves of a character. */
static void read_code_unit(reading *r, byte_buffer *text)
{
    char bytes[4];
    uint32_t code = read_hex(r);
    bool half = code >= 0xd800 && code < 0xdc00 && r->end - r->at > 5 && r->at[0] == '\\' &&
                r->at[1] == 'u';
    if (half) {
        r->at += 2;
        uint32_t low = read_hex(r);
        code = low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00)
                                             : UINT32_MAX;
    }
    if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) code = 0xfffd;
    byte_buffer_put(text, bytes, utf8_encode(code, bytes));
}

static void read_escape(reading *r, byte_buffer *text)
{
    static const char letters[] = "ntrbf", meant[] = "\n\t\r\b\f";
    char c = *r->at++;
    const char *found = c ? strchr(letters, c) : NULL;
    if (c == 'u') read_code_unit(r, text);
    else byte_buffer_fill(text, found ? meant[found - letters] : c, 1);
}

static void read_string(reading *r, const char *key, byte_buffer *kept)
{
    char quote = *r->at++;
    byte_buffer text = { 0 };
    byte_buffer_reserve(&text, 0);
    while (r->at < r->end && !(*r->at == quote && closes(r, r->at))) {
        char c = *r->at++;
        if (c == '\\' && r->at < r->end) read_escape(r, &text);
        else byte_buffer_fill(&text, c, 1);
    }
    if (r->at == r->end) r->whole = false;
    else r->at++;
    if (kept) *kept = text;
    else {
        json_put_bytes(&r->w, key, text.data, text.size);
        byte_buffer_free(&text);
    }
}

/* True, False and None as JSON has them; NULL: another word. */
static const char *json_word(string_view word)
{
    static const char *const words[][2] = { { "True", "true" }, { "False", "false" },
        { "None", "null" }, { "true", "true" }, { "false", "false" }, { "null", "null" } };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (string_view_is(word, words[i][0])) return words[i][1];
    return NULL;
}

static bool copy_number(json_writer *w, const char *key, string_view text)
{
    char number[40] = "", *rest;
    if (!text.size || text.size >= sizeof number || !strchr("+-.0123456789", *text.data))
        return false;
    memcpy(number, text.data, text.size);
    double value = strtod(number, &rest);
    if (*rest || value - value != 0) return false;
    if (text.size < 18 && strspn(number, "+-0123456789") == text.size)
        json_put_int(w, key, strtoll(number, NULL, 10));
    else json_put_real(w, key, value);
    return true;
}

void python_copy_bare(json_writer *w, const char *key, string_view text)
{
    const char *word = json_word(text);
    if (copy_number(w, key, text)) return;
    if (!word) json_put_bytes(w, key, text.data, text.size);
    else if (*word == 'n') json_put_null(w, key);
    else json_put_bool(w, key, *word == 't');
}

static void read_bare(reading *r, const char *key)
{
    const char *begin = r->at;
    while (r->at < r->end && !strchr(",)]}", *r->at)) r->at++;
    if (r->at == r->end) r->whole = false;
    size_t size = (size_t)(r->at - begin);
    while (size && is_space(begin[size - 1])) size--;
    python_copy_bare(&r->w, key, (string_view){ begin, size });
}

static void read_value(reading *r, const char *key);

static void read_list(reading *r, const char *key, char close)
{
    json_put_array(&r->w, key);
    r->at++;
    while (next(r) && *r->at != close) {
        read_value(r, NULL);
        if (next(r) == ',') r->at++;
        else if (r->whole && *r->at != close) r->at++; /* what should not be there */
    }
    if (r->whole) r->at++;
    json_put_close(&r->w, ']');
}

/* "key": value, or key=value. */
static void read_member(reading *r, char between)
{
    byte_buffer key = { 0 };
    if (next(r) == '"' || *r->at == '\'') read_string(r, NULL, &key);
    else
        while (r->at < r->end && *r->at != between && !is_space(*r->at) && !strchr(",)}", *r->at))
            byte_buffer_fill(&key, *r->at++, 1);
    if (next(r) == between) r->at++;
    if (next(r) && key.status == CADRE_OK) read_value(r, key.data ? key.data : "");
    byte_buffer_free(&key);
}

static void read_members(reading *r, char between, char close)
{
    while (next(r) && *r->at != close) {
        const char *begin = r->at;
        read_member(r, between);
        if (next(r) == ',') r->at++;
        if (r->at == begin) r->at++;
    }
    if (r->whole) r->at++;
}

static void read_value(reading *r, const char *key)
{
    char c = next(r);
    if (!r->whole) return;
    if (++r->depth > DEEPEST) {
        read_bare(r, key);
    } else if (c == '"' || c == '\'') {
        read_string(r, key, NULL);
    } else if (c == '[' || c == '(') {
        read_list(r, key, c == '[' ? ']' : ')');
    } else if (c == '{') {
        json_put_object(&r->w, key);
        r->at++;
        read_members(r, ':', '}');
        json_put_close(&r->w, '}');
    } else {
        read_bare(r, key);
    }
    r->depth--;
}

cadre_status python_read_arguments(string_view text, byte_buffer *json, size_t *used)
{
    reading r = { .at = text.data, .end = text.data + text.size, .whole = true };
    *used = 0;
    r.w = json_writer_new(0);
    json_put_object(&r.w, NULL);
    read_members(&r, '=', ')');
    json_put_close(&r.w, '}');
    cadre_status status = r.whole ? json_writer_status(&r.w) : CADRE_OK;
    if (r.whole && status == CADRE_OK) {
        status = byte_buffer_put(json, r.w.text.data, r.w.text.size);
        *used = (size_t)(r.at - text.data);
    }
    json_writer_free(&r.w);
    return status;
}
