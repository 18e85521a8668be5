/* cmd_init.c - `cadre init`: a model with random weights. */
#include "cli/command.h"
#include "cli/complain.h"
#include "cli/opened.h"
#include "cli/print.h"
#include "cli/progress.h"

static const cadre_option rows[] = {
    { .name = "config", .kind = CADRE_OPTION_PATH, .value = "FILE", .subject = "Output",
      .help = "the config.json of the model to make, instead of --recipe and sizes" },
    { .name = "dtype", .kind = CADRE_OPTION_CHOICE, .choices = LINES("f32", "f16", "bf16"), .fallback = "f32",
      .subject = "Output",
      .help = "number format of the weights" },
};

static int run(const invocation *call)
{
    const char *config = cadre_options_text(call->options, "config", 0), *out = call->operands[0];
    cadre_options *recipe;
    cadre_status status = opened_recipe_options(call, &recipe);
    if (status != CADRE_OK) return complain_status(status);
    status = cadre_init(recipe, config, cadre_options_text(call->options, "dtype", 0), out);
    cadre_options_free(recipe);
    if (status != CADRE_OK) return complain_status(status);
    if (call->json) return print_json(json_pack("{s:s}", "out", out));
    progress_note(call, "written to %s", out);
    return EXIT_DONE;
}

const command command_init = {
    .name = "init",
    .summary = "make a model with random weights",
    .operands = "OUT",
    .least = 1,
    .most = 1,
    .description = "Makes a model of any architecture and size without training it, to see how fast it would run and how much "
                   "memory it would need. OUT must not be there yet.",
    .tables = { cadre_model_options, cadre_routing_options },
    .own = ROWS(rows),
    .examples = LINES("as a recipe", "cadre init big --recipe olmoe --width 1024 --layers 16 --dtype bf16",
                      "as a published model", "cadre init big --config config.json --dtype bf16"),
    .run = run,
};
