/* cmd_logits.c - `cadre logits`: writes what a model computes for given tokens, position by
 * position. */
#include <stdlib.h>

#include "cli/command.h"
#include "cli/complain.h"
#include "cli/input.h"
#include "cli/opened.h"
#include "cli/print.h"

static const cadre_option rows[] = {
    { .name = "tokens",
        .kind = CADRE_OPTION_TEXT,
        .value = "LIST|FILE",
        .subject = "Tokens",
        .help = "token ids of the input, as in 1,2,3, or a file that holds them" },
    { .name = "decoder-tokens",
        .kind = CADRE_OPTION_TEXT,
        .value = "LIST|FILE",
        .subject = "Tokens",
        .help =
            "token ids of the decoder's input, for a model with an encoder, which reads --tokens" },
    { .name = "out",
        .kind = CADRE_OPTION_PATH,
        .value = "FILE",
        .subject = "Tokens",
        .help = "safetensors file to write" },
};

static int run_logits(const invocation *call)
{
    const char *list = cadre_options_text(call->options, "tokens", 0),
               *out = cadre_options_text(call->options, "out", 0);
    if (!list) return complain_usage(NULL, "logits: --tokens: expected token ids, found nothing");
    if (!out) return complain_usage(NULL, "logits: --out: expected a file to write, found nothing");
    const char *decoder_list = cadre_options_text(call->options, "decoder-tokens", 0);
    token_ids ids = { 0 }, decoder = { 0 };
    int exit_code = input_ids_or_file("--tokens", list, &ids);
    if (exit_code == EXIT_DONE && decoder_list)
        exit_code = input_ids_or_file("--decoder-tokens", decoder_list, &decoder);
    if (exit_code != EXIT_DONE) {
        free(ids.id);
        return exit_code;
    }
    opened o;
    cadre_status status = opened_begin(call, call->operands[0], &o);
    bool leads = status == CADRE_OK && !o.followed;
    if (leads) opened_note_context(call, o.model, "the text has", ids.count);
    if (leads) opened_note_ids(call, o.model, ids.id, ids.count);
    if (leads) status = cadre_logits(o.model, ids.id, ids.count, decoder.id, decoder.count, out);
    opened_end(&o);
    free(ids.id);
    free(decoder.id);
    if (status != CADRE_OK) return complain_status(status);
    return call->json ? print_json(json_pack("{s:s}", "out", out)) : EXIT_DONE;
}

const command command_logits = {
    .name = "logits",
    .summary = "write a model's logits and routing for given tokens",
    .operands = "MODEL",
    .least = 1,
    .most = 1,
    .description =
        "The command writes a safetensors file with 'tokens' [T], 'logits' [T, V] of every "
        "position, and for all S sparse layers 'routes' [S, T, K], the chosen experts in the order "
        "of their ids, and 'weights' [S, T, K], by which the experts' outputs were multiplied. "
        "Where a token has fewer picks, routes are -1 and weights 0.",
    .own = ROWS(rows),
    .tables = { opened_options, opened_warm_options, cadre_ranks_options },
    .examples = LINES(
        "four positions", "cadre logits runs/first --tokens 5,17,3,9 --out logits.safetensors"),
    .spreads = true,
    .seedless = SEEDLESS,
    .run = run_logits,
};
