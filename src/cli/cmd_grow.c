/* cmd_grow.c - `cadre grow`: adds experts to a sparse model. */
#include "cli/growth.h"

static int run_grow(const invocation *call) { return growth_run(call, cadre_grow); }

const command command_grow = {
    .name = "grow",
    .summary = "add experts to a sparse model, which computes what it did",
    .operands = "MODEL OUT",
    .least = 2,
    .most = 2,
    .description =
        "Every sparse layer gets --add more experts, which are copies of existing ones and "
        "come after them. They are kept from being picked: by a bias on their logits, or, "
        "where the router picks by score and correction, by a correction below all others. OUT "
        "is a GGUF file if its name ends in .gguf, otherwise a folder, and must not exist yet.\n\n"
        "A smaller --hold lets them be picked sooner, and changes what the model computes. The "
        "command prints by how much, measured on --text. 'cadre train --freeze "
        "experts=0-7,router=0-7' then trains the new experts and their rows of the router "
        "while those of the old ones stay as they are.",
    .tables = { cadre_grow_options },
    .examples = LINES("two more, the function kept", "cadre grow runs/sparse runs/more --add 2",
        "four that may be picked, measured on a text",
        "cadre grow runs/sparse runs/open --add 4 --hold 0.5 --text unseen.txt"),
    .stops = true,
    .seedless_if = growth_seedless,
    .run = run_grow,
};
