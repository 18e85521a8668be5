/* cmd_upcycle.c - `cadre upcycle`: makes a sparse model of a dense one. */
#include "cli/growth.h"

static int run_upcycle(const invocation *call) { return growth_run(call, cadre_upcycle); }

const command command_upcycle = {
    .name = "upcycle",
    .summary = "make a sparse model of a dense one",
    .operands = "DENSE OUT",
    .least = 2,
    .most = 2,
    .description =
        "The feed-forwards of a dense model become experts, and every such layer gets a router. "
        "OUT is a GGUF file if its name ends in .gguf, otherwise a folder, and must not exist yet. "
        "'cadre train --from OUT' trains it further.\n\n"
        "With --method copy, every expert is a copy of the dense feed-forward. With granular, the "
        "feed-forward is cut into G shards, there are several copies of each shard, and a token's "
        "experts together are whole feed-forwards again. Both compute what the dense model "
        "computes. With drop, each expert is a copy in which a share of the hidden units is "
        "replaced by random ones; such experts differ sooner and know less.\n\n"
        "The command prints what was made, and how far its logits are from the dense model's on "
        "--text.",
    .tables = { cadre_upcycle_options },
    .examples = LINES("eight copies, two of them a token",
        "cadre upcycle runs/dense runs/sparse --experts 8 --topk 2", "sixteen halves, four a token",
        "cadre upcycle runs/dense runs/fine --method granular --granularity 2 --experts 16 "
        "--topk 4",
        "copies that are half new, measured on a text",
        "cadre upcycle runs/dense runs/dropped --method drop --drop 0.5 --text unseen.txt"),
    .stops = true,
    .seedless_if = growth_seedless,
    .run = run_upcycle,
};
