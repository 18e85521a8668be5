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
        "OUT is a GGUF file where it ends in .gguf, else a folder, and must not be there yet. "
        "'cadre train --from OUT' goes on from there.\n\n"
        "copy: every expert is the dense network. granular: the network is cut in G shards, each "
        "there several times, and a token's experts are whole networks again. Both compute what "
        "the dense model does. drop: copies of which each has a share of its hidden units "
        "replaced by random ones, which differ sooner and know less.\n\n"
        "Prints what was made, and how far its logits are from the dense model's on --text.",
    .tables = { cadre_upcycle_options },
    .examples = LINES("eight copies, two of them a token",
        "cadre upcycle runs/dense runs/sparse --experts 8 --topk 2", "sixteen halves, four a token",
        "cadre upcycle runs/dense runs/fine --method granular --granularity 2 --experts 16 "
        "--topk 4",
        "copies that are half new, measured on a text",
        "cadre upcycle runs/dense runs/dropped --method drop --drop 0.5 --text unseen.txt"),
    .stops = true,
    .run = run_upcycle,
};
