/* chat_template.h - what a built-in chat template is made of. */
#ifndef CADRE_TEXT_CHAT_TEMPLATE_H
#define CADRE_TEXT_CHAT_TEMPLATE_H

#include "text/chat.h"

enum { SIGNS_MAX = 3, DENIALS_MAX = 4 };

/* Around a message. {bos} and {eos} stand for the vocabulary's own tokens. */
typedef struct chat_frame {
    const char *before, *after;
} chat_frame;

/* Where the system's message stands: by itself, or with its frame inside a user's. */
typedef enum chat_system { SYSTEM_APART, SYSTEM_IN_FIRST, SYSTEM_IN_LAST } chat_system;

/* What a token of an answer opens. CHAT_MARK_NAMED: an answer if the first word since
 * CHAT_MARK_NAMES was "final", or there was none; else a thought. */
typedef enum chat_mark_kind {
    CHAT_MARK_ANSWER,
    CHAT_MARK_THOUGHT,
    CHAT_MARK_NAMES,
    CHAT_MARK_NAMED,
    CHAT_MARK_NOTHING
} chat_mark_kind;

typedef struct chat_mark {
    const char *piece; /* NULL: the end of the list */
    chat_mark_kind kind;
} chat_mark;

/* A way of thinking that a template offers: what it writes otherwise then; NULL: nothing. */
typedef struct chat_thinking {
    /* "on", "off", "low" ...; NULL: the end of the list, whose first is what the template does
     * unasked. */
    const char *how;
    const char *begin, *answer;
    const char *suffix; /* of every message of a user that does not end so */
    bool thinks;
} chat_thinking;

struct chat_template {
    const char *name;
    /* All of the signs occur in the model's own template and none of the denials, which are what
     * this one does not have: another beginning, another system's message. "'" stands for any
     * quotation mark, a line feed also for \n. Rows with more signs come first. */
    const char *signs[SIGNS_MAX], *denials[DENIALS_MAX];
    const char *begin; /* of the whole text; NULL: nothing */
    chat_frame frames[CHAT_ROLES];
    const char *answer; /* what the model goes on from; NULL: nothing */
    /* Pieces that end an answer, separated by spaces; the end of text always does */
    const char *ends;
    /* Said where the conversation has no system message; NULL: nothing is */
    const char *system;
    chat_system system_place;
    bool trims[CHAT_ROLES]; /* whose messages lose the white space around them */
    const chat_mark *marks; /* tokens between thoughts and answers; NULL: all is answer */
    bool thinks;            /* an answer begins as a thought ... */
    bool headed; /* ... or with words that the first mark ends, "assistant to=functions.time" */
    const chat_thinking *ways; /* NULL: it leaves no choice */
    const chat_thinking *way;  /* the chosen one; NULL: none was chosen */
};

/* The same template with a way of thinking that it offers. false: it does not. */
bool chat_template_think(const chat_template *c, const char *how, chat_template *thinking);

#endif
