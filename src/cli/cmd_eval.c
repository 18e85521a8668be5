/* cmd_eval.c - `cadre eval`: how well a model predicts texts. */
#include <stdlib.h>

#include "cli/command.h"
#include "cli/complain.h"
#include "cli/image.h"
#include "cli/input.h"
#include "cli/opened.h"
#include "cli/print.h"
#include "cli/progress.h"

static const cadre_option rows[] = {
    { .name = "text",
        .kind = CADRE_OPTION_PATHS,
        .value = "FILE...",
        .subject = "Texts",
        .help = "the files to evaluate on, also compressed (gzip, zstd); images too, where the "
                "model was trained on some" },
    { .name = "context",
        .kind = CADRE_OPTION_INT,
        .min = 2,
        .max = 1 << 24,
        .subject = "Texts",
        .help = "tokens in a window, at most the model's own context (default: that, but at most "
                "2048)" },
};

typedef struct result {
    const char *file;
    cadre_evaluation evaluation;
} result;

typedef struct watch {
    progress progress;
    const char *file;
} watch;

static void draw(void *arg, int64_t done, int64_t total)
{
    watch *w = arg;
    if (!progress_due(&w->progress)) return;
    double rate = (double)done / progress_seconds(&w->progress);
    progress_draw(&w->progress, (double)done / (double)total,
        "%s  %lld of %lld tokens  %.0f tokens/s", w->file, (long long)done, (long long)total, rate);
}

static void free_text(bool image, char *text)
{
    if (image) free(text);
    else cadre_free(text);
}

static int evaluate(
    const invocation *call, cadre_model *model, const char *file, cadre_evaluation *evaluation)
{
    char *text = NULL;
    size_t size = 0;
    watch w = { .file = file };
    bool image = cadre_image_named(file);
    int code = image ? image_text(model, file, &text, &size) : EXIT_DONE;
    if (code != EXIT_DONE) return code;
    cadre_status status = image ? CADRE_OK : cadre_text_read(file, &text, &size);
    if (status == CADRE_OK && !size) {
        free_text(image, text);
        return complain_world("%s: expected text, found none", file);
    }
    bool own = cadre_options_count(call->options, "context") == 0;
    int64_t context = own ? 0 : cadre_options_int(call->options, "context", 0);
    w.progress = progress_begin(call);
    if (status == CADRE_OK)
        status = cadre_evaluate(model, text, size, context, draw, &w, evaluation);
    progress_wipe(&w.progress);
    free_text(image, text);
    return status == CADRE_OK ? EXIT_DONE : complain_status(status);
}

static int evaluate_all(const invocation *call, cadre_model *model, result *results, int count)
{
    int exit_code = EXIT_DONE;
    for (int i = 0; i < count && exit_code == EXIT_DONE; i++) {
        results[i].evaluation.size = sizeof results[i].evaluation;
        results[i].file = cadre_options_text(call->options, "text", i);
        exit_code = evaluate(call, model, results[i].file, &results[i].evaluation);
    }
    return exit_code;
}

/* {"text": {"tokens", "bits_per_token"}, ...} */
static json_t *types_object(const cadre_evaluation *e)
{
    json_t *types = json_object();
    for (int32_t i = 0; i < e->types; i++)
        json_object_set_new(types, e->type[i].name,
            json_pack("{s:I,s:o}", "tokens", (json_int_t)e->type[i].tokens, "bits_per_token",
                print_json_real(e->type[i].bits_per_token)));
    return types;
}

static json_t *lookahead_object(const cadre_evaluation *e)
{
    return json_pack("{s:I,s:o,s:o}", "tokens", (json_int_t)e->lookahead_tokens, "bits_per_token",
        print_json_real(e->lookahead_bits), "bits_per_token_without",
        print_json_real(e->blind_bits));
}

