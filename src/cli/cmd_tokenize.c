/* cmd_tokenize.c - `cadre tokenize`: turns text into ids, and back. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/complain.h"
#include "cli/input.h"
#include "cli/print.h"

static const cadre_option rows[] = {
    { .name = "decode",
        .kind = CADRE_OPTION_FLAG,
        .subject = "Form",
        .help = "turn ids into text instead of text into ids" },
    { .name = "lines",
        .kind = CADRE_OPTION_FLAG,
        .subject = "Form",
        .help = "read a JSON string from every line, and print a JSON list of ids for it; with "
                "--decode, the other way round" },
    { .name = "no-special",
        .kind = CADRE_OPTION_FLAG,
        .subject = "Form",
        .help = "add no begin-of-text and end-of-text tokens, as the tokenizer may do" },
    { .name = "chat",
        .kind = CADRE_OPTION_TEXT,
        .value = "TEMPLATE",
        .subject = "Form",
        .help = "read a JSON list of messages, [{\"role\": \"user\", \"content\": \"Hello\"}], or "
                "an object with \"messages\" and \"tools\" from every line, and print the ids up "
                "to where the answer begins; TEMPLATE frames them, as 'cadre chat --template'; "
                "own: the template that the model's files ask for" },
    { .name = "think",
        .kind = CADRE_OPTION_TEXT,
        .value = "HOW",
        .subject = "Form",
        .help = "with --chat: as 'cadre chat --think': on, off, low, medium or high" },
};

typedef struct job {
    cadre_tokenizer *tokenizer;
    unsigned flags;   /* of encoding */
    const char *chat; /* the template; NULL: plain text */
    const char *think;
    bool decode, brackets;
} job;

static void print_ids(const job *j, const int32_t *ids, int64_t count)
{
    const char *separator = j->brackets ? "," : " ";
    if (j->brackets) putchar('[');
    for (int64_t i = 0; i < count; i++) printf("%s%d", i ? separator : "", ids[i]);
    puts(j->brackets ? "]" : "");
}

static int encode(const job *j, const char *text, size_t size)
{
    int32_t *ids;
    int64_t count;
    cadre_status status = cadre_tokenizer_encode(j->tokenizer, text, size, j->flags, &ids, &count);
    if (status != CADRE_OK) return complain_status(status);
    print_ids(j, ids, count);
    cadre_free(ids);
    return EXIT_DONE;
}

static int decode(const job *j, const token_ids *ids, char **text, size_t *size)
{
    cadre_status status = cadre_tokenizer_decode(j->tokenizer, ids->id, ids->count, 0, text, size);
    return status == CADRE_OK ? EXIT_DONE : complain_status(status);
}

/* ---- all of stdin at once ---- */

static int whole(const job *j, const char *text, size_t size)
{
    cadre_status status = cadre_text_check("stdin", text, size);
    if (status != CADRE_OK) return complain_status(status);
    if (!j->decode) return encode(j, text, size);
    token_ids ids = { 0 };
    char *decoded;
    size_t length;
    int exit_code = input_ids("stdin", text, &ids);
    if (exit_code != EXIT_DONE) return exit_code;
    exit_code = decode(j, &ids, &decoded, &length);
    free(ids.id);
    if (exit_code != EXIT_DONE) return exit_code;
    fwrite(decoded, 1, length, stdout);
    cadre_free(decoded);
    return EXIT_DONE;
}

static int all_of_stdin(const job *j)
{
    char *text;
    size_t size;
    if (!input_stream(stdin, "stdin", &text, &size)) return EXIT_WORLD;
    int exit_code = whole(j, text, size);
    free(text);
    return exit_code;
}

/* ---- line by line ---- */

static int refuse_line(int64_t line, const char *expected, const char *found)
{
    return complain_world(
        "stdin: line %lld: expected %s, found %s", (long long)line, expected, found);
}

static int encode_line(const job *j, const json_t *value, int64_t line)
{
    if (!json_is_string(value)) return refuse_line(line, "a JSON string", "something else");
    return encode(j, json_string_value(value), json_string_length(value));
}

static bool read_message(const json_t *value, cadre_message *message)
{
    const json_t *role = json_object_get(value, "role"),
                 *content = json_object_get(value, "content");
    *message = (cadre_message){ json_string_value(role), json_string_value(content),
        json_string_length(content) };
    return message->role && message->text;
}

static int encode_messages(const job *j, const json_t *value, int64_t line)
{
    size_t count = json_array_size(value);
    cadre_message *messages = calloc(count + 1, sizeof *messages);
    bool readable = json_is_array(value);
    int32_t *ids;
    int64_t id_count;
    if (!messages) return complain_world("out of memory");
    for (size_t i = 0; i < count; i++)
        readable &= read_message(json_array_get(value, i), &messages[i]);
    cadre_status status = CADRE_OK;
    if (readable)
        status = cadre_chat_encode(j->tokenizer, j->chat, messages, (int)count, &ids, &id_count);
    free(messages);
    if (!readable)
        return refuse_line(
            line, "a list of messages, each with role and content", "something else");
    if (status != CADRE_OK) return complain_status(status);
    print_ids(j, ids, id_count);
    cadre_free(ids);
    return EXIT_DONE;
}

