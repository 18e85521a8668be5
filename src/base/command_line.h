/* command_line.h - a command line as a shell reads it back. */
#ifndef CADRE_BASE_COMMAND_LINE_H
#define CADRE_BASE_COMMAND_LINE_H

#include "base/buffer.h"

/* Appends a word, after a space unless it is the first: in single quotes if it holds anything but
 * plain characters. */
void command_line_put(byte_buffer *line, const char *word);

#endif
