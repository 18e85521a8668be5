/* arguments.h - turns argv into an invocation. */
#ifndef CADRE_CLI_ARGUMENTS_H
#define CADRE_CLI_ARGUMENTS_H

#include "cli/command.h"

typedef enum arguments_result {
    ARGUMENTS_RUN,     /* run the invocation */
    ARGUMENTS_HELP,    /* --help was asked for */
    ARGUMENTS_VERSION, /* --version was asked for */
    ARGUMENTS_WRONG,   /* an error was printed; *exit_code says what to return */
} arguments_result;

/* Parses what follows the command's name. `call` must be freed by arguments_free in any case. */
arguments_result arguments_parse(
    const command *c, int argc, char **argv, invocation *call, int *exit_code);
void arguments_free(invocation *call);

#endif
