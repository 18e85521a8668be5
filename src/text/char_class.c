/* char_class.c - Unicode's general categories, and the few exceptions to them. */
#include "text/char_class.h"

#include <utf8proc.h>

static utf8proc_category_t category(uint32_t code)
{
    return utf8proc_category((utf8proc_int32_t)code);
}

bool char_is_space(uint32_t code)
{
    if (code < 0x80) return code == ' ' || (code >= '\t' && code <= '\r');
    utf8proc_category_t c = category(code);
    return code == 0x85 || c == UTF8PROC_CATEGORY_ZS || c == UTF8PROC_CATEGORY_ZL ||
           c == UTF8PROC_CATEGORY_ZP;
}

/* Circled and squared Latin letters are symbols that count as alphabetic. */
static bool is_letter_symbol(uint32_t code)
{
    return (code >= 0x24b6 && code <= 0x24e9) || (code >= 0x1f130 && code <= 0x1f149) ||
           (code >= 0x1f150 && code <= 0x1f169) || (code >= 0x1f170 && code <= 0x1f189);
}

bool char_is_word(uint32_t code)
{
    switch (category(code)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC: return true;
    default: return code == 0x200c || code == 0x200d || is_letter_symbol(code);
    }
}

bool char_is_numeric(uint32_t code)
{
    utf8proc_category_t c = category(code);
    return c == UTF8PROC_CATEGORY_ND || c == UTF8PROC_CATEGORY_NL || c == UTF8PROC_CATEGORY_NO;
}

/* Characters that the reference's older tables (Unicode 9) class otherwise: newer punctuation, and
 * what is no longer punctuation. */
static bool is_later_punctuation(uint32_t code)
{
    static const uint32_t ranges[][2] = {
        { 0x61d, 0x61d },
        { 0x9fd, 0x9fd },
        { 0xa76, 0xa76 },
        { 0xc77, 0xc77 },
        { 0xc84, 0xc84 },
        { 0x1b7d, 0x1b7e },
        { 0x2e43, 0x2e4f },
        { 0x2e52, 0x2e5d },
        { 0x10ead, 0x10ead },
        { 0x10f55, 0x10f59 },
        { 0x10f86, 0x10f89 },
        { 0x1144b, 0x1144f },
        { 0x1145a, 0x1145d },
        { 0x11660, 0x1166c },
        { 0x116b9, 0x116b9 },
        { 0x1183b, 0x1183b },
        { 0x11944, 0x11946 },
        { 0x119e2, 0x119e2 },
        { 0x11a3f, 0x11a46 },
        { 0x11a9a, 0x11aa2 },
        { 0x11b00, 0x11b09 },
        { 0x11c41, 0x11c45 },
        { 0x11c70, 0x11c71 },
        { 0x11ef7, 0x11ef8 },
        { 0x11f43, 0x11f4f },
        { 0x11fff, 0x11fff },
        { 0x12ff1, 0x12ff2 },
        { 0x16e97, 0x16e9a },
        { 0x16fe2, 0x16fe2 },
        { 0x1e95e, 0x1e95f },
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (code >= ranges[i][0] && code <= ranges[i][1]) return true;
    return false;
}

bool char_is_punctuation(uint32_t code)
{
    if (code < 0x80)
        return (code >= '!' && code <= '/') || (code >= ':' && code <= '@') ||
               (code >= '[' && code <= '`') || (code >= '{' && code <= '~');
    utf8proc_category_t c = category(code);
    if (code == 0x166d || code == 0x111c9) return true;
    return c >= UTF8PROC_CATEGORY_PC && c <= UTF8PROC_CATEGORY_PO && !is_later_punctuation(code);
}

bool char_is_mark(uint32_t code)
{
    utf8proc_category_t c = category(code);
    return c == UTF8PROC_CATEGORY_MN || c == UTF8PROC_CATEGORY_MC || c == UTF8PROC_CATEGORY_ME;
}
