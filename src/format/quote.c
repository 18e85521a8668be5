/* quote.c - shows text from a file in a sentence without trusting it. */
#include "format/quote.h"

#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

enum { ESCAPE_ROOM = 4, DOTS_ROOM = 4 }; /* "\xNN"; "..." and NUL */

/* Bytes of the character at the front, 0 when it is not UTF-8. */
static size_t character(const char *text, size_t size, utf8proc_int32_t *code)
{
    utf8proc_ssize_t step = utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)size, code);
    return step > 0 ? (size_t)step : 0;
}

static bool printable(utf8proc_int32_t code)
{
    utf8proc_category_t category = utf8proc_category(code);
    return category != UTF8PROC_CATEGORY_CC && category != UTF8PROC_CATEGORY_CF && category != UTF8PROC_CATEGORY_ZL &&
           category != UTF8PROC_CATEGORY_ZP && category != UTF8PROC_CATEGORY_CN;
}

quote quote_bytes(const char *text, size_t size)
{
    quote q;
    size_t used = 0;
    while (size) {
        utf8proc_int32_t code;
        size_t step = character(text, size, &code);
        bool plain = step && printable(code);
        if (used + (plain ? step : ESCAPE_ROOM) + DOTS_ROOM > QUOTE_ROOM) {
            memcpy(q.text + used, "...", 3);
            used += 3;
            break;
        }
        if (!plain) step = 1;
        if (plain) memcpy(q.text + used, text, step);
        else snprintf(q.text + used, ESCAPE_ROOM + 1, "\\x%02x", (unsigned char)*text);
        used += plain ? step : ESCAPE_ROOM;
        text += step;
        size -= step;
    }
    q.text[used] = 0;
    return q;
}

quote quote_text(const char *text) { return quote_bytes(text, strlen(text)); }

bool utf8_valid(const char *text, size_t size)
{
    while (size) {
        utf8proc_int32_t code;
        size_t step = (unsigned char)*text < 0x80 ? 1 : character(text, size, &code);
        if (!step) return false;
        text += step;
        size -= step;
    }
    return true;
}
