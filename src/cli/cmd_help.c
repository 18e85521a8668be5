/* cmd_help.c - `cadre help`: the help as pages for man and as a completion, too. */
#include "cli/command.h"
#include "cli/complain.h"
#include "cli/help.h"
#include "cli/manual.h"

static const cadre_option rows[] = {
    { .name = "man", .kind = CADRE_OPTION_FLAG, .subject = "Form", .help = "as a man page" },
    { .name = "completion", .kind = CADRE_OPTION_FLAG, .subject = "Form", .help = "a completion script for bash" },
};

static int run(const invocation *call)
{
    const command *c = NULL;
    if (call->operand_count && !(c = command_find(call->operands[0])))
        return complain_usage("'cadre --help' lists the commands", "help: no command is called '%s'", call->operands[0]);
    bool man = cadre_options_flag(call->options, "man");
    if (cadre_options_flag(call->options, "completion")) manual_completion(stdout);
    else if (c && man) manual_command(stdout, c);
    else if (c) help_command(stdout, c);
    else if (man) manual_overview(stdout);
    else help_overview(stdout);
    return EXIT_DONE;
}

const command command_help = {
    .name = "help",
    .summary = "describe the program, or one command",
    .operands = "[COMMAND]",
    .most = 1,
    .description = "Prints what a command does and the options that it takes.",
    .own = ROWS(rows),
    .examples = LINES("the options of training, by subject", "cadre help train",
                      "complete commands and options in this shell", "source <(cadre help --completion)"),
    .run = run,
};
