/* cmd_bench.c - `cadre bench`: how fast this machine computes, one JSON object a line. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/complain.h"
#include "cli/opened.h"

static const cadre_option rows[] = {
    { .name = "batch", .kind = CADRE_OPTION_INT, .min = 1, .max = 1 << 20, .subject = "Length",
      .help = "train: sequences in one optimiser step" },
};

static void print_line(void *arg, const char *line)
{
    (void)arg;
    puts(line);
    fflush(stdout);
}

static cadre_status bench_layer(const invocation *call, cadre_context *context)
{
    (void)call;
    return cadre_bench_layer(context, print_line, NULL);
}

static cadre_status bench_train(const invocation *call, cadre_context *context)
{
    cadre_options *options;
    cadre_status status = opened_recipe_options(call, &options);
    if (status != CADRE_OK) return status;
    status = cadre_bench_train(context, options, print_line, NULL);
    cadre_options_free(options);
    return status;
}

typedef struct bench {
    const char *name;
    cadre_status (*run)(const invocation *call, cadre_context *context);
} bench;

/* THE LIST of benchmarks. */
static const bench benches[] = {
    { "layer", bench_layer },
    { "train", bench_train },
};
enum { BENCHES = sizeof benches / sizeof *benches };

static const bench *find(const char *name)
{
    for (int i = 0; i < BENCHES; i++)
        if (!strcmp(benches[i].name, name)) return &benches[i];
    return NULL;
}

static int unknown(const char *name)
{
    const char *names[BENCHES];
    char list[256] = "", advice[64];
    for (int i = 0; i < BENCHES; i++) {
        names[i] = benches[i].name;
        strcat(strcat(list, i ? ", " : ""), names[i]);
    }
    const char *meant = cadre_nearest(name, names, BENCHES);
    if (meant) snprintf(advice, sizeof advice, "did you mean '%s'?", meant);
    return complain_usage(meant ? advice : NULL, "bench: expected one of %s, found '%s'", list, name);
}

static int run(const invocation *call)
{
    const bench *b = find(call->operands[0]);
    if (!b) return unknown(call->operands[0]);
    opened o;
    cadre_status status = opened_begin(call, NULL, &o);
    if (status == CADRE_OK) status = b->run(call, o.context);
    opened_end(&o);
    return status == CADRE_OK ? EXIT_DONE : complain_status(status);
}

const command command_bench = {
    .name = "bench",
    .summary = "measure speed on this machine",
    .operands = "WHAT",
    .least = 1,
    .most = 1,
    .description = "Prints one JSON object a line. WHAT is\n\n"
                   "layer: a training step of a sparse layer against that of a dense one of equal work, by the number of "
                   "tokens;\n\n"
                   "train: training steps of a recipe on random tokens, with the recipe, sizes, batch and context of 'cadre "
                   "train'.\n\n"
                   "The machine's multiply-add peak, which speeds are compared with, is measured in the same run.",
    .own = ROWS(rows),
    .tables = { cadre_model_options },
    .examples = LINES("a sparse layer against a dense one", "cadre bench layer",
                      "training speed", "cadre bench train --recipe olmoe --width 256 --experts 16 --topk 2"),
    .run = run,
};
