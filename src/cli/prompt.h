/* prompt.h - reads what a text begins with, from the command line, a file or stdin. */
#ifndef CADRE_CLI_PROMPT_H
#define CADRE_CLI_PROMPT_H

#include "cli/command.h"
#include "cli/input.h"

cadre_option_table prompt_options(void);

/* Reads the ids that these options, or stdin, give; free() frees them. Prints errors and returns an
 * exit code. */
int prompt_read(const invocation *call, cadre_model *model, token_ids *ids);

#endif
