/* json_cursor.h - reads JSON from left to right, without a tree, for the large tables that models'
 * files hold.
 *
 * As a tree, a vocabulary of 200,000 pieces or a header of as many tensors takes half a second and
 * ten times its bytes. These tables are simple enough to be read without one; the rest of a file is
 * read by json.h. */
#ifndef CADRE_FORMAT_JSON_CURSOR_H
#define CADRE_FORMAT_JSON_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

typedef struct json_cursor {
    const char *text; /* [size] */
    size_t size, at;
    const char *file, *where; /* for errors */
    bool nul;                 /* strings may hold NUL */
    byte_buffer strings[2];   /* the last two strings with escapes in them */
    int turn;
} json_cursor;

void json_cursor_free(json_cursor *c);

/* "FILE: WHERE: expected EXPECTED, found FOUND at byte N". */
cadre_status json_cursor_refuse(const json_cursor *c, const char *expected);

/* Steps over white space and the character `wanted`. If another character comes, steps over the
 * white space only and returns false. */
bool json_cursor_take(json_cursor *c, char wanted);
cadre_status json_cursor_expect(json_cursor *c, char wanted);
char json_cursor_peek(json_cursor *c); /* the next character after white space; 0: the end */

/* Goes to the next item of a list: steps over a comma if there were items before. At the end of the
 * list, steps over the bracket and sets *more to false. */
cadre_status json_cursor_next(json_cursor *c, char bracket, bool *first, bool *more);

/* Reads a string, unescaped and in well-formed UTF-8. It is borrowed from the text, or until two
 * more strings were read. */
cadre_status json_cursor_string(json_cursor *c, string_view *string);
/* Goes to the value of the next member of an object: json_cursor_next with '}', then the key and
 * the colon. */
cadre_status json_cursor_member(json_cursor *c, bool *first, string_view *key, bool *more);
cadre_status json_cursor_int(json_cursor *c, int64_t min, int64_t max, int64_t *value);
cadre_status json_cursor_real(json_cursor *c, double min, double max, double *value);

/* Steps over a value of any kind by its strings and brackets alone, without checking that it is
 * JSON. */
cadre_status json_cursor_skip(json_cursor *c);

#endif
