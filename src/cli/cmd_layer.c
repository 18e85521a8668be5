/* cmd_layer.c - `cadre layer`: computes one sparse layer, forward and backward, on given
 * numbers. */
#include <jansson.h>

#include "cli/command.h"
#include "cli/complain.h"
#include "cli/opened.h"
#include "cli/print.h"

static const cadre_option rows[] = {
    { .name = "out",
        .kind = CADRE_OPTION_PATH,
        .value = "FILE",
        .subject = "Layer",
        .help = "safetensors file to write" },
};

static void add_loss(void *arg, const char *loss, double value)
{
    json_object_set_new(arg, loss, print_json_real(value));
}

static int run_layer(const invocation *call)
{
    const char *out = cadre_options_text(call->options, "out", 0);
    if (!out) return complain_usage(NULL, "layer: --out: expected a file to write, found nothing");
    opened o;
    json_t *losses = json_object();
    cadre_status status = opened_begin(call, NULL, &o);
    if (status == CADRE_OK)
        status =
            cadre_layer_run(o.context, call->operands[0], call->options, out, add_loss, losses);
    opened_end(&o);
    if (status == CADRE_OK) return print_json(losses);
    json_decref(losses);
    return complain_status(status);
}

const command command_layer = {
    .name = "layer",
    .summary = "compute one sparse layer, forward and backward, on given numbers",
    .operands = "CASE",
    .least = 1,
    .most = 1,
    .description =
        "The command reads a safetensors file with the input 'x' [B, S, D], the gradient of the "
        "output 'dy', and the layer's parameters under their names ('router.weight' [E, D], "
        "'experts.gate' [E, H, D], 'experts.down' ...). It writes the output 'y', the routes "
        "'picks' and 'weights', and 'grad.NAME' for each parameter and for x: the gradient of the "
        "sum of dy times y and of all losses.\n\n"
        "It prints one JSON object: the value of each loss, multiplied by its coefficient.",
    .own = ROWS(rows),
    .tables = { cadre_layer_options, cadre_routing_options },
    .examples = LINES("compare with numbers from elsewhere",
        "cadre layer case.safetensors --options case.json --out result.safetensors"),
    .run = run_layer,
    .seedless = SEEDLESS,
};
