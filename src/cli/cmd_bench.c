/* cmd_bench.c - `cadre bench`: measures how fast this machine computes, one JSON object a line. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/complain.h"
#include "cli/opened.h"
#include "cli/progress.h"
#include "cli/ranks.h"

static const cadre_option rows[] = {
    { .name = "batch",
        .kind = CADRE_OPTION_INT,
        .min = 1,
        .max = 1 << 20,
        .subject = "Length",
        .help = "train: sequences in one optimiser step, over all micro-batches and ranks" },
    { .name = "compute",
        .kind = CADRE_OPTION_CHOICE,
        .choices = (const char *const[]){ "f32", "bf16", NULL },
        .fallback = "f32",
        .subject = "Length",
        .help = "train: operands of matrix products, as 'cadre train --compute'" },
    { .name = "recompute",
        .kind = CADRE_OPTION_CHOICE,
        .choices = (const char *const[]){ "none", "layers", NULL },
        .fallback = "none",
        .subject = "Length",
        .help = "train: what the backward pass computes again, as 'cadre train --recompute'" },
    { .name = "optimizer",
        .kind = CADRE_OPTION_TEXT,
        .value = "NAME",
        .fallback = "adamw",
        .subject = "Length",
        .help = "train: the optimiser, as 'cadre train --optimizer'" },
    { .name = "profile",
        .kind = CADRE_OPTION_FLAG,
        .subject = "Length",
        .help = "train: also print the shares of the time that matrix products, attention, routing "
                "and the optimiser take" },
    { .name = "length",
        .kind = CADRE_OPTION_INT,
        .min = 1,
        .max = 1 << 20,
        .fallback = "64",
        .value = "N",
        .subject = "Length",
        .help = "decode: tokens that each sequence gains",
        .letter = 'n' },
    { .name = "streams",
        .kind = CADRE_OPTION_INT,
        .min = 1,
        .max = 1 << 12,
        .fallback = "1",
        .value = "S",
        .subject = "Length",
        .help = "decode: sequences that are decoded together" },
    { .name = "depth",
        .kind = CADRE_OPTION_INT,
        .min = 0,
        .max = 1 << 24,
        .fallback = "0",
        .value = "N",
        .subject = "Length",
        .help = "decode: tokens that each sequence holds at the beginning" },
    { .name = "routes",
        .kind = CADRE_OPTION_PATH,
        .value = "FILE",
        .subject = "Length",
        .help = "decode: record the experts of every token in this file" },
    { .name = "tokens",
        .kind = CADRE_OPTION_INT,
        .min = 1,
        .max = 1 << 24,
        .fallback = "512",
        .value = "N",
        .subject = "Length",
        .help = "prefill: tokens of the prompt" },
    { .name = "raw",
        .kind = CADRE_OPTION_FLAG,
        .fallback = "yes",
        .subject = "Length",
        .help = "alltoall: also measure MPI's own exchange, which waits for ever for a rank that "
                "is lost" },
};

static void print_line(void *arg, const char *line)
{
    (void)arg;
    puts(line);
    fflush(stdout);
}

static cadre_status bench_gemm(const invocation *call, const opened *o)
{
    (void)call;
    return cadre_bench_gemm(o->context, print_line, NULL);
}

static cadre_status bench_layer(const invocation *call, const opened *o)
{
    (void)call;
    return cadre_bench_layer(o->context, print_line, NULL);
}

static cadre_status bench_train(const invocation *call, const opened *o)
{
    cadre_options *options;
    cadre_status status = opened_recipe_options(call->options, &options);
    if (status != CADRE_OK) return status;
    status = (cadre_options_flag(call->options, "profile")
                  ? cadre_bench_train_profile
                  : cadre_bench_train)(o->context, options, print_line, NULL);
    cadre_options_free(options);
    return status;
}

static cadre_status bench_decode(const invocation *call, const opened *o)
{
    return cadre_bench_decode_recorded(o->model, cadre_options_int(call->options, "length", 0),
        cadre_options_int(call->options, "streams", 0),
        cadre_options_int(call->options, "depth", 0),
        cadre_options_text(call->options, "routes", 0), print_line, NULL);
}

static cadre_status bench_prefill(const invocation *call, const opened *o)
{
    return cadre_bench_prefill(
        o->model, cadre_options_int(call->options, "tokens", 0), print_line, NULL);
}

static cadre_status bench_alltoall(const invocation *call, const opened *o)
{
    return cadre_bench_alltoall(
        o->context, cadre_options_flag(call->options, "raw"), print_line, NULL);
}

static cadre_status bench_cache(const invocation *call, const opened *o)
{
    (void)o;
    return cadre_bench_cache(call->operands[1], print_line, NULL);
}

typedef struct bench {
    const char *name;
    bool model;              /* takes a model as a second operand, */
    bool spreads;            /* over several ranks */
    bool recipe;             /* reads the options of a model's shape */
    const char *options[12]; /* others that it reads; NULL after the last */
    cadre_status (*run)(const invocation *call, const opened *o);
    bool recording; /* ... or a recording */
} bench;

/* THE LIST of benchmarks. */
static const bench benches[] = {
    { "gemm", false, false, false, { NULL }, bench_gemm, false },
    { "layer", false, false, false, { NULL }, bench_layer, false },
    { "train", false, true, true,
        { "batch", "compute", "optimizer", "recompute", "profile", "seed" }, bench_train, false },
    { "decode", true, true, false,
        { "length", "streams", "depth", "routes", "repack", "cache", "memory", "adapter",
            "placement", "replicas", "placement-from" },
        bench_decode, false },
    { "prefill", true, true, false,
        { "tokens", "repack", "cache", "memory", "adapter", "placement", "replicas",
            "placement-from" },
        bench_prefill, false },
    { "alltoall", false, true, false, { "raw" }, bench_alltoall, false },
    { "cache", false, false, false, { NULL }, bench_cache, true },
};
enum { BENCHES = sizeof benches / sizeof *benches };

