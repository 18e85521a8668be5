/* cmd_init.c - `cadre init`: a model with random weights. */
#include "cli/command.h"
#include "cli/complain.h"
#include "cli/opened.h"
#include "cli/output.h"

static const cadre_option rows[] = {
    { .name = "config",
        .kind = CADRE_OPTION_PATH,
        .value = "FILE",
        .subject = "Output",
        .help = "config.json of the model to make, instead of --recipe and sizes" },
    { .name = "dtype",
        .kind = CADRE_OPTION_CHOICE,
        .choice = cadre_dtype_name,
        .value = "FORMAT",
        .fallback = "f32",
        .subject = "Output",
        .help =
            "number format of the matrices, or a mixture of formats, as 'cadre convert --dtype'" },
};

/* Without the command's own options, of which training has others of the same names */
static cadre_status recipe_of(const invocation *call, cadre_options **recipe)
{
    const cadre_option_table tables[] = { cadre_run_options(), cadre_model_options(),
        cadre_routing_options() };
    cadre_options *shared;
    cadre_status status = cadre_options_new(tables, 3, &shared);
    if (status != CADRE_OK) return status;
    status = cadre_options_copy(shared, call->options);
    if (status == CADRE_OK) status = opened_recipe_options(shared, recipe);
    cadre_options_free(shared);
    return status;
}

static int run_init(const invocation *call)
{
    const char *config = cadre_options_text(call->options, "config", 0), *out = call->operands[0];
    opened o;
    cadre_options *recipe = NULL;
    output_watch watch;
    cadre_status status = opened_begin(call, NULL, &o);
    if (status != CADRE_OK) return complain_status(status);
    output_watch_begin(call, &watch);
    status = recipe_of(call, &recipe);
    if (status == CADRE_OK)
        status = cadre_init(o.context, recipe, config,
            cadre_options_text(call->options, "dtype", 0), out, &watch.listener);
    cadre_options_free(recipe);
    opened_end(&o);
    return output_watch_end(&watch, status, out);
}

const command command_init = {
    .name = "init",
    .summary = "make a model with random weights",
    .operands = "OUT",
    .least = 1,
    .most = 1,
    .description = "The command makes a model of any architecture and size without training it, to "
                   "see how fast it would run and how much memory it would need. OUT is a GGUF "
                   "file if its name ends in .gguf, otherwise a folder, and must not exist yet.",
    .tables = { cadre_model_options, cadre_routing_options },
    .own = ROWS(rows),
    .examples =
        LINES("as a recipe", "cadre init big --recipe olmoe --width 1024 --layers 16 --dtype bf16",
            "as a published model", "cadre init big.gguf --config config.json --dtype q4_0"),
    .stops = true,
    .run = run_init,
};
