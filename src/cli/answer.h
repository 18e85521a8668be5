/* answer.h - the answers of a conversation as they are shown: text as it comes, or objects, and
 * what a person should know of each. */
#ifndef CADRE_CLI_ANSWER_H
#define CADRE_CLI_ANSWER_H

#include "cli/command.h"

typedef struct answer_view {
    const invocation *call;
    bool person;     /* types the messages */
    bool terminal;   /* shows the answers */
    int64_t context; /* tokens that the conversation has room for */
    int64_t limit;   /* of an answer; 0: none */
    cadre_sampling sampling;
} answer_view;

/* Asks for the next answer and shows it. */
cadre_status answer_show(const answer_view *v, cadre_chat *chat);

#endif
