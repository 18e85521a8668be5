/* line_editor.h - reads lines that a person types on a terminal, with keys to edit them and a
 * history. */
#ifndef CADRE_CLI_LINE_EDITOR_H
#define CADRE_CLI_LINE_EDITOR_H

#include <stddef.h>

typedef struct line_editor line_editor;

/* NULL: stdin or stdout is not a terminal on which lines can be edited. */
line_editor *line_editor_open(void);
void line_editor_close(line_editor *e); /* NULL is fine */

/* Reads the next line, without its end, or several that were pasted. It is borrowed until the next
 * call. NULL: there are no more lines. */
const char *line_editor_read(line_editor *e, const char *prompt, size_t *size);

/* Keeps a text for the arrow keys, until the program ends. */
void line_editor_remember(line_editor *e, const char *text);

#endif
