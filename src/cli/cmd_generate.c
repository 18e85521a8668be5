/* cmd_generate.c - `cadre generate`: continues a text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/complain.h"
#include "cli/image.h"
#include "cli/input.h"
#include "cli/opened.h"
#include "cli/print.h"
#include "cli/prompt.h"
#include "cli/sampling.h"

static const cadre_option rows[] = {
    { .name = "length",
        .letter = 'n',
        .kind = CADRE_OPTION_INT,
        .min = 0,
        .max = 1 << 24,
        .fallback = "128",
        .subject = "Text",
        .help = "most tokens to write; an end-of-text token ends the text earlier" },
    { .name = "stop",
        .kind = CADRE_OPTION_TEXTS,
        .subject = "Text",
        .help = "end before this text, of which nothing is printed; may be given several times" },
    { .name = "json-schema",
        .kind = CADRE_OPTION_PATH,
        .value = "FILE",
        .subject = "Text",
        .help = "write JSON that is valid for the schema in this file" },
    { .name = "json-object",
        .kind = CADRE_OPTION_FLAG,
        .subject = "Text",
        .help = "write a JSON object" },
    { .name = "ids",
        .kind = CADRE_OPTION_FLAG,
        .subject = "Text",
        .help = "print token ids instead of text, those of the end token or stop text too" },
    { .name = "routes",
        .kind = CADRE_OPTION_PATH,
        .value = "FILE",
        .subject = "Text",
        .help = "record the experts of every token in this file, for 'cadre report'" },
    { .name = "images",
        .kind = CADRE_OPTION_PATH,
        .value = "DIR",
        .subject = "Text",
        .help = "write each image as DIR/1.png, 2.png ... instead of its codes into the text" },
};

typedef struct writer {
    bool ids, json;
    cadre_stop *stop; /* NULL: none */
    bool stopped;     /* its text was found */
    int64_t count;    /* of ids */
    json_t *id_list;  /* --json */
    char *text;       /* [size], --json */
    size_t size;
    char last; /* the last byte of the text */
    image_writer images;
    bool failed; /* out of memory */
} writer;

static bool keep(writer *w, const char *text, size_t size)
{
    char *longer = realloc(w->text, w->size + size + 1);
    if (!longer) return w->failed = true, false;
    if (size) memcpy(longer + w->size, text, size);
    w->text = longer;
    w->size += size;
    return true;
}

static bool put_text(writer *w, const char *text, size_t size)
{
    if (w->json) return keep(w, text, size);
    if (w->ids || !size) return true;
    fwrite(text, 1, size, stdout);
    w->last = text[size - 1];
    return true;
}

static bool put_id(writer *w, int32_t id)
{
    bool first = !w->count++;
    if (w->json) return json_array_append_new(w->id_list, json_integer(id)) == 0;
    if (w->ids) printf("%s%d", first ? "" : " ", id);
    return true;
}

/* Takes one token. An id of -1 comes with the text of an unfinished character at the end. */
static bool take(void *arg, int32_t id, const char *text, size_t size)
{
    writer *w = arg;
    if (w->stopped) return false;
    if (id >= 0 && image_writer_take(&w->images, id)) {
        if (w->images.status != CADRE_OK) return false;
        size = 0;
    }
    if (w->stop && cadre_stop_take(w->stop, text, size, &text, &size, &w->stopped) != CADRE_OK)
        return w->failed = true, false;
    if ((id >= 0 && !put_id(w, id)) || !put_text(w, text, size)) return false;
    return fflush(stdout) == 0 && !w->stopped;
}

/* Prints what was held back and did not become a stop text. */
static void release(writer *w)
{
    const char *text;
    size_t size;
    if (!w->stop || w->stopped) return;
    cadre_stop_rest(w->stop, &text, &size);
    put_text(w, text, size);
}

static int finish(writer *w)
{
    if (!w->json) {
        if (w->ids || (w->last != '\n' && isatty(STDOUT_FILENO))) putchar('\n');
        return EXIT_DONE;
    }
    if (w->failed) return complain_world("out of memory");
    return print_json(json_pack(
        "{s:O,s:o}", "ids", w->id_list, "text", print_json_text(w->text ? w->text : "", w->size)));
}

