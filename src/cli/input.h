/* input.h - reads what commands take: whole files, and lists of token ids. free() frees the
 * results. */
#ifndef CADRE_CLI_INPUT_H
#define CADRE_CLI_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Reads a whole file and puts a NUL after it. If it cannot be read, prints an error and returns
 * false. */
bool input_file(const char *path, char **text, size_t *size);
bool input_stream(FILE *in, const char *name, char **text, size_t *size);

typedef struct token_ids {
    int32_t *id; /* [count] */
    int64_t count;
} token_ids;

/* Reads ids between commas or blanks, "1,2,3", perhaps in brackets. `name` says where they stand.
 * Returns an exit code. */
int input_ids(const char *name, const char *text, token_ids *ids);

/* Reads a list of ids, or the file that holds one. */
int input_ids_or_file(const char *name, const char *value, token_ids *ids);

#endif
