/* arguments.h - from argv to an invocation. */
#ifndef CADRE_CLI_ARGUMENTS_H
#define CADRE_CLI_ARGUMENTS_H

#include "cli/command.h"

typedef enum arguments_result {
    ARGUMENTS_RUN,     /* go on with the invocation */
    ARGUMENTS_HELP,    /* --help was asked for */
    ARGUMENTS_VERSION, /* --version was asked for */
    ARGUMENTS_WRONG,   /* complained already; *exit_code says what to return */
} arguments_result;

/* Parses what follows the command's name; `call` is to be freed by arguments_free whatever the
 * result. */
arguments_result arguments_parse(
    const command *c, int argc, char **argv, invocation *call, int *exit_code);
void arguments_free(invocation *call);

#endif
