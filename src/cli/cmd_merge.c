/* cmd_merge.c - `cadre merge`: makes one sparse model of dense ones that were trained apart. */
#include "cli/complain.h"
#include "cli/growth.h"
#include "cli/opened.h"
#include "cli/output.h"

static const cadre_option rows[] = {
    { .name = "out",
        .kind = CADRE_OPTION_PATH,
        .subject = "Files",
        .help =
            "sparse model to write: a GGUF file if the name ends in .gguf, otherwise a folder" },
};

static int run_merge(const invocation *call)
{
    const char *out = cadre_options_text(call->options, "out", 0);
    cadre_growth growth = { .size = sizeof growth };
    opened o;
    output_watch watch;
    if (!cadre_options_given(call->options, "out"))
        return complain_usage(NULL, "--out: expected where the model goes, found nothing");
    cadre_status status = opened_begin(call, NULL, &o);
    if (status != CADRE_OK) return complain_status(status);
    output_watch_begin(call, &watch);
    status = cadre_merge(o.context, (const char *const *)call->operands, call->operand_count, out,
        call->options, &watch.listener, &growth);
    opened_end(&o);
    progress_wipe(&watch.line);
    return status == CADRE_OK ? growth_print(call, &growth, out) : complain_status(status);
}

const command command_merge = {
    .name = "merge",
    .summary = "make one sparse model of dense ones that were trained apart",
    .operands = "BASE MODEL...",
    .least = 2,
    .most = 4096,
    .description = "The feed-forwards of each model become one expert of every layer, in the order "
                   "of the command line. Attention, norms and embeddings become the mean of all "
                   "models, or stay those of BASE. Every layer gets a router with small random "
                   "weights (Branch-Train-MiX). The models must have the same sizes and one "
                   "tokenizer, and should have been trained from one common model. --out is a GGUF "
                   "file if its name ends in .gguf, otherwise a folder, and must not exist yet.\n\n"
                   "The router knows nothing yet; 'cadre train --from OUT' trains it.\n\n"
                   "The command prints what was made, and how far its logits are from those of "
                   "BASE on --text.",
    .tables = { cadre_merge_options },
    .own = ROWS(rows),
    .examples = LINES("three experts, two of them a token",
        "cadre merge runs/base runs/german runs/japanese --out runs/merged",
        "one a token, attention as the base has it",
        "cadre merge runs/base runs/german --topk 1 --rest base --out runs/merged",
        "then the router alone is trained",
        "cadre train --from runs/merged --data demo/data/text --freeze "
        "experts,attention,embeddings --out runs/routed"),
    .stops = true,
    .seedless_if = growth_seedless,
    .run = run_merge,
};
