/* pattern_translate.c - translates Oniguruma's syntax (its Ruby flavour, which tokenizer.json uses)
 * into PCRE2's.
 *
 * One pass goes over the pattern. What means the same in both is copied, what differs is rewritten,
 * and everything else is refused, so that no pattern can silently match something else. A sign
 * after a counted repeat, as in {1,3}+ or {2}?, modifies it in PCRE2 but is a second repeat in
 * Oniguruma, so the pass remembers where in its output the last atom began, and wraps it. */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/utf8.h"
#include "format/quote.h"
#include "text/pattern.h"

enum { DEPTH_MAX = 64, NAME_MAX_BYTES = 48 };

typedef struct translation {
    const char *text, *path, *where;
    size_t size, at;
    byte_buffer *out;
    /* Where in `out` the last atom began; SIZE_MAX: nothing can be repeated */
    size_t atom;
    bool fold; /* case is ignored here */
    struct {
        size_t begin;    /* where in `out` it began */
        bool fold;       /* of the surrounding group */
    } groups[DEPTH_MAX]; /* the open ones */
    int depth;
} translation;

/* Letters, all of them Chinese, that Unicode 15 and 15.1 added. As with the symbols below, PCRE2
 * may not know them. */
#define LATER_LETTERS "\\x{2b739}\\x{2ebf0}-\\x{2ee5d}\\x{31350}-\\x{323af}"

/* What \w means, inside brackets. The digits and fractions of Latin-1 count as well. */
#define WORD "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}" LATER_LETTERS
#define AT_WORD "(?=[" WORD "])"
#define NOT_AT_WORD "(?![" WORD "])"
#define AFTER_WORD "(?<=[" WORD "])"
#define NOT_AFTER_WORD "(?<![" WORD "])"

/* Symbols, most of them emoji, that Unicode 15 and 16 added. The tokenizers package knows them,
 * PCRE2 before 10.43 does not; where its tables have them, naming them again changes nothing. */
#define LATER_SYMBOLS                                                                              \
    "\\x{2427}-\\x{2429}\\x{2ffc}-\\x{2fff}\\x{31e4}-\\x{31e5}\\x{31ef}\\x{10d8e}-\\x{10d8f}\\x{"  \
    "1cc00}-\\x{1ccef}"                                                                            \
    "\\x{1cd00}-\\x{1ceb3}\\x{1f6dc}\\x{1f774}-\\x{1f776}\\x{1f77b}-\\x{1f77f}\\x{1f7d9}\\x{"      \
    "1f8b2}-\\x{1f8bb}"                                                                            \
    "\\x{1f8c0}-\\x{1f8c1}\\x{1fa75}-\\x{1fa77}\\x{1fa87}-\\x{1fa89}\\x{1fa8f}\\x{1faad}-\\x{"     \
    "1faaf}"                                                                                       \
    "\\x{1fabb}-\\x{1fabf}\\x{1fac6}\\x{1face}-\\x{1facf}\\x{1fada}-\\x{1fadc}\\x{1fadf}\\x{"      \
    "1fae8}-\\x{1fae9}"                                                                            \
    "\\x{1faf7}-\\x{1faf8}\\x{1fbcb}-\\x{1fbef}"

static cadre_status refuse(const translation *t, size_t from, const char *why)
{
    return cadre_fail(CADRE_EUNSUPPORTED, t->path,
        "%s: the regular expression holds %s, which is not supported, at \"%s\"", t->where, why,
        quote_bytes(t->text + from, t->size - from).text);
}

