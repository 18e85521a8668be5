/* cmd_prune.c - `cadre prune`: removes the least useful experts from a sparse model. */
#include "cli/growth.h"

static int run_prune(const invocation *call) { return growth_run(call, cadre_prune); }

const command command_prune = {
    .name = "prune",
    .summary = "remove the least used experts from a sparse model",
    .operands = "MODEL OUT",
    .least = 2,
    .most = 2,
    .description =
        "Every sparse layer keeps --keep of its experts, the most useful ones, with their rows of "
        "the router. OUT is a GGUF file if its name ends in .gguf, otherwise a folder, and must "
        "not exist yet.\n\n"
        "How useful they are is measured on --text, or read from --routes. --by use counts the "
        "tokens that an expert served, weight adds up its weights, and saliency is the mean of its "
        "weight times the norm of its output over its tokens. An expert that few tokens need, but "
        "need very much, is removed by the first two and stays by the third.\n\n"
        "The command prints what was made, and how much worse it is on --text. Another text gives "
        "another number, which 'cadre eval' prints. 'cadre train --from OUT' makes up for some of "
        "the loss.",
    .tables = { cadre_prune_options },
    .examples = LINES("the six experts of each layer that a text uses most",
        "cadre prune runs/sparse runs/small --keep 6 --text unseen.txt",
        "those whose outputs weigh most",
        "cadre prune runs/sparse runs/salient --keep 6 --by saliency --text unseen.txt",
        "those that a recording used, measured on a text",
        "cadre prune runs/sparse runs/small --keep 6 --routes routes.jsonl --text unseen.txt"),
    .stops = true,
    .seedless_if = growth_seedless,
    .run = run_prune,
};
