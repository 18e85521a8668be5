/* answer.c - shows answers: on a terminal with dimmed thoughts, in a file without thoughts, or as
 * objects with both. */
#define _GNU_SOURCE
#include "cli/answer.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/print.h"
#include "cli/progress.h"

typedef struct answer {
    bool json, terminal, colour;
    bool thought;   /* a thought is being written */
    char last;      /* the last byte that was written */
    FILE *parts[2]; /* --json: the answer, and its thoughts */
} answer;

static const char *dim_if(const answer *a, bool thought)
{
    if (!a->colour || thought == a->thought) return "";
    return thought ? "\033[2m" : "\033[0m";
}

/* A model's text must not control the terminal: of control characters, only those that end lines
 * and set columns are shown. */
static void show(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '\n' || c == '\t' || (c >= 32 && c != 127)) putchar(c);
        else printf("^%c", c ^ 64);
    }
}

/* Thoughts are shown to people who watch; a file gets the answers alone. */
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

/* ---- notes on an answer ---- */

static void note_cut(const answer_view *v, const cadre_chat_account *a)
{
    const char *thinking = a->answered ? "" : ", before the model had ended its thoughts";
    if (a->end == CADRE_CHAT_FULL)
        progress_note(v->call,
            "the answer was cut after %lld tokens%s: the conversation fills its "
            "context of %lld tokens; --context N gives it more",
            (long long)a->tokens, thinking, (long long)v->context);
    if (a->end == CADRE_CHAT_LIMIT && !a->answered)
        progress_note(v->call, "the answer was cut after %lld tokens%s; -n N allows more",
            (long long)a->tokens, thinking);
}

static void note_account(const answer_view *v, const cadre_chat_account *a)
{
    if (a->let_go)
        progress_note(v->call,
            "the %lld oldest messages were dropped: the conversation fills its "
            "context of %lld tokens; --context N gives it more",
            (long long)a->let_go, (long long)v->context);
    note_cut(v, a);
    if (a->end == CADRE_CHAT_ENDED && !a->answered && a->tokens > 1)
        progress_note(v->call, "the model ended its turn without an answer: all that it wrote are "
                               "thoughts");
}

static void note_speed(const answer_view *v, const cadre_chat_account *a)
{
    if (v->person && v->terminal && a->tokens_per_second > 0)
        progress_note(
            v->call, "[%lld tokens, %.1f a second]\n", (long long)a->tokens, a->tokens_per_second);
}

/* ---- one answer ---- */

static cadre_status write_text(const answer_view *v, cadre_chat *chat, cadre_chat_account *account)
{
    const char *no_colour = getenv("NO_COLOR");
    answer a = { .terminal = v->terminal, .colour = v->terminal && !(no_colour && *no_colour) };
    cadre_status status = cadre_chat_answer(chat, v->limit, &v->sampling, take, &a);
    fputs(dim_if(&a, false), stdout);
    if (status != CADRE_OK && status != CADRE_EINTERRUPTED) return status;
    puts("");
    fflush(stdout);
    if (cadre_chat_account_get(chat, account) != CADRE_OK) return status;
    note_account(v, account);
    note_speed(v, account);
    return status;
}

static const char *end_word(cadre_chat_end end)
{
    switch (end) {
    case CADRE_CHAT_ENDED: return "end";
    case CADRE_CHAT_LIMIT: return "length";
    case CADRE_CHAT_FULL: return "context";
    case CADRE_CHAT_STOPPED: return "stopped";
    }
    return "";
}

static void print_object(char *texts[2], const size_t sizes[2], const cadre_chat_account *a)
{
    size_t thought = a->unclosed ? 0 : sizes[1];
    print_json(json_pack("{s:o,s:o,s:s,s:I,s:I,s:f}", "answer", print_json_text(texts[0], sizes[0]),
        "thought", print_json_text(texts[1], thought), "end", end_word(a->end), "prompt_tokens",
        (json_int_t)a->prompt_tokens, "tokens", (json_int_t)a->tokens, "tokens_per_second",
        a->tokens_per_second));
    fflush(stdout);
}

static cadre_status write_object(
    const answer_view *v, cadre_chat *chat, cadre_chat_account *account)
{
    char *texts[2] = { NULL, NULL };
    size_t sizes[2];
    answer a = { .json = true };
    for (int i = 0; i < 2; i++) a.parts[i] = open_memstream(&texts[i], &sizes[i]);
    cadre_status status = CADRE_ENOMEM;
    if (a.parts[0] && a.parts[1])
        status = cadre_chat_answer(chat, v->limit, &v->sampling, take, &a);
    for (int i = 0; i < 2; i++)
        if (a.parts[i]) fclose(a.parts[i]);
    if (status == CADRE_OK) status = cadre_chat_account_get(chat, account);
    if (status == CADRE_OK) {
        print_object(texts, sizes, account);
        note_account(v, account);
    }
    for (int i = 0; i < 2; i++) free(texts[i]);
    return status;
}

cadre_status answer_show(const answer_view *v, cadre_chat *chat)
{
    cadre_chat_account account = { .size = sizeof account };
    return (v->call->json ? write_object : write_text)(v, chat, &account);
}
