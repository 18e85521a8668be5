/* chat.h - conversations as the text that a model was trained on.
 *
 * A model's files hold a template of this text as a program. Such a program is never run here: the templates of the known
 * families are built in, chosen by name or recognised by signs in the model's own template. What people say in a conversation
 * stays plain text, whatever control tokens it spells. */
#ifndef CADRE_TEXT_CHAT_H
#define CADRE_TEXT_CHAT_H

#include "text/tokenizer.h"

typedef enum chat_role { CHAT_SYSTEM, CHAT_USER, CHAT_ASSISTANT, CHAT_ROLES } chat_role;

typedef struct chat_message {
    chat_role role;
    const char *text;
    size_t size;
} chat_message;

typedef struct chat_template chat_template;

const chat_template *chat_template_at(int index);            /* NULL after the last */
const chat_template *chat_template_find(const char *name);   /* NULL: unknown */
const char *chat_template_name(const chat_template *c);      /* static */

/* The built-in template that does what this program does, by signs in its text; NULL: none is known. */
const chat_template *chat_template_recognise(string_view program);

/* Appends the ids of the conversation up to where the next answer begins. A system message may come first, and only there. */
cadre_status chat_encode(const chat_template *c, const tokenizer *t, const chat_message *messages, int count, token_list *ids);

/* Whether this token ends an answer. */
bool chat_ends(const chat_template *c, const tokenizer *t, int32_t id);

#endif
