/* chat.h - conversations as the text that a model was trained on.
 *
 * A model's files hold a template of this text as a program. Such a program is never run here: the
 * templates of the known families are built in, chosen by name or recognised by marks in the
 * model's own template. The messages of a conversation stay plain text, whatever control tokens
 * they spell. */
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

const chat_template *chat_template_at(int index);          /* NULL after the last */
const chat_template *chat_template_find(const char *name); /* NULL: unknown */
const char *chat_template_name(const chat_template *c);    /* static */

/* By a name that a user gave: one that is not known is refused with those that are. */
cadre_status chat_template_named(const char *name, const chat_template **c);
cadre_status chat_role_named(const char *name, chat_role *role);

/* The built-in template that does what this program does, by signs in its text; NULL: none is
 * known. */
const chat_template *chat_template_recognise(string_view program);

/* Appends the ids of the conversation up to where the next answer begins. A system message may come
 * first, and only there. */
cadre_status chat_encode(const chat_template *c, const tokenizer *t, const chat_message *messages,
    int count, token_list *ids);

/* What the tokens of an answer are: some models think before they speak, and mark which is which.
 * CHAT_UNMARKED: what stands before the first mark where every message should have one; the answer
 * if there is none at all. */
typedef enum chat_part { CHAT_ANSWER, CHAT_THOUGHT, CHAT_MARKUP, CHAT_UNMARKED } chat_part;

typedef struct chat_reader {
    const chat_template *c;
    const tokenizer *t;
    chat_part part; /* that the next token belongs to, unless it is a mark */
    /* Markup is naming what follows: "final <|constrain|>json", "commentary to=functions.time". */
    bool named;
    char name[16]; /* as much of it as counts */
} chat_reader;

chat_reader chat_reader_begin(const chat_template *c, const tokenizer *t); /* borrows both */
/* The part that this token is */
chat_part chat_reader_take(chat_reader *r, int32_t id);

/* Whether the part that the next token belongs to is a thought that a mark of the template would
 * have closed. A model that ends its turn there has written its answer without thinking first. */
bool chat_reader_unclosed(const chat_reader *r);

/* Whether this token ends an answer. */
bool chat_ends(const chat_template *c, const tokenizer *t, int32_t id);

#endif
