/* message.h - the messages of a conversation: lines of a file, or what a person types. */
#ifndef CADRE_CLI_MESSAGE_H
#define CADRE_CLI_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct line_editor line_editor;

typedef struct message_source {
    bool person;         /* types them: they may have several lines */
    line_editor *editor; /* NULL: lines are read as they are */
    char *line;          /* read last, in room for `room` */
    size_t room;
    char *text; /* the message [size], a NUL after it */
    size_t size;
    bool begun;  /* something was read, of what nobody types */
    bool failed; /* complained already */
} message_source;

void message_source_open(message_source *m);
void message_source_close(message_source *m);

/* Reads the next message; false: there are no more, or it failed. */
bool message_next(message_source *m);

#endif
