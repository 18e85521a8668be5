/* message.c - reads messages. One line is a message. When a person types, it may go on after a \ at
 * the end of a line, between lines with """, or as pasted lines. */
#define _GNU_SOURCE
#include "cli/message.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cadre.h"
#include "cli/complain.h"
#include "cli/line_editor.h"

static const char fence[] = "\"\"\"";
enum { FENCE = sizeof fence - 1 };

typedef struct view {
    const char *data; /* NULL: there is none */
    size_t size;
} view;

void message_source_open(message_source *m)
{
    *m = (message_source){ .person = isatty(STDIN_FILENO) };
    if (m->person) m->editor = line_editor_open();
}

void message_source_close(message_source *m)
{
    line_editor_close(m->editor);
    free(m->line);
    free(m->text);
}

/* ---- lines ---- */

static view read_plain(message_source *m, const char *prompt)
{
    if (m->person) fputs(prompt, stderr);
    errno = 0;
    ssize_t size = getline(&m->line, &m->room, stdin);
    if (size < 0 && !feof(stdin)) {
        complain_world("stdin: could not be read: %s", strerror(errno));
        m->failed = true;
    }
    if (size < 0) return (view){ NULL, 0 };
    while (size > 0 && (m->line[size - 1] == '\n' || m->line[size - 1] == '\r')) size--;
    return (view){ m->line, (size_t)size };
}

/* While it waits, Ctrl-C finds nothing to stop and so ends the program (see main.c). */
static view read_line(message_source *m, const char *prompt)
{
    view line = { NULL, 0 };
    if (m->person) cadre_interrupt();
    if (!m->editor) return read_plain(m, prompt);
    line.data = line_editor_read(m->editor, prompt, &line.size);
    return line;
}

/* ---- messages ---- */

static bool put(message_source *m, const char *text, size_t size)
{
    char *longer = realloc(m->text, m->size + size + 1);
    if (!longer) {
        complain_world("out of memory");
        m->failed = true;
        return false;
    }
    m->text = longer;
    if (size) memcpy(m->text + m->size, text, size);
    m->size += size;
    m->text[m->size] = 0;
    return true;
}

static bool begins_fence(view v) { return v.size >= FENCE && !memcmp(v.data, fence, FENCE); }

static bool ends_fence(view v)
{
    return v.size >= FENCE && !memcmp(v.data + v.size - FENCE, fence, FENCE);
}

/* Adds the text between two fences, beginning with the line of the first fence. */
static bool put_fenced(message_source *m, view line)
{
    line = (view){ line.data + FENCE, line.size - FENCE };
    for (bool first = true;; first = false) {
        bool last = ends_fence(line), blank = first && !line.size;
        bool alone = last && line.size == FENCE && m->size;
        if (alone) m->text[--m->size] = 0; /* removes the line feed before the fence */
        if (!put(m, line.data, line.size - (last ? FENCE : 0))) return false;
        if (last) return true;
        if (!blank && !put(m, "\n", 1)) return false;
        line = read_line(m, "  ");
        if (!line.data) return !m->failed;
    }
}

static bool put_continued(message_source *m, view line)
{
    while (line.data && line.size && line.data[line.size - 1] == '\\') {
        if (!put(m, line.data, line.size - 1) || !put(m, "\n", 1)) return false;
        line = read_line(m, "  ");
    }
    return line.data ? put(m, line.data, line.size) : !m->failed;
}

/* If the first line is not text, the whole stream is not. */
static bool put_of_stream(message_source *m, view line)
{
    cadre_status status = m->begun ? CADRE_OK : cadre_text_check("stdin", line.data, line.size);
    m->begun = true;
    if (status == CADRE_OK) return put(m, line.data, line.size);
    complain_status(status);
    m->failed = true;
    return false;
}

bool message_next(message_source *m)
{
    m->size = 0;
    view line = read_line(m, "> ");
    if (!line.data) return false;
    if (!m->person) return put_of_stream(m, line);
    if (!(begins_fence(line) ? put_fenced : put_continued)(m, line)) return false;
    if (m->editor && m->size) line_editor_remember(m->editor, m->text);
    return true;
}
