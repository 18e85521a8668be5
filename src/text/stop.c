/* stop.c - finds stop texts in a text, however it is divided into pieces.
 *
 * Every stop text is searched for byte by byte as Knuth, Morris and Pratt do (1977): `matched` says
 * how many of its first bytes are the last ones that came. The largest of these numbers is how much
 * must be held back, and no more. Of stop texts that overlap, the one that is complete first
 * counts, so that the result does not depend on the pieces. */
#include <string.h>

#include "cadre/text.h"
#include "base/buffer.h"
#include "base/memory.h"

typedef struct pattern_search {
    char *text;       /* [size] */
    size_t *fallback; /* [size] longest shorter match at the end of a match of i + 1 bytes */
    size_t size, matched;
} pattern_search;

struct cadre_stop {
    pattern_search *searches; /* [count] */
    int count;
    byte_buffer text; /* given out by the last call, then held back */
    size_t told;
};

/* How many bytes match after `byte` follows `matched` of them. */
static size_t advance(const pattern_search *s, size_t matched, char byte)
{
    while (matched && s->text[matched] != byte) matched = s->fallback[matched - 1];
    return matched + (s->text[matched] == byte);
}

static cadre_status open_search(pattern_search *s, const char *text)
{
    size_t size = strlen(text);
    if (!size)
        return cadre_fail(
            CADRE_EARGUMENT, NULL, "a text to stop at: expected at least one byte, found none");
    *s = (pattern_search){
        .text = mem_strdup(text), .fallback = MEM_ARRAY(size_t, size), .size = size
    };
    if (!s->text || !s->fallback) return CADRE_ENOMEM;
    for (size_t i = 1; i < size; i++) s->fallback[i] = advance(s, s->fallback[i - 1], text[i]);
    return CADRE_OK;
}

cadre_status cadre_stop_new(const char *const *texts, int count, cadre_stop **stop)
{
    cadre_stop *s = MEM_ARRAY(cadre_stop, 1);
    cadre_status status = CADRE_ENOMEM;
    if (s && (s->searches = MEM_ARRAY(pattern_search, count + 1))) status = CADRE_OK;
    for (int i = 0; i < count && status == CADRE_OK; i++) {
        s->count = i + 1;
        status = open_search(&s->searches[i], texts[i]);
    }
    if (status == CADRE_OK) *stop = s;
    else cadre_stop_free(s);
    return status;
}

void cadre_stop_free(cadre_stop *s)
{
    if (!s) return;
    for (int i = 0; i < s->count; i++) {
        mem_free(s->searches[i].text);
        mem_free(s->searches[i].fallback);
    }
    mem_free(s->searches);
    byte_buffer_free(&s->text);
    mem_free(s);
}

/* The length of the longest stop text that is complete with this byte; 0: none is. *held is the
 * length of the longest beginning of one that may still be completed. */
static size_t take_byte(cadre_stop *s, char byte, size_t *held)
{
    size_t found = 0;
    *held = 0;
    for (int i = 0; i < s->count; i++) {
        pattern_search *p = &s->searches[i];
        p->matched = advance(p, p->matched, byte);
        if (p->matched == p->size && p->size > found) found = p->size;
        if (p->matched > *held) *held = p->matched;
    }
    return found;
}

static void forget_told(cadre_stop *s)
{
    size_t held = s->text.size - s->told;
    if (held) memmove(s->text.data, s->text.data + s->told, held);
    s->text.size = held;
    s->told = 0;
}

/* Starts again: all of the text was given out, or is gone. */
static void begin_anew(cadre_stop *s)
{
    s->text.size = s->told;
    for (int i = 0; i < s->count; i++) s->searches[i].matched = 0;
}

cadre_status cadre_stop_take(
    cadre_stop *s, const char *text, size_t size, const char **told, size_t *told_size, bool *found)
{
    forget_told(s);
    CADRE_TRY(byte_buffer_reserve(&s->text, size + 1));
    size_t held = s->text.size, length = 0;
    for (size_t i = 0; i < size && !length; i++) {
        s->text.data[s->text.size++] = text[i];
        length = take_byte(s, text[i], &held);
    }
    s->told = s->text.size - (length ? length : held);
    if (length) begin_anew(s);
    *told = s->text.data;
    *told_size = s->told;
    *found = length > 0;
    return CADRE_OK;
}

void cadre_stop_rest(cadre_stop *s, const char **told, size_t *told_size)
{
    forget_told(s);
    s->told = s->text.size;
    begin_anew(s);
    *told = s->told ? s->text.data : "";
    *told_size = s->told;
}
