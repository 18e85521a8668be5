/* json_cursor.c - the scanner. */
#include "format/json_cursor.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "format/quote.h"

enum { NUMBER_BYTES = 63 };

void json_cursor_free(json_cursor *c)
{
    byte_buffer_free(&c->strings[0]);
    byte_buffer_free(&c->strings[1]);
}

/* What is at the cursor, in words or as spelt in the text. */
static quote found_at(const json_cursor *c)
{
    const char *text = c->text + c->at;
    size_t left = c->size - c->at, size = 1;
    if (left == 0) return quote_text("the end");
    if (*text == '[') return quote_text("an array");
    if (*text == '{') return quote_text("an object");
    const char *ends = *text == '"' ? "\"" : ",:]} \t\r\n";
    while (size < left && size < QUOTE_ROOM && !strchr(ends, text[size])) size++;
    if (*text == '"' && size < left) size++;
    return quote_bytes(text, size);
}

cadre_status json_cursor_refuse(const json_cursor *c, const char *expected)
{
    return cadre_fail(CADRE_EFORMAT, c->file, "%s: expected %s, found %s at byte %zu", c->where,
        expected, found_at(c).text, c->at);
}

char json_cursor_peek(json_cursor *c)
{
    while (c->at < c->size && (c->text[c->at] == ' ' || c->text[c->at] == '\n' ||
                                  c->text[c->at] == '\r' || c->text[c->at] == '\t'))
        c->at++;
    return c->at < c->size ? c->text[c->at] : '\0';
}

bool json_cursor_take(json_cursor *c, char wanted)
{
    if (json_cursor_peek(c) != wanted || c->at == c->size) return false;
    c->at++;
    return true;
}

cadre_status json_cursor_expect(json_cursor *c, char wanted)
{
    if (json_cursor_take(c, wanted)) return CADRE_OK;
    const char *kind = wanted == '['   ? "an array"
                       : wanted == '{' ? "an object"
                       : wanted == '"' ? "a string"
                                       : NULL;
    return json_cursor_refuse(c, kind ? kind : (char[]){ '\'', wanted, '\'', '\0' });
}

cadre_status json_cursor_next(json_cursor *c, char bracket, bool *first, bool *more)
{
    *more = true;
    if (json_cursor_take(c, bracket)) *more = false;
    else if (!*first) CADRE_TRY(json_cursor_expect(c, ','));
    *first = false;
    return CADRE_OK;
}

/* ---- strings ---- */

static bool read_hex(const json_cursor *c, size_t at, uint32_t *value)
{
    *value = 0;
    if (c->size - at < 4) return false;
    for (size_t i = at; i < at + 4; i++) {
        char d = c->text[i], low = (char)(d | 0x20);
        if (d >= '0' && d <= '9') *value = *value << 4 | (uint32_t)(d - '0');
        else if (low >= 'a' && low <= 'f') *value = *value << 4 | (uint32_t)(low - 'a' + 10);
        else return false;
    }
    return true;
}

/* Decodes \uHHHH, or two of them that make one character; the cursor is at the u. */
static cadre_status put_code(json_cursor *c, byte_buffer *out)
{
    uint32_t code, low;
    char bytes[UTF8_MAX];
    if (!read_hex(c, c->at + 1, &code)) return json_cursor_refuse(c, "four hexadecimal digits");
    c->at += 5;
    if (code >= 0xd800 && code < 0xdc00 && c->size - c->at >= 6 &&
        memcmp(c->text + c->at, "\\u", 2) == 0 && read_hex(c, c->at + 2, &low) && low >= 0xdc00 &&
        low < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        c->at += 6;
    }
    if ((code == 0 && !c->nul) || (code >= 0xd800 && code < 0xe000))
        return json_cursor_refuse(c, "a character other than NUL or half a pair");
    return byte_buffer_put(out, bytes, utf8_encode(code, bytes));
}

