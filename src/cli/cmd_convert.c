/* cmd_convert.c - `cadre convert`: a model from one kind of file to another. */
#include "cli/command.h"
#include "cli/complain.h"
#include "cli/print.h"
#include "cli/progress.h"

static const cadre_option rows[] = {
    { .name = "dtype", .kind = CADRE_OPTION_CHOICE, .choices = LINES("f32", "f16", "bf16"), .subject = "Output",
      .help = "number format of the matrices (default: as they are)" },
    { .name = "experts-dtype", .kind = CADRE_OPTION_CHOICE, .choices = LINES("f32", "f16", "bf16"), .subject = "Output",
      .help = "number format of the experts' matrices (default: as --dtype)" },
};

typedef struct watching {
    const invocation *call;
    progress line;
} watching;

static void listen_progress(void *arg, int64_t done, int64_t total)
{
    watching *w = arg;
    double share = total ? (double)done / (double)total : 1;
    if (progress_due(&w->line)) progress_draw(&w->line, share, "%3.0f %% of %.1f GB", 100 * share, (double)total / 1e9);
}

static void listen_note(void *arg, const char *sentence)
{
    watching *w = arg;
    progress_wipe(&w->line);
    progress_note(w->call, "%s", sentence);
}

static int run(const invocation *call)
{
    const char *in = call->operands[0], *out = call->operands[1];
    watching w = { call, progress_begin(call) };
    cadre_convert_listener listener = { listen_progress, listen_note, &w };
    cadre_status status = cadre_convert(in, out, cadre_options_text(call->options, "dtype", 0),
                                        cadre_options_text(call->options, "experts-dtype", 0), &listener);
    progress_wipe(&w.line);
    if (status != CADRE_OK) return complain_status(status);
    if (call->json) return print_json(json_pack("{s:s}", "out", out));
    progress_note(call, "written to %s", out);
    return EXIT_DONE;
}

const command command_convert = {
    .name = "convert",
    .summary = "make a GGUF file of a model's folder, or a folder of a GGUF file",
    .operands = "IN OUT",
    .least = 2,
    .most = 2,
    .description = "IN is a Hugging Face folder or a GGUF file; OUT is a GGUF file where it ends in .gguf, else a folder. OUT "
                   "must not be there yet, and appears whole or not at all.\n\n"
                   "What GGUF has no key for goes along as the text of config.json under cadre.config.",
    .own = ROWS(rows),
    .examples = LINES("for other programs", "cadre convert runs/first first.gguf --dtype bf16",
                      "and back", "cadre convert first.gguf first-again"),
    .stops = true,
    .run = run,
};