static int print_object(const result *results, int count)
{
    json_t *files = json_array();
    for (int i = 0; i < count; i++) {
        const cadre_evaluation *e = &results[i].evaluation;
        json_t *file = json_pack("{s:s,s:I,s:I,s:o,s:o}", "file", results[i].file, "bytes",
            (json_int_t)e->bytes, "tokens", (json_int_t)e->tokens, "bits_per_byte",
            print_json_real(e->bits_per_byte), "perplexity", print_json_real(e->perplexity));
        if (e->types) json_object_set_new(file, "types", types_object(e));
        if (e->lookahead_tokens) json_object_set_new(file, "lookahead", lookahead_object(e));
        json_array_append_new(files, file);
    }
    return print_json(json_pack("{s:o}", "files", files));
}

static int print_as_table(const result *results, int count)
{
    char bytes[PRINT_NUMBER], tokens[PRINT_NUMBER];
    int32_t types = count ? results[0].evaluation.types : 0;
    bool ahead = false;
    for (int i = 0; i < count; i++) ahead |= results[i].evaluation.lookahead_tokens > 0;
    char columns[] = "lrrrrrrrrrrrrrr";
    columns[5 + types + (ahead ? 2 : 0)] = 0;
    print_table *t = print_table_begin(columns);
    print_cells(
        t, (const char *const[]){ "file", "bytes", "tokens", "bits/byte", "perplexity", NULL });
    for (int32_t k = 0; k < types; k++)
        print_cell(t, "bits/%s token", results[0].evaluation.type[k].name);
    if (ahead) print_cells(t, (const char *const[]){ "seeing ahead", "without", NULL });
    for (int i = 0; i < count; i++) {
        const cadre_evaluation *e = &results[i].evaluation;
        print_cell(t, "%s", results[i].file);
        print_cell(t, "%s", print_count(e->bytes, bytes));
        print_cell(t, "%s", print_count(e->tokens, tokens));
        print_cell(t, "%.4f", e->bits_per_byte);
        print_cell(t, "%.3f", e->perplexity);
        for (int32_t k = 0; k < types; k++) print_cell(t, "%.4f", e->type[k].bits_per_token);
        if (ahead) {
            print_cell(t, "%.4f", e->lookahead_bits);
            print_cell(t, "%.4f", e->blind_bits);
        }
    }
    return print_table_end(t);
}

static int evaluate_and_print(const invocation *call, cadre_model *model)
{
    int count = cadre_options_count(call->options, "text");
    result *results = calloc((size_t)count, sizeof *results);
    if (!results) return complain_world("out of memory");
    int exit_code = evaluate_all(call, model, results, count);
    if (exit_code == EXIT_DONE)
        exit_code = call->json ? print_object(results, count) : print_as_table(results, count);
    free(results);
    return exit_code;
}

static int run_eval(const invocation *call)
{
    if (!cadre_options_count(call->options, "text"))
        return complain_usage(NULL, "eval: --text: expected a file, found nothing");
    opened o;
    cadre_status status = opened_begin(call, call->operands[0], &o);
    if (status != CADRE_OK) return complain_status(status);
    if (o.followed) return opened_end_followed(&o);
    int exit_code = evaluate_and_print(call, o.model);
    opened_end(&o);
    return exit_code;
}

const command command_eval = {
    .name = "eval",
    .summary = "measure how well a model predicts texts",
    .operands = "MODEL",
    .least = 1,
    .most = 1,
    .description =
        "The command prints bits per byte and perplexity for each file. The text is read in "
        "windows that overlap by half, so that every token after the first half window is "
        "predicted from at least half a window of text before it. The first token has nothing "
        "before it: it costs as much as a uniform guess over the vocabulary. No special tokens are "
        "added. A model with an encoder predicts spans that are masked in the text, as in its "
        "training: 15 % of each window, in spans of 3 tokens on average. Bytes, tokens and bits "
        "per byte are then those of the spans. Where a router chooses by tokens further on, "
        "'seeing ahead' is what up to 256 of the predictions cost in bits a token, and 'without' "
        "what they cost if the text ends there, as a prompt does: the difference is what the model "
        "reads from the future.",
    .own = ROWS(rows),
    .tables = { opened_options, opened_warm_options, cadre_ranks_options },
    .examples = LINES("bits per byte of what training kept apart",
        "cadre eval runs/first --text runs/first/validation/*.txt"),
    .stops = true,
    .spreads = true,
    .seedless = SEEDLESS,
    .run = run_eval,
};
