/* conversation.h - conversations.
 * A part of cadre.h, which says what holds for all of it. */
#ifndef CADRE_CONVERSATION_PUBLIC_H
#define CADRE_CONVERSATION_PUBLIC_H

#include "cadre/session.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A conversation of up to `capacity` tokens with a model, by the template of this name; NULL: by
 * the one that is recognised (see cadre_chat_recognise). One thread at a time may use it.
 * CADRE_EBUSY: another thread computes with the same model, or its own listener calls back. */
typedef struct cadre_chat cadre_chat;
CADRE_API cadre_status cadre_chat_new(
    cadre_model *model, const char *template_name, int64_t capacity, cadre_chat **chat);
CADRE_API void cadre_chat_free(cadre_chat *chat);
CADRE_API const char *cadre_chat_template_of(const cadre_chat *chat); /* its name; static */
/* Forgets everything except a system message. */
CADRE_API void cadre_chat_clear(cadre_chat *chat);

/* Says whether, or how much, the model thinks before its next answers: "on", "off", "low", "medium"
 * or "high". Few templates know any of these words, and none knows all. CADRE_EARGUMENT: this
 * template does not know it, and the advice says which words it knows. */
CADRE_API cadre_status cadre_chat_think(cadre_chat *chat, const char *how);
/* The chosen word; NULL: the template offers no choice. Static */
CADRE_API const char *cadre_chat_thinking(const cadre_chat *chat);
/* All words of that kind; NULL after the last. Static */
CADRE_API const char *cadre_thinking(int index);

/* Adds a message, a copy of text [size], which is plain text. role: "system" (first, if at all),
 * "user" or "assistant". CADRE_EARGUMENT: another role. */
CADRE_API cadre_status cadre_chat_add(
    cadre_chat *chat, const char *role, const char *text, size_t size);

/* Generates the model's answer to what was added, up to `limit` tokens (0: as many as there is room
 * for). It is reported as it comes and added to the conversation, even if it is interrupted.
 * Thoughts, which some models mark, are reported but not kept. If a model ends its turn in a
 * thought that it did not close, all of the thought is the answer and is reported again as such.
 * The listener returns false to stop.
 *
 * If less room is left than `limit` and than a quarter of the capacity, the oldest turns are
 * dropped first. CADRE_ENOMEM: the last message does not fit even then; it is taken back, and the
 * conversation is as it was before. */
typedef bool (*cadre_chat_listener)(void *arg, bool thought, const char *text, size_t size);
CADRE_API cadre_status cadre_chat_answer(cadre_chat *chat, int64_t limit,
    const cadre_sampling *sampling, cadre_chat_listener listener, void *arg);

typedef enum cadre_chat_end {
    CADRE_CHAT_ENDED,  /* by the model itself */
    CADRE_CHAT_LIMIT,  /* cut: `limit` tokens have come */
    CADRE_CHAT_FULL,   /* cut: the conversation's capacity is full */
    CADRE_CHAT_STOPPED /* cut: by the listener, or interrupted */
} cadre_chat_end;

/* How the last answer went. */
typedef struct cadre_chat_account {
    size_t size; /* sizeof(cadre_chat_account) */
    cadre_chat_end end;
    bool answered;            /* false: there were only thoughts */
    bool unclosed;            /* the model did not close its thoughts, which are the answer */
    int64_t let_go;           /* messages that were dropped to make room */
    int64_t prompt_tokens;    /* of the whole conversation before the answer */
    int64_t tokens;           /* of the answer, including thoughts and marks */
    double tokens_per_second; /* of the tokens after the first; 0: there are none */
} cadre_chat_account;

/* Describes the last answer. */
CADRE_API cadre_status cadre_chat_account_get(const cadre_chat *chat, cadre_chat_account *account);

#ifdef __cplusplus
}
#endif
#endif
