/* quote.c - shows text from a file in a sentence without trusting it. */
#include "format/quote.h"

#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

#include "base/utf8.h"

enum { ESCAPE_ROOM = 4, DOTS_ROOM = 4 }; /* "\xNN"; "..." and NUL */

static bool printable(uint32_t code)
{
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)code);
    return category != UTF8PROC_CATEGORY_CC && category != UTF8PROC_CATEGORY_CF &&
           category != UTF8PROC_CATEGORY_ZL && category != UTF8PROC_CATEGORY_ZP &&
           category != UTF8PROC_CATEGORY_CN;
}

quote quote_bytes(const char *text, size_t size)
{
    quote q;
    size_t used = 0;
    while (size) {
        uint32_t code;
        size_t step = utf8_decode(text, size, &code);
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
