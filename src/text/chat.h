/* chat.h - conversations as the text that a model was trained on.
 *
 * A model's files hold a template for this text, written as a program. Such a program is never run
 * here: the templates of the known families are built in, and one is chosen by name or recognised
 * by strings in the model's own template. Messages stay plain text, whatever control tokens they
 * spell. */
#ifndef CADRE_TEXT_CHAT_H
#define CADRE_TEXT_CHAT_H

#include "text/tokenizer.h"

typedef enum chat_role { CHAT_SYSTEM, CHAT_USER, CHAT_ASSISTANT, CHAT_ROLES } chat_role;

typedef struct chat_message {
    chat_role role;
    const char *text;
    size_t size;
    string_view thought; /* before it, of the assistant */
} chat_message;

typedef struct chat_template chat_template;

const chat_template *chat_template_at(int index);          /* NULL after the last */
const chat_template *chat_template_find(const char *name); /* NULL: unknown */
const char *chat_template_name(const chat_template *c);    /* static */

/* Finds a template by a name that a user gave. An unknown name is refused, and the error lists the
 * known ones. */
cadre_status chat_template_named(const char *name, const chat_template **c);
cadre_status chat_role_named(const char *name, chat_role *role);

/* The built-in template that does what this program does, by signs in its text; NULL: none is
 * known. */
const chat_template *chat_template_recognise(string_view program);

/* Appends the ids of the conversation up to where the next answer begins. Only the first message
 * may be a system message. `chat_encode_on`: up to the end of the last message's text, which is the
 * assistant's and is to be continued. */
cadre_status chat_encode_on(const chat_template *c, const tokenizer *t,
    const chat_message *messages, int count, token_list *ids);
cadre_status chat_encode(const chat_template *c, const tokenizer *t, const chat_message *messages,
    int count, token_list *ids);

/* Appends the ids of a whole conversation, to learn from. answers: the runs of them that a model is
 * to say, as places begin, end, begin, end ... in `ids`: each text of the assistant with the token
 * that ends its turn. */
cadre_status chat_encode_whole(const chat_template *c, const tokenizer *t,
    const chat_message *messages, int count, token_list *ids, token_list *answers);

/* What a token of an answer belongs to. Some models think before they answer, and mark which is
 * which. CHAT_UNMARKED is what stands before the first mark, where every message should have one;
 * if there is no mark at all, it is the answer. */
typedef enum chat_part { CHAT_ANSWER, CHAT_THOUGHT, CHAT_MARKUP, CHAT_UNMARKED } chat_part;

typedef struct chat_reader {
    const chat_template *c;
    const tokenizer *t;
    chat_part part; /* of the next token, unless that is a mark */
    /* Markup is naming what follows: "final <|constrain|>json", "commentary to=functions.time". */
    bool named;
    bool titled;   /* a line follows that is the title of a thought */
    char name[16]; /* as much of it as matters */
} chat_reader;

chat_reader chat_reader_begin(const chat_template *c, const tokenizer *t);    /* borrows both */
chat_reader chat_reader_continue(const chat_template *c, const tokenizer *t); /* within an answer */
/* Takes the next token and returns the part that it belongs to. */
chat_part chat_reader_take(chat_reader *r, int32_t id);

/* Whether the next token would be a thought that a mark of the template should have closed. A model
 * that ends its turn there has written its answer without thinking first. */
bool chat_reader_unclosed(const chat_reader *r);

/* Whether this token ends an answer. */
bool chat_ends(const chat_template *c, const tokenizer *t, int32_t id);

#endif
