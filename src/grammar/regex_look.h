/* regex_look.h - conditions with which a regular expression begins: ^(?!...), as a string must not
 * begin, and ^(?=...), as it must. */
#ifndef CADRE_GRAMMAR_REGEX_LOOK_H
#define CADRE_GRAMMAR_REGEX_LOOK_H

#include <stdbool.h>
#include <stddef.h>

typedef struct regex_look {
    const char *pattern; /* [size] of what stands in the brackets; borrowed */
    size_t size;
    bool never; /* (?! */
} regex_look;

/* The condition at *at, which is moved behind it; *at is 0 before the first one. False: there is
 * none, and *at is where the rest of the pattern begins. */
bool regex_look_next(const char *pattern, size_t size, size_t *at, regex_look *look);

/* Whether the pattern has several alternatives outside of brackets. */
bool regex_is_choice(const char *pattern, size_t size);

#endif
