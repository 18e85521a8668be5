/* json_literal.c - finds the literals, and marks them for a parser that knows JSON alone.
 *
 * A file is not refused because of a number that nobody reads. Where the parser has failed, it is
 * given the text again with a string in place of each literal. The string begins with NUL, so no
 * name or path can equal it, and the getters refuse it by its key. */
#include "format/json_literal.h"

#include <string.h>

#include "base/memory.h"

static const char *const literals[] = { "NaN", "Infinity", "-Infinity" };
enum { LITERALS = sizeof literals / sizeof *literals };
static const char mark[] =
    "\"\\u0000"; /* as it stands in the text, before the literal and a quote */
enum { MARK = sizeof mark - 1 };

size_t json_string_end(const char *text, size_t size, size_t at)
{
    for (at++; at < size && text[at] != '"'; at++)
        if (text[at] == '\\') at++;
    return at < size ? at + 1 : size;
}

static bool is_one_of(char c, const char *list) { return c && strchr(list, c); }

const char *json_literal_at(const char *text, size_t size, size_t at)
{
    if (!is_one_of(text[at], "NI-") || (at && !is_one_of(text[at - 1], "[:, \t\r\n"))) return NULL;
    for (int i = 0; i < LITERALS; i++) {
        size_t length = strlen(literals[i]), end = at + length;
        if (length > size - at || memcmp(text + at, literals[i], length) != 0) continue;
        if (end == size || is_one_of(text[end], ",]} \t\r\n")) return literals[i];
    }
    return NULL;
}

static size_t count_literals(const char *text, size_t size)
{
    size_t count = 0;
    for (size_t at = 0; at < size;) {
        const char *literal = json_literal_at(text, size, at);
        count += literal != NULL;
        at = text[at] == '"' ? json_string_end(text, size, at)
                             : at + (literal ? strlen(literal) : 1);
    }
    return count;
}

char *json_literals_marked(const char *text, size_t size, size_t *marked_size, size_t *found)
{
    *found = count_literals(text, size);
    size_t room = size + *found * (MARK + 1), used = 0;
    char *marked = mem_alloc(room + 1, 1);
    if (!marked) return NULL;
    for (size_t at = 0; at < size;) {
        const char *literal = json_literal_at(text, size, at);
        size_t end = at + (literal ? strlen(literal) : 1);
        if (text[at] == '"') end = json_string_end(text, size, at);
        if (literal) memcpy(marked + used, mark, MARK), used += MARK;
        memcpy(marked + used, text + at, end - at);
        used += end - at;
        if (literal) marked[used++] = '"';
        at = end;
    }
    *marked_size = used;
    return marked;
}

const char *json_literal_of(const char *string, size_t size)
{
    if (size < 1 || string[0]) return NULL;
    for (int i = 0; i < LITERALS; i++)
        if (strlen(literals[i]) == size - 1 && !memcmp(string + 1, literals[i], size - 1))
            return literals[i];
    return NULL;
}
