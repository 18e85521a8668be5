/* json_cursor.h - JSON read from left to right, without a tree: for the large tables that models'
 * files hold.
 *
 * A vocabulary of 200,000 pieces, or a header of as many tensors, takes half a second and ten times
 * its bytes as a tree. The tables are simple enough to be read without one; the rest of a file
 * goes to json.h. */
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
    byte_buffer strings[2];   /* the last two strings that had escapes in them */
    int turn;
} json_cursor;

void json_cursor_free(json_cursor *c);

/* "FILE: WHERE: expected EXPECTED, found FOUND at byte N". */
cadre_status json_cursor_refuse(const json_cursor *c, const char *expected);

/* Steps over white space and one character; false, and only the white space is passed, where
 * another character comes. */
bool json_cursor_take(json_cursor *c, char wanted);
cadre_status json_cursor_expect(json_cursor *c, char wanted);
char json_cursor_peek(json_cursor *c); /* the next character after white space; 0 at the end */

/* The next item of a list: steps over `comma` if items came before. *more is false, and the bracket
 * passed, at the end. */
cadre_status json_cursor_next(json_cursor *c, char bracket, bool *first, bool *more);

/* A string, unescaped, well-formed UTF-8; borrowed from the text, or until two more strings were
 * read. */
cadre_status json_cursor_string(json_cursor *c, string_view *string);
/* The next member of an object, up to its value: json_cursor_next with '}', then the key and the
 * colon. */
cadre_status json_cursor_member(json_cursor *c, bool *first, string_view *key, bool *more);
cadre_status json_cursor_int(json_cursor *c, int64_t min, int64_t max, int64_t *value);
cadre_status json_cursor_real(json_cursor *c, double min, double max, double *value);

/* Steps over a value of any kind by its strings and brackets alone; whether it is JSON is not
 * checked. */
cadre_status json_cursor_skip(json_cursor *c);

#endif
