/* ranks.h - the program as one of several ranks: all run the same command, and one of them
 * speaks. */
#ifndef CADRE_CLI_RANKS_H
#define CADRE_CLI_RANKS_H

#include "cli/command.h"

/* Called first: of several processes, only rank 0 writes to stdout and complains, unless it is the
 * end of a command that all of them run. */
void ranks_begin(void);

/* Joins the others, if there are any, before a command that can run on several ranks; refuses one
 * that cannot. Returns an exit code. */
int ranks_join(const command *c);
/* All ranks have the same command line, files and version; else an error is printed. */
int ranks_agree(const invocation *call);
/* The end of the program: tells the others how it ended. Returns the exit code of all. */
int ranks_finish(int exit_code);

cadre_ranks *ranks_of_program(void); /* NULL: there is one process alone */
bool ranks_silent(void);             /* whether another rank speaks for this one */

#endif
