/* chat_script.h - a conversation's text while it is written: a template's own words, in which
 * control tokens count, and what was said, in which they do not. Which messages follow each other
 * is chat.c's and chat_calls.c's to say. */
#ifndef CADRE_TEXT_CHAT_SCRIPT_H
#define CADRE_TEXT_CHAT_SCRIPT_H

#include "format/json.h"
#include "text/chat_template.h"

typedef struct chat_script {
    const chat_template *c;
    const tokenizer *t;
    byte_buffer text;
    text_range *said; /* [count] parts of the text, room for `room` */
    size_t count, room;
    text_range *answers; /* [answer_count] what the assistant says */
    size_t answer_count, answer_room;
} chat_script;

/* The template's own words; NULL: none. */
cadre_status script_words(chat_script *s, const char *words);
cadre_status script_said(chat_script *s, string_view said);
cadre_status script_said_text(chat_script *s, const char *said);
/* A value as JSON, as Python writes it. */
cadre_status script_said_json(chat_script *s, const json_node *value);

/* What is left of a message where the template trims this role's. */
string_view script_message(const chat_script *s, chat_role role, string_view said);
/* The message with its frame, and with what a way of thinking adds to a user's. */
cadre_status script_framed(chat_script *s, chat_role role, string_view said);

/* An answer with the first piece behind it that ends one: in the words behind it, or in those
 * before the next message. */
text_range script_answer(const chat_script *s, size_t i);

/* Appends the text's ids. */
cadre_status script_encode(const chat_script *s, token_list *ids);
/* Appends those of its first `size` bytes alone. */
cadre_status script_encode_begin(const chat_script *s, size_t size, token_list *ids);
void script_free(chat_script *s);

#endif
