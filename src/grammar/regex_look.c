/* regex_look.c - a pattern cut where its conditions end. */
#include "grammar/regex_look.h"

#include <string.h>

/* Behind the character, the escape or the class that stands at `at`. */
static size_t behind_item(const char *pattern, size_t size, size_t at)
{
    if (pattern[at] == '\\') return at + 2 < size ? at + 2 : size;
    if (pattern[at] != '[') return at + 1;
    for (at++; at < size && pattern[at] != ']'; at++)
        if (pattern[at] == '\\') at++;
    return at < size ? at + 1 : size;
}

/* Where the bracket that is open at `at` is closed; size: nowhere. */
static size_t closing(const char *pattern, size_t size, size_t at)
{
    for (int open = 0; at < size; at = behind_item(pattern, size, at)) {
        open += (pattern[at] == '(') - (pattern[at] == ')');
        if (open < 0) return at;
    }
    return size;
}

bool regex_look_next(const char *pattern, size_t size, size_t *at, regex_look *look)
{
    size_t begin = *at;
    if (begin == 0 && size && pattern[0] == '^') begin = 1;
    if (begin == 0 || size - begin < 3) return false;
    look->never = memcmp(pattern + begin, "(?!", 3) == 0;
    if (!look->never && memcmp(pattern + begin, "(?=", 3) != 0) return false;
    size_t end = closing(pattern, size, begin + 3);
    if (end == size) return false;
    look->pattern = pattern + begin + 3;
    look->size = end - begin - 3;
    *at = end + 1;
    return true;
}

bool regex_is_choice(const char *pattern, size_t size)
{
    int open = 0;
    for (size_t at = 0; at < size; at = behind_item(pattern, size, at)) {
        if (pattern[at] == '|' && open == 0) return true;
        open += (pattern[at] == '(') - (pattern[at] == ')');
    }
    return false;
}
