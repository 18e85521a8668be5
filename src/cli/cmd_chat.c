/* cmd_chat.c - `cadre chat`: a conversation on the terminal, or with the lines of a file. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/answer.h"
#include "cli/complain.h"
#include "cli/message.h"
#include "cli/opened.h"
#include "cli/progress.h"
#include "cli/sampling.h"

enum { MOST_BY_DEFAULT = 8192 }; /* tokens */

static const char *template_name(int i) { return cadre_chat_template(i); }

static const cadre_option rows[] = {
    { .name = "template",
        .kind = CADRE_OPTION_CHOICE,
        .choice = template_name,
        .value = "NAME",
        .subject = "Conversation",
        .help = "template that frames messages for the model (default: recognised by the model's "
                "own template)" },
    { .name = "think",
        .kind = CADRE_OPTION_CHOICE,
        .choice = cadre_thinking,
        .subject = "Conversation",
        .help = "whether, or how much, the model thinks before it answers; which of these there "
                "are depends on its template (default: the template's own)" },
    { .name = "system",
        .kind = CADRE_OPTION_TEXT,
        .subject = "Conversation",
        .help = "a message to the model before the conversation" },
    { .name = "context",
        .kind = CADRE_OPTION_INT,
        .min = 1,
        .max = 1 << 24,
        .subject = "Conversation",
        .help = "most tokens of the conversation (default: the model's own context, but at most "
                "8192)" },
    { .name = "length",
        .letter = 'n',
        .kind = CADRE_OPTION_INT,
        .min = 1,
        .max = 1 << 24,
        .subject = "Conversation",
        .help = "most tokens of an answer (default: until it ends)" },
};

typedef struct talk {
    const invocation *call;
    cadre_chat *chat;
    answer_view view;
} talk;

/* Ctrl-C stops an answer. A second Ctrl-C, and one when there is nothing to stop, ends the program
 * (see main.c). */
static int answer_message(const talk *t, const char *message, size_t size)
{
    cadre_interrupt_clear();
    cadre_status status = cadre_chat_add(t->chat, "user", message, size);
    if (status == CADRE_OK) status = answer_show(&t->view, t->chat);
    if (status == CADRE_OK || (status == CADRE_EINTERRUPTED && t->view.person)) return EXIT_DONE;
    int exit_code = complain_status(status);
    bool may_continue = t->view.person && status == CADRE_ENOMEM; /* with a shorter message */
    return may_continue ? EXIT_DONE : exit_code;
}

/* ---- commands to the program itself ---- */

typedef struct chat_command {
    const char *name, *help;
    bool (*run)(talk *t, const char *rest); /* false: the conversation ends */
} chat_command;

static bool clear(talk *t, const char *rest)
{
    (void)rest;
    cadre_chat_clear(t->chat);
    progress_note(t->call, "the conversation is forgotten");
    return true;
}

static bool think(talk *t, const char *rest)
{
    const char *now = cadre_chat_thinking(t->chat);
    if (*rest) {
        cadre_status status = cadre_chat_think(t->chat, rest);
        if (status != CADRE_OK) complain_status(status);
    } else progress_note(t->call, "thinking: %s", now ? now : "the template leaves no choice");
    return true;
}

static bool quit(talk *t, const char *rest) { return (void)t, (void)rest, false; }
static bool help(talk *t, const char *rest);

static const chat_command chat_commands[] = {
    { "clear", "forget the conversation, except for the system message", clear },
    { "think", "WORD: think before answering, on or off, or as much as the template knows", think },
    { "quit", "end, as Ctrl-D does", quit },
    { "help", "print this", help },
};
enum { CHAT_COMMANDS = sizeof chat_commands / sizeof *chat_commands };

static bool help(talk *t, const char *rest)
{
    (void)t, (void)rest;
    for (int i = 0; i < CHAT_COMMANDS; i++)
        fprintf(stderr, "/%-6s %s\n", chat_commands[i].name, chat_commands[i].help);
    fputs(
        "A message goes on after a \\ at the end of a line, or from \"\"\" to \"\"\"; pasted text "
        "keeps its\nlines. A blank before a / makes it a message. Ctrl-C stops an answer.\n",
        stderr);
    return true;
}

/* Whether the text is a command, and its name: paths also begin with /, but contain another. */
static bool is_command(const char *text, char *name, size_t room)
{
    size_t length = *text == '/' ? strspn(text + 1, "abcdefghijklmnopqrstuvwxyz") : 0;
    if (!length || length >= room || (text[1 + length] && text[1 + length] != ' ')) return false;
    memcpy(name, text + 1, length);
    name[length] = 0;
    return true;
}

