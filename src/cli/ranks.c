/* ranks.c - joins the other processes, compares what they were told to do, and ends with them. */
#define _GNU_SOURCE
#include "cli/ranks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/complain.h"
#include "cli/progress.h"

static cadre_ranks *joined;
static int rank, size = 1;

cadre_ranks *ranks_of_program(void) { return joined; }
bool ranks_silent(void) { return rank > 0; }

void ranks_begin(void)
{
    if (!cadre_ranks_launched(&rank, &size) || rank == 0) return;
    complain_never();
    if (!freopen("/dev/null", "w", stdout)) fclose(stdout);
}

int ranks_join(const command *c)
{
    if (size == 1) return EXIT_DONE;
    if (!c->spreads)
        return complain_usage(
            NULL, "%s: expected one process, found %d that mpirun has started", c->name, size);
    cadre_status status = cadre_ranks_join(&joined);
    if (status != CADRE_OK) return complain_status(status);
    complain_later();
    return EXIT_DONE;
}

/* ---- what is compared ---- */

enum { MOST_PAIRS = 512 };

typedef struct pairs {
    char *name[MOST_PAIRS], *value[MOST_PAIRS];
    int count;
    bool failed; /* out of memory */
} pairs;

static void put(pairs *p, const char *name, const char *value)
{
    if (p->count == MOST_PAIRS) return;
    p->name[p->count] = strdup(name);
    p->value[p->count] = strdup(value);
    p->failed |= !p->name[p->count] || !p->value[p->count];
    p->count++;
}

static void free_pairs(pairs *p)
{
    for (int i = 0; i < p->count; i++) free(p->name[i]), free(p->value[i]);
}

/* What only one process decides for itself, or what becomes of the results */
static bool is_own(const char *name)
{
    static const char *const own[] = { "threads", "quiet", "json", "help", "version", "options",
        "rank-timeout", NULL };
    for (int i = 0; own[i]; i++)
        if (!strcmp(own[i], name)) return true;
    return false;
}

static bool is_written(const char *name)
{
    return !strcmp(name, "out") || !strcmp(name, "metrics") || !strcmp(name, "routes") ||
           !strcmp(name, "images");
}

/* A file or folder is compared by what it holds; its path may differ from machine to machine. One
 * that cannot be read is left to the command. */
static void put_file(pairs *p, const char *name, const char *path)
{
    char identity[CADRE_FILE_IDENTITY];
    if (cadre_file_identity(path, identity) == CADRE_OK) put(p, name, identity);
}

static void put_option(pairs *p, const cadre_options *o, const cadre_option *row)
{
    char name[80], value[1024] = "";
    size_t used = 0;
    bool files = row->kind == CADRE_OPTION_PATH || row->kind == CADRE_OPTION_PATHS;
    snprintf(name, sizeof name, "--%s", row->name);
    for (int i = 0; i < cadre_options_count(o, row->name); i++) {
        const char *text = cadre_options_text(o, row->name, i);
        if (files && !is_written(row->name)) put_file(p, name, text);
        else if (used < sizeof value)
            used += (size_t)snprintf(value + used, sizeof value - used, i ? ",%s" : "%s", text);
    }
    if (used) put(p, name, value);
}

static void put_all(pairs *p, const invocation *call)
{
    cadre_option_table tables[ALL_TABLES];
    int count = command_tables(call->command, tables);
    put(p, "the version of cadre", cadre_version());
    put(p, "the command", call->command->name);
    for (int i = 0; i < call->operand_count; i++)
        if (i == 0 && call->command->operand_word) put(p, "what is measured", call->operands[0]);
        else put_file(p, "the model", call->operands[i]);
    for (int t = 0; t < count; t++)
        for (int i = 0; i < tables[t].count; i++)
            if (!is_own(tables[t].rows[i].name)) put_option(p, call->options, &tables[t].rows[i]);
}

int ranks_agree(const invocation *call)
{
    const char *note;
    pairs p = { .count = 0 };
    if (!joined && call->command->spreads && cadre_options_given(call->options, "rank-timeout"))
        progress_note(call, "--rank-timeout has no effect: one process waits for no other");
    if (!joined) return EXIT_DONE;
    cadre_ranks_limit(joined, cadre_options_real(call->options, "rank-timeout"));
    put_all(&p, call);
    cadre_status status = CADRE_OK;
    if (!p.failed)
        status = cadre_ranks_compare(
            joined, (const char *const *)p.name, (const char *const *)p.value, p.count);
    int exit_code = p.failed             ? complain_world("out of memory")
                    : status != CADRE_OK ? complain_status(status)
                                         : EXIT_DONE;
    free_pairs(&p);
    cadre_ranks_threads(joined, &note);
    if (exit_code == EXIT_DONE && note && rank == 0) progress_note(call, "%s", note);
    return exit_code;
}

/* A process that leaves others in the middle of something ends without what its libraries would do
 * at an exit. */
int ranks_finish(int exit_code)
{
    const char *print;
    if (!joined) return exit_code;
    int all = cadre_ranks_end(joined, exit_code, complain_kept(), &print);
    if (print) complain_now(print);
    else if (!all && rank == 0 && *complain_kept()) complain_now(complain_kept());
    fflush(stdout);
    cadre_ranks_leave(joined, all);
    joined = NULL;
    if (all) _exit(all);
    return all;
}
