/* chat_template.h - what a built-in chat template is made of. */
#ifndef CADRE_TEXT_CHAT_TEMPLATE_H
#define CADRE_TEXT_CHAT_TEMPLATE_H

#include "text/chat.h"

enum { SIGNS_MAX = 3, DENIALS_MAX = 5 };

/* What stands around a message. {bos} and {eos} stand for the vocabulary's own tokens. */
typedef struct chat_frame {
    const char *before, *after;
} chat_frame;

/* Where the system message stands: by itself, or with its frame inside a user's message. */
typedef enum chat_system { SYSTEM_APART, SYSTEM_IN_FIRST, SYSTEM_IN_LAST } chat_system;

/* The white space that a message loses. */
typedef enum chat_trim { TRIM_NOTHING, TRIM_BOTH, TRIM_END, TRIM_LINES } chat_trim;

/* What begins after a token of an answer. CHAT_MARK_TITLED: a thought, behind a line that is its
 * title. CHAT_MARK_NAMED: an answer, if the first word since CHAT_MARK_NAMES was "final" or there
 * was none; otherwise a thought. */
typedef enum chat_mark_kind {
    CHAT_MARK_ANSWER,
    CHAT_MARK_THOUGHT,
    CHAT_MARK_TITLED,
    CHAT_MARK_NAMES,
    CHAT_MARK_NAMED,
    CHAT_MARK_NOTHING
} chat_mark_kind;

typedef struct chat_mark {
    const char *piece; /* NULL: the end of the list */
    chat_mark_kind kind;
} chat_mark;

/* Says of which answers a conversation keeps the thoughts: none, those behind the last message of a
 * user, of these those that call functions, or all. */
typedef enum chat_keep { KEEP_NONE, KEEP_RECENT, KEEP_CALLS, KEEP_ALL } chat_keep;

/* What a conversation has of the thoughts of answers that were given before. */
typedef struct chat_memory {
    chat_keep keep;
    const char *open, *close; /* around thoughts that are kept */
    const char *none;         /* where there are none, or they are not kept; NULL: nothing */
    const char *dropped; /* where an answer that calls nothing has some, not kept; NULL: none */
    chat_trim trim;      /* of thoughts */
    /* An answer whose thoughts would be kept, but that has none, has empty ones: any, or only the
     * last message. */
    bool empty, last_empty;
} chat_memory;

/* A way of thinking that a template offers, and what it then writes in other words; NULL:
 * nothing. */
typedef struct chat_thinking {
    /* "on", "off", "low" ...; NULL ends the list. The first of the list is what the template does
     * without being asked. */
    const char *how;
    const char *begin, *answer;
    const char *suffix; /* added to each user's message that does not end with it */
    const char *mode;
    const char *system_before; /* of a system's message, which there then always is */
    const chat_memory *memory;
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
    const char *system_after; /* behind that message alone; NULL: as behind any */
    chat_system system_place;
    /* The last line of the system's message, which says how to think, unless its first two words
     * stand in the message already; NULL: there is none. */
    const char *mode;
    chat_trim trims[CHAT_ROLES];
    const chat_memory *memory; /* NULL: answers stand as they were given */
    const chat_mark *marks; /* tokens between thoughts and answers; NULL: there are only answers */
    /* An answer begins as a thought (thinks), or with words that the first mark ends, as in
     * "assistant to=functions.time" (headed). */
    bool thinks;
    bool headed;
    const chat_thinking *ways; /* NULL: it offers no choice */
    const chat_thinking *way;  /* the chosen one; NULL: none was chosen */
};

/* Whether a model's own template has this sign. A line feed of the sign may be written \n there,
 * and a quotation mark of one kind as one of the other. */
bool chat_template_has(string_view program, const char *sign);

/* Makes the same template with a way of thinking. Returns false if the template does not offer
 * it. */
bool chat_template_think(const chat_template *c, const char *how, chat_template *thinking);

#endif