/* A list of messages, or an object that has one. */
static int encode_conversation(const job *j, const json_t *value, int64_t line)
{
    int32_t *ids;
    int64_t count;
    char source[48];
    bool plain = json_is_array(value) && !j->think;
    if (plain || (!json_is_array(value) && !json_is_object(value)))
        return encode_messages(j, value, line);
    json_t *whole = json_is_array(value) ? json_pack("{sO}", "messages", value) : NULL;
    char *text = json_dumps(whole ? whole : value, 0);
    json_decref(whole);
    if (!text) return complain_world("out of memory");
    snprintf(source, sizeof source, "stdin: line %lld", (long long)line);
    cadre_status status =
        cadre_chat_encode_json(j->tokenizer, j->chat, j->think, source, text, &ids, &count);
    free(text);
    if (status != CADRE_OK) return complain_status(status);
    print_ids(j, ids, count);
    cadre_free(ids);
    return EXIT_DONE;
}

static int read_ids(const json_t *value, int64_t line, token_ids *ids)
{
    if (!json_is_array(value)) return refuse_line(line, "a JSON list of ids", "something else");
    ids->count = (int64_t)json_array_size(value);
    ids->id = malloc((size_t)(ids->count + 1) * sizeof *ids->id);
    if (!ids->id) return complain_world("out of memory");
    for (int64_t i = 0; i < ids->count; i++) {
        json_t *item = json_array_get(value, (size_t)i);
        json_int_t id = json_integer_value(item);
        if (!json_is_integer(item) || id < 0 || id > INT32_MAX) {
            free(ids->id);
            return refuse_line(line, "ids in the list", "something else");
        }
        ids->id[i] = (int32_t)id;
    }
    return EXIT_DONE;
}

static int decode_line(const job *j, const json_t *value, int64_t line)
{
    token_ids ids = { 0 };
    char *text;
    size_t size;
    int exit_code = read_ids(value, line, &ids);
    if (exit_code != EXIT_DONE) return exit_code;
    exit_code = decode(j, &ids, &text, &size);
    free(ids.id);
    if (exit_code != EXIT_DONE) return exit_code;
    exit_code = print_json(print_json_text(text, size));
    cadre_free(text);
    return exit_code;
}

static int one_line(const job *j, const char *text, size_t size, int64_t line)
{
    json_error_t error;
    json_t *value = json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (!value) return refuse_line(line, "JSON", error.text);
    int exit_code = (j->chat     ? encode_conversation
                     : j->decode ? decode_line
                                 : encode_line)(j, value, line);
    json_decref(value);
    return exit_code;
}

static int line_by_line(const job *j)
{
    char *text = NULL;
    size_t room = 0;
    int exit_code = EXIT_DONE;
    errno = 0;
    for (int64_t line = 1; exit_code == EXIT_DONE; line++) {
        ssize_t size = getline(&text, &room, stdin);
        if (size < 0) break;
        cadre_status status = line == 1 ? cadre_text_check("stdin", text, (size_t)size) : CADRE_OK;
        exit_code =
            status != CADRE_OK ? complain_status(status) : one_line(j, text, (size_t)size, line);
    }
    if (exit_code == EXIT_DONE && !feof(stdin))
        exit_code = complain_world("stdin: could not be read: %s", strerror(errno));
    free(text);
    return exit_code;
}

static int run_tokenize(const invocation *call)
{
    bool lines = cadre_options_flag(call->options, "lines");
    job j = { .decode = cadre_options_flag(call->options, "decode"),
        .brackets = lines || call->json };
    j.flags = CADRE_PARSE_SPECIAL |
              (cadre_options_flag(call->options, "no-special") ? 0 : CADRE_ADD_SPECIAL);
    j.chat = cadre_options_text(call->options, "chat", 0);
    j.think = cadre_options_text(call->options, "think", 0);
    cadre_status status = cadre_tokenizer_open(call->operands[0], &j.tokenizer);
    if (status == CADRE_OK && j.chat && !strcmp(j.chat, "own"))
        status = cadre_chat_recognise(j.tokenizer, &j.chat);
    int exit_code = status != CADRE_OK ? complain_status(status)
                    : lines || j.chat  ? line_by_line(&j)
                                       : all_of_stdin(&j);
    cadre_tokenizer_close(j.tokenizer);
    return exit_code;
}

const command command_tokenize = {
    .name = "tokenize",
    .summary = "turn text into token ids, and back",
    .operands = "MODEL|tokenizer.json",
    .least = 1,
    .most = 1,
    .description =
        "The command reads text from stdin and prints the ids that the model's tokenizer gives it, "
        "on one line. Special tokens that are spelt out in the text become their ids.",
    .own = ROWS(rows),
    .examples = LINES("ids of a text", "echo 'Ein Satz.' | cadre tokenize runs/first",
        "and the text of ids", "echo 17 4 260 | cadre tokenize runs/first --decode",
        "what a chat model is asked",
        "echo '[{\"role\": \"user\", \"content\": \"Hello\"}]' | cadre tokenize "
        "models/Qwen3-30B-A3B --chat own"),
    .seedless = SEEDLESS,
    .run = run_tokenize,
};
