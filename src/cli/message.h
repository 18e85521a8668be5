/* message.h - the messages of a conversation: lines of a file, or what a person types. */
#ifndef CADRE_CLI_MESSAGE_H
#define CADRE_CLI_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct line_editor line_editor;

typedef struct message_source {
    bool person;         /* types the messages, which may have several lines */
    line_editor *editor; /* NULL: lines are read without editing */
    char *line;          /* the last line that was read, with room for `room` */
    size_t room;
    char *text; /* the message [size], with a NUL after it */
    size_t size;
    bool begun;  /* some of a stream was read */
    bool failed; /* an error was printed */
} message_source;

void message_source_open(message_source *m);
void message_source_close(message_source *m);

/* Reads the next message. Returns false if there are no more, or on failure. */
bool message_next(message_source *m);

#endif
