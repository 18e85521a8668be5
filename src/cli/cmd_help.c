/* cmd_help.c - `cadre help`: prints the help of one command or of all, and writes the man pages and
 * the shell's completion. */
#include "cli/command.h"
#include "cli/complain.h"
#include "cli/help.h"
#include "cli/manual.h"

static const cadre_option rows[] = {
    { .name = "pages",
        .kind = CADRE_OPTION_PATH,
        .value = "DIR",
        .subject = "Output",
        .help =
            "write the man pages of all commands and the completion for bash into this folder" },
};

static int run_help(const invocation *call)
{
    const char *folder = cadre_options_text(call->options, "pages", 0);
    if (folder) return manual_write_pages(folder);
    const command *c = NULL;
    if (call->operand_count && !(c = command_find(call->operands[0])))
        return complain_usage("'cadre --help' lists the commands",
            "help: no command is called '%s'", call->operands[0]);
    if (c) help_command(stdout, c);
    else help_overview(stdout);
    return EXIT_DONE;
}

static const char *command_name(int i) { return commands[i] ? commands[i]->name : NULL; }

const command command_help = {
    .name = "help",
    .summary = "describe the program, or one command",
    .operands = "[COMMAND]",
    .most = 1,
    .operand_word = command_name,
    .description = "The command prints what another one does and the options that it takes.",
    .own = ROWS(rows),
    .examples = LINES("the options of training, by subject", "cadre help train"),
    .seedless = SEEDLESS,
    .run = run_help,
};
