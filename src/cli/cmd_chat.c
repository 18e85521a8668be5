/* cmd_chat.c - `cadre chat`: a conversation on the terminal, or of the lines of a file. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/complain.h"
#include "cli/opened.h"
#include "cli/print.h"
#include "cli/progress.h"
#include "cli/sampling.h"

enum { MOST_BY_DEFAULT = 8192 }; /* tokens */

static const char *template_name(int i) { return cadre_chat_template(i); }

static const cadre_option rows[] = {
    { .name = "template", .kind = CADRE_OPTION_CHOICE, .choice = template_name, .value = "NAME", .subject = "Conversation",
      .help = "how messages are framed for the model (default: recognised by the model's own template)" },
    { .name = "system", .kind = CADRE_OPTION_TEXT, .subject = "Conversation", .help = "what the model is told before" },
    { .name = "context", .kind = CADRE_OPTION_INT, .min = 1, .max = 1 << 24, .subject = "Conversation",
      .help = "most tokens of the conversation (default: the model's own context, at most 8192)" },
    { .name = "length", .letter = 'n', .kind = CADRE_OPTION_INT, .min = 1, .max = 1 << 24, .subject = "Conversation",
      .help = "most tokens of an answer (default: until it ends)" },
};

typedef struct talk {
    const invocation *call;
    cadre_chat *chat;
    cadre_sampling sampling;
    int64_t limit;
    bool person;   /* types the messages */
    bool terminal; /* shows the answers */
} talk;

/* ---- answers ---- */

typedef struct answer {
    bool json, terminal, colour;
    bool thought;       /* is being written */
    char last;          /* byte written */
    FILE *parts[2];     /* --json: the answer, and its thoughts */
} answer;

static const char *dim_if(const answer *a, bool thought)
{
    if (!a->colour || thought == a->thought) return "";
    return thought ? "\033[2m" : "\033[0m";
}

/* What a model says may not steer the terminal: of control characters, those that end lines and set columns pass. */
static void show(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '\n' || c == '\t' || (c >= 32 && c != 127)) putchar(c);
        else printf("^%c", c ^ 64);
    }
}

/* Thoughts are for people who watch; a file gets answers alone. */
static bool take(void *arg, bool thought, const char *text, size_t size)
{
    answer *a = arg;
    if (a->json) return fwrite(text, 1, size, a->parts[thought]) == size;
    if (thought && !a->terminal) return true;
    if (thought != a->thought && a->last && a->last != '\n') putchar('\n');
    fputs(dim_if(a, thought), stdout);
    if (a->terminal) show(text, size);
    else fwrite(text, 1, size, stdout);
    a->last = text[size - 1];
    a->thought = thought;
    return fflush(stdout) == 0;
}

static cadre_status write_answer(const talk *t)
{
    const char *no_colour = getenv("NO_COLOR");
    answer a = { .terminal = t->terminal, .colour = t->terminal && !(no_colour && *no_colour) };
    cadre_status status = cadre_chat_answer(t->chat, t->limit, &t->sampling, take, &a);
    fputs(dim_if(&a, false), stdout);
    if (status == CADRE_OK || status == CADRE_EINTERRUPTED) puts(t->terminal && t->person ? "\n" : "");
    return status;
}

static cadre_status write_object(const talk *t)
{
    char *texts[2] = { NULL, NULL };
    size_t sizes[2];
    answer a = { .json = true };
    for (int i = 0; i < 2; i++) a.parts[i] = open_memstream(&texts[i], &sizes[i]);
    cadre_status status = CADRE_ENOMEM;
    if (a.parts[0] && a.parts[1]) status = cadre_chat_answer(t->chat, t->limit, &t->sampling, take, &a);
    for (int i = 0; i < 2; i++)
        if (a.parts[i]) fclose(a.parts[i]);
    if (status == CADRE_OK)
        print_json(json_pack("{s:o,s:o}", "answer", print_json_text(texts[0], sizes[0]), "thought",
                             print_json_text(texts[1], sizes[1])));
    fflush(stdout);
    for (int i = 0; i < 2; i++) free(texts[i]);
    return status;
}