static const bench *find(const char *name)
{
    for (int i = 0; i < BENCHES; i++)
        if (!strcmp(benches[i].name, name)) return &benches[i];
    return NULL;
}

static const char *bench_name(int i) { return i < BENCHES ? benches[i].name : NULL; }

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
    return complain_usage(
        meant ? advice : NULL, "bench: expected one of %s, found '%s'", list, name);
}

static bool is_row(cadre_option_table table, const char *name)
{
    for (int i = 0; i < table.count; i++)
        if (!strcmp(table.rows[i].name, name)) return true;
    return false;
}

static bool reads(const bench *b, const char *name)
{
    for (int i = 0; b->options[i]; i++)
        if (!strcmp(b->options[i], name)) return true;
    return b->recipe && is_row(cadre_model_options(), name);
}

/* The first given option that this benchmark does not read; NULL: there is none. */
static const char *given_in_vain(const bench *b, const cadre_options *options)
{
    const cadre_option_table tables[] = { ROWS(rows), cadre_model_options(), opened_options() };
    for (int t = 0; t < 3; t++)
        for (int i = 0; i < tables[t].count; i++) {
            const char *name = tables[t].rows[i].name;
            if (cadre_options_given(options, name) && !reads(b, name)) return name;
        }
    return NULL;
}

static int refuse_option(const bench *b, const char *option)
{
    char readers[128] = "it is for bench";
    for (int i = 0, found = 0; i < BENCHES; i++)
        if (reads(&benches[i], option))
            strcat(strcat(readers, found++ ? " and " : " "), benches[i].name);
    return complain_usage(readers,
        "bench %s: --%s: expected no value, because nothing uses it here, found one", b->name,
        option);
}

static int run_bench(const invocation *call)
{
    const bench *b = find(call->operands[0]);
    if (!b) return unknown(call->operands[0]);
    if ((b->model || b->recording) && call->operand_count < 2)
        return complain_usage(NULL, "bench %s: expected a %s, found nothing", b->name,
            b->model ? "MODEL" : "RECORDING");
    if (!b->model && !b->recording && call->operand_count > 1)
        return complain_usage(
            NULL, "bench %s: expected no more arguments, found '%s'", b->name, call->operands[1]);
    const char *in_vain = given_in_vain(b, call->options);
    if (in_vain) return refuse_option(b, in_vain);
    opened o;
    cadre_status status = opened_begin(call, b->model ? call->operands[1] : NULL, &o);
    if (status == CADRE_OK && o.followed) return opened_end_followed(&o);
    int ranks = status == CADRE_OK ? cadre_context_size(o.context) : 1, exit_code = EXIT_DONE;
    if (ranks > 1 && !b->spreads)
        exit_code =
            complain_usage(NULL, "bench %s: expected one process, found %d ranks", b->name, ranks);
    else if (status == CADRE_OK) status = b->run(call, &o);
    opened_end(&o);
    return status == CADRE_OK ? exit_code : complain_status(status);
}

static const char *seedless(const invocation *call)
{
    const bench *b = find(call->operands[0]);
    return b && !reads(b, "seed") ? "only bench train reads it" : NULL;
}

const command command_bench = {
    .name = "bench",
    .summary = "measure speed on this machine",
    .operands = "WHAT [MODEL|RECORDING]",
    .least = 1,
    .most = 2,
    .operand_word = bench_name,
    .description =
        "The command prints one JSON object a line. WHAT is one of these:\n\n"
        "gemm measures matrix products, square ones and ones grouped by expert (64 experts of 2048 "
        "x 1024, for several mean numbers of rows). Where libopenblas.so.0 is installed, OpenBLAS "
        "computes the same, with a loop over the experts; OPENBLAS_CORETYPE chooses its "
        "kernels.\n\n"
        "layer measures a training step of a sparse layer, compared with that of a dense layer "
        "that does the same work, for several numbers of tokens.\n\n"
        "train measures training steps on random tokens, with the recipe, sizes, batch and context "
        "of 'cadre train'.\n\n"
        "decode MODEL measures sequences that are decoded together, each of which gains one token "
        "in every pass. The line also says which share of the machine's read bandwidth that takes; "
        "the weights of the chosen experts and the cache are counted.\n\n"
        "prefill MODEL measures how fast a prompt is read.\n\n"
        "alltoall, under mpirun, measures the exchange of rows among all ranks, from 64 bytes to "
        "16 MiB, and MPI's own beside it.\n\n"
        "cache RECORDING computes the share of picks that would find their expert in memory if "
        "--memory served the tokens of a recording ('cadre generate --routes'), with room for a "
        "sixteenth to three quarters of all experts, for each policy; and the same for the second "
        "half of the tokens, with and without what the first half tells (--warm).\n\n"
        "The machine's limits, multiply-adds and read bandwidth, are measured in the same run.",
    .own = ROWS(rows),
    .tables = { cadre_model_options, opened_options, cadre_ranks_options },
    .examples = LINES("matrix products", "cadre bench gemm", "a sparse layer against a dense one",
        "cadre bench layer", "training speed",
        "cadre bench train --recipe olmoe --width 256 --experts 16 --topk 2",
        "sixteen conversations at once", "cadre bench decode models/olmoe -n 32 --streams 16"),
    .spreads = true,
    .seedless_if = seedless,
    .run = run_bench,
};
