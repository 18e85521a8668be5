/* line_editor.c - libedit, which takes pasted text whole.
 *
 * A terminal that knows bracketed paste puts pasted text between two sequences of characters. Such
 * text goes into the line with its line feeds, so that it is one message and none of its lines is
 * sent by itself. */
#define _GNU_SOURCE
#include "cli/line_editor.h"

#include <histedit.h>
#include <locale.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

enum { REMEMBERED = 1000, MOST_PASTED = 1 << 20 };

#define PASTE_BEGINS "\033[200~"
#define PASTE_ENDS L"\033[201~"
#define PASTE_ON "\033[?2004h"
#define PASTE_OFF "\033[?2004l"

struct line_editor {
    EditLine *line;
    History *history;
    char prompt[16];
};

static void write_terminal(const char *text)
{
    ssize_t ignored = write(STDOUT_FILENO, text, strlen(text));
    (void)ignored;
}

/* ---- functions that libedit calls ---- */

static char *prompt_of(EditLine *line)
{
    static char none[] = "";
    line_editor *e;
    return el_get(line, EL_CLIENTDATA, &e) == 0 ? e->prompt : none;
}

static bool ends_paste(const wchar_t *text, size_t size)
{
    size_t end = wcslen(PASTE_ENDS);
    return size >= end && wmemcmp(text + size - end, PASTE_ENDS, end) == 0;
}

/* Reads pasted characters up to the sequence that ends them. What exceeds the room is left out. */
static size_t read_pasted(EditLine *line, wchar_t *text)
{
    size_t size = 0;
    while (!ends_paste(text, size)) {
        wchar_t c;
        if (el_wgetc(line, &c) != 1) return size;
        if (size == MOST_PASTED)
            size -= wcslen(PASTE_ENDS); /* only the end is still searched for */
        text[size++] = c == L'\r' ? L'\n' : c;
    }
    return size - wcslen(PASTE_ENDS);
}

static unsigned char paste(EditLine *line, int key)
{
    (void)key;
    wchar_t *text = calloc(MOST_PASTED + 1, sizeof *text);
    if (!text) return CC_ERROR;
    size_t size = read_pasted(line, text);
    while (size && text[size - 1] == L'\n') size--;
    text[size] = 0;
    int failed = size ? el_winsertstr(line, text) : 0;
    free(text);
    return failed ? CC_ERROR : CC_REFRESH;
}

/* ---- signals that end the program while it waits for a line ---- */

static struct sigaction former_int, former_term;

/* libedit has restored the terminal. Then the earlier handler of the signal runs. */
static void leave(int signal_number)
{
    write_terminal(PASTE_OFF "\n");
    sigaction(signal_number, signal_number == SIGINT ? &former_int : &former_term, NULL);
    raise(signal_number);
}

static void handle_signals(void)
{
    struct sigaction action = { .sa_handler = leave };
    sigaction(SIGINT, &action, &former_int);
    sigaction(SIGTERM, &action, &former_term);
}

static void restore_signals(void)
{
    sigaction(SIGINT, &former_int, NULL);
    sigaction(SIGTERM, &former_term, NULL);
}

/* ---- lines ---- */

static bool can_edit(void)
{
    const char *terminal = getenv("TERM");
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && terminal && *terminal &&
           strcmp(terminal, "dumb") != 0;
}

static void set_up(line_editor *e)
{
    HistEvent event;
    history(e->history, &event, H_SETSIZE, REMEMBERED);
    history(e->history, &event, H_SETUNIQUE, 1);
    el_set(e->line, EL_CLIENTDATA, e);
    el_set(e->line, EL_PROMPT, prompt_of);
    el_set(e->line, EL_EDITOR, "emacs");
    el_set(e->line, EL_HIST, history, e->history);
    el_set(e->line, EL_SIGNAL, 1);
    el_set(e->line, EL_ADDFN, "cadre-paste", "Take pasted text as it is", paste);
    el_set(e->line, EL_BIND, PASTE_BEGINS, "cadre-paste", NULL);
    el_source(e->line, NULL);
}

line_editor *line_editor_open(void)
{
    if (!can_edit()) return NULL;
    setlocale(LC_CTYPE, "");
    if (MB_CUR_MAX == 1) setlocale(LC_CTYPE, "C.UTF-8");
    line_editor *e = calloc(1, sizeof *e);
    if (!e) return NULL;
    e->line = el_init("cadre", stdin, stdout, stderr);
    e->history = history_init();
    if (e->line && e->history) {
        set_up(e);
        return e;
    }
    line_editor_close(e);
    return NULL;
}

void line_editor_close(line_editor *e)
{
    if (!e) return;
    if (e->line) el_end(e->line);
    if (e->history) history_end(e->history);
    free(e);
}

const char *line_editor_read(line_editor *e, const char *prompt, size_t *size)
{
    int count = 0;
    snprintf(e->prompt, sizeof e->prompt, "%s", prompt);
    handle_signals();
    write_terminal(PASTE_ON);
    const char *line = el_gets(e->line, &count);
    write_terminal(PASTE_OFF);
    restore_signals();
    if (!line || count <= 0) return NULL;
    *size = (size_t)count;
    while (*size && (line[*size - 1] == '\n' || line[*size - 1] == '\r')) --*size;
    return line;
}

void line_editor_remember(line_editor *e, const char *text)
{
    HistEvent event;
    history(e->history, &event, H_ENTER, text);
}
