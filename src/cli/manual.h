/* manual.h - what the tables say, as man pages and as a completion for bash. */
#ifndef CADRE_CLI_MANUAL_H
#define CADRE_CLI_MANUAL_H

#include <stdio.h>

#include "cli/command.h"

void manual_overview(FILE *out);                  /* cadre.1 */
void manual_command(FILE *out, const command *c); /* cadre-COMMAND.1 */
void manual_completion(FILE *out);                /* bash */

#endif
