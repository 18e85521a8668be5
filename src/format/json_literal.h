/* json_literal.h - NaN, Infinity and -Infinity, which are not JSON, but which Python writes for
 * values that are not finite. For json.c alone. */
#ifndef CADRE_FORMAT_JSON_LITERAL_H
#define CADRE_FORMAT_JSON_LITERAL_H

#include <stdbool.h>
#include <stddef.h>

/* The literal that is a value by itself at text[at], outside strings; NULL: none begins there. */
const char *json_literal_at(const char *text, size_t size, size_t at);

/* The byte after the string whose first quote is at `at`. */
size_t json_string_end(const char *text, size_t size, size_t at);

/* A copy of the text with each literal as a marked string, which no getter accepts; freed by
 * mem_free, NULL: out of memory. *found is the number of literals. */
char *json_literals_marked(const char *text, size_t size, size_t *marked_size, size_t *found);

/* The literal that a string is the mark of; NULL: it is an ordinary string. */
const char *json_literal_of(const char *string, size_t size);

#endif
