/* chat_template.h - what a built-in chat template is made of. */
#ifndef CADRE_TEXT_CHAT_TEMPLATE_H
#define CADRE_TEXT_CHAT_TEMPLATE_H

#include "text/chat.h"

enum { SIGNS_MAX = 3, DENIALS_MAX = 4 };

/* What stands around a message. {bos} and {eos} stand for the vocabulary's own tokens. */
typedef struct chat_frame {
    const char *before, *after;
} chat_frame;

/* Where the system message stands: by itself, or with its frame inside a user's message. */
typedef enum chat_system { SYSTEM_APART, SYSTEM_IN_FIRST, SYSTEM_IN_LAST } chat_system;

/* What begins after a token of an answer. CHAT_MARK_NAMED: an answer, if the first word since
 * CHAT_MARK_NAMES was "final" or there was none; otherwise a thought. */
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

/* A way of thinking that a template offers, and what it then writes in other words; NULL:
 * nothing. */
typedef struct chat_thinking {
    /* "on", "off", "low" ...; NULL ends the list. The first of the list is what the template does
     * without being asked. */
    const char *how;
    const char *begin, *answer;
    const char *suffix; /* added to each user's message that does not end with it */
    bool thinks;
} chat_thinking;

struct chat_template {
    const char *name;
    /* The template is recognised if all signs and none of the denials occur in the model's own
     * template. The denials are what another variant has: another beginning, another system
     * message. "'" stands for any quotation mark, and a line feed also for \n. Rows with more signs
     * come first. */
    const char *signs[SIGNS_MAX], *denials[DENIALS_MAX];
    const char *begin; /* of the whole text; NULL: nothing */
    chat_frame frames[CHAT_ROLES];
    const char *answer; /* what the model continues; NULL: nothing */
    /* Pieces that end an answer, separated by spaces. The end-of-text token always does. */
    const char *ends;
    /* The system message of a conversation that has none; NULL: none is added. */
    const char *system;
    chat_system system_place;
    bool trims[CHAT_ROLES]; /* whose messages lose white space at both ends */
    const chat_mark *marks; /* tokens between thoughts and answers; NULL: there are only answers */
    /* An answer begins as a thought (thinks), or with words that the first mark ends, as in
     * "assistant to=functions.time" (headed). */
    bool thinks;
    bool headed;
    const chat_thinking *ways; /* NULL: it offers no choice */
    const chat_thinking *way;  /* the chosen one; NULL: none was chosen */
};

/* Makes the same template with a way of thinking. Returns false if the template does not offer
 * it. */
bool chat_template_think(const chat_template *c, const char *how, chat_template *thinking);

#endif