static cadre_status put_escape(json_cursor *c, byte_buffer *out)
{
    static const char letters[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    c->at++;
    if (c->at == c->size) return json_cursor_refuse(c, "an escape");
    if (c->text[c->at] == 'u') return put_code(c, out);
    const char *letter = c->text[c->at] ? strchr(letters, c->text[c->at]) : NULL;
    if (!letter) return json_cursor_refuse(c, "an escape");
    c->at++;
    return byte_buffer_put(out, &values[letter - letters], 1);
}

static bool is_plain(char c) { return (unsigned char)c >= 0x20 && c != '"' && c != '\\'; }

cadre_status json_cursor_string(json_cursor *c, string_view *string)
{
    CADRE_TRY(json_cursor_expect(c, '"'));
    size_t begin = c->at, valid;
    while (c->at < c->size && is_plain(c->text[c->at])) c->at++;
    *string = (string_view){ c->text + begin, c->at - begin };
    if ((valid = utf8_valid_prefix(string->data, string->size)) != string->size) {
        c->at = begin + valid;
        return json_cursor_refuse(c, "a string in UTF-8");
    }
    if (c->at < c->size && c->text[c->at] == '"') {
        c->at++;
        return CADRE_OK;
    }
    byte_buffer *out = &c->strings[c->turn ^= 1];
    out->size = 0;
    CADRE_TRY(byte_buffer_put(out, string->data, string->size));
    while (c->at < c->size && c->text[c->at] == '\\') {
        CADRE_TRY(put_escape(c, out));
        begin = c->at;
        while (c->at < c->size && is_plain(c->text[c->at])) c->at++;
        CADRE_TRY(byte_buffer_put(out, c->text + begin, c->at - begin));
    }
    *string = (string_view){ out->data, out->size };
    if (!utf8_valid(out->data, out->size)) return json_cursor_refuse(c, "a string in UTF-8");
    if (c->at == c->size || c->text[c->at] != '"')
        return json_cursor_refuse(c, "the rest of a string");
    c->at++;
    return CADRE_OK;
}

cadre_status json_cursor_member(json_cursor *c, bool *first, string_view *key, bool *more)
{
    CADRE_TRY(json_cursor_next(c, '}', first, more));
    if (!*more) return CADRE_OK;
    CADRE_TRY(json_cursor_string(c, key));
    return json_cursor_expect(c, ':');
}

/* ---- numbers ---- */

cadre_status json_cursor_int(json_cursor *c, int64_t min, int64_t max, int64_t *value)
{
    char first = json_cursor_peek(c);
    bool negative = first == '-', fits = true;
    size_t start = c->at, begin = start + negative, at = begin;
    int64_t result = 0;
    for (; at < c->size && c->text[at] >= '0' && c->text[at] <= '9'; at++)
        fits = fits && !__builtin_mul_overflow(result, 10, &result) &&
               !__builtin_add_overflow(result, c->text[at] - '0', &result);
    bool whole =
        at > begin && (at == c->size || (c->text[at] != '.' && (c->text[at] | 0x20) != 'e'));
    bool one_zero = at - begin == 1 || (at > begin && c->text[begin] != '0');
    if (negative) result = -result;
    if (fits && whole && one_zero && result >= min && result <= max) {
        c->at = at;
        *value = result;
        return CADRE_OK;
    }
    char expected[80];
    snprintf(expected, sizeof expected, "an integer in %lld..%lld", (long long)min, (long long)max);
    return json_cursor_refuse(c, expected);
}

static bool in_number(char c)
{
    return (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+' || c == 'e' || c == 'E';
}

static const char *behind_digits(const char *text) { return text + strspn(text, "0123456789"); }

/* Whether a number begins here: -? (0 | [1-9][0-9]*) (. [0-9]+)?, perhaps with an exponent, whose
 * form strtod checks too. */
static bool begins_as_number(const char *text)
{
    text += *text == '-';
    const char *end = behind_digits(text);
    if (end == text || (*text == '0' && end > text + 1)) return false;
    return *end != '.' || behind_digits(end + 1) > end + 1;
}

/* strtod takes more than JSON does (hexadecimal, infinities, a bare point, leading zeros), so the
 * text is checked first. strtod also expects the decimal point of the locale. */
cadre_status json_cursor_real(json_cursor *c, double min, double max, double *value)
{
    char number[NUMBER_BYTES + 1], *end;
    json_cursor_peek(c);
    size_t length = 0;
    while (length < NUMBER_BYTES && c->at + length < c->size && in_number(c->text[c->at + length]))
        length++;
    memcpy(number, c->text + c->at, length);
    number[length] = '\0';
    bool is_one = begins_as_number(number);
    char *point = strchr(number, '.');
    if (point) *point = localeconv()->decimal_point[0];
    double result = strtod(number, &end);
    if (!is_one || *end || !(result >= min && result <= max))
        return json_cursor_refuse(c, "a number");
    c->at += length;
    *value = result;
    return CADRE_OK;
}

/* ---- values of any kind ---- */

static void skip_string(json_cursor *c)
{
    for (c->at++; c->at < c->size && c->text[c->at] != '"'; c->at++)
        if (c->text[c->at] == '\\') c->at++;
    c->at = c->at < c->size ? c->at + 1 : c->size;
}

cadre_status json_cursor_skip(json_cursor *c)
{
    size_t depth = 0;
    do {
        char next = json_cursor_peek(c);
        if (next == '\0') return json_cursor_refuse(c, "a value");
        if (next == '"') {
            skip_string(c);
            continue;
        }
        if (next == '[' || next == '{') depth++;
        if (next == ']' || next == '}') {
            if (depth == 0) return json_cursor_refuse(c, "a value");
            depth--;
        }
        c->at++;
        if (depth == 0 && next != ']' && next != '}') /* a number, true, false or null */
            while (c->at < c->size && !strchr(",]} \t\r\n", c->text[c->at])) c->at++;
    } while (depth > 0);
    return CADRE_OK;
}
