/* command.h - a sub-command: one row of THE LIST, from which parsing, help, manual and completion
 * all come. */
#ifndef CADRE_CLI_COMMAND_H
#define CADRE_CLI_COMMAND_H

#include <stdbool.h>

#include "cadre.h"

enum {
    EXIT_DONE = 0,
    EXIT_WORLD = 1,
    EXIT_USAGE = 2,
    EXIT_INTERRUPTED = 130,
    MOST_TABLES = 4,
    ALL_TABLES = MOST_TABLES + 3
};

typedef struct command command;

/* What the user typed, held to the command's tables. */
typedef struct invocation {
    const command *command;
    cadre_options *options;
    char **operands; /* [operand_count], of argv */
    int operand_count;
    bool json, quiet;
} invocation;

struct command {
    const char *name;
    const char *summary;  /* one line, no full stop */
    const char *operands; /* "MODEL"; "" when there are none */
    int least, most;      /* how many of them */
    /* The words that the first is one of, NULL after the last; NULL: a path */
    const char *(*operand_word)(int i);
    /* Paragraphs separated by an empty line; what goes to stdout */
    const char *description;
    cadre_option_table (*tables[MOST_TABLES])(void); /* of the library, or shared by commands */
    cadre_option_table own;                          /* rows of this command alone */
    const char *const *examples;                     /* "comment", "command line", ..., NULL */
    /* The first Ctrl-C asks it to stop by itself; the second kills */
    bool stops;
    int (*run)(const invocation *call); /* returns an exit code */
};

extern const command command_train, command_eval, command_layer, command_generate, command_chat,
    command_logits, command_tokenize, command_inspect, command_init, command_convert,
    command_upcycle, command_grow, command_prune, command_merge, command_mixture, command_report,
    command_bench, command_verify, command_help;

extern const command *const commands[]; /* THE LIST, NULL after the last */

const command *command_find(const char *name); /* NULL: unknown */
/* All that it takes, its own first */
int command_tables(const command *c, cadre_option_table tables[ALL_TABLES]);

#define ROWS(rows) ((cadre_option_table){ (rows), (int)(sizeof(rows) / sizeof *(rows)) })
#define LINES(...) ((const char *const[]){ __VA_ARGS__, NULL })

#endif
