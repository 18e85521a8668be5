/* prompt.c - reads the text or the ids that are to be continued. */
#include "cli/prompt.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/complain.h"
#include "cli/image.h"

static const cadre_option rows[] = {
    { .name = "prompt",
        .letter = 'p',
        .kind = CADRE_OPTION_TEXT,
        .subject = "Prompt",
        .help = "text to continue, in which special tokens that are spelt out become their ids; -: "
                "read the text from stdin (default: -, where stdin is not a terminal)" },
    { .name = "prompt-file",
        .kind = CADRE_OPTION_PATH,
        .value = "FILE",
        .subject = "Prompt",
        .help = "read the text to continue from this file" },
    { .name = "tokens",
        .kind = CADRE_OPTION_TEXT,
        .value = "LIST",
        .subject = "Prompt",
        .help = "token ids to continue, instead of a text" },
    { .name = "image",
        .kind = CADRE_OPTION_PATHS,
        .value = "FILE...",
        .subject = "Prompt",
        .help = "images (PNG, PNM) before the text, which may then be left out" },
};

cadre_option_table prompt_options(void) { return ROWS(rows); }

/* Encodes the prompt and copies its ids into memory of the program. */
static int encode(cadre_model *model, const char *text, size_t size, token_ids *ids)
{
    const cadre_tokenizer *tokenizer;
    int32_t *encoded;
    int64_t count;
    unsigned flags = CADRE_ADD_SPECIAL | CADRE_PARSE_SPECIAL;
    cadre_status status = cadre_model_tokenizer(model, &tokenizer);
    if (status == CADRE_OK)
        status = cadre_tokenizer_encode(tokenizer, text, size, flags, &encoded, &count);
    if (status != CADRE_OK) return complain_status(status);
    *ids = (token_ids){ malloc((size_t)(count + 1) * sizeof *ids->id), count };
    if (ids->id) memcpy(ids->id, encoded, (size_t)count * sizeof *ids->id);
    cadre_free(encoded);
    return ids->id ? EXIT_DONE : complain_world("out of memory");
}

/* Editors and echo end a text with a line feed that is not meant as a part of it. */
static size_t without_last_line_feed(const char *text, size_t size)
{
    if (size && text[size - 1] == '\n') size--;
    if (size && text[size] == '\n' && text[size - 1] == '\r') size--;
    return size;
}

static int none_given(void)
{
    return complain_usage("or a text on stdin", "generate: -p, --prompt-file or --tokens: expected "
                                                "one of them, found none");
}

static int encode_read(
    cadre_model *model, const char *name, const char *text, size_t size, token_ids *ids)
{
    cadre_status status = cadre_text_check(name, text, size);
    if (status != CADRE_OK) return complain_status(status);
    return encode(model, text, without_last_line_feed(text, size), ids);
}

/* `must`: it is an error if there is no text. */
static int encode_stream(cadre_model *model, const char *path, bool must, token_ids *ids)
{
    char *text;
    size_t size;
    bool is_stdin = !strcmp(path, "-");
    if (!(is_stdin ? input_stream(stdin, "stdin", &text, &size) : input_file(path, &text, &size)))
        return EXIT_WORLD;
    const char *name = is_stdin ? "stdin" : path;
    int exit_code = must && !size ? none_given() : encode_read(model, name, text, size, ids);
    free(text);
    return exit_code;
}

static int read_given(const invocation *call, cadre_model *model, token_ids *ids)
{
    const char *text = cadre_options_text(call->options, "prompt", 0);
    const char *file = cadre_options_text(call->options, "prompt-file", 0);
    const char *list = cadre_options_text(call->options, "tokens", 0);
    if ((text != NULL) + (file != NULL) + (list != NULL) > 1)
        return complain_usage(NULL,
            "generate: -p, --prompt-file or --tokens: expected one of "
            "them, found %s",
            text && file && list ? "all" : "two");
    if (list) return input_ids("--tokens", list, ids);
    if (file) return encode_stream(model, file, false, ids);
    if (text && strcmp(text, "-") != 0) return encode(model, text, strlen(text), ids);
    if (!text && cadre_options_given(call->options, "image")) return EXIT_DONE;
    if (!text && isatty(STDIN_FILENO)) return none_given();
    return encode_stream(model, "-", !text, ids);
}

/* The images in front of what was read. */
static int put_images_before(const invocation *call, cadre_model *model, token_ids *ids)
{
    token_ids all = { 0 };
    int exit_code = EXIT_DONE;
    int count = cadre_options_count(call->options, "image");
    for (int i = 0; i < count && exit_code == EXIT_DONE; i++)
        exit_code = image_ids(model, cadre_options_text(call->options, "image", i), &all);
    size_t more = (size_t)ids->count * sizeof *all.id;
    int32_t *longer =
        count ? realloc(all.id, ((size_t)all.count + 1) * sizeof *all.id + more) : NULL;
    if (exit_code == EXIT_DONE && longer) {
        if (more) memcpy(longer + all.count, ids->id, more);
        free(ids->id);
        *ids = (token_ids){ longer, all.count + ids->count };
        return EXIT_DONE;
    }
    free(longer ? longer : all.id);
    return exit_code == EXIT_DONE && count ? complain_world("out of memory") : exit_code;
}

int prompt_read(const invocation *call, cadre_model *model, token_ids *ids)
{
    token_ids read = { 0 };
    int exit_code = read_given(call, model, &read);
    if (exit_code == EXIT_DONE) exit_code = put_images_before(call, model, &read);
    if (exit_code != EXIT_DONE) {
        free(read.id);
        return exit_code;
    }
    if (read.count) {
        *ids = read;
        return EXIT_DONE;
    }
    free(read.id);
    const char *source = "-p";
    if (cadre_options_given(call->options, "tokens")) source = "--tokens";
    if (cadre_options_given(call->options, "prompt-file")) source = "--prompt-file";
    return complain_usage(NULL,
        "generate: %s: expected at least one token to begin with, found "
        "none",
        source);
}