static cadre_status put(translation *t, const char *text)
{
    return byte_buffer_put(t->out, text, strlen(text));
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_hex(char c) { return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'); }

static char peek(const translation *t, size_t ahead)
{
    return t->at + ahead < t->size ? t->text[t->at + ahead] : '\0';
}

static cadre_status copy(translation *t, size_t length)
{
    t->at += length;
    return byte_buffer_put(t->out, t->text + t->at - length, length);
}

/* ---- escapes ---- */

/* A property together with the characters that PCRE2's tables may lack; NULL: it lacks none. */
static const char *extended_property(const char *name)
{
    static const char *const rows[][2] = {
        { "S", "\\p{S}" LATER_SYMBOLS },
        { "L", "\\p{L}" LATER_LETTERS },
        { "Lo", "\\p{Lo}" LATER_LETTERS },
        { "Han", "\\p{sc:Han}" LATER_LETTERS },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(name, rows[i][0]) == 0) return rows[i][1];
    return NULL;
}

static cadre_status put_extended(translation *t, const char *members, bool brackets, bool outside)
{
    if (!brackets) CADRE_TRY(put(t, outside ? "[^" : "["));
    CADRE_TRY(put(t, members));
    return brackets ? CADRE_OK : put(t, "]");
}

/* Whether a property keeps its name: a general category, or one of these. */
static bool keeps_name(const char *name)
{
    static const char *const binary[] = { "Alphabetic", "White_Space", "Lowercase", "Uppercase",
        "Emoji", "Ideographic" };
    for (size_t i = 0; i < sizeof binary / sizeof *binary; i++)
        if (strcmp(name, binary[i]) == 0) return true;
    return strlen(name) <= 2;
}

/* Translates \p{Name}, \P{Name} and \p{^Name}. Any other name must be a script's; PCRE2 would read
 * a bare script name as including its extensions. */
static cadre_status put_property(translation *t, bool brackets)
{
    size_t from = t->at, length = 0;
    bool negated = peek(t, 3) == '^', outside = (peek(t, 1) == 'P') != negated;
    char name[NAME_MAX_BYTES];
    if (peek(t, 2) != '{') return refuse(t, from, "a property without braces");
    for (t->at += negated ? 4 : 3; is_letter(peek(t, 0)) && length + 1 < sizeof name; t->at++)
        name[length++] = peek(t, 0);
    name[length] = '\0';
    if (length == 0 || peek(t, 0) != '}') return refuse(t, from, "an unknown property");
    t->at++;
    const char *extended = extended_property(name);
    if (extended && !(brackets && outside)) /* a complement in brackets cannot be extended */
        return put_extended(t, extended, brackets, outside);
    CADRE_TRY(put(t, outside ? "\\P{" : "\\p{"));
    if (!keeps_name(name)) CADRE_TRY(put(t, "sc:"));
    CADRE_TRY(put(t, name));
    return put(t, "}");
}

/* Writes \xHH, \x{H...} and \uHHHH all as \x{...}. */
static cadre_status put_code_point(translation *t)
{
    size_t from = t->at, digits = 0;
    bool braces = peek(t, 1) == 'x' && peek(t, 2) == '{';
    size_t begin = t->at + (braces ? 3 : 2), most = braces ? 6 : peek(t, 1) == 'u' ? 4 : 2;
    for (t->at = begin; digits < most && is_hex(peek(t, digits));) digits++;
    if (digits == 0 || (braces ? peek(t, digits) != '}' : digits != most))
        return refuse(t, from, "a malformed code point");
    if (most == 2 && peek(t, 0) >= '8') return refuse(t, from, "a raw byte");
    CADRE_TRY(put(t, "\\x{"));
    CADRE_TRY(copy(t, digits));
    if (braces) t->at++;
    return put(t, "}");
}

/* Translates a backslash and what follows. `brackets`: it lies inside [...], where sets cannot be
 * complemented. */
static cadre_status put_escape(translation *t, bool brackets)
{
    static const struct {
        char letter;
        const char *outside, *inside;
    } rows[] = {
        { 's', "\\p{White_Space}", "\\p{White_Space}" },
        { 'S', "\\P{White_Space}", "\\P{White_Space}" },
        { 'd', "\\p{Nd}", "\\p{Nd}" },
        { 'D', "\\P{Nd}", "\\P{Nd}" },
        { 'w', "[" WORD "]", WORD },
        { 'W', "[^" WORD "]", NULL },
        { 'b', "(?:" AFTER_WORD NOT_AT_WORD "|" NOT_AFTER_WORD AT_WORD ")", NULL },
        { 'B', "(?:" AFTER_WORD AT_WORD "|" NOT_AFTER_WORD NOT_AT_WORD ")", NULL },
        { 'h', "[0-9a-fA-F]", "0-9a-fA-F" },
        { 'H', "[^0-9a-fA-F]", NULL },
        { 'v', "\\x{0b}", "\\x{0b}" },
        { 'r', "\\r", "\\r" },
        { 'n', "\\n", "\\n" },
        { 't', "\\t", "\\t" },
        { 'f', "\\f", "\\f" },
        { 'A', "\\A", NULL },
        { 'z', "\\z", NULL },
    };
    char letter = peek(t, 1);
    if (letter == 'p' || letter == 'P') return put_property(t, brackets);
    if (letter == 'x' || letter == 'u') return put_code_point(t);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *as = brackets ? rows[i].inside : rows[i].outside;
        if (rows[i].letter != letter || !as) continue;
        t->at += 2;
        return put(t, as);
    }
    if (letter < ' ' || letter > '~' || is_letter(letter) || is_digit(letter))
        return refuse(t, t->at, "an escape");
    return copy(t, 2);
}

/* ---- sets ---- */

/* When case is ignored, Oniguruma lets one character stand for several (sharp s for ss, the
 * ligatures for ff, fi, fl, st), and PCRE2 does not. Returns false where such a run could begin. */
static bool in_plain_case(const translation *t)
{
    static const char *const several[] = { "ss", "ff", "fi", "fl", "st" };
    char c = peek(t, 0), next = peek(t, 1);
    if (!t->fold) return true;
    for (size_t i = 0; i < sizeof several / sizeof *several; i++)
        if ((c | 0x20) == several[i][0] && (next | 0x20) == several[i][1]) return false;
    return (unsigned char)c < 0x80 && !(c == '\\' && (next == 'x' || next == 'u' || next == 'p'));
}

/* The length of the members of a set that has no others within it, up to `end`; 0: there is no such
 * end. */
static size_t members_before(const translation *t, size_t from, const char *end)
{
    size_t at = from, length = strlen(end);
    for (; at + length <= t->size; at++) {
        if (memcmp(t->text + at, end, length) == 0) return at - from;
        if (t->text[at] == '[' || t->text[at] == ']') return 0;
        if (t->text[at] == '\\') at++;
    }
    return 0;
}

static cadre_status put_members(translation *t, size_t from, size_t length)
{
    t->at = from;
    while (t->at < from + length) CADRE_TRY(peek(t, 0) == '\\' ? put_escape(t, true) : copy(t, 1));
    return CADRE_OK;
}

/* Translates [x&&[^y]], what is in x and not in y, to (?:(?![y])[x]): PCRE2 has no intersections.
 * *done false: it is another set. */
static cadre_status put_difference(translation *t, bool *done)
{
    static const char between[] = "&&[^";
    size_t x = t->at + 1, in_x = members_before(t, x, between), y = x + in_x + sizeof between - 1,
           in_y = in_x ? members_before(t, y, "]]") : 0;
    *done = in_y > 0 && !t->fold;
    if (!*done) return CADRE_OK;
    CADRE_TRY(put(t, "(?:(?!["));
    CADRE_TRY(put_members(t, y, in_y));
    CADRE_TRY(put(t, "])["));
    CADRE_TRY(put_members(t, x, in_x));
    t->at = y + in_y + 2;
    return put(t, "])");
}

/* Translates [...]. A set within a set adds its members, so its brackets are left out. Complements
 * of such sets, intersections and named classes are refused. */
static cadre_status put_set(translation *t)
{
    size_t from = t->at;
    int depth = 1;
    bool difference = false;
    CADRE_TRY(put_difference(t, &difference));
    if (difference) return CADRE_OK;
    CADRE_TRY(copy(t, peek(t, 1) == '^' ? 2 : 1));
    while (t->at < t->size) {
        char c = peek(t, 0), next = peek(t, 1);
        bool opens = c == '[', closes = c == ']',
             empty = closes && strchr("[^", t->text[t->at - 1]);
        if (empty) return refuse(t, from, "an empty set");
        if (opens && (next == '^' || next == ':'))
            return refuse(t, t->at, "a complement or a named class within a set");
        if (c == '&' && next == '&') return refuse(t, t->at, "an intersection of sets");
        if (!in_plain_case(t))
            return refuse(t, t->at, "a character that has several when case does not matter");
        depth += opens - closes;
        if (depth == 0) return copy(t, 1);
        if (opens || closes) t->at++;
        else CADRE_TRY(c == '\\' ? put_escape(t, true) : copy(t, 1));
    }
    return refuse(t, from, "a set without an end");
}

/* ---- groups and repeats ---- */

static bool comes(const translation *t, const char *text)
{
    return t->size - t->at >= strlen(text) && memcmp(t->text + t->at, text, strlen(text)) == 0;
}

static cadre_status open_group(translation *t)
{
    static const char *const known[] = { "(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>",
        "(?i:", "(?-i:" };
    if (t->depth == DEPTH_MAX) return refuse(t, t->at, "groups nested too deeply");
    if (t->at == 0 && comes(t, "(?i)")) { /* elsewhere its scope differs */
        t->fold = true;
        return copy(t, 4);
    }
    t->groups[t->depth].begin = t->out->size;
    t->groups[t->depth++].fold = t->fold;
    if (comes(t, "(?i:") || comes(t, "(?-i:")) t->fold = peek(t, 2) == 'i';
    if (peek(t, 1) != '?') {
        t->at++;
        return put(t, "(?:"); /* captured text is never used */
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (comes(t, known[i])) return copy(t, strlen(known[i]));
    return refuse(t, t->at, "a group of a kind");
}

/* The length of a counted repeat {n}, {n,}, {,m} or {n,m} at the current place; 0: the brace stands
 * for itself. */
static size_t counted_repeat(const translation *t)
{
    size_t length = 1, digits = 0;
    for (; is_digit(peek(t, length)); length++) digits++;
    if (peek(t, length) == ',')
        for (length++; is_digit(peek(t, length)); length++) digits++;
    return digits && peek(t, length) == '}' ? length + 1 : 0;
}

/* Wraps the last atom with its repeat, so that another repeat applies to both. */
static cadre_status wrap_atom(translation *t)
{
    CADRE_TRY(byte_buffer_reserve(t->out, 4));
    memmove(t->out->data + t->atom + 3, t->out->data + t->atom, t->out->size - t->atom);
    memcpy(t->out->data + t->atom, "(?:", 3);
    t->out->size += 3;
    return put(t, ")");
}

static cadre_status put_counted(translation *t, size_t length)
{
    if (t->atom == SIZE_MAX) return refuse(t, t->at, "a repeat of nothing");
    bool from_zero = peek(t, 1) == ',', exact = !memchr(t->text + t->at, ',', length);
    if (from_zero) {
        t->at++;
        CADRE_TRY(put(t, "{0"));
    }
    CADRE_TRY(copy(t, length - (from_zero ? 1 : 0)));
    return peek(t, 0) == '+' || (exact && peek(t, 0) == '?') ? wrap_atom(t) : CADRE_OK;
}

static cadre_status put_atom(translation *t)
{
    char c = peek(t, 0);
    if (!in_plain_case(t))
        return refuse(t, t->at, "a character that has several when case does not matter");
    t->atom = t->out->size;
    if (c == '\\') return put_escape(t, false);
    if (c == '[') return put_set(t);
    if (c == '{' || c == '}' || c == ']') {
        CADRE_TRY(put(t, "\\"));
        return copy(t, 1);
    }
    return copy(t, utf8_length(c));
}

static cadre_status put_next(translation *t)
{
    char c = peek(t, 0);
    size_t counted = c == '{' ? counted_repeat(t) : 0;
    if (counted) return put_counted(t, counted);
    if (c == '*' || c == '+' || c == '?') return copy(t, 1);
    if (c == '(') {
        CADRE_TRY(open_group(t));
        t->atom = SIZE_MAX;
        return CADRE_OK;
    }
    if (c == ')') {
        if (t->depth == 0) return refuse(t, t->at, "a parenthesis without its partner");
        t->atom = t->groups[--t->depth].begin;
        t->fold = t->groups[t->depth].fold;
        return copy(t, 1);
    }
    if (c == '|') {
        t->atom = SIZE_MAX;
        return copy(t, 1);
    }
    return put_atom(t);
}

cadre_status pattern_translate(
    const char *regex, size_t size, const char *path, const char *where, byte_buffer *out)
{
    translation t = {
        .text = regex, .path = path, .where = where, .size = size, .out = out, .atom = SIZE_MAX
    };
    if (!utf8_valid(regex, size)) return refuse(&t, 0, "malformed UTF-8");
    while (t.at < size) CADRE_TRY(put_next(&t));
    if (t.depth) return refuse(&t, 0, "a group without an end");
    return CADRE_OK;
}
