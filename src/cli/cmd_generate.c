/* cmd_generate.c - `cadre generate`: a text, continued. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/complain.h"
#include "cli/input.h"
#include "cli/opened.h"
#include "cli/print.h"
#include "cli/sampling.h"

static const cadre_option rows[] = {
    { .name = "prompt", .letter = 'p', .kind = CADRE_OPTION_TEXT, .subject = "Text",
      .help = "the text to continue; special tokens spelt out in it become their ids" },
    { .name = "tokens", .kind = CADRE_OPTION_TEXT, .value = "LIST", .subject = "Text",
      .help = "ids to continue, instead of a text" },
    { .name = "length", .letter = 'n', .kind = CADRE_OPTION_INT, .min = 0, .max = 1 << 24, .fallback = "128", .subject = "Text",
      .help = "most tokens to write; an end-of-text token ends it before" },
    { .name = "ids", .kind = CADRE_OPTION_FLAG, .subject = "Text", .help = "print ids, the end token's too, instead of text" },
    { .name = "routes", .kind = CADRE_OPTION_PATH, .value = "FILE", .subject = "Text",
      .help = "record which experts every token went to, for 'cadre report'" },
};

typedef struct writer {
    bool ids, json;
    int64_t count;
    json_t *id_list;          /* --json */
    char *text;               /* [size], --json */
    size_t size;
    char last;                /* byte of text */
    bool failed;              /* no memory */
} writer;

static bool keep(writer *w, int32_t id, const char *text, size_t size)
{
    char *longer = realloc(w->text, w->size + size + 1);
    if (!longer) return w->failed = true, false;
    if (size) memcpy(longer + w->size, text, size);
    w->text = longer;
    w->size += size;
    return id < 0 || json_array_append_new(w->id_list, json_integer(id)) == 0;
}

/* id -1: the text of an unfinished character at the end. */
static bool take(void *arg, int32_t id, const char *text, size_t size)
{
    writer *w = arg;
    if (w->json) return keep(w, id, text, size);
    if (w->ids && id >= 0) printf("%s%d", w->count ? " " : "", id);
    if (!w->ids && size) fwrite(text, 1, size, stdout);
    if (!w->ids && size) w->last = text[size - 1];
    w->count++;
    return fflush(stdout) == 0;
}

static int finish(writer *w)
{
    if (!w->json) {
        if (w->ids || (w->last != '\n' && isatty(STDOUT_FILENO))) putchar('\n');
        return EXIT_DONE;
    }
    if (w->failed) return complain_world("out of memory");
    return print_json(json_pack("{s:O,s:o}", "ids", w->id_list, "text", print_json_text(w->text ? w->text : "", w->size)));
}

/* The prompt's ids, copied into memory of our own. */
static int encode_prompt(cadre_model *model, const char *prompt, token_ids *ids)
{
    const cadre_tokenizer *tokenizer;
    int32_t *encoded;
    int64_t count;
    cadre_status status = cadre_model_tokenizer(model, &tokenizer);
    if (status == CADRE_OK)
        status = cadre_tokenizer_encode(tokenizer, prompt, strlen(prompt), CADRE_ADD_SPECIAL | CADRE_PARSE_SPECIAL, &encoded,
                                        &count);
    if (status != CADRE_OK) return complain_status(status);
    *ids = (token_ids){ malloc((size_t)(count + 1) * sizeof *ids->id), count };
    if (ids->id) memcpy(ids->id, encoded, (size_t)count * sizeof *ids->id);
    cadre_free(encoded);
    return ids->id ? EXIT_DONE : complain_world("out of memory");
}

static int read_prompt(const invocation *call, cadre_model *model, token_ids *ids)
{
    const char *prompt = cadre_options_text(call->options, "prompt", 0), *list = cadre_options_text(call->options, "tokens", 0);
    if (!prompt == !list)
        return complain_usage(NULL, "generate: -p or --tokens: expected one of them, found %s", prompt ? "both" : "neither");
    int exit_code = list ? input_ids("--tokens", list, ids) : encode_prompt(model, prompt, ids);
    if (exit_code != EXIT_DONE || ids->count) return exit_code;
    free(ids->id);
    return complain_usage(NULL, "generate: %s: expected at least one token to begin with, found none",
                          prompt ? "-p" : "--tokens");
}

static int generate(const invocation *call, cadre_model *model)
{
    token_ids ids = { 0 };
    int exit_code = read_prompt(call, model, &ids);
    if (exit_code != EXIT_DONE) return exit_code;
    writer w = { .ids = cadre_options_flag(call->options, "ids"), .json = call->json, .id_list = json_array() };
    cadre_sampling sampling = sampling_read(call->options);
    cadre_status status = cadre_generate(model, ids.id, ids.count, cadre_options_int(call->options, "length", 0), &sampling,
                                         cadre_options_text(call->options, "routes", 0), take, &w);
    if (status == CADRE_OK) exit_code = finish(&w);
    json_decref(w.id_list);
    free(w.text);
    free(ids.id);
    return status == CADRE_OK ? exit_code : complain_status(status);
}

static int run(const invocation *call)
{
    opened o;
    cadre_status status = opened_begin(call, call->operands[0], &o);
    if (status != CADRE_OK) return complain_status(status);
    int exit_code = generate(call, o.model);
    opened_end(&o);
    return exit_code;
}

const command command_generate = {
    .name = "generate",
    .summary = "continue a text",
    .operands = "MODEL",
    .least = 1,
    .most = 1,
    .description = "Prints the continuation alone, as it is written. The same seed gives the same text.",
    .own = ROWS(rows),
    .tables = { sampling_options, opened_options },
    .examples = LINES("a sample", "cadre generate runs/first -p 'The Debian system' -n 64 --temperature 0.8",
                      "what the model holds most likely, and which experts it asked",
                      "cadre generate runs/first -p 'The Debian system' --greedy --routes routes.jsonl"),
    .stops = true,
    .run = run,
};
