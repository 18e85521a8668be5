/* command_line.c - quotes words for a shell. */
#include "base/command_line.h"

#include <string.h>

static const char plain[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./,:+=@%";

void command_line_put(byte_buffer *line, const char *word)
{
    if (line->size) byte_buffer_text(line, " ");
    if (*word && !word[strspn(word, plain)]) {
        byte_buffer_text(line, word);
        return;
    }
    byte_buffer_text(line, "'");
    for (const char *end; (end = strchr(word, '\'')); word = end + 1) {
        byte_buffer_put(line, word, (size_t)(end - word));
        byte_buffer_text(line, "'\\''");
    }
    byte_buffer_text(line, word);
    byte_buffer_text(line, "'");
}
