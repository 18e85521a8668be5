/* cmd_convert.c - `cadre convert`: turns a model into another kind of file. */
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
    { .name = "experts-dtype",
        .kind = CADRE_OPTION_CHOICE,
        .choice = cadre_dtype_name,
        .value = "FORMAT",
        .subject = "Output",
        .help = "number format of the experts' matrices (default: as --dtype)" },
};

static int run_convert(const invocation *call)
{
    const char *in = call->operands[0], *out = call->operands[1];
    opened o;
    cadre_status status = opened_begin(call, NULL, &o);
    if (status != CADRE_OK) return complain_status(status);
    output_watch watch;
    output_watch_begin(call, &watch);
    status = cadre_convert(o.context, in, out, cadre_options_text(call->options, "dtype", 0),
        cadre_options_text(call->options, "experts-dtype", 0), &watch.listener);
    opened_end(&o);
    return output_watch_end(&watch, status, out);
}

const command command_convert = {
    .name = "convert",
    .summary = "turn a model's folder into a GGUF file, or a GGUF file into a folder",
    .operands = "IN OUT",
    .least = 2,
    .most = 2,
    .description =
        "IN is a Hugging Face folder or a GGUF file. OUT is a GGUF file if its name ends in "
        ".gguf, otherwise a folder. OUT must not exist yet, and appears complete or not at "
        "all.\n\n"
        "FORMAT is one number format for all matrices, or a mixture with the name and rules of "
        "llama.cpp's (q4_k_m and the like), which gives more bits to the tensors that need "
        "them. Block formats are for GGUF only. Vectors and routers stay f32. Rows that blocks of "
        "256 do not divide become q5_0, q5_1 or q8_0 in place of q4_k, q5_k and q6_k, or f16 where "
        "32 does not divide them; a note says so.\n\n"
        "What GGUF has no key for is stored as the text of config.json under cadre.config.",
    .own = ROWS(rows),
    .examples = LINES("for other programs", "cadre convert runs/first first.gguf --dtype bf16",
        "small, with better experts",
        "cadre convert runs/first first.gguf --dtype q4_k --experts-dtype q6_k", "and back",
        "cadre convert first.gguf first-again"),
    .stops = true,
    .seedless = SEEDLESS,
    .run = run_convert,
};
