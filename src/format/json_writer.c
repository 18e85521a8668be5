/* json_writer.c - writes JSON text, one value with each call. */
#include "format/json_writer.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/utf8.h"
#include "format/quote.h"

json_writer json_writer_new(int indent) { return (json_writer){ .indent = indent }; }

cadre_status json_writer_status(const json_writer *w)
{
    assert((w->depth == 0 || w->text.status != CADRE_OK) && "every object and array is closed");
    return w->text.status;
}

cadre_status json_writer_save(json_writer *w, const char *path)
{
    cadre_status status = json_writer_status(w);
    byte_buffer_text(&w->text, "\n");
    if (status == CADRE_OK) status = w->text.status;
    if (status == CADRE_OK) status = file_write(path, w->text.data, w->text.size);
    json_writer_free(w);
    return status;
}

void json_writer_free(json_writer *w) { byte_buffer_free(&w->text); }

static void fail(json_writer *w, const char *why)
{
    if (w->text.status == CADRE_OK)
        w->text.status = cadre_fail(CADRE_EFORMAT, NULL, "JSON cannot hold %s", why);
}

static void line(json_writer *w)
{
    if (!w->indent) return;
    byte_buffer_text(&w->text, "\n");
    byte_buffer_fill(&w->text, ' ', (size_t)(w->indent * w->depth));
}

static void put_quoted(json_writer *w, const char *value, size_t size)
{
    if (!utf8_valid(value, size)) fail(w, "text that is not UTF-8");
    byte_buffer_text(&w->text, "\"");
    size_t plain = 0; /* where the run of bytes without escapes began */
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)value[i];
        if (c >= 0x20 && c != '"' && c != '\\') continue;
        byte_buffer_put(&w->text, value + plain, i - plain);
        plain = i + 1;
        if (c == '"' || c == '\\') byte_buffer_format(&w->text, "\\%c", c);
        else if (c == '\n') byte_buffer_text(&w->text, "\\n");
        else if (c == '\t') byte_buffer_text(&w->text, "\\t");
        else byte_buffer_format(&w->text, "\\u%04x", c);
    }
    byte_buffer_put(&w->text, value + plain, size - plain);
    byte_buffer_text(&w->text, "\"");
}

/* Writes what stands before a value: separator, line break and key. */
static void before(json_writer *w, const char *key)
{
    if (w->begun[w->depth]) byte_buffer_text(&w->text, w->indent ? "," : ", ");
    w->begun[w->depth] = true;
    if (w->depth) line(w);
    if (!key) return;
    put_quoted(w, key, strlen(key));
    byte_buffer_text(&w->text, ": ");
}

static void open_level(json_writer *w, const char *key, const char *bracket)
{
    assert(w->depth < JSON_WRITER_DEPTH);
    before(w, key);
    byte_buffer_text(&w->text, bracket);
    w->begun[++w->depth] = false;
}

void json_put_object(json_writer *w, const char *key) { open_level(w, key, "{"); }

void json_put_array(json_writer *w, const char *key) { open_level(w, key, "["); }

void json_put_close(json_writer *w, char bracket)
{
    assert(w->depth > 0);
    bool held = w->begun[w->depth--];
    if (held) line(w);
    byte_buffer_put(&w->text, &bracket, 1);
}

void json_put_int(json_writer *w, const char *key, int64_t value)
{
    before(w, key);
    byte_buffer_format(&w->text, "%lld", (long long)value);
}

/* Writes the fewest digits that read back as `value`, with an exponent only below 1e-4 or from 1e16
 * on. */
static void shortest(double value, char *text, size_t room)
{
    int precision = 0;
    do snprintf(text, room, "%.*e", precision, value);
    while (strtod(text, NULL) != value && ++precision < 17);
    int exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
    if (exponent >= -4 && exponent < 16)
        snprintf(text, room, "%.*f", precision > exponent ? precision - exponent : 0, value);
    char *comma = strchr(text, ','); /* some locales' decimal point */
    if (comma) *comma = '.';
}

void json_put_real(json_writer *w, const char *key, double value)
{
    char digits[40] = "0";
    before(w, key);
    if (isfinite(value)) shortest(value, digits, sizeof digits);
    else fail(w, "a number that is not finite");
    byte_buffer_text(&w->text, digits);
    /* Stays a float for readers that distinguish. */
    if (!strpbrk(digits, ".e")) byte_buffer_text(&w->text, ".0");
}

void json_put_bool(json_writer *w, const char *key, bool value)
{
    before(w, key);
    byte_buffer_text(&w->text, value ? "true" : "false");
}

void json_put_null(json_writer *w, const char *key)
{
    before(w, key);
    byte_buffer_text(&w->text, "null");
}

void json_put_string(json_writer *w, const char *key, const char *value)
{
    json_put_bytes(w, key, value, strlen(value));
}

void json_put_bytes(json_writer *w, const char *key, const char *value, size_t size)
{
    before(w, key);
    put_quoted(w, value, size);
}