/* Ctrl-C stops an answer; a second one, and one that finds nothing to stop, ends the program (see main.c). */
static int answer_message(const talk *t, const char *message, size_t size)
{
    cadre_interrupt_clear();
    cadre_status status = cadre_chat_add(t->chat, "user", message, size);
    if (status == CADRE_OK) status = t->call->json ? write_object(t) : write_answer(t);
    if (status == CADRE_EINTERRUPTED && t->person) return EXIT_DONE;
    return status == CADRE_OK ? EXIT_DONE : complain_status(status);
}

/* ---- messages ---- */

static ssize_t read_message(const talk *t, char **line, size_t *room)
{
    if (t->person) {
        fputs("> ", stderr);
        cadre_interrupt();
    }
    ssize_t size = getline(line, room, stdin);
    while (size > 0 && ((*line)[size - 1] == '\n' || (*line)[size - 1] == '\r')) size--;
    return size;
}

static int converse(const talk *t)
{
    char *line = NULL;
    size_t room = 0;
    int exit_code = EXIT_DONE;
    errno = 0;
    while (exit_code == EXIT_DONE) {
        ssize_t size = read_message(t, &line, &room);
        if (size < 0) break;
        if (size > 0) exit_code = answer_message(t, line, (size_t)size);
    }
    if (exit_code == EXIT_DONE && !feof(stdin)) exit_code = complain_world("stdin: could not be read: %s", strerror(errno));
    if (t->person && exit_code == EXIT_DONE) fputc('\n', stderr);
    free(line);
    return exit_code;
}

static int64_t context_of(const invocation *call, const cadre_model *model)
{
    cadre_model_info info;
    if (cadre_options_count(call->options, "context")) return cadre_options_int(call->options, "context", 0);
    cadre_model_info_get(model, &info);
    return info.context < MOST_BY_DEFAULT ? info.context : MOST_BY_DEFAULT;
}

static cadre_status begin(talk *t, cadre_model *model)
{
    const cadre_options *o = t->call->options;
    const char *system = cadre_options_text(o, "system", 0);
    cadre_status status = cadre_chat_new(model, cadre_options_text(o, "template", 0), context_of(t->call, model), &t->chat);
    if (status == CADRE_OK && system) status = cadre_chat_add(t->chat, "system", system, strlen(system));
    t->limit = cadre_options_count(o, "length") ? cadre_options_int(o, "length", 0) : 0;
    t->sampling = sampling_read(o);
    t->person = isatty(STDIN_FILENO);
    t->terminal = isatty(STDOUT_FILENO);
    return status;
}

static int run(const invocation *call)
{
    opened o;
    talk t = { .call = call };
    cadre_status status = opened_begin(call, call->operands[0], &o);
    if (status == CADRE_OK) status = begin(&t, o.model);
    if (status == CADRE_OK && t.person)
        progress_note(call, "template %s; Ctrl-C stops an answer, Ctrl-D ends", cadre_chat_template_of(t.chat));
    int exit_code = status == CADRE_OK ? converse(&t) : complain_status(status);
    cadre_chat_free(t.chat);
    opened_end(&o);
    return exit_code;
}

const command command_chat = {
    .name = "chat",
    .summary = "talk with a model",
    .operands = "MODEL",
    .least = 1,
    .most = 1,
    .description = "A conversation: every line of stdin is a message, and the model's answers go to stdout. On a terminal, "
                   "Ctrl-C stops an answer, Ctrl-D ends the conversation, and thoughts, which some models mark, are shown "
                   "dimmed; they are not part of the answers and are forgotten.\n\n"
                   "The template that frames messages is built in, chosen by name or recognised by signs in the model's own "
                   "template, which is never executed. Messages are plain text, whatever control tokens they spell. The date "
                   "of the day is not told: gpt-oss and Granite hear of none, Llama 3.1 of the one in its template.\n\n"
                   "With --json, every answer is an object: answer, thought.",
    .own = ROWS(rows),
    .tables = { sampling_options, opened_options },
    .examples = LINES("on the terminal", "cadre chat models/Qwen3-30B-A3B --temperature 0.7 --top-p 0.8 --system 'Be brief.'",
                      "one question of a script", "echo 'Name three moons.' | cadre chat models/olmoe-instruct.gguf --greedy"),
    .stops = true,
    .run = run,
};
