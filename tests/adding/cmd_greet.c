/* cmd_greet.c - `cadre greet`: says hello to somebody. */
#include <stdio.h>

#include "cli/command.h"

static const cadre_option rows[] = {
    { .name = "loud",
        .kind = CADRE_OPTION_FLAG,
        .subject = "Output",
        .help = "with an exclamation mark" },
};

static int run(const invocation *call)
{
    bool loud = cadre_options_count(call->options, "loud") > 0;
    printf("hello, %s%s\n", call->operands[0], loud ? "!" : "");
    return EXIT_DONE;
}

const command command_greet = {
    .name = "greet",
    .summary = "say hello",
    .operands = "NAME",
    .least = 1,
    .most = 1,
    .description = "Says hello to NAME.",
    .own = ROWS(rows),
    .examples = LINES("to the world", "cadre greet world"),
    .run = run,
};
