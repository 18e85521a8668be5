/* prompt.h - what a text begins with: of the command line, of a file or of stdin. */
#ifndef CADRE_CLI_PROMPT_H
#define CADRE_CLI_PROMPT_H

#include "cli/command.h"
#include "cli/input.h"

cadre_option_table prompt_options(void);

/* The ids that these options, or stdin, give; freed by free(). Complains and returns an exit
 * code. */
int prompt_read(const invocation *call, cadre_model *model, token_ids *ids);

#endif
