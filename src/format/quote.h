/* quote.h - a stranger's text inside our own sentences: shortened, and without anything that a
 * terminal would obey. */
#ifndef CADRE_FORMAT_QUOTE_H
#define CADRE_FORMAT_QUOTE_H

#include <stddef.h>

enum { QUOTE_ROOM = 72 };

typedef struct quote {
    char text[QUOTE_ROOM];
} quote;

/* Whole UTF-8 characters stay as they are, control characters and stray bytes become \xNN, and
 * "..." stands where the text was cut. */
quote quote_bytes(const char *text, size_t size);
quote quote_text(const char *text);

#endif