static cadre_status open_stop(const cadre_options *o, writer *w)
{
    enum { MOST = 64 };
    const char *texts[MOST];
    int count = cadre_options_count(o, "stop");
    for (int i = 0; i < count && i < MOST; i++) texts[i] = cadre_options_text(o, "stop", i);
    return count ? cadre_stop_new(texts, count < MOST ? count : MOST, &w->stop) : CADRE_OK;
}

/* What the text must be; NULL: anything. Returns an exit code. */
static int open_constraint(
    const cadre_options *o, cadre_model *model, cadre_constraint **constraint)
{
    const char *path = cadre_options_text(o, "json-schema", 0);
    char *schema = NULL;
    size_t size = 0;
    *constraint = NULL;
    if (!path && !cadre_options_flag(o, "json-object")) return EXIT_DONE;
    if (path && cadre_options_flag(o, "json-object"))
        return complain_usage(
            NULL, "generate: --json-schema or --json-object: expected one of them, found two");
    if (path && !input_file(path, &schema, &size)) return EXIT_WORLD;
    cadre_status status = cadre_constraint_json(model, path, schema, size, constraint);
    free(schema);
    return status == CADRE_OK ? EXIT_DONE : complain_status(status);
}

static int write_on(const invocation *call, cadre_model *model, const token_ids *ids, writer *w)
{
    const cadre_options *o = call->options;
    cadre_sampling sampling;
    cadre_status status = sampling_read(call, model, &sampling);
    if (status != CADRE_OK) return complain_status(status);
    int64_t limit = cadre_options_int(o, "length", 0);
    int exit_code = image_writer_begin(&w->images, model, cadre_options_text(o, "images", 0), ids);
    if (exit_code == EXIT_DONE) exit_code = open_constraint(o, model, &sampling.constraint);
    if (exit_code != EXIT_DONE) return exit_code;
    status = open_stop(o, w);
    if (status == CADRE_OK) {
        bool noted = opened_note_context(call, model, "the prompt has", ids->count);
        opened_note_ids(call, model, ids->id, ids->count);
        status = cadre_generate(model, ids->id, ids->count,
            &(cadre_generation){ .size = sizeof(cadre_generation),
                .limit = limit,
                .sampling = &sampling,
                .listener = take,
                .arg = w,
                .routes = cadre_options_text(o, "routes", 0),
                .command = call->words });
        release(w);
        if (!noted) opened_note_context(call, model, "the text has", ids->count + w->count);
    }
    cadre_constraint_free(sampling.constraint);
    if (status == CADRE_OK) status = w->images.status;
    return status == CADRE_OK ? finish(w) : complain_status(status);
}

static int generate(const invocation *call, cadre_model *model)
{
    token_ids ids = { 0 };
    int exit_code = prompt_read(call, model, &ids);
    if (exit_code != EXIT_DONE) return exit_code;
    writer w = {
        .ids = cadre_options_flag(call->options, "ids"), .json = call->json, .id_list = json_array()
    };
    exit_code = write_on(call, model, &ids, &w);
    cadre_stop_free(w.stop);
    image_writer_end(&w.images);
    json_decref(w.id_list);
    free(w.text);
    free(ids.id);
    return exit_code;
}

static int run_generate(const invocation *call)
{
    opened o;
    cadre_status status = opened_begin(call, call->operands[0], &o);
    if (status != CADRE_OK) return complain_status(status);
    if (o.followed) return opened_end_followed(&o);
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
    .description =
        "The command prints the continuation alone, while it is written. The same seed gives the "
        "same text.\n\n"
        "One line feed at the end of a text from stdin or a file is removed, because 'echo' and "
        "editors add one. --stop finds its text wherever tokens begin and end: what may be the "
        "beginning of that text is held back, and is printed if it is not.",
    .own = ROWS(rows),
    .tables = { prompt_options, sampling_options, opened_options, opened_warm_options,
        cadre_ranks_options },
    .examples = LINES("one line, of a prompt in a file",
        "cadre generate runs/first --prompt-file prompt.txt --greedy --stop $'\\n'", "a sample",
        "cadre generate runs/first -p 'The Debian system' -n 64 --temperature 0.8",
        "what the model holds most likely, and which experts it asked",
        "cadre generate runs/first -p 'The Debian system' --greedy --routes routes.jsonl"),
    .stops = true,
    .spreads = true,
    .run = run_generate,
};
