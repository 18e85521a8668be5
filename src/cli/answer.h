/* answer.h - shows the answers of a conversation, as text while it comes or as objects, and tells
 * the user what to know about each. */
#ifndef CADRE_CLI_ANSWER_H
#define CADRE_CLI_ANSWER_H

#include "cli/command.h"

typedef struct answer_view {
    const invocation *call;
    bool person;     /* a person types the messages */
    bool terminal;   /* the answers are shown on a terminal */
    int64_t context; /* tokens that the conversation has room for */
    int64_t limit;   /* tokens of an answer; 0: no limit */
    cadre_sampling sampling;
} answer_view;

/* Asks for the next answer and shows it. */
cadre_status answer_show(const answer_view *v, cadre_chat *chat);

#endif