static bool obey(talk *t, const char *name, const char *rest)
{
    const char *names[CHAT_COMMANDS];
    for (int i = 0; i < CHAT_COMMANDS; i++) {
        names[i] = chat_commands[i].name;
        if (!strcmp(names[i], name)) return chat_commands[i].run(t, rest + strspn(rest, " "));
    }
    const char *meant = cadre_nearest(name, names, CHAT_COMMANDS);
    progress_note(t->call,
        "no command is called /%s%s%s; /help lists them, and a blank before it "
        "makes it a message",
        name, meant ? "; did you mean /" : "", meant ? meant : "");
    return true;
}

/* ---- the conversation ---- */

static int take_message(talk *t, const message_source *m, bool *more)
{
    char name[32];
    if (!m->size) return EXIT_DONE;
    if (!m->person || !is_command(m->text, name, sizeof name))
        return answer_message(t, m->text, m->size);
    *more = obey(t, name, m->text + 1 + strlen(name));
    return EXIT_DONE;
}

static int converse(talk *t)
{
    message_source m;
    int exit_code = EXIT_DONE;
    bool more = true;
    message_source_open(&m);
    while (exit_code == EXIT_DONE && more && message_next(&m))
        exit_code = take_message(t, &m, &more);
    if (m.failed) exit_code = EXIT_WORLD;
    if (m.person && more && exit_code == EXIT_DONE) fputc('\n', stderr);
    message_source_close(&m);
    return exit_code;
}

static int64_t context_of(const invocation *call, const cadre_model *model)
{
    cadre_model_info info = { .size = sizeof info };
    if (cadre_options_count(call->options, "context"))
        return cadre_options_int(call->options, "context", 0);
    cadre_model_info_get(model, &info);
    return info.context < MOST_BY_DEFAULT ? info.context : MOST_BY_DEFAULT;
}

static cadre_status begin(talk *t, cadre_model *model)
{
    const cadre_options *o = t->call->options;
    const char *system = cadre_options_text(o, "system", 0);
    t->view = (answer_view){ .call = t->call,
        .context = context_of(t->call, model),
        .person = isatty(STDIN_FILENO),
        .terminal = isatty(STDOUT_FILENO) };
    if (cadre_options_count(o, "length")) t->view.limit = cadre_options_int(o, "length", 0);
    cadre_status status = sampling_read(t->call, model, &t->view.sampling);
    if (status == CADRE_OK)
        status =
            cadre_chat_new(model, cadre_options_text(o, "template", 0), t->view.context, &t->chat);
    if (status == CADRE_OK && cadre_options_given(o, "think"))
        status = cadre_chat_think(t->chat, cadre_options_text(o, "think", 0));
    if (status == CADRE_OK && system)
        status = cadre_chat_add(t->chat, "system", system, strlen(system));
    return status;
}

static int run_chat(const invocation *call)
{
    opened o;
    talk t = { .call = call };
    cadre_status status = opened_begin(call, call->operands[0], &o);
    if (status == CADRE_OK && o.followed) return opened_end_followed(&o);
    if (status == CADRE_OK) status = begin(&t, o.model);
    if (status == CADRE_OK) opened_note_context(call, o.model, "the context has", t.view.context);
    if (status == CADRE_OK && t.view.person)
        progress_note(call, "template %s; Ctrl-C stops an answer, Ctrl-D ends, /help tells more",
            cadre_chat_template_of(t.chat));
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
    .description =
        "The command holds a conversation: every line of stdin is a message, and the model's "
        "answers go to stdout.\n\n"
        "On a terminal, lines are edited with the usual keys. A message may have several lines: "
        "after a \\ at the end of a line, between \"\"\" and \"\"\", or pasted. /help lists "
        "commands to the program itself. Ctrl-C stops an answer, and Ctrl-D ends the conversation. "
        "Some models mark their thoughts. Thoughts are shown dimmed, are not part of the answers, "
        "and are forgotten. If a model ends its turn without closing its thoughts, they are its "
        "answer.\n\n"
        "When the context ends an answer early, a note on stderr says so. Whenever less than a "
        "quarter of the context is free for the next answer, the oldest messages are dropped, with "
        "a note. What --system says stays.\n\n"
        "The template that frames messages is built in. It is chosen by name, or recognised by "
        "signs in the model's own template, which is never executed. Messages are plain text, "
        "whatever control tokens they spell. The model is not told today's date: gpt-oss and "
        "Granite get no date, and Llama 3.1 gets the one in its template.\n\n"
        "With --json, every answer is an object: answer, thought, end (how it ended: end, length, "
        "context or stopped), prompt_tokens, tokens (including thoughts), tokens_per_second (0 if "
        "there was only one token).",
    .own = ROWS(rows),
    .tables = { sampling_options, opened_options, opened_warm_options, cadre_ranks_options },
    .examples =
        LINES("on the terminal", "cadre chat models/Qwen3-30B-A3B --think off --system 'Be brief.'",
            "one question of a script",
            "echo 'Name three moons.' | cadre chat models/olmoe-instruct.gguf --greedy"),
    .stops = true,
    .spreads = true,
    .run = run_chat,
};
