/* command.h - a sub-command is one row of THE LIST. Parsing, help, manual and completion all come
 * from that row. */
#ifndef CADRE_CLI_COMMAND_H
#define CADRE_CLI_COMMAND_H

#include <stdbool.h>

#include "cadre.h"

enum {
    EXIT_DONE = 0,
    EXIT_WORLD = 1,
    EXIT_USAGE = 2,
    EXIT_INTERRUPTED = 130,
    MOST_TABLES = 5,
    ALL_TABLES = MOST_TABLES + 3
};

typedef struct command command;

/* What the user typed, checked against the command's tables */
typedef struct invocation {
    const command *command;
    cadre_options *options;
    char **operands; /* [operand_count], of argv */
    int operand_count;
    const char *const *words; /* the whole command line, NULL after the last word */
    bool json, quiet;
} invocation;

struct command {
    const char *name;
    const char *summary;  /* one line, no full stop */
    const char *operands; /* "MODEL"; "" when there are none */
    int least, most;      /* how many of them there may be */
    /* The words that the first operand must be one of, NULL after the last; NULL: it is a path. */
    const char *(*operand_word)(int i);
    /* Paragraphs separated by an empty line, and what goes to stdout */
    const char *description;
    cadre_option_table (*tables[MOST_TABLES])(void); /* of the library, or shared by commands */
    cadre_option_table own;                          /* rows of this command alone */
    const char *const *examples;                     /* "comment", "command line", ..., NULL */
    /* The first Ctrl-C asks the command to stop; the second ends the program. */
    bool stops;
    const char *seedless; /* why --seed has no effect; NULL: it has one, or seedless_if says */
    const char *(*seedless_if)(const invocation *call); /* the same, where options decide */
    bool spreads; /* several ranks can run it together; it takes cadre_ranks_options */
    int (*run)(const invocation *call); /* returns an exit code */
};

extern const command command_train, command_eval, command_layer, command_generate, command_chat,
    command_logits, command_tokenize, command_inspect, command_init, command_convert,
    command_upcycle, command_grow, command_prune, command_merge, command_merge_adapter,
    command_mixture, command_report, command_bench, command_plan, command_simulate, command_serve,
    command_verify, command_help;

extern const command *const commands[]; /* THE LIST, NULL after the last */

const command *command_find(const char *name); /* NULL: unknown */
/* All tables of the command, its own first */
int command_tables(const command *c, cadre_option_table tables[ALL_TABLES]);

/* Why --seed has no effect in a command that draws nothing by it */
#define SEEDLESS "the results of this command depend on no seed"
#define ROWS(rows) ((cadre_option_table){ (rows), (int)(sizeof(rows) / sizeof *(rows)) })
#define LINES(...) ((const char *const[]){ __VA_ARGS__, NULL })

#endif
