/* manual.h - writes the tables as man pages and as a completion for bash. */
#ifndef CADRE_CLI_MANUAL_H
#define CADRE_CLI_MANUAL_H

#include <stdio.h>

#include "cli/command.h"

/* Writes cadre.1, a cadre-COMMAND.1 for each command, and completion.bash into a folder. Returns an
 * exit code. */
int manual_write_pages(const char *folder);

#endif
