/* help.h - writes the tables as text for a terminal. */
#ifndef CADRE_CLI_HELP_H
#define CADRE_CLI_HELP_H

#include <stdio.h>

#include "cli/command.h"

void help_overview(FILE *out);                  /* cadre --help */
void help_command(FILE *out, const command *c); /* cadre COMMAND --help */

/* An option's value as a manual shows it, "N" or "drop|pad"; "" for a flag. Returns text. */
const char *help_value(const cadre_option *row, char *text, size_t size);

/* The help of an option, with the words that it takes and its default. Returns text. */
const char *help_sentence(const cadre_option *row, char *text, size_t size);

/* Calls visit for every option of the command, by subject and in the order of the tables. `first`:
 * the option begins a new subject. */
typedef void help_visit(void *state, const cadre_option *row, bool first);
void help_each_option(const command *c, help_visit *visit, void *state);

extern const char help_purpose[]; /* what the program is, one line */

#endif
