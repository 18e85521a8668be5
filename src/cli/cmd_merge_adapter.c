/* cmd_merge_adapter.c - `cadre merge-adapter`: a model with an adapter's pairs added to its
 * matrices. */
#include "cli/command.h"
#include "cli/complain.h"
#include "cli/opened.h"
#include "cli/output.h"

static const cadre_option rows[] = {
    { .name = "dtype",
        .kind = CADRE_OPTION_CHOICE,
        .choice = cadre_dtype_name,
        .value = "FORMAT",
        .subject = "Output",
        .help = "number format of the matrices, or a mixture of formats (default: as they are)" },
};

static int run_merge_adapter(const invocation *call)
{
    char *const *path = call->operands;
    opened o;
    cadre_status status = opened_begin(call, NULL, &o);
    if (status != CADRE_OK) return complain_status(status);
    output_watch watch;
    output_watch_begin(call, &watch);
    status = cadre_merge_adapter(o.context, path[0], path[1], path[2],
        cadre_options_text(call->options, "dtype", 0), &watch.listener);
    opened_end(&o);
    return output_watch_end(&watch, status, path[2]);
}

const command command_merge_adapter = {
    .name = "merge-adapter",
    .summary = "add an adapter to the matrices of its model",
    .operands = "MODEL ADAPTER OUT",
    .least = 3,
    .most = 3,
    .description =
        "MODEL is a Hugging Face folder or a GGUF file. ADAPTER is a folder that 'cadre train "
        "--adapter lora' or the peft package made for it. OUT is a GGUF file if its name ends in "
        ".gguf, otherwise a folder. OUT must not exist yet, and appears complete or not at all.\n\n"
        "Where the model is quantised, the sums are rounded to its formats again, so that the "
        "result is not quite what --adapter runs; --dtype chooses other formats.",
    .own = ROWS(rows),
    .examples =
        LINES("a model that needs no adapter", "cadre merge-adapter olmoe runs/mine olmoe-mine",
            "for other programs", "cadre merge-adapter olmoe runs/mine mine.gguf --dtype q8_0"),
    .stops = true,
    .seedless = SEEDLESS,
    .run = run_merge_adapter,
};
