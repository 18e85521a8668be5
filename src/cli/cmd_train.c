/* cmd_train.c - `cadre train`: runs a training, shows its progress, and prints its summary. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/command.h"
#include "cli/complain.h"
#include "cli/opened.h"
#include "cli/print.h"
#include "cli/progress.h"

typedef struct watch {
    const invocation *call;
    progress progress;
    json_t *facts;        /* of a dry run: a list of [name, value] */
    time_t report, pause; /* --watch: when the page was last written, and how long it may stay */
} watch;

static json_t *json_of(const char *value)
{
    char *end;
    double number = strtod(value, &end);
    bool is_number = *value && !*end;
    if (!strcmp(value, "yes") || !strcmp(value, "no")) return json_boolean(*value == 'y');
    if (!is_number) return json_string(value);
    return strpbrk(value, ".en") ? print_json_real(number) : json_integer(strtoll(value, NULL, 10));
}

/* Adds a fact to the object, numbers as numbers. A name that occurs again gets a list. */
static void put_fact(json_t *object, const char *name, const char *value)
{
    char key[64];
    snprintf(key, sizeof key, "%s", name);
    for (char *c = key; *c; c++)
        if (*c == '-') *c = '_';
    json_t *made = json_of(value);
    json_t *before = json_object_get(object, key);
    if (!before) json_object_set_new(object, key, made);
    else if (json_is_array(before)) json_array_append_new(before, made);
    else json_object_set_new(object, key, json_pack("[O,o]", before, made));
}

static void keep_fact(void *arg, const char *name, const char *value)
{
    watch *w = arg;
    json_array_append_new(w->facts, json_pack("[s,s]", name, value));
}

/* Writes the page of --watch again where it is old. A long log takes longer to read: the page then
 * stays longer, so that a run spends little on it. A failure shows at the end. */
static void rewrite_report(watch *w)
{
    enum { LEAST = 5, SHARE = 50 };
    const char *page = cadre_options_text(w->call->options, "watch", 0);
    time_t now = time(NULL);
    if (!page || now < w->report + w->pause) return;
    cadre_report_write(cadre_options_text(w->call->options, "out", 0), page);
    w->report = time(NULL);
    w->pause = LEAST + SHARE * (w->report - now);
}

/* The last one, with all that is known at the end */
static cadre_status finish_report(const watch *w)
{
    const char *page = cadre_options_text(w->call->options, "watch", 0);
    return page ? cadre_report_write(cadre_options_text(w->call->options, "out", 0), page)
                : CADRE_OK;
}

static void show(void *arg, const cadre_train_progress *p)
{
    watch *w = arg;
    char speed[PRINT_NUMBER];
    rewrite_report(w);
    if (!progress_due(&w->progress)) return;
    double done = p->seconds / (p->seconds + p->seconds_left);
    progress_draw(&w->progress, done,
        "step %lld of %lld  loss %.3f  %s tokens/s  MaxVio %.2f  dead %lld", (long long)p->step,
        (long long)p->steps, p->loss, print_count((int64_t)p->tokens_per_second, speed), p->max_vio,
        (long long)p->dead);
}

static void note(void *arg, const char *sentence)
{
    watch *w = arg;
    progress_wipe(&w->progress);
    progress_note(w->call, "%s", sentence);
}

static const char *fact_part(const json_t *facts, size_t i, size_t part)
{
    return json_string_value(json_array_get(json_array_get(facts, i), part));
}

static int print_object(const cadre_train_summary *s, bool dry, const json_t *facts)
{
    json_t *object = json_pack("{s:s,s:I,s:I,s:I}", "model_type", s->model_type, "parameters",
        (json_int_t)s->parameters, "active_parameters", (json_int_t)s->active_parameters,
        "memory_bytes", (json_int_t)s->memory_bytes);
    if (object && !dry)
        json_object_update_new(
            object, json_pack("{s:I,s:I,s:o,s:o}", "steps", (json_int_t)s->steps, "tokens",
                        (json_int_t)s->tokens, "seconds", print_json_real(s->seconds), "loss",
                        print_json_real(s->loss)));
    for (size_t i = 0; object && i < json_array_size(facts); i++)
        put_fact(object, fact_part(facts, i, 0), fact_part(facts, i, 1));
    return print_json(object);
}

/* Prints a fact; "tokens-per-second" becomes "tokens per second". */
static void print_fact(print_table *t, const char *name, const char *value)
{
    char words[64];
    snprintf(words, sizeof words, "%s", name);
    for (char *c = words; *c; c++)
        if (*c == '-') *c = ' ';
    print_row(t, words, "%s", value);
}

