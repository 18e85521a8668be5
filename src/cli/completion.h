/* completion.h - writes the tables as a completion for bash. */
#ifndef CADRE_CLI_COMPLETION_H
#define CADRE_CLI_COMPLETION_H

#include <stdio.h>

void completion_put(FILE *out);

#endif
