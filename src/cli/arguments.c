/* arguments.c - parses a command line by the command's tables.
 *
 * Long options are "--name value" or "--name=value", flags are "--name", "--no-name" or
 * "--name=no", letters are "-n 5" or "-n5", and "--" stands before operands that begin with a dash.
 * The line is walked twice: first for --options alone, whose file is then loaded, and then for
 * everything. So the command line overrides the file, and of an option that is given twice the last
 * value counts. Options that take several texts collect them instead. */
#include "cli/arguments.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/complain.h"
#include "cli/ranks.h"

enum { MOST_SEVERAL = 8 };

typedef struct walk {
    const command *command;
    invocation *call;
    int argc;
    char **argv;
    int next;   /* the argument to look at */
    bool files; /* this is the first of the two walks */
    /* Options with several texts that this line has given */
    const cadre_option *several[MOST_SEVERAL];
    int several_count;
    const char *file; /* of --options */
    arguments_result result;
    int exit_code;
} walk;

static bool wrong(walk *w, int exit_code)
{
    w->result = ARGUMENTS_WRONG;
    w->exit_code = exit_code;
    return false;
}

static bool wrong_option(walk *w, const char *argument)
{
    char advice[160];
    const char *names[512];
    int n = 0;
    cadre_option_table tables[ALL_TABLES];
    int count = command_tables(w->command, tables);
    for (int t = 0; t < count; t++)
        for (int i = 0; i < tables[t].count && n < 512; i++) names[n++] = tables[t].rows[i].name;
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(argument, "="), argument);
    const char *meant = cadre_nearest(name + strspn(name, "-"), names, n);
    if (meant) snprintf(advice, sizeof advice, "did you mean --%s?", meant);
    else snprintf(advice, sizeof advice, "'cadre %s --help' lists the options", w->command->name);
    return wrong(w, complain_usage(advice, "%s: unknown option '%s'", w->command->name, name));
}

/* Whether an option asks something and takes no value: --help and --version. */
static bool is_question(const cadre_option *row)
{
    return !strcmp(row->name, "help") || !strcmp(row->name, "version");
}

/* Sets one value of an option; with `more`, adds it to a list. */
static bool assign(walk *w, const cadre_option *row, const char *value, bool more)
{
    if (!strcmp(row->name, "options")) w->file = value;
    if (w->files) return true;
    if (is_question(row)) {
        w->result = row->name[0] == 'h' ? ARGUMENTS_HELP : ARGUMENTS_VERSION;
        return false;
    }
    cadre_status status = more ? cadre_options_add(w->call->options, row->name, value)
                               : cadre_options_set(w->call->options, row->name, value);
    return status == CADRE_OK || wrong(w, complain_status(status));
}

/* Whether the next argument can be a value. Free text always can; for other options it must not
 * look like an option. */
static bool has_value(const walk *w, const cadre_option *row)
{
    if (w->next >= w->argc) return false;
    return row->kind == CADRE_OPTION_TEXT || row->kind == CADRE_OPTION_TEXTS ||
           strncmp(w->argv[w->next], "--", 2) != 0;
}

/* Whether this line has already given a text for the option, which the next one then joins. The
 * first one replaces those of a file. */
static bool is_another(walk *w, const cadre_option *row)
{
    if (w->files || row->kind != CADRE_OPTION_TEXTS) return false;
    for (int i = 0; i < w->several_count; i++)
        if (w->several[i] == row) return true;
    if (w->several_count < MOST_SEVERAL) w->several[w->several_count++] = row;
    return false;
}

static bool take_values(walk *w, const cadre_option *row, const char *attached)
{
    if (attached && is_question(row))
        return wrong(
            w, complain_usage(NULL, "--%s: expected no value, found '%s'", row->name, attached));
    if (cadre_option_is_flag(row)) return assign(w, row, attached ? attached : "yes", false);
    if (!attached && !has_value(w, row))
        return wrong(w, complain_usage(NULL, "--%s: expected a value after it, found %s", row->name,
                            w->next < w->argc ? w->argv[w->next] : "nothing"));
    if (!assign(w, row, attached ? attached : w->argv[w->next++], is_another(w, row))) return false;
    if (row->kind != CADRE_OPTION_PATHS || attached) return true;
    while (w->next < w->argc && w->argv[w->next][0] != '-')
        if (!assign(w, row, w->argv[w->next++], true)) return false;
    return true;
}

