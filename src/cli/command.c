/* command.c - THE LIST of sub-commands, and the options that all of them take. */
#include "cli/command.h"

#include <string.h>

const command *const commands[] = {
    &command_train,
    &command_eval,
    &command_generate,
    &command_chat,
    &command_serve,
    &command_logits,
    &command_tokenize,
    &command_inspect,
    &command_init,
    &command_convert,
    &command_upcycle,
    &command_grow,
    &command_prune,
    &command_merge,
    &command_merge_adapter,
    &command_mixture,
    &command_report,
    &command_layer,
    &command_bench,
    &command_plan,
    &command_simulate,
    &command_verify,
    &command_help,
    NULL,
};

static const cadre_option common_rows[] = {
    { .name = "options",
        .kind = CADRE_OPTION_PATH,
        .value = "FILE.json",
        .subject = "Running",
        .help =
            "take options from a file, {\"lr\": 0.003, \"warmup\": 10}; the command line wins" },
    { .name = "json",
        .kind = CADRE_OPTION_FLAG,
        .subject = "Running",
        .help = "print JSON, and nothing else, on stdout" },
    { .name = "quiet",
        .kind = CADRE_OPTION_FLAG,
        .subject = "Running",
        .help = "print no progress and no notes on stderr" },
    { .name = "help",
        .kind = CADRE_OPTION_FLAG,
        .subject = "Running",
        .help = "print this and exit" },
    { .name = "version",
        .kind = CADRE_OPTION_FLAG,
        .subject = "Running",
        .help = "print the version and exit" },
};

const command *command_find(const char *name)
{
    for (int i = 0; commands[i]; i++)
        if (!strcmp(commands[i]->name, name)) return commands[i];
    return NULL;
}

int command_tables(const command *c, cadre_option_table tables[ALL_TABLES])
{
    int n = 0;
    if (c->own.count) tables[n++] = c->own;
    for (int i = 0; i < MOST_TABLES && c->tables[i]; i++) tables[n++] = c->tables[i]();
    tables[n++] = cadre_run_options();
    tables[n++] = ROWS(common_rows);
    return n;
}