static int print_as_table(const cadre_train_summary *s, bool dry, const json_t *facts)
{
    char text[PRINT_NUMBER];
    print_table *t = print_table_begin("ll");
    print_row(t, "model", "%s", s->model_type);
    print_row(t, "parameters", "%s", print_short_count((double)s->parameters, text));
    print_row(t, "active per token", "%s", print_short_count((double)s->active_parameters, text));
    print_row(t, "memory", "%s", print_bytes((double)s->memory_bytes, text));
    for (size_t i = 0; i < json_array_size(facts); i++)
        print_fact(t, fact_part(facts, i, 0), fact_part(facts, i, 1));
    if (dry) return print_table_end(t);
    print_row(t, "steps", "%s", print_count(s->steps, text));
    print_row(t, "tokens", "%s", print_count(s->tokens, text));
    print_row(t, "time", "%.1f s", s->seconds);
    /* The loss is NaN if no step was taken. */
    if (s->loss == s->loss) print_row(t, "loss", "%.4f", s->loss);
    return print_table_end(t);
}

/* Writes what the report shows of the texts that were kept apart. The model is saved by now, so a
 * failure here is printed but is not a failure of the run. */
static cadre_status analyse(
    const invocation *call, cadre_context *context, const cadre_train_listener *listener)
{
    const char *out = cadre_options_text(call->options, "out", 0);
    progress_note(call, "analysing the model on the held-out texts");
    cadre_status status = cadre_options_count(call->options, "adapter")
                              ? cadre_analyse_adapter(context,
                                    cadre_options_text(call->options, "from", 0), out, listener)
                              : cadre_analyse(context, out, listener);
    if (status == CADRE_OK || status == CADRE_EINTERRUPTED) return status;
    complain_status(status);
    complain_world("the model is saved, but its report will show nothing of the held-out texts");
    return CADRE_OK;
}

/* The first rank does it in a context that the others have not joined. */
static cadre_status analyse_alone(
    const invocation *call, cadre_context *context, const cadre_train_listener *listener)
{
    cadre_context *own;
    if (cadre_context_size(context) == 1) return analyse(call, context, listener);
    cadre_status status =
        cadre_context_new(cadre_context_threads(context), cadre_context_variant(context), &own);
    if (status != CADRE_OK) return status;
    status = analyse(call, own, listener);
    cadre_context_free(own);
    return status;
}

static int run_train(const invocation *call)
{
    watch w = { .call = call, .progress = progress_begin(call), .facts = json_array() };
    const cadre_train_listener listener = {
        .size = sizeof listener, .progress = show, .note = note, .arg = &w, .fact = keep_fact
    };
    cadre_train_summary summary = { .size = sizeof summary };
    bool dry = cadre_options_flag(call->options, "dry-run");
    opened o;
    cadre_status status = opened_begin(call, NULL, &o);
    if (status == CADRE_OK) status = cadre_train(o.context, call->options, &listener, &summary);
    progress_wipe(&w.progress);
    if (status == CADRE_OK && !dry && summary.validation && cadre_context_rank(o.context) == 0)
        status = analyse_alone(call, o.context, &listener);
    if (status == CADRE_OK && !dry && cadre_context_rank(o.context) == 0)
        status = finish_report(&w);
    opened_end(&o);
    int code = status != CADRE_OK ? complain_status(status)
               : call->json       ? print_object(&summary, dry, w.facts)
                                  : print_as_table(&summary, dry, w.facts);
    json_decref(w.facts);
    return code;
}

const command command_train = {
    .name = "train",
    .summary = "train a sparse language model on text",
    .operands = "",
    .description =
        "The command trains a sparse language model as a published recipe describes it, or trains "
        "an existing model further. It saves a Hugging Face folder that 'cadre generate' and "
        "transformers can open.\n\n"
        "Each file or top folder of --data is a domain. The last 5 % of each domain is kept apart "
        "for validation, and a byte-level BPE vocabulary is learnt from the rest. The files of a "
        "folder are documents, and so are the lines of a .jsonl file, {\"text\": \"...\"}. The "
        "model learns the end-of-text token after each document.\n\n"
        "Sizes that are not given follow the recipe, at a size that this machine can train. An "
        "option that names no default has the recipe's value (with --from, the model's), or is "
        "off. The result depends on the options and the seed, not on the number of threads.\n\n"
        "Ctrl-C saves a checkpoint and stops, and so does closing the terminal. --resume then goes "
        "on as if nothing had happened. It needs the same data and the same model. The length, the "
        "learning rate and its schedule may change from there on; the program says so when they "
        "do.\n\n"
        "At the end, the command prints a summary.",
    .tables = { cadre_train_options, cadre_model_options, cadre_routing_options,
        cadre_ranks_options },
    .examples = LINES("three minutes on a folder of texts, each file a domain",
        "cadre train --recipe olmoe --data texts --minutes 3 --out runs/first",
        "what a run would be: sizes, memory, rate, time",
        "cadre train --recipe mixtral --width 512 --layers 8 --dry-run",
        "an adapter for a downloaded model, quantised or not",
        "cadre train --from olmoe.gguf --data talks.jsonl --adapter lora --steps 500 --out "
        "runs/mine",
        "go on after Ctrl-C or a power cut",
        "cadre train --recipe olmoe --data texts --minutes 3 --out runs/first --resume"),
    .stops = true,
    .spreads = true,
    .run = run_train,
};