static bool take_long(walk *w, const char *argument)
{
    char name[64];
    const char *equals = strchr(argument, '=');
    size_t length = equals ? (size_t)(equals - argument) : strlen(argument);
    if (length >= sizeof name) return wrong_option(w, argument);
    memcpy(name, argument, length);
    name[length] = 0;
    const cadre_option *row = cadre_options_row(w->call->options, name + 2);
    if (row) return take_values(w, row, equals ? equals + 1 : NULL);
    bool negated = !strncmp(name, "--no-", 5) && !equals;
    row = negated ? cadre_options_row(w->call->options, name + 5) : NULL;
    return row && cadre_option_is_flag(row) && !is_question(row) ? assign(w, row, "no", false)
                                                                 : wrong_option(w, argument);
}

static bool take_letter(walk *w, const char *argument)
{
    cadre_option_table tables[ALL_TABLES];
    int count = command_tables(w->command, tables);
    for (int t = 0; t < count; t++)
        for (int i = 0; i < tables[t].count; i++)
            if (tables[t].rows[i].letter == argument[1])
                return take_values(w, &tables[t].rows[i], argument[2] ? argument + 2 : NULL);
    return wrong_option(w, argument);
}

static bool take_argument(walk *w)
{
    char *argument = w->argv[w->next++];
    if (!strcmp(argument, "--")) {
        while (w->next < w->argc) w->call->operands[w->call->operand_count++] = w->argv[w->next++];
        return true;
    }
    if (!strncmp(argument, "--", 2)) return take_long(w, argument);
    if (argument[0] == '-' && argument[1]) return take_letter(w, argument);
    w->call->operands[w->call->operand_count++] = argument;
    return true;
}

static bool walk_line(walk *w, bool files)
{
    w->files = files;
    w->next = w->call->operand_count = 0;
    while (w->next < w->argc)
        if (!take_argument(w)) return false;
    return true;
}

static bool load_file(walk *w)
{
    if (!w->file) return true;
    cadre_status status = cadre_options_load(w->call->options, w->file);
    if (status != CADRE_OK) return wrong(w, complain_status(status));
    if (cadre_options_given(w->call->options, "options"))
        return wrong(
            w, complain_usage(NULL, "%s: options: a file of options cannot name another", w->file));
    return true;
}

static bool count_operands(walk *w)
{
    const command *c = w->command;
    int n = w->call->operand_count;
    if (n >= c->least && n <= c->most) return true;
    char usage[256];
    snprintf(usage, sizeof usage, "usage: cadre %s%s%s [OPTION...]", c->name,
        *c->operands ? " " : "", c->operands);
    const char *expected = *c->operands ? c->operands : "options alone";
    return wrong(w, n < c->least ? complain_usage(usage, "%s: expected %s, found %s", c->name,
                                       expected, n ? "fewer" : "nothing")
                                 : complain_usage(usage, "%s: expected %s, found '%s' too", c->name,
                                       expected, w->call->operands[c->most]));
}

arguments_result arguments_parse(
    const command *c, int argc, char **argv, invocation *call, int *exit_code)
{
    *call =
        (invocation){ .command = c, .operands = calloc((size_t)argc + 1, sizeof *call->operands) };
    walk w = { .command = c, .call = call, .argc = argc, .argv = argv, .result = ARGUMENTS_RUN };
    cadre_option_table tables[ALL_TABLES];
    int count = command_tables(c, tables);
    cadre_status status =
        call->operands ? cadre_options_new(tables, count, &call->options) : CADRE_ENOMEM;
    if (status != CADRE_OK) wrong(&w, complain_status(status));
    else if (walk_line(&w, true) && load_file(&w) && walk_line(&w, false)) count_operands(&w);
    if (w.result == ARGUMENTS_RUN) {
        call->json = cadre_options_flag(call->options, "json");
        call->quiet = cadre_options_flag(call->options, "quiet") || ranks_silent();
    }
    *exit_code = w.exit_code;
    return w.result;
}

void arguments_free(invocation *call)
{
    cadre_options_free(call->options);
    free(call->operands);
}
